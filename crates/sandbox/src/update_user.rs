//! `PATCH /users/{id}`: attributes replaced, metadata merged one level deep.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value};

use crate::account::Account;
use crate::call::{Call, Reply};
use crate::create_user::is_taken;
use crate::engine::Engine;
use crate::errors::{ApiError, Part};
use crate::provenance::{Behaviour, Rules};
use crate::user_fields::{self, Kind};
use crate::users::{self, check_user_id};

/// What the body may hold beside the attributes that are stored.
const NOT_STORED: &[(&str, Kind)] = &[
    ("client_id", Kind::Text),
    ("connection", Kind::Text),
    ("password", Kind::Text),
    ("verify_email", Kind::Bool),
    ("verify_phone_number", Kind::Bool),
];

/// The attributes that belong to the profile of the main identity.
const ROOT_PROFILE: &[&str] = &["family_name", "given_name", "name", "nickname", "picture"];

/// Pairs that one update cannot change together.
const NOT_TOGETHER: &[(&str, &str)] = &[
    ("password", "email"),
    ("password", "email_verified"),
    ("username", "email"),
    ("username", "email_verified"),
    ("username", "password"),
];

/// `PATCH /users/{id}`.
pub(crate) fn update(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.segment(0);
    let rules = &mut engine.rules;
    check_user_id(rules, id)?;
    let mut body = call.inbound.object(rules)?;
    if call.inbound.is_form() {
        user_fields::read_form(&mut body, NOT_STORED);
    }
    check_body(rules, &mut body)?;
    check_scopes(rules, call, &body)?;
    let account = engine
        .tenant
        .account(id)
        .ok_or_else(ApiError::no_such_user)?;
    let position = target(rules, &engine.tenant, account, &body)?;
    check_target(rules, account, position, &body)?;
    if let Some(Value::String(email)) = body.get_mut("email") {
        *email = email.to_lowercase();
    }
    let connection = account.identities.get(position).map(|it| &*it.connection);
    if is_taken(&engine.tenant, connection.unwrap_or_default(), &body, id) {
        rules.decide(Behaviour::UpdateTaken)?;
        return Err(ApiError {
            status: StatusCode::CONFLICT,
            ..refusal(rules, "The user already exists.")
        });
    }
    let now = &*call.date;
    let change = engine.tenant.update(id, |account| {
        apply(account, position, body, now);
        account.touch(now);
    });
    engine.record(change);
    users::reply(engine, call, id, StatusCode::OK)
}

/// Checks the keys and kinds; keys that are ignored are dropped.
fn check_body(rules: &mut Rules, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let known = |key: &String| user_fields::kind(key, NOT_STORED).is_some();
    let unknown: Vec<String> = body.keys().filter(|key| !known(key)).cloned().collect();
    if !unknown.is_empty() && rules.decide(Behaviour::UpdateUnknownKey)? == "400" {
        let problem = format!("Additional properties not allowed: {}", unknown.join(","));
        return Err(ApiError::invalid(rules, Part::Body, problem));
    }
    body.retain(|key, _| known(key));
    let given: Map<String, Value> = body
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    user_fields::check_kinds(rules, &given, NOT_STORED)?;
    let both = |pair: &&(&str, &str)| body.contains_key(pair.0) && body.contains_key(pair.1);
    match NOT_TOGETHER.iter().find(both) {
        Some((one, other)) => Err(refusal(
            rules,
            &format!("Cannot update {one} and {other} simultaneously."),
        )),
        None => Ok(()),
    }
}

/// A token without `update:users` updates one kind of metadata only.
fn check_scopes(
    rules: &mut Rules,
    call: &Call<'_>,
    body: &Map<String, Value>,
) -> Result<(), ApiError> {
    if call.claims.has("update:users") {
        return Ok(());
    }
    let allowed = |key: &String| match key.as_str() {
        "app_metadata" => call.claims.has("update:users_app_metadata"),
        "user_metadata" => call.claims.has("update:current_user_metadata"),
        _ => false,
    };
    if body.keys().all(allowed) {
        return Ok(());
    }
    rules.decide(Behaviour::UpdateFieldScopes)?;
    Err(ApiError::insufficient_scope(&["update:users"]))
}

/// Which identity the update is for: the one whose connection it names, else the main one.
fn target(
    rules: &mut Rules,
    tenant: &crate::tenant::Tenant,
    account: &Account,
    body: &Map<String, Value>,
) -> Result<usize, ApiError> {
    let Some(connection) = body.get("connection").and_then(Value::as_str) else {
        return Ok(0);
    };
    if !tenant
        .connections()
        .iter()
        .any(|known| known.name == connection)
    {
        return Err(refusal(rules, "Connection does not exist."));
    }
    match account
        .identities
        .iter()
        .position(|identity| *identity.connection == *connection)
    {
        Some(position) => Ok(position),
        None => {
            rules.decide(Behaviour::UpdateForeignConnection)?;
            Err(refusal(
                rules,
                "Connection is not supported for this operation.",
            ))
        }
    }
}

/// Refuses attributes that the identity the update is for cannot have changed.
fn check_target(
    rules: &mut Rules,
    account: &Account,
    position: usize,
    body: &Map<String, Value>,
) -> Result<(), ApiError> {
    let provider = account
        .identities
        .get(position)
        .map_or("", |identity| &*identity.provider);
    let root: Vec<&str> = ROOT_PROFILE
        .iter()
        .copied()
        .filter(|key| body.contains_key(*key))
        .collect();
    let own_store = ["auth0", "email", "sms"].contains(&provider);
    if !root.is_empty() && (position > 0 || !own_store) {
        let why = if position > 0 {
            "The specified connection belongs to a secondary identity."
        } else {
            "The connection must either be a database connection (using the Auth0 store), a passwordless connection (email or sms) or has disabled 'Sync user profile attributes at each login'."
        };
        let message = format!(
            "The following user attributes cannot be updated: {}. {why}",
            root.join(", ")
        );
        return Err(refusal(rules, &message));
    }
    if body.contains_key("email") && !["auth0", "email"].contains(&provider) {
        return Err(refusal(rules, "Cannot update email for non-database user."));
    }
    Ok(())
}

fn apply(account: &mut Account, position: usize, body: Map<String, Value>, now: &str) {
    for (key, value) in body {
        match key.as_str() {
            "app_metadata" | "user_metadata" => {
                merge(Arc::make_mut(&mut account.attributes), &key, value)
            }
            "password" => account.set("last_password_reset", now.into()),
            "client_id" | "connection" | "verify_email" | "verify_phone_number" => {}
            _ if position > 0 => {
                if let Some(identity) = account.identities.get_mut(position) {
                    put(Arc::make_mut(&mut identity.profile), key, value);
                }
            }
            _ => {
                account.filled_in.remove(&key);
                put(Arc::make_mut(&mut account.attributes), key, value);
            }
        }
    }
}

fn put(fields: &mut Map<String, Value>, key: String, value: Value) {
    if value.is_null() {
        fields.remove(&key);
    } else {
        fields.insert(key, value);
    }
}

/// Replaces the first level key by key; null removes a key, an empty object or null removes all.
fn merge(attributes: &mut Map<String, Value>, key: &str, value: Value) {
    let Value::Object(new) = value else {
        attributes.remove(key);
        return;
    };
    let mut merged = match attributes.remove(key) {
        Some(Value::Object(old)) if !new.is_empty() => old,
        _ => Map::new(),
    };
    for (key, value) in new {
        put(&mut merged, key, value);
    }
    if !merged.is_empty() {
        attributes.insert(key.to_owned(), merged.into());
    }
}

/// One of the documented refusals; their codes are not documented.
fn refusal(rules: &mut Rules, message: &str) -> ApiError {
    let code = match rules.detail(Behaviour::UpdateErrorCodes) {
        "absent" => None,
        code => Some(code),
    };
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}
