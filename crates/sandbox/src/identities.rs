//! The identity operations: unlink.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::account::{Account, View};
use crate::call::{Call, Reply};
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::provenance::Behaviour;
use crate::providers;
use crate::users::check_user_id;

/// `DELETE /users/{id}/identities/{provider}/{user_id}`: takes an identity off a user and makes it a user of its own.
///
/// The answer lists what is left. It is 200 with nothing changed when no identity matches.
pub(crate) fn unlink(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (id, provider, identity_id) = (call.segment(0), call.segment(1), call.segment(2));
    check_user_id(engine, id)?;
    let mut rests_on = check_provider(engine, provider)?;
    let Some(account) = engine.tenant.account(id) else {
        return Err(ApiError::no_such_user().resting_on(Behaviour::UnlinkUnknownUser));
    };
    let mut position = position(account, provider, identity_id);
    if position.is_none() && engine.rules.choice(Behaviour::UnlinkPrefixedId) == "match" {
        position = unprefixed(account, provider, identity_id);
        rests_on.push(Behaviour::UnlinkPrefixedId);
    }
    match position {
        Some(0) => return Err(main_identity(engine)),
        Some(position) => {
            let (now, dates) = (call.now.iso(), split_off_dates(engine, call));
            let changes = engine.tenant.split_off(id, position, dates, now.into());
            engine.record(changes);
        }
        None => {
            rests_on.push(Behaviour::UnlinkNoMatch);
            if engine.rules.choice(Behaviour::UnlinkNoMatch) == "404" {
                return Err(ApiError::not_found().resting_on(Behaviour::UnlinkNoMatch));
            }
        }
    }
    let view = View {
        tokens: call.claims.has("read:user_idp_tokens"),
        main_profile: true,
    };
    let left = engine.tenant.account(id).map_or_else(
        || Value::Array(Vec::new()),
        |account| account.identities_json(view),
    );
    let mut reply = Reply::json(StatusCode::OK, &left);
    reply.rests_on = rests_on;
    Ok(reply)
}

/// Refuses a provider outside the published list; tells what letting a doubtful one in rests on.
fn check_provider(engine: &Engine, provider: &str) -> Result<Vec<Behaviour>, ApiError> {
    let (behaviour, refused) = if providers::CURRENT.contains(&provider) {
        return Ok(Vec::new());
    } else if providers::REMOVED.contains(&provider) {
        (Behaviour::UnlinkRemovedProvider, "400")
    } else {
        (Behaviour::UnlinkUnknownProvider, "400")
    };
    if engine.rules.choice(behaviour) == refused {
        let message = format!(
            "Path validation error: 'No enum match for: {provider}' on property provider (Identity provider name of the secondary linked account)."
        );
        return Err(ApiError::bad_request("invalid_uri", message).resting_on(behaviour));
    }
    Ok(vec![behaviour])
}

fn position(account: &Account, provider: &str, id: &str) -> Option<usize> {
    account
        .identities
        .iter()
        .position(|identity| identity.provider == provider && identity.user_id.text() == id)
}

/// Looks again with a leading `provider|` or `connection|` taken off the id.
fn unprefixed(account: &Account, provider: &str, id: &str) -> Option<usize> {
    let (prefix, rest) = id.split_once('|')?;
    account.identities.iter().position(|identity| {
        identity.provider == provider
            && identity.user_id.text() == rest
            && (prefix == provider || prefix == identity.connection)
    })
}

fn main_identity(engine: &Engine) -> ApiError {
    let code = match engine.rules.choice(Behaviour::MainIdentityCode) {
        "absent" => None,
        code => Some(code),
    };
    ApiError::new(
        StatusCode::BAD_REQUEST,
        code,
        "Main identity cannot be removed.",
    )
    .resting_on(Behaviour::MainIdentityCode)
}

fn split_off_dates(engine: &Engine, call: &Call<'_>) -> Map<String, Value> {
    match engine.rules.choice(Behaviour::SplitOffDates) {
        "now" => ["created_at", "updated_at"]
            .into_iter()
            .map(|key| (key.to_owned(), call.now.iso().into()))
            .collect(),
        _ => Map::new(),
    }
}
