//! The identity operations: unlink and link.

use http::StatusCode;

use crate::account::{Account, Identity};
use crate::call::{Call, Reply};
use crate::engine::Engine;
use crate::errors::{ApiError, Part};
use crate::link_request::{self, Secondary};
use crate::provenance::{Behaviour, Rules};
use crate::providers;
use crate::tenant::Found;
use crate::users::check_user_id;
use crate::view::{IdentitiesView, View};

/// `DELETE /users/{id}/identities/{provider}/{user_id}`: takes an identity off a user and makes it a user of its own.
///
/// The answer lists what is left. It is 200 with nothing changed when no identity matches.
pub(crate) fn unlink(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (id, provider, identity_id) = (call.segment(0), call.segment(1), call.segment(2));
    check_user_id(&mut engine.rules, id)?;
    check_provider(&mut engine.rules, Part::Path, provider)?;
    let Some(account) = engine.tenant.account(id) else {
        engine.rules.decide(Behaviour::UnlinkUnknownUser)?;
        return Err(ApiError::no_such_user());
    };
    let position = match position(account, provider, identity_id) {
        Some(position) => Some(position),
        None => match unprefixed(account, provider, identity_id) {
            Some(position) => {
                let is_recorded = provider == "auth0" && identity_id.starts_with("auth0|");
                let behaviour = if is_recorded {
                    Behaviour::UnlinkAuth0Prefix
                } else {
                    Behaviour::UnlinkPrefixedId
                };
                (engine.rules.decide(behaviour)? == "match").then_some(position)
            }
            None => None,
        },
    };
    match position {
        Some(0) => {
            if account.identities.len() == 1 {
                engine.rules.decide(Behaviour::UnlinkOnlyIdentity)?;
            }
            return Err(main_identity(&mut engine.rules));
        }
        Some(position) => {
            if position + 1 < account.identities.len() {
                engine.rules.detail(Behaviour::IdentityOrder);
            }
            let guessed = engine.rules.quietly(Behaviour::SplitOffAttributes) == "dates-of-now";
            let changes = engine.tenant.split_off(id, position, &call.date, guessed);
            engine.record(changes);
        }
        None => {
            let has_provider = |it: &Identity| *it.provider == *provider;
            let behaviour = if account.identities.iter().any(has_provider) {
                Behaviour::UnlinkNoMatch
            } else {
                Behaviour::UnlinkWrongProvider
            };
            if engine.rules.decide(behaviour)? == "404" {
                return Err(ApiError::not_found());
            }
        }
    }
    Ok(left(engine, call, StatusCode::OK))
}

/// `POST /users/{id}/identities`: makes another account an identity of this user.
pub(crate) fn link(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let id = call.segment(0);
    check_user_id(&mut engine.rules, id)?;
    let secondary = link_request::read(engine, call)?;
    let rules = &mut engine.rules;
    if engine.tenant.account(id).is_none() {
        rules.decide(Behaviour::UnlinkUnknownUser)?;
        return Err(ApiError::no_such_user());
    }
    let secondary_id = match find_secondary(&engine.tenant, &secondary) {
        Candidate::Account(account) => {
            if *account.user_id == *id {
                return Err(refusal(
                    rules,
                    "Main identity and the new one are the same.",
                ));
            }
            if account.identities.len() > 1 {
                return Err(match rules.decide(Behaviour::LinkHoldsIdentities)? {
                    "409" => already_exists(rules),
                    _ => refusal(rules, "Unable to link with the secondary account."),
                });
            }
            account.user_id.clone()
        }
        Candidate::Linked => return Err(already_exists(rules)),
        Candidate::Nothing => {
            let message = match (rules.decide(Behaviour::LinkUnknownSecondary)?, &secondary) {
                ("not-found", _) | (_, Secondary::Proven { .. }) => {
                    "Provided secondary account not found."
                }
                (
                    _,
                    Secondary::Named {
                        connection: None, ..
                    },
                ) => "Linking to an inexistent identity requires a connection.",
                (
                    _,
                    Secondary::Named {
                        connection: Some(_),
                        ..
                    },
                ) => "Linking to an inexistent identity is not allowed.",
            };
            return Err(refusal(rules, message));
        }
    };
    let changes = engine.tenant.link(id, &secondary_id, &call.date);
    engine.record(changes);
    Ok(left(engine, call, StatusCode::CREATED))
}

/// What a link request leads to.
enum Candidate<'a> {
    Account(&'a Account),
    /// An identity that is linked already, to this user or another.
    Linked,
    Nothing,
}

/// Looks for the account under the id as given, then without a `provider|` in front.
fn find_secondary<'a>(tenant: &'a crate::tenant::Tenant, secondary: &Secondary) -> Candidate<'a> {
    let (ids, connection) = match secondary {
        Secondary::Proven { user_id } => (vec![user_id.clone()], None),
        Secondary::Named {
            provider,
            user_id,
            connection,
        } => {
            let whole = format!("{provider}|{user_id}");
            let given = user_id
                .starts_with(&format!("{provider}|"))
                .then(|| user_id.clone());
            (
                std::iter::once(whole).chain(given).collect(),
                connection.as_deref(),
            )
        }
    };
    for id in ids {
        match tenant.find(&id) {
            Found::Account(account) => {
                let main = account
                    .identities
                    .first()
                    .map(|identity| &*identity.connection);
                return match connection {
                    Some(named) if main != Some(named) => Candidate::Nothing,
                    _ => Candidate::Account(account),
                };
            }
            Found::Linked(_) => return Candidate::Linked,
            Found::Nothing => {}
        }
    }
    Candidate::Nothing
}

/// The identities a user is left with, as link and unlink show them.
fn left(engine: &Engine, call: &Call<'_>, status: StatusCode) -> Reply {
    let view = View {
        tokens: call.sees_idp_tokens(),
        main_profile: true,
    };
    match engine.tenant.account(call.segment(0)) {
        Some(account) => Reply::json(status, &IdentitiesView { account, view }),
        None => Reply::json(status, &[(); 0]),
    }
}

/// Refuses a provider outside the published list.
pub(crate) fn check_provider(
    rules: &mut Rules,
    part: Part,
    provider: &str,
) -> Result<(), ApiError> {
    let behaviour = if providers::CURRENT.binary_search(&provider).is_ok() {
        return Ok(());
    } else if providers::REMOVED.contains(&provider) {
        Behaviour::RemovedProvider
    } else {
        Behaviour::UnknownProvider
    };
    if rules.decide(behaviour)? == "accept" {
        return Ok(());
    }
    let problem = format!("No enum match for: {provider}");
    Err(ApiError::invalid_value(rules, part, problem, "provider"))
}

fn position(account: &Account, provider: &str, id: &str) -> Option<usize> {
    account
        .identities
        .iter()
        .position(|identity| *identity.provider == *provider && identity.user_id.is(id))
}

/// Looks again with a leading `provider|` or `connection|` taken off the id.
fn unprefixed(account: &Account, provider: &str, id: &str) -> Option<usize> {
    let (prefix, rest) = id.split_once('|')?;
    account.identities.iter().position(|identity| {
        *identity.provider == *provider
            && identity.user_id.is(rest)
            && (prefix == provider || *prefix == *identity.connection)
    })
}

fn main_identity(rules: &mut Rules) -> ApiError {
    let code = match rules.detail(Behaviour::MainIdentityCode) {
        "absent" => None,
        code => Some(code),
    };
    ApiError::new(
        StatusCode::BAD_REQUEST,
        code,
        "Main identity cannot be removed.",
    )
}

/// One of the documented refusals of link; their codes are not documented.
pub(crate) fn refusal(rules: &mut Rules, message: &str) -> ApiError {
    let code = match rules.detail(Behaviour::LinkErrorCodes) {
        "absent" => None,
        code => Some(code),
    };
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}

fn already_exists(rules: &mut Rules) -> ApiError {
    ApiError {
        status: StatusCode::CONFLICT,
        ..refusal(rules, "Specified identity already exists.")
    }
}
