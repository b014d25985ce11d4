//! JSON web tokens: the claims the tenant reads and writes, signing and checking (RS256 only).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::keys::{self, Algorithm};

/// What a token says, unpacked from JSON once.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    pub(crate) issuer: Option<String>,
    pub(crate) subject: Option<String>,
    /// The one audience; `None` when there is none or more than one.
    pub(crate) audience: Option<String>,
    /// The application the token was made for.
    pub(crate) authorized_party: Option<String>,
    /// Seconds since 1970.
    pub(crate) expires_at: Option<i64>,
    pub(crate) scopes: Vec<String>,
}

impl Claims {
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Whether the tenant at this address issued it.
    pub(crate) fn issued_by(&self, base_url: &str) -> bool {
        let issuer = self.issuer.as_deref().unwrap_or_default();
        issuer.strip_suffix('/') == Some(base_url)
    }

    fn from_json(claims: &Map<String, Value>) -> Self {
        let text = |key: &str| claims.get(key).and_then(Value::as_str).map(str::to_owned);
        let audience = match claims.get("aud") {
            Some(Value::String(one)) => Some(one.clone()),
            Some(Value::Array(several)) => match several.as_slice() {
                [Value::String(one)] => Some(one.clone()),
                _ => None,
            },
            _ => None,
        };
        Self {
            issuer: text("iss"),
            subject: text("sub"),
            audience,
            authorized_party: text("azp"),
            expires_at: claims.get("exp").and_then(Value::as_i64),
            scopes: text("scope")
                .map(|all| all.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    }
}

/// Why a text is not a token of this tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not three base64url parts with JSON in the first two.
    NotAToken,
    /// Signed with another algorithm than RS256.
    Algorithm,
    /// Signed with another key.
    Signature,
}

/// Signs these claims.
pub(crate) fn encode(claims: &Value) -> String {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": keys::KEY_ID });
    let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
    let signature = keys::sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

/// A token taken apart; nothing about it is checked.
pub(crate) struct Parts<'a> {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    message: &'a str,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(token: &'a str) -> Result<Self, Refusal> {
        let (message, signature) = token.rsplit_once('.').ok_or(Refusal::NotAToken)?;
        let (header, claims) = message.split_once('.').ok_or(Refusal::NotAToken)?;
        Ok(Self {
            header: json_part(header)?,
            claims: json_part(claims)?,
            message,
            signature: URL_SAFE_NO_PAD
                .decode(signature)
                .map_err(|_| Refusal::NotAToken)?,
        })
    }

    /// The algorithm the header names, if it is one of the known.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::named(self.header.get("alg")?.as_str()?)
    }

    /// Whether the signature is that of the test key.
    pub(crate) fn is_signed_with(&self, algorithm: Algorithm) -> bool {
        keys::verify(algorithm, self.message.as_bytes(), &self.signature)
    }
}

/// Checks form, algorithm and signature, and reads the claims; whether they suit is not judged here.
pub(crate) fn decode(token: &str) -> Result<Claims, Refusal> {
    let parts = Parts::of(token)?;
    if parts.algorithm() != Some(Algorithm::Rs256) {
        return Err(Refusal::Algorithm);
    }
    if !parts.is_signed_with(Algorithm::Rs256) {
        return Err(Refusal::Signature);
    }
    Ok(Claims::from_json(&parts.claims))
}

fn json_part(part: &str) -> Result<Map<String, Value>, Refusal> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Refusal::NotAToken)?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::NotAToken)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Refusal, decode, encode};

    #[test]
    fn a_token_comes_back_as_it_was_made() {
        let token = encode(
            &json!({ "sub": "a|1", "aud": "x", "exp": 5, "scope": "read:users update:users" }),
        );
        let claims = decode(&token).unwrap();
        assert_eq!(claims.subject.as_deref(), Some("a|1"));
        assert_eq!(claims.audience.as_deref(), Some("x"));
        assert_eq!(claims.expires_at, Some(5));
        assert!(claims.has("update:users") && !claims.has("update"));
    }

    #[test]
    fn two_audiences_are_no_audience() {
        let claims = decode(&encode(&json!({ "aud": ["a", "b"] }))).unwrap();
        assert_eq!(claims.audience, None);
    }

    #[test]
    fn tampered_and_malformed_tokens_are_told_apart() {
        let token = encode(&json!({ "sub": "a|1" }));
        let other = encode(&json!({ "sub": "a|2" }));
        let (message, _) = token.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        assert_eq!(
            decode(&format!("{message}.{signature}")).unwrap_err(),
            Refusal::Signature
        );
        assert_eq!(decode("abc").unwrap_err(), Refusal::NotAToken);
        assert_eq!(decode("a.b.c").unwrap_err(), Refusal::NotAToken);
    }
}
