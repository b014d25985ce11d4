//! `POST /users`: an account in a database or passwordless connection.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value};

use crate::account::{Account, Identity, IdentityId};
use crate::call::{Call, Reply};
use crate::engine::Engine;
use crate::errors::{ApiError, Part};
use crate::events::{Person, What};
use crate::provenance::{Behaviour, Rules};
use crate::tenant::Tenant;
use crate::user_fields::{self, Kind};
use crate::users;

/// What the body may hold beside the attributes that are stored.
const NOT_STORED: &[(&str, Kind)] = &[
    ("connection", Kind::Text),
    ("password", Kind::Text),
    ("user_id", Kind::Text),
    ("verify_email", Kind::Bool),
];

/// `POST /users`.
pub(crate) fn create(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let mut body = call.inbound.object(&mut engine.rules)?;
    if call.inbound.is_form() {
        user_fields::read_form(&mut body, NOT_STORED);
    }
    user_fields::check(&mut engine.rules, &body, NOT_STORED)?;
    let mut take = |key: &str| match body.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let (connection, password, user_id) = (take("connection"), take("password"), take("user_id"));
    body.remove("verify_email");
    let Some(connection) = connection else {
        return Err(missing(&mut engine.rules, "connection"));
    };
    let known = engine
        .tenant
        .connections()
        .iter()
        .find(|known| known.name == connection);
    let Some(strategy) = known.map(|known| known.strategy.clone()) else {
        return Err(refusal(&mut engine.rules, "Connection does not exist."));
    };
    let required = match strategy.as_str() {
        "auth0" if password.is_none() => Some("password"),
        "auth0" if body.contains_key("username") || body.contains_key("phone_number") => None,
        "auth0" | "email" => Some("email"),
        "sms" => Some("phone_number"),
        _ => {
            let message = "Connection does not support user creation through the API. It must either be a database or passwordless connection.";
            return Err(refusal(&mut engine.rules, message));
        }
    };
    if let Some(key) = required.filter(|key| !body.contains_key(*key)) {
        return Err(missing(&mut engine.rules, key));
    }
    let user_id = user_id
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| engine.new_id());
    let account = account(body, strategy, connection, user_id, &call.date);
    if clashes(engine, &account) {
        let error = refusal(&mut engine.rules, "The user already exists.");
        return Err(ApiError {
            status: StatusCode::CONFLICT,
            ..error
        });
    }
    let id = account.user_id.clone();
    let change = engine.tenant.insert(account).ok();
    engine.record(change);
    let made = Person::of(&engine.tenant, &id);
    if let Some(made) = made.filter(Person::is_in_database) {
        engine.log(call.inbound, What::SignedUp(made.into()));
    }
    users::reply(engine, call, &id, StatusCode::CREATED)
}

fn account(
    body: Map<String, Value>,
    strategy: String,
    connection: String,
    user_id: String,
    now: &str,
) -> Account {
    let identity = Identity {
        provider: strategy.into(),
        user_id: IdentityId::Text(user_id.into()),
        connection: connection.into(),
        is_social: Some(false),
        tokens: Map::new(),
        profile: Arc::default(),
    };
    let mut attributes = body;
    // Databases keep e-mails in lower case.
    if let Some(Value::String(email)) = attributes.get_mut("email") {
        *email = email.to_lowercase();
    }
    for (fact, verified) in [
        ("email", "email_verified"),
        ("phone_number", "phone_verified"),
    ] {
        if attributes.contains_key(fact) {
            attributes.entry(verified).or_insert(false.into());
        }
    }
    attributes.insert("created_at".into(), now.into());
    let mut account = Account {
        user_id: identity.account_id(),
        attributes: Arc::new(attributes),
        updated_at: Some(now.into()),
        filled_in: Map::new(),
        restored_at: None,
        identities: vec![identity],
    };
    account.fill_in_profile();
    account
}

/// Whether the id, or the e-mail, number or name in the same connection, is taken.
fn clashes(engine: &Engine, new: &Account) -> bool {
    let connection = new.identities.first().map(|main| &*main.connection);
    let connection = connection.unwrap_or_default();
    engine.tenant.holds(&new.user_id)
        || is_taken(&engine.tenant, connection, &new.attributes, &new.user_id)
}

/// Whether another user of the connection has the e-mail, number or name.
pub(crate) fn is_taken(
    tenant: &Tenant,
    connection: &str,
    new: &Map<String, Value>,
    user_id: &str,
) -> bool {
    let unique = ["email", "phone_number", "username"];
    let mut given = unique
        .into_iter()
        .filter_map(|key| Some((key, new.get(key)?)));
    given.any(|(key, value)| {
        tenant.accounts().any(|account| {
            let main = account.identities.first();
            account.attribute(key) == Some(value)
                && main.is_some_and(|main| *main.connection == *connection)
                && *account.user_id != *user_id
        })
    })
}

fn missing(rules: &mut Rules, key: &str) -> ApiError {
    ApiError::invalid(
        rules,
        Part::Body,
        format!("Missing required property: {key}"),
    )
}

fn refusal(rules: &mut Rules, message: &str) -> ApiError {
    let code = match rules.detail(Behaviour::CreateErrorCodes) {
        "absent" => None,
        code => Some(code),
    };
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}
