//! The way back: linking an account to a user, judged like unlinking.

use std::fmt;

use identity_model::{IdentityKey, ListedIdentity, ParseIdError, Provider, UserId};
use transport::{AccessToken, Answered, Call, ErrorKind as Failure, Response, SettledBy};

use crate::{
    change::ChangeIdentity,
    client,
    error::Error,
    operations::{FindConnection, TakeSnapshot, lacks_scope},
    resolve,
    snapshot::Snapshot,
};

/// The account to link, and how the tenant is told which one it is.
///
/// ```
/// use unlink::{IdentityKey, Secondary};
///
/// let key: IdentityKey = "google-oauth2|1234".parse()?;
/// let account = Secondary::from(key);
/// let in_a_database = Secondary::from("auth0|507f".parse::<IdentityKey>()?).in_connection("con_0000000000000001");
/// # let _ = (account, in_a_database);
/// # Ok::<(), unlink::ParseIdError>(())
/// ```
#[derive(Clone)]
pub struct Secondary {
    key: IdentityKey,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Named { connection_id: Option<String> },
    Proven(AccessToken),
}

/// An account named by its provider and id; the token needs `update:users`.
impl From<IdentityKey> for Secondary {
    fn from(key: IdentityKey) -> Self {
        Self {
            key,
            form: Form::Named {
                connection_id: None,
            },
        }
    }
}

impl Secondary {
    /// Names the database connection by its id (`con_…`), which tells two of them with the same user id apart.
    #[must_use]
    pub fn in_connection(self, connection_id: impl Into<String>) -> Self {
        Self {
            form: Form::Named {
                connection_id: Some(connection_id.into()),
            },
            ..self
        }
    }

    /// Takes an account by an ID token of it, as a user's own token may (`link_with`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` when it is no JWT of a user.
    pub fn from_id_token(id_token: impl Into<String>) -> Result<Self, Error> {
        let token = AccessToken::new(id_token)?;
        let key = token.subject()?.parse().map_err(|error: ParseIdError| {
            transport::Error::new(Failure::Input, "the ID token's sub is not a user id")
                .with_source(error)
        })?;
        Ok(Self {
            key,
            form: Form::Proven(token),
        })
    }

    /// Returns the id of the database connection, where it was named.
    #[must_use]
    pub fn connection_id(&self) -> Option<&str> {
        match &self.form {
            Form::Named { connection_id } => connection_id.as_deref(),
            Form::Proven(_) => None,
        }
    }

    /// The body that names it.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let key = &self.key;
        match &self.form {
            Form::Proven(token) => serde_json::json!({ "link_with": token.expose() }),
            Form::Named {
                connection_id: None,
            } => {
                serde_json::json!({ "provider": key.provider(), "user_id": key.user_id() })
            }
            Form::Named {
                connection_id: Some(connection),
            } => serde_json::json!({
                "provider": key.provider(), "user_id": key.user_id(), "connection_id": connection,
            }),
        }
    }

    /// Returns what will be in the user's list.
    #[must_use]
    pub const fn key(&self) -> &IdentityKey {
        &self.key
    }
}

impl fmt::Debug for Secondary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secondary")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What a linking came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkOutcome {
    /// It is linked now, and was not before as far as that could be read.
    Linked(Linked),
    /// It was linked already; nothing was sent that changes anything.
    AlreadyLinked(Linked),
}

/// An account that is linked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Linked {
    /// The user it is linked to.
    pub user_id: UserId,
    /// The account's identity.
    pub identity: IdentityKey,
    /// The user's identities, the main one first.
    pub identities: Vec<ListedIdentity>,
    /// How it is known that it is linked.
    pub settled_by: SettledBy,
    /// How often the request was sent, or tried to be; the read's, if it was linked already.
    pub attempts: u32,
    /// The answer that shows it, as it came.
    pub response: Response,
    /// A line for each listed element that is not what Auth0 documents; those took no part in judging.
    pub warnings: Vec<String>,
}

/// What links an identity back: with its connection's id where it is one of a database, whose ids are unique there only.
pub(crate) async fn way_back(call: &Call, identity: &ListedIdentity) -> Result<Secondary, Error> {
    let account = Secondary::from(identity.key().clone());
    match identity.connection() {
        Some(name) if *identity.key().provider() == Provider::Auth0 => {
            let found = call.execute(FindConnection::new(name)?).await?.output;
            Ok(match found {
                Some(connection_id) => account.in_connection(connection_id),
                None => account,
            })
        }
        _ => Ok(account),
    }
}

pub(crate) async fn link(
    call: &Call,
    user: &UserId,
    account: &Secondary,
) -> Result<LinkOutcome, Error> {
    let linked = |identities, warnings, answered: Answered<()>| Linked {
        user_id: user.clone(),
        identity: account.key.clone(),
        identities,
        warnings,
        settled_by: answered.settled_by,
        attempts: answered.attempts,
        response: answered.response,
    };
    let before = match call.execute(TakeSnapshot::new(user)?).await {
        Ok(read) => {
            let (seen, read) = read.split();
            if is_linked(call, &seen, account).await? {
                let warnings = seen.warnings().to_vec();
                return Ok(LinkOutcome::AlreadyLinked(linked(
                    seen.into_parts().1,
                    warnings,
                    read,
                )));
            }
            seen
        }
        // Without a read the answer alone tells: it lists the identity, or the tenant refuses.
        Err(error) if lacks_scope(&error) => Snapshot::new(user.clone(), Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let linking = ChangeIdentity::link(&before, account)?;
    let (now, answered) = client::change(call, &linking, user, &account.key).await?;
    if !now.is_linked {
        return Err(Error::not_changed(
            format_args!("{} is not linked to {user}", account.key),
            &now.identities,
            answered,
        ));
    }
    Ok(LinkOutcome::Linked(linked(
        now.identities,
        now.warnings,
        answered,
    )))
}

/// Whether the account is among those listed: of its connection, where that is named and can be looked up.
async fn is_linked(call: &Call, seen: &Snapshot, account: &Secondary) -> Result<bool, Error> {
    let identity = ListedIdentity::new(account.key.clone(), None);
    for alike in resolve::alike(seen.listed(), &identity) {
        let Some(connection_id) = account.connection_id() else {
            return Ok(true);
        };
        let Some(name) = alike.connection() else {
            continue;
        };
        match call.execute(FindConnection::new(name)?).await {
            Ok(found) if found.output.as_deref() == Some(connection_id) => return Ok(true),
            Ok(_) => {}
            // Then the tenant tells: it refuses what is linked already.
            Err(error) if lacks_scope(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
