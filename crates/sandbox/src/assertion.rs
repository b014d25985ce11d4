//! A client that proves itself by a signed assertion instead of a secret (`private_key_jwt`).
//!
//! Source: <https://auth0.com/docs/get-started/authentication-and-authorization-flow/authenticate-with-private-key-jwt>

use std::collections::HashSet;

use serde_json::Value;

use crate::clock::Millis;
use crate::jwt::Parts;

/// The value of `client_assertion_type` that says what the assertion is.
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const MOST_BYTES: usize = 2048;
const MOST_CHARACTERS: usize = 64;
const MOST_SECONDS: i64 = 300;
const SKEW: i64 = 10;

/// Checks an assertion of this client; each of its ids counts once. What is wrong comes back in words.
pub(crate) fn check(
    assertion: &str,
    client_id: &str,
    base_url: &str,
    now: Millis,
    spent: &mut HashSet<String>,
) -> Result<(), &'static str> {
    if assertion.len() > MOST_BYTES {
        return Err("the assertion is longer than 2048 bytes");
    }
    let parts = Parts::of(assertion).map_err(|_| "the assertion is not a token")?;
    let algorithm = parts
        .algorithm()
        .ok_or("the assertion is not signed with RS256, RS384 or PS256")?;
    if !parts.is_signed_with(algorithm) {
        return Err("the assertion is signed with another key");
    }
    let text = |key: &str| parts.claims.get(key).and_then(Value::as_str);
    let seconds = |key: &str| parts.claims.get(key).map(Value::as_i64);
    let (now, id) = (now.seconds(), text("jti"));
    if [text("iss"), text("sub")] != [Some(client_id); 2] {
        return Err("iss and sub must both be the client id");
    }
    if text("aud").and_then(|audience| audience.strip_prefix(base_url)) != Some("/") {
        return Err("aud must be the tenant's address with a slash at its end");
    }
    match seconds("exp") {
        Some(Some(at)) if at + SKEW <= now => return Err("the assertion has expired"),
        Some(Some(at)) if at > now + MOST_SECONDS + SKEW => {
            return Err("the assertion lasts longer than 5 minutes");
        }
        Some(Some(_)) => {}
        _ => return Err("exp is missing"),
    }
    for key in ["iat", "nbf"] {
        match seconds(key) {
            None => {}
            Some(Some(at)) if at <= now + SKEW => {}
            Some(_) => return Err("iat or nbf is in the future"),
        }
    }
    match id {
        Some(id) if id.is_empty() || id.chars().count() > MOST_CHARACTERS => {
            Err("jti must have 1 to 64 characters")
        }
        Some(id) if spent.insert(id.to_owned()) => Ok(()),
        Some(_) => Err("jti was used before"),
        None => Err("jti is missing"),
    }
}
