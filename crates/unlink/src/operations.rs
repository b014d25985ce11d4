//! The typed requests: each can be built, sent and decoded without a client.

use identity_model::{User, UserId, listed_identities_of_user, users_from_json};
use transport::{DecodeError, Operation, Path, PathError, Request, Response};

use crate::{error::Error, snapshot::Snapshot};

/// The path of a user, and `rest` below it.
pub(crate) fn user_path(user: &UserId, rest: &[&str]) -> Result<Path, PathError> {
    Path::new(["api", "v2", "users", user.as_str()].iter().chain(rest))
}

pub(crate) fn read_identities(user: &UserId) -> Result<Request, PathError> {
    Ok(Request::get(
        user_path(user, &[])?.query("fields", "user_id,identities")?,
    ))
}

/// Whether a 404 is the tenant's own word that there is no such user, and not a page of something before it.
pub(crate) fn says_missing(response: &Response) -> Result<(), DecodeError> {
    let document: serde_json::Value = serde_json::from_slice(response.body().expose())
        .map_err(|error| DecodeError::json(&error))?;
    if response.status() == 404
        && (document["statusCode"] == 404 || document["errorCode"] == "inexistent_user")
    {
        Ok(())
    } else {
        Err(DecodeError::new(
            "no word of the tenant that there is no such user",
        ))
    }
}

/// Whether a read was refused for want of a scope, and not because the user is out of the token's reach.
pub(crate) fn lacks_scope(error: &transport::Error) -> bool {
    error.kind() == transport::ErrorKind::Forbidden && !error.missing_scopes().is_empty()
}

/// Reads a user's identities in full: `GET /api/v2/users/{id}`, limited to what belongs to them.
///
/// Source: [Get a user](https://auth0.com/docs/api/management/v2/users/get-users-by-id). Needs `read:users`, or
/// `read:current_user` for the token's own user.
#[derive(Clone, Debug)]
pub struct ListIdentities(Request);

impl ListIdentities {
    /// Describes the read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` for an id that no path can hold.
    pub fn new(user: &UserId) -> Result<Self, Error> {
        Ok(Self(read_identities(user)?))
    }
}

impl Operation for ListIdentities {
    type Output = User;

    fn name(&self) -> &'static str {
        "read identities"
    }

    fn request(&self) -> &Request {
        &self.0
    }

    fn decode(&self, response: &Response) -> Result<User, DecodeError> {
        User::from_json(response.body().expose()).map_err(DecodeError::new)
    }
}

/// Reads the least of a user's identities that tells one from another: the evidence before an unlinking.
///
/// Sends what [`ListIdentities`] sends.
#[derive(Clone, Debug)]
pub struct TakeSnapshot {
    user_id: UserId,
    request: Request,
}

impl TakeSnapshot {
    /// Describes the read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` for an id that no path can hold.
    pub fn new(user: &UserId) -> Result<Self, Error> {
        Ok(Self {
            user_id: user.clone(),
            request: read_identities(user)?,
        })
    }
}

impl Operation for TakeSnapshot {
    type Output = Snapshot;

    fn name(&self) -> &'static str {
        "read identities"
    }

    fn request(&self) -> &Request {
        &self.request
    }

    fn decode(&self, response: &Response) -> Result<Snapshot, DecodeError> {
        let elements =
            listed_identities_of_user(response.body().expose()).map_err(DecodeError::new)?;
        Ok(Snapshot::from_elements(
            self.user_id.clone(),
            elements,
            response.date(),
        ))
    }
}

/// Looks a connection up by its name: `GET /api/v2/connections?name=…`.
///
/// Source: [Get all connections](https://auth0.com/docs/api/management/v2/connections/get-connections). Needs
/// `read:connections`.
#[derive(Clone, Debug)]
pub struct FindConnection {
    name: String,
    request: Request,
}

impl FindConnection {
    /// Describes the look-up.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` for a name that no path can hold.
    pub fn new(name: &str) -> Result<Self, Error> {
        let path = Path::new(["api", "v2", "connections"])?
            .query("name", name)?
            .query("fields", "id,name")?;
        Ok(Self {
            name: name.to_owned(),
            request: Request::get(path),
        })
    }
}

impl Operation for FindConnection {
    type Output = Option<String>;

    fn name(&self) -> &'static str {
        "find connection"
    }

    fn request(&self) -> &Request {
        &self.request
    }

    fn decode(&self, response: &Response) -> Result<Option<String>, DecodeError> {
        let connections: Vec<serde_json::Value> = serde_json::from_slice(response.body().expose())
            .map_err(|error| DecodeError::json(&error))?;
        let Some(named) = connections
            .iter()
            .find(|connection| connection["name"] == *self.name)
        else {
            return Ok(None);
        };
        let id = named["id"]
            .as_str()
            .ok_or_else(|| DecodeError::new("a connection whose id is no string"))?;
        Ok(Some(id.to_owned()))
    }
}

/// Finds users by e-mail address: `GET /api/v2/users-by-email?email=…`.
///
/// Source: [Search users by email](https://auth0.com/docs/api/management/v2/users-by-email/get-users-by-email).
#[derive(Clone, Debug)]
pub struct FindUsersByEmail(Request);

impl FindUsersByEmail {
    /// Describes the search.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` for an address that no path can hold.
    pub fn new(email: &str) -> Result<Self, Error> {
        Ok(Self(Request::get(
            Path::new(["api", "v2", "users-by-email"])?.query("email", email)?,
        )))
    }
}

impl Operation for FindUsersByEmail {
    type Output = Vec<User>;

    fn name(&self) -> &'static str {
        "find users by e-mail"
    }

    fn request(&self) -> &Request {
        &self.0
    }

    fn decode(&self, response: &Response) -> Result<Vec<User>, DecodeError> {
        users_from_json(response.body().expose()).map_err(DecodeError::new)
    }
}
