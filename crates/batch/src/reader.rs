//! The tenant as planning sees it: it can be read and asked for an export, and by type nothing else.

use std::collections::BTreeSet;

use unlink::{
    Client, Snapshot, TakeSnapshot, Tenant, UserId,
    transport::{
        self, Answered, DecodeError, Operation, Pace, Path, PathError, Priority, Request, Response,
    },
};

/// Reads a tenant, and starts exports of its users; it has no way to change one.
///
/// ```
/// fn looks(reader: &unlink_batch::Reader) {
///     let _connections = reader.connections();
/// }
/// ```
///
/// ```compile_fail
/// fn changes(reader: &unlink_batch::Reader, user: &unlink::UserId, identity: &unlink::IdentityKey) {
///     let _unlinking = reader.unlink(user, identity);
/// }
/// ```
///
/// ```compile_fail
/// fn reaches_through(reader: &unlink_batch::Reader) {
///     let _call = reader.transport().call();
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    transport: transport::Client,
}

/// What a reader may send: requests that change no user.
pub(crate) trait Reads: Operation {}

impl Reader {
    /// Takes of a client the right to read.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self {
            transport: client.transport().with_priority(Priority::Bulk),
        }
    }

    /// The tenant that is read.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        self.transport.tenant()
    }

    pub(crate) async fn execute<O: Reads>(
        &self,
        operation: O,
    ) -> Result<Answered<O::Output>, unlink::Error> {
        Ok(self.transport.call().execute(operation).await?)
    }

    /// What was sent, and how that fared.
    pub(crate) fn pace(&self) -> Pace {
        self.transport.pace()
    }

    /// Returns the names of the tenant's connections; needs `read:connections`.
    ///
    /// # Errors
    ///
    /// [`unlink::ErrorKind::Request`].
    pub async fn connections(&self) -> Result<BTreeSet<String>, unlink::Error> {
        let mut names = BTreeSet::new();
        for page in 0.. {
            let listed = self.execute(ListConnections::new(page)?).await?.output;
            let is_last = listed.len() < ListConnections::PER_PAGE;
            names.extend(listed);
            if is_last {
                break;
            }
        }
        Ok(names)
    }
}

/// Reads a page of the tenant's connections: `GET /api/v2/connections`.
///
/// Source: [Get all connections](https://auth0.com/docs/api/management/v2/connections/get-connections).
struct ListConnections(Request);

impl ListConnections {
    const PER_PAGE: usize = 100;

    fn new(page: usize) -> Result<Self, PathError> {
        let path = Path::new(["api", "v2", "connections"])?
            .query("page", &page.to_string())?
            .query("per_page", &Self::PER_PAGE.to_string())?
            .query("fields", "name")?;
        Ok(Self(Request::get(path)))
    }
}

impl Operation for ListConnections {
    type Output = Vec<String>;

    fn name(&self) -> &'static str {
        "list connections"
    }

    fn request(&self) -> &Request {
        &self.0
    }

    fn decode(&self, response: &Response) -> Result<Vec<String>, DecodeError> {
        let listed: Vec<serde_json::Value> = serde_json::from_slice(response.body().expose())
            .map_err(|error| DecodeError::json(&error))?;
        let name = |connection: &serde_json::Value| connection["name"].as_str().map(str::to_owned);
        listed
            .iter()
            .map(|connection| {
                name(connection).ok_or_else(|| DecodeError::new("a connection without a name"))
            })
            .collect()
    }
}

impl Reads for ListConnections {}

/// Reads a user as an export would show it: `GET /api/v2/users/{id}`.
///
/// Source: [Get a user](https://auth0.com/docs/api/management/v2/users/get-users-by-id). Needs `read:users`.
pub(crate) struct ReadUser {
    snapshot: TakeSnapshot,
    request: Request,
}

impl ReadUser {
    /// Asks for all there is of the user, or for what planning needs only.
    pub(crate) fn new(user: &UserId, in_full: bool) -> Result<Self, unlink::Error> {
        let path = Path::new(["api", "v2", "users", user.as_str()])?;
        let path = if in_full {
            path
        } else {
            path.query("fields", "user_id,email,email_verified,blocked,identities")?
        };
        Ok(Self {
            snapshot: TakeSnapshot::new(user)?,
            request: Request::get(path),
        })
    }
}

/// A user that was read.
pub(crate) struct ReadOfUser {
    pub(crate) snapshot: Snapshot,
    /// The user as it came, in one line.
    pub(crate) line: String,
}

impl Operation for ReadUser {
    type Output = ReadOfUser;

    fn name(&self) -> &'static str {
        "read user"
    }

    fn request(&self) -> &Request {
        &self.request
    }

    fn decode(&self, response: &Response) -> Result<ReadOfUser, DecodeError> {
        let line = std::str::from_utf8(response.body().expose()).map_err(DecodeError::new)?;
        Ok(ReadOfUser {
            snapshot: self.snapshot.decode(response)?,
            line: line.to_owned(),
        })
    }
}

impl Reads for ReadUser {}
