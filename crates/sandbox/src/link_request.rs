//! What a link request names: an account by provider and id, or one proven by its own token (`link_with`).

use http::StatusCode;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::engine::Engine;
use crate::errors::{ApiError, Part};
use crate::identities::{check_provider, refusal};
use crate::jwt::{self, Refusal};
use crate::provenance::{Behaviour, Rules};

const KEYS: &[&str] = &["provider", "user_id", "connection_id", "link_with"];

/// The account to link.
#[derive(Debug)]
pub(crate) enum Secondary {
    /// Named by the caller.
    Named {
        provider: String,
        user_id: String,
        /// The name of the connection it must be in.
        connection: Option<String>,
    },
    /// Proven by a token of its own.
    Proven { user_id: String },
}

/// Reads and checks the body of a link request.
pub(crate) fn read(engine: &mut Engine, call: &Call<'_>) -> Result<Secondary, ApiError> {
    let body = call.inbound.object(&mut engine.rules)?;
    check_shape(&mut engine.rules, &body)?;
    match body.get("link_with") {
        Some(Value::String(token)) => proven(&mut engine.rules, call, token),
        _ => named(engine, call, &body),
    }
}

fn check_shape(rules: &mut Rules, body: &Map<String, Value>) -> Result<(), ApiError> {
    let unknown: Vec<&str> = body
        .keys()
        .map(String::as_str)
        .filter(|key| !KEYS.contains(key))
        .collect();
    let wrong_kind = body.iter().find(|(key, value)| match key.as_str() {
        "user_id" => !(value.is_string() || value.is_u64()) || value.as_str() == Some(""),
        _ => !value.is_string(),
    });
    if let Some((key, _)) = wrong_kind.filter(|_| unknown.is_empty()) {
        let problem = "Expected type string";
        return Err(ApiError::invalid_value(rules, Part::Body, problem, key));
    }
    let problem = if body.is_empty() {
        "Too few properties defined (0), minimum 1".to_owned()
    } else if !unknown.is_empty() {
        format!("Additional properties not allowed: {}", unknown.join(","))
    } else if body.contains_key("link_with") && body.len() > 1 {
        "link_with must be the only property".to_owned()
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(rules, Part::Body, problem))
}

fn named(
    engine: &mut Engine,
    call: &Call<'_>,
    body: &Map<String, Value>,
) -> Result<Secondary, ApiError> {
    let rules = &mut engine.rules;
    if !call.claims.has("update:users") && rules.decide(Behaviour::LinkOwnTokenById)? == "403" {
        return Err(ApiError::insufficient_scope(&["update:users"]));
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let Some(provider) = text("provider") else {
        return Err(not_configured());
    };
    check_provider(rules, Part::Body, provider)?;
    let user_id = match body.get("user_id") {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        _ => {
            return Err(ApiError::invalid(
                rules,
                Part::Body,
                "Missing required property: user_id",
            ));
        }
    };
    let connection = match text("connection_id") {
        None => None,
        Some(id) if !is_connection_id(id) => {
            let problem = format!("String does not match pattern ^con_[A-Za-z0-9]{{16}}$: {id}");
            return Err(ApiError::invalid_value(
                rules,
                Part::Body,
                problem,
                "connection_id",
            ));
        }
        Some(id) => {
            let found = engine
                .tenant
                .connections()
                .iter()
                .find(|connection| connection.id == id);
            Some(found.ok_or_else(not_configured)?.name.clone())
        }
    };
    Ok(Secondary::Named {
        provider: provider.to_owned(),
        user_id,
        connection,
    })
}

fn proven(rules: &mut Rules, call: &Call<'_>, token: &str) -> Result<Secondary, ApiError> {
    let mut refuse = |message: &str| Err(refusal(rules, message));
    let claims = match jwt::decode(token) {
        Ok(claims) => claims,
        Err(Refusal::Algorithm) => return refuse("JWT (link_with) must have an alg of RS256."),
        Err(Refusal::NotAToken | Refusal::Signature) => {
            return refuse("Invalid token (link_with).");
        }
    };
    if claims.expires_at.is_none_or(|at| at <= call.now.seconds()) {
        return refuse("Invalid token (link_with).");
    }
    if !claims.issued_by(&call.inbound.base_url) {
        return refuse("JWT (link_with) must have the same issuer as the calling user.");
    }
    let Some(audience) = &claims.audience else {
        return refuse("JWT (link_with) contains an invalid aud claim.");
    };
    if call.claims.authorized_party.as_ref() != Some(audience) {
        return refuse(
            "JWT (link_with) must have an aud claim that matches that of the calling token's azp.",
        );
    }
    match &claims.subject {
        None => refuse("JWT (link_with) must contains sub claim."),
        Some(subject) if !subject.contains('|') => {
            refuse("JWT (link_with) contains an invalid sub claim.")
        }
        Some(subject) => Ok(Secondary::Proven {
            user_id: subject.clone(),
        }),
    }
}

/// The published form: `con_` and 16 letters or digits.
pub(crate) fn is_connection_id(id: &str) -> bool {
    let suffix = id.strip_prefix("con_").unwrap_or_default();
    suffix.len() == 16 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn not_configured() -> ApiError {
    let message = "The provider/connection is not configured.";
    ApiError::new(
        StatusCode::BAD_REQUEST,
        Some("inexistent_connection"),
        message,
    )
}
