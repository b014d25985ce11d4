//! The user operations: read, find by e-mail, delete.

use http::StatusCode;

use crate::account::Account;
use crate::call::{Call, Reply, fields};
use crate::engine::Engine;
use crate::errors::{ApiError, Part};
use crate::events::{Person, What};
use crate::provenance::{Behaviour, Rules};
use crate::tenant::Found;
use crate::view::{Fields, UserView, View};

/// `GET /users/{id}`.
pub(crate) fn get(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.segment(0);
    check_user_id(&mut engine.rules, id)?;
    let fields = fields(call.inbound, &mut engine.rules)?;
    let account = match engine.tenant.find(id) {
        Found::Account(account) => account,
        Found::Linked(account) => match engine.rules.decide(Behaviour::SecondaryOwnId)? {
            "primary" => account,
            _ => return Err(ApiError::no_such_user()),
        },
        Found::Nothing => return Err(ApiError::no_such_user()),
    };
    lean(&mut engine.rules, account);
    Ok(Reply::json(StatusCode::OK, &show(account, &fields, call)))
}

/// `GET /users-by-email`: the users whose own e-mail this is, letter for letter.
pub(crate) fn by_email(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let fields = fields(call.inbound, &mut engine.rules)?;
    let Some(email) = call.inbound.query("email") else {
        let problem = "Missing required property: email";
        return Err(ApiError::invalid(&mut engine.rules, Part::Query, problem));
    };
    let (tenant, rules) = (&mut engine.tenant, &mut engine.rules);
    let users: Vec<UserView<'_>> = tenant
        .by_email(&email)
        .inspect(|account| lean(rules, account))
        .map(|account| show(account, &fields, call))
        .collect();
    Ok(Reply::json(StatusCode::OK, &users))
}

/// `DELETE /users/{id}`: says 204 whether or not there was such a user.
pub(crate) fn delete(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.segment(0);
    check_user_id(&mut engine.rules, id)?;
    let gone = Person::of(&engine.tenant, id);
    let change = engine.tenant.delete(id);
    engine.record(change);
    let told = engine.rules.quietly(Behaviour::LogDeletion) == "both";
    if let Some(gone) = gone.filter(|_| told) {
        engine.log(call.inbound, What::Deleted(gone.into()));
    }
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// The whole of a user, as the answer to a call that made or changed it.
pub(crate) fn reply(
    engine: &mut Engine,
    call: &Call<'_>,
    id: &str,
    status: StatusCode,
) -> Result<Reply, ApiError> {
    let account = engine
        .tenant
        .account(id)
        .ok_or_else(ApiError::no_such_user)?;
    lean(&mut engine.rules, account);
    Ok(Reply::json(
        status,
        &show(account, &Fields::default(), call),
    ))
}

/// What is shown of an account that unlinking restored rests on guesses.
fn lean(rules: &mut Rules, account: &Account) {
    if account.filled_in_keys().any(|key| key == "created_at") {
        rules.detail(Behaviour::SplitOffAttributes);
    }
}

pub(crate) fn show<'a>(account: &'a Account, fields: &'a Fields, call: &Call<'_>) -> UserView<'a> {
    let view = View {
        tokens: call.sees_idp_tokens(),
        main_profile: false,
    };
    UserView {
        account,
        view,
        fields,
    }
}

/// Refuses an id without a provider in front.
pub(crate) fn check_user_id(rules: &mut Rules, id: &str) -> Result<(), ApiError> {
    let parts = id.split_once('|');
    if parts.is_some_and(|(provider, rest)| !provider.is_empty() && !rest.is_empty()) {
        return Ok(());
    }
    Err(match rules.decide(Behaviour::MalformedUserId)? {
        "404" => ApiError::no_such_user(),
        _ => {
            let problem = format!("Object didn't pass validation for format user-id: {id}");
            ApiError::invalid_value(rules, Part::Path, problem, "id")
        }
    })
}
