//! The token that was sent, and what it says of itself: read without checking the signature, which is the tenant's part.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use unlink::{
    AccessToken, TokenSource, UserId,
    transport::{BoxFuture, Channel, Error},
};

/// The latest token of a client, and the clock that client goes by; empty until it has sent one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<Mutex<Option<(AccessToken, Channel)>>>);

impl Sent {
    /// A source that gives what `tokens` gives, noted here.
    pub(crate) fn noting<T: TokenSource>(&self, tokens: T) -> impl TokenSource + use<T> {
        Noting {
            tokens,
            sent: self.clone(),
        }
    }

    /// What the token says of itself; nothing if none was sent yet, or it is no JWT.
    pub(crate) fn claims(&self) -> Option<Claims> {
        self.latest().and_then(|(token, _)| Claims::of(&token))
    }

    /// Whether the token has the three parts of a JWT; nothing if none was sent yet.
    pub(crate) fn is_jwt(&self) -> Option<bool> {
        let (token, _) = self.latest()?;
        Some(token.expose().split('.').count() == 3)
    }

    /// How far this machine's clock is ahead of `date`, in whole seconds.
    pub(crate) fn clock_ahead_of(&self, date: SystemTime) -> Option<i64> {
        let (_, channel) = self.latest()?;
        let date = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let seconds = |time: Duration| i64::try_from(time.as_secs()).ok();
        seconds(channel.time().wall())?.checked_sub(seconds(date)?)
    }

    fn latest(&self) -> Option<(AccessToken, Channel)> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.clone()
    }
}

struct Noting<T> {
    tokens: T,
    sent: Sent,
}

impl<T: TokenSource> TokenSource for Noting<T> {
    fn token(&self, channel: &Channel) -> BoxFuture<Result<AccessToken, Error>> {
        let given = self.tokens.token(channel);
        let (sent, channel) = (self.sent.clone(), channel.clone());
        Box::pin(async move {
            let token = given.await?;
            let mut latest = sent.0.lock().unwrap_or_else(PoisonError::into_inner);
            *latest = Some((token.clone(), channel));
            Ok(token)
        })
    }

    fn refused(&self, token: &AccessToken) -> bool {
        self.tokens.refused(token)
    }
}

/// What an access token of the Management API says of itself, as far as it matters here.
///
/// Source: [Access token profiles](https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles).
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Claims {
    sub: Option<String>,
    scope: Option<String>,
    exp: Option<i64>,
}

impl Claims {
    fn of(token: &AccessToken) -> Option<Self> {
        let mut parts = token.expose().split('.');
        let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    /// The scopes it has; nothing if it does not say.
    pub(crate) fn scopes(&self) -> Option<Vec<&str>> {
        Some(self.scope.as_deref()?.split_whitespace().collect())
    }

    /// The user whose own token it is, if it is one: an application's has no provider in front.
    pub(crate) fn user(&self) -> Option<UserId> {
        let user: UserId = self.sub.as_deref()?.parse().ok()?;
        user.split().is_some().then_some(user)
    }

    /// When it expires.
    pub(crate) fn expires_at(&self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_second(self.exp?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_it_is_or_nothing() {
        let claims = |json: &str| {
            let token = ["h", &BASE64_URL_SAFE_NO_PAD.encode(json), "s"].join(".");
            Claims::of(&AccessToken::new(token).unwrap())
        };
        let of_application =
            claims(r#"{"sub":"id@clients","scope":"read:users update:users","exp":0,"aud":["a"]}"#);
        let of_application = of_application.unwrap();
        assert_eq!(
            of_application.scopes(),
            Some(vec!["read:users", "update:users"])
        );
        assert_eq!(of_application.user(), None);
        assert_eq!(
            of_application.expires_at(),
            Some(jiff::Timestamp::UNIX_EPOCH)
        );
        let of_user = claims(r#"{"sub":"auth0|1"}"#).unwrap();
        assert_eq!(of_user.user(), "auth0|1".parse().ok());
        assert_eq!(of_user.scopes(), None);
        for odd in ["[]", "null", r#"{"scope":["read:users"]}"#, ""] {
            assert!(claims(odd).is_none(), "{odd}");
        }
        assert!(Claims::of(&AccessToken::new("opaque").unwrap()).is_none());
    }
}
