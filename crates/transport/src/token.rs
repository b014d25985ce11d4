//! Access tokens and where they come from.

use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::{
    client::Channel,
    error::{Error, ErrorKind},
    round_trip::{BoxFuture, MaybeSendSync},
};

/// An access token for the Management API; never shown, wiped from memory when dropped.
///
/// ```
/// use transport::AccessToken;
///
/// let token = AccessToken::new("eyJhbGciOiJSUzI1NiJ9.e30.c2ln")?;
/// assert_eq!(format!("{token:?}"), "AccessToken([redacted])");
/// # Ok::<(), transport::Error>(())
/// ```
#[derive(Clone)]
pub struct AccessToken(Arc<Zeroizing<String>>);

impl AccessToken {
    /// Takes a token as Auth0 issues it, without the word `Bearer`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] when it is empty or has characters no token has; the message does not repeat it.
    pub fn new(token: impl Into<String>) -> Result<Self, Error> {
        let token = Zeroizing::new(token.into());
        let problem = if token.is_empty() {
            "the access token is empty"
        } else if token.bytes().any(|byte| byte.is_ascii_whitespace()) {
            "the access token contains a space or a line break; give the token alone, without \"Bearer\""
        } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            "the access token contains characters that no token has"
        } else {
            return Ok(Self(Arc::new(token)));
        };
        Err(Error::new(ErrorKind::Input, problem))
    }

    /// The token in clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The user this token was issued for: `sub` of its claims, read without checking the signature.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] when the token is not a JWT or has no `sub`.
    pub fn subject(&self) -> Result<String, Error> {
        self.claim("sub").ok_or_else(|| {
            Error::new(
                ErrorKind::Input,
                "the token is no JWT with a sub, so it does not say whose it is",
            )
        })
    }

    /// Who issued this token, if it is a JWT that says so.
    pub(crate) fn issuer(&self) -> Option<String> {
        self.claim("iss")
    }

    fn claim(&self, name: &str) -> Option<String> {
        let mut parts = self.expose().split('.');
        let (Some(_), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let claims = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?);
        let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
        claims.get(name)?.as_str().map(str::to_owned)
    }

    /// The `Authorization` header for it, marked sensitive.
    pub(crate) fn header(&self) -> Result<HeaderValue, Error> {
        let text = Zeroizing::new(["Bearer ", self.expose()].concat());
        let mut value = HeaderValue::from_str(&text).map_err(|error| {
            Error::new(
                ErrorKind::Input,
                "the access token cannot be sent in a header",
            )
            .with_source(error)
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([redacted])")
    }
}

/// Gives the token for each request.
///
/// ```
/// use transport::{AccessToken, BoxFuture, Channel, Error, TokenSource};
///
/// /// Reads the token from wherever the application keeps it.
/// struct FromVault;
///
/// impl TokenSource for FromVault {
///     fn token(&self, _channel: &Channel) -> BoxFuture<Result<AccessToken, Error>> {
///         Box::pin(async { AccessToken::new("eyJhbGciOiJSUzI1NiJ9.e30.c2ln") })
///     }
/// }
/// ```
pub trait TokenSource: MaybeSendSync + 'static {
    /// The token to send now; `channel` reaches the tenant for sources that fetch one there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Token`] when there is none to be had.
    fn token(&self, channel: &Channel) -> BoxFuture<Result<AccessToken, Error>>;

    /// Told that the tenant refused `token`; returns whether asking again may give another one.
    fn refused(&self, token: &AccessToken) -> bool {
        let _ = token;
        false
    }
}

/// One token, given by the caller and never renewed.
impl TokenSource for AccessToken {
    fn token(&self, _channel: &Channel) -> BoxFuture<Result<AccessToken, Error>> {
        let token = self.clone();
        Box::pin(async move { Ok(token) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_shows() {
        let token = AccessToken::new("planted.token").unwrap();
        assert_eq!(format!("{token:?}"), "AccessToken([redacted])");
        let header = token.header().unwrap();
        assert!(header.is_sensitive());
        assert_eq!(header.to_str().unwrap(), "Bearer planted.token");
    }

    #[test]
    fn a_token_says_whose_it_is() {
        let token = |claims: &str| {
            AccessToken::new(["h", &BASE64_URL_SAFE_NO_PAD.encode(claims), "s"].join(".")).unwrap()
        };
        assert_eq!(
            token(r#"{"sub":"auth0|1","aud":"x"}"#).subject().unwrap(),
            "auth0|1"
        );
        for text in ["opaque", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e"] {
            assert_eq!(
                AccessToken::new(text)
                    .unwrap()
                    .subject()
                    .unwrap_err()
                    .kind(),
                ErrorKind::Input
            );
        }
        for claims in ["{}", "[]", r#"{"sub":1}"#, "planted"] {
            let error = token(claims).subject().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(!format!("{error:?}").contains("planted"));
        }
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_without_repeating_it() {
        for text in ["", "Bearer planted", "planted\n", "plantéd"] {
            let error = AccessToken::new(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(!format!("{error} {error:?}").contains("plant"), "{error:?}");
        }
    }
}
