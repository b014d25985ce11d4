//! The user operations: read and delete.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::account::{Account, View};
use crate::call::{Call, Reply};
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::provenance::Behaviour;
use crate::tenant::Found;

/// `GET /users/{id}`.
pub(crate) fn get(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.segment(0);
    check_user_id(engine, id)?;
    let mut rests_on = None;
    let account = match engine.tenant.find(id) {
        Found::Account(account) => account,
        Found::Linked(account) if engine.rules.choice(Behaviour::SecondaryOwnId) == "primary" => {
            rests_on = Some(Behaviour::SecondaryOwnId);
            account
        }
        Found::Linked(_) => {
            return Err(ApiError::no_such_user().resting_on(Behaviour::SecondaryOwnId));
        }
        Found::Nothing => return Err(ApiError::no_such_user()),
    };
    let mut reply = Reply::json(StatusCode::OK, &show(account, call)?.into());
    reply.rests_on.extend(rests_on);
    Ok(reply)
}

/// `DELETE /users/{id}`: says 204 whether or not there was such a user.
pub(crate) fn delete(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.segment(0);
    check_user_id(engine, id)?;
    let change = engine.tenant.delete(id);
    engine.record(change);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Which parts of a user the caller sees: `fields`, `include_fields`, and tokens by scope.
fn show(account: &Account, call: &Call<'_>) -> Result<Map<String, Value>, ApiError> {
    let view = View {
        tokens: call.claims.has("read:user_idp_tokens"),
        main_profile: false,
    };
    let mut user = account.to_json(view);
    let include = match call.query("include_fields").as_deref() {
        None | Some("true") => true,
        Some("false") => false,
        Some(other) => {
            let message = format!(
                "Query validation error: 'Expected type boolean but found type string' on property include_fields ({other})."
            );
            return Err(ApiError::bad_request("invalid_query_string", message));
        }
    };
    if let Some(fields) = call.query("fields") {
        let named: Vec<&str> = fields.split(',').map(str::trim).collect();
        user.retain(|key, _| named.contains(&key.as_str()) == include);
    }
    Ok(user)
}

/// Refuses an id without a provider in front.
pub(crate) fn check_user_id(engine: &Engine, id: &str) -> Result<(), ApiError> {
    if id
        .split_once('|')
        .is_some_and(|(provider, rest)| !provider.is_empty() && !rest.is_empty())
    {
        return Ok(());
    }
    let refusal = match engine.rules.choice(Behaviour::MalformedUserId) {
        "404" => ApiError::no_such_user(),
        _ => ApiError::bad_request(
            "invalid_uri",
            format!(
                "Path validation error: 'Object didn't pass validation for format user-id: {id}' on property id (The user_id of the user)."
            ),
        ),
    };
    Err(refusal.resting_on(Behaviour::MalformedUserId))
}
