//! The seed format: connections and users as the API shows them, read strictly.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::account::{Account, FILLED_IN, IDP_TOKENS, Identity, IdentityId};
use crate::link_request::is_connection_id;
use crate::seed_reader::Object;
use crate::tenant::{Connection, Tenant};

/// What a tenant holds when it starts.
///
/// The format is `{"connections": [{"id", "name", "strategy"}], "users": [...]}`, with users as
/// [`GET /users/{id}`](https://auth0.com/docs/api/management/v2/users/get-users-by-id) shows them. `connections` may be
/// left out; those that the users name are then made up.
///
/// ```
/// let seed = unlink_sandbox::Seed::from_json(r#"{
///     "users": [{
///         "user_id": "email|63d1",
///         "email": "kim@example.com",
///         "identities": [{ "connection": "email", "provider": "email", "user_id": "63d1", "isSocial": false }]
///     }]
/// }"#)?;
/// # let _ = seed;
/// # Ok::<(), unlink_sandbox::SeedError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Seed {
    pub(crate) tenant: Tenant,
}

/// Why a text is not a seed, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedError {
    path: String,
    problem: String,
}

impl SeedError {
    pub(crate) fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            problem: problem.into(),
        }
    }

    /// Where in the document, such as `users[1].identities[0].user_id`; empty for the document as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "the seed {}", self.problem)
        } else {
            write!(f, "seed: {} {}", self.path, self.problem)
        }
    }
}

impl Error for SeedError {}

impl Seed {
    /// The built-in users: a database user with linked Google and GitHub accounts, a SAML user whose id has an inner
    /// pipe, a Google user with linked SAML and SMS accounts, an SMS user, and a database user with nothing linked.
    ///
    /// # Panics
    /// Never: the built-in seed is a constant.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a constant of this crate, which every test loads"
    )]
    pub fn fixture() -> Self {
        Self::from_json(include_str!("fixture.json")).expect("the built-in seed is valid")
    }

    /// A tenant without users or connections.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            tenant: Tenant::default(),
        }
    }

    /// Reads a seed.
    ///
    /// # Errors
    /// Says where the text is no JSON, has an unknown or misspelt key, lacks one, or contradicts itself: an id used
    /// twice, an identity in two places, a user without identities, a first identity that is not the user's own, an
    /// identity of a connection that is not listed.
    pub fn from_json(text: &str) -> Result<Self, SeedError> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| SeedError::new("", format!("is not JSON: {error}")))?;
        Self::from_value(document)
    }

    pub(crate) fn from_value(document: Value) -> Result<Self, SeedError> {
        let mut document = Object::new(document, "")?;
        let users = document.array("users")?;
        let listed = document.take("connections");
        document.finish()?;
        let users: Vec<Account> = each(users, "users", account)?;
        let connections = match listed {
            None => made_up_connections(&users),
            Some(Value::Array(listed)) => {
                let connections = each(listed, "connections", connection)?;
                check_connections(&connections, &users)?;
                connections
            }
            Some(_) => return Err(SeedError::new("connections", "must be an array")),
        };
        let mut tenant = Tenant::new(connections);
        for (position, user) in users.into_iter().enumerate() {
            let ids: Vec<_> = user.identities.iter().map(Identity::account_id).collect();
            if let Err(taken) = tenant.insert(user) {
                let path = format!("users[{position}].identities[{taken}]");
                let problem = format!("is {}, which stands in another place too", ids[taken]);
                return Err(SeedError::new(path, problem));
            }
        }
        Ok(Self { tenant })
    }
}

fn each<T>(
    values: Vec<Value>,
    name: &str,
    read: fn(Object) -> Result<T, SeedError>,
) -> Result<Vec<T>, SeedError> {
    values
        .into_iter()
        .enumerate()
        .map(|(position, value)| read(Object::new(value, &format!("{name}[{position}]"))?))
        .collect()
}

fn connection(mut object: Object) -> Result<Connection, SeedError> {
    let connection = Connection {
        id: object.text("id")?,
        name: object.text("name")?,
        strategy: object.text("strategy")?,
    };
    if !is_connection_id(&connection.id) {
        return Err(object.error("id", "must be con_ and 16 letters or digits"));
    }
    object.finish()?;
    Ok(connection)
}

fn account(mut object: Object) -> Result<Account, SeedError> {
    let user_id = object.text("user_id")?;
    let identities_path = object.path_of("identities");
    let identities: Vec<Identity> = each(object.array("identities")?, &identities_path, identity)?;
    let main = identities
        .first()
        .ok_or_else(|| SeedError::new(&identities_path, "must not be empty"))?;
    if *main.account_id() != *user_id {
        let problem = format!(
            "is {}, but the first identity is the user's own: {user_id}",
            main.account_id()
        );
        return Err(SeedError::new(format!("{identities_path}[0]"), problem));
    }
    if !main.profile.is_empty() {
        let path = format!("{identities_path}[0].profileData");
        return Err(SeedError::new(
            path,
            "belongs to linked identities only; the main one's profile is the user's",
        ));
    }
    object.check_attributes()?;
    let filled_in = filled_in(&mut object)?;
    Ok(Account {
        user_id: user_id.into(),
        updated_at: object.take("updated_at"),
        attributes: Arc::new(object.fields),
        filled_in,
        restored_at: None,
        identities,
    })
}

/// A snapshot names the attributes that the tenant had filled in by itself.
fn filled_in(object: &mut Object) -> Result<Map<String, Value>, SeedError> {
    let names = match object.take(FILLED_IN) {
        None => return Ok(Map::new()),
        Some(Value::Array(names)) => names,
        Some(_) => return Err(object.error(FILLED_IN, "must be an array")),
    };
    let attribute = |name: &Value| object.fields.remove_entry(name.as_str()?);
    let found: Option<Map<String, Value>> = names.iter().map(attribute).collect();
    found.ok_or_else(|| {
        SeedError::new(
            object.path_of(FILLED_IN),
            "must name attributes of this user",
        )
    })
}

fn identity(mut object: Object) -> Result<Identity, SeedError> {
    let user_id = match object.take("user_id") {
        Some(Value::Number(number)) => number.as_u64().map(IdentityId::Integer),
        Some(Value::String(text)) if !text.is_empty() => Some(IdentityId::Text(text.into())),
        _ => None,
    };
    let user_id = user_id.ok_or_else(|| {
        object.error("user_id", "must be a text that is not empty, or an integer")
    })?;
    let is_social = match object.take("isSocial") {
        None => None,
        Some(Value::Bool(social)) => Some(social),
        Some(_) => return Err(object.error("isSocial", "must be true or false")),
    };
    let profile = match object.take("profileData") {
        None => Map::new(),
        Some(profile) => {
            let profile = Object::new(profile, &object.path_of("profileData"))?;
            profile.check_attributes()?;
            profile.fields
        }
    };
    let provider = object.text("provider")?;
    if provider.contains('|') {
        return Err(object.error("provider", "must not hold a pipe"));
    }
    let token = |key: &&str| {
        object
            .fields
            .remove(*key)
            .map(|value| ((*key).to_owned(), value))
    };
    let tokens = IDP_TOKENS.iter().filter_map(token).collect();
    let connection = object.text("connection")?;
    object.finish()?;
    Ok(Identity {
        provider: provider.into(),
        user_id,
        connection: connection.into(),
        is_social,
        tokens,
        profile: Arc::new(profile),
    })
}

fn check_connections(connections: &[Connection], users: &[Account]) -> Result<(), SeedError> {
    let mut names = HashSet::new();
    let mut ids = HashSet::new();
    for (position, connection) in connections.iter().enumerate() {
        for (key, unique) in [
            ("name", names.insert(connection.name.as_str())),
            ("id", ids.insert(connection.id.as_str())),
        ] {
            if !unique {
                return Err(SeedError::new(
                    format!("connections[{position}].{key}"),
                    "stands in another connection too",
                ));
            }
        }
    }
    for (position, user) in users.iter().enumerate() {
        for (inner, identity) in user.identities.iter().enumerate() {
            if !names.contains(&*identity.connection) {
                let path = format!("users[{position}].identities[{inner}].connection");
                return Err(SeedError::new(
                    path,
                    format!(
                        "names {}, which is not among the connections",
                        identity.connection
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// The connections that users name, each with an id that follows from its name.
fn made_up_connections(users: &[Account]) -> Vec<Connection> {
    let mut seen = HashSet::new();
    users
        .iter()
        .flat_map(|user| &user.identities)
        .filter(|identity| seen.insert(&*identity.connection))
        .map(|identity| Connection {
            id: connection_id(&identity.connection),
            name: identity.connection.to_string(),
            strategy: identity.provider.to_string(),
        })
        .collect()
}

/// A stable id in the published form, `con_` and 16 letters or digits.
pub(crate) fn connection_id(name: &str) -> String {
    let hash = digest(&SHA256, name.as_bytes());
    let first_eight = hash.as_ref().iter().take(8);
    first_eight.fold("con_".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Seed;

    fn user(id: &str, identities: serde_json::Value) -> serde_json::Value {
        json!({ "user_id": id, "identities": identities })
    }

    fn identity(provider: &str, id: impl Into<serde_json::Value>) -> serde_json::Value {
        json!({ "provider": provider, "user_id": id.into(), "connection": provider })
    }

    #[test]
    fn the_fixture_goes_out_as_it_came_in() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("fixture.json")).unwrap();
        assert_eq!(Seed::fixture().tenant.to_json(), fixture);
    }

    #[test]
    fn mistakes_are_refused_with_their_place() {
        let good = || {
            user(
                "auth0|1",
                json!([identity("auth0", "1"), identity("github", 7)]),
            )
        };
        let with = |key: &str, value: serde_json::Value| {
            let mut user = good();
            user[key] = value;
            json!({ "users": [user] })
        };
        let table = [
            (json!([]), "the seed must be an object"),
            (json!({}), "seed: users is missing"),
            (
                json!({ "users": [], "rules": [] }),
                "seed: rules is not a known key",
            ),
            (
                json!({ "users": [good(), good()] }),
                "seed: users[1].identities[0] is auth0|1, which stands in another place too",
            ),
            (
                json!({ "users": [good(), user("github|7", json!([identity("github", "7")]))] }),
                "seed: users[1].identities[0] is github|7, which stands in another place too",
            ),
            (
                with("user_id", json!("")),
                "seed: users[0].user_id must not be empty",
            ),
            (
                with("user_id", json!("auth0|2")),
                "seed: users[0].identities[0] is auth0|1, but the first identity is the user's own: auth0|2",
            ),
            (
                with("identities", json!([])),
                "seed: users[0].identities must not be empty",
            ),
            (
                with("identities", json!([identity("auth0", "")])),
                "seed: users[0].identities[0].user_id must be a text that is not empty, or an integer",
            ),
            (
                with(
                    "identities",
                    json!([{ "provider": "auth0", "user_id": "1", "connection": "c", "social": true }]),
                ),
                "seed: users[0].identities[0].social is not a known key",
            ),
            (
                with("app_metdata", json!({})),
                "seed: users[0].app_metdata is not a known key; is app_metadata meant?",
            ),
            (
                with("created_at", json!("yesterday")),
                "seed: users[0].created_at has a value of the wrong kind",
            ),
            (
                json!({ "users": [good()], "connections": [{ "id": "con_0123456789abcdef", "name": "auth0", "strategy": "auth0" }] }),
                "seed: users[0].identities[1].connection names github, which is not among the connections",
            ),
        ];
        for (document, expected) in table {
            let error = Seed::from_json(&document.to_string()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
