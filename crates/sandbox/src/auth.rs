//! Who may call: the bearer token of a request, checked as the Management API checks it.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::clock::Millis;
use crate::errors::ApiError;
use crate::jwt::{self, Claims, Refusal};
use crate::provenance::Rules;

const BAD_SIGNATURE: &str = "Invalid signature received for JSON Web Token validation";
const BAD_FORMAT: &str = "Bad HTTP authentication header format";

/// Checking a signature costs far more than the rest of a request, so tokens that passed are remembered.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    all: HashMap<Box<str>, Arc<Claims>>,
    /// Most requests bring the same token as the one before.
    last: Option<(Box<str>, Arc<Claims>)>,
}

impl Verified {
    const CAP: usize = 1024;

    fn claims(&mut self, token: &str) -> Result<Arc<Claims>, Refusal> {
        if let Some((_, claims)) = self.last.as_ref().filter(|(last, _)| **last == *token) {
            return Ok(Arc::clone(claims));
        }
        let claims = match self.all.get(token) {
            Some(known) => Arc::clone(known),
            None => Arc::new(jwt::decode(token)?),
        };
        if self.all.len() >= Self::CAP {
            self.all.clear();
        }
        self.all.insert(token.into(), Arc::clone(&claims));
        self.last = Some((token.into(), Arc::clone(&claims)));
        Ok(claims)
    }
}

/// The claims of a request's bearer token, if it is one of this tenant that has not expired.
pub(crate) fn authenticate(
    headers: &HeaderMap,
    base_url: &str,
    now: Millis,
    verified: &mut Verified,
    rules: &mut Rules,
) -> Result<Arc<Claims>, ApiError> {
    let header = headers
        .get(AUTHORIZATION)
        .ok_or_else(ApiError::missing_authentication)?;
    let bad_format = || ApiError::bad_request("Bearer", BAD_FORMAT);
    let header = header.to_str().map_err(|_| bad_format())?;
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        // Recorded of a Basic header.
        _ => return Err(ApiError::missing_authentication()),
    };
    let claims = verified.claims(token).map_err(|refusal| match refusal {
        Refusal::NotAToken => bad_format(),
        Refusal::Algorithm => ApiError::bad_token(rules, "Invalid token"),
        Refusal::Signature => ApiError::bad_token(rules, BAD_SIGNATURE),
    })?;
    let ours = |audience: &str| audience.strip_prefix(base_url) == Some("/api/v2/");
    match &claims.audience {
        Some(held) if ours(held) => {}
        Some(held) => return Err(ApiError::bad_token(rules, format!("Bad audience: {held}"))),
        None => return Err(ApiError::bad_token(rules, "Invalid token")),
    }
    if !claims.issued_by(base_url) || claims.subject.is_none() {
        return Err(ApiError::bad_token(rules, "Invalid token"));
    }
    match claims.expires_at {
        Some(at) if at > now.seconds() => Ok(claims),
        _ => Err(ApiError::expired_token(rules)),
    }
}

/// Lets a call through if the token holds one of `scopes`; a current-user scope acts on the token's own user only.
pub(crate) fn authorize(
    claims: &Claims,
    scopes: &[&str],
    user_id: Option<&str>,
) -> Result<(), ApiError> {
    let mut held = scopes.iter().filter(|scope| claims.has(scope)).peekable();
    if held.peek().is_none() {
        return Err(ApiError::insufficient_scope(scopes));
    }
    let own_only = held.all(|scope| scope.contains(":current_user"));
    if own_only && user_id != claims.subject.as_deref() {
        return Err(ApiError::not_the_subject());
    }
    Ok(())
}
