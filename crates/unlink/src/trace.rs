//! Spans of the facade: which user, which identity, without the addresses and numbers some ids are.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::OnceLock,
};

use identity_model::{IdentityKey, UserId};
use tracing::{Span, field};

/// How ids appear in spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ids {
    /// Those of `email` and `sms` users hashed, by a key that lasts as long as the process.
    #[default]
    Masked,
    /// All as they are.
    Shown,
}

impl Ids {
    pub(crate) fn span(
        self,
        operation: &'static str,
        user: &UserId,
        identity: Option<&IdentityKey>,
    ) -> Span {
        let identity =
            identity.map(|key| self.show(Some(key.provider().as_str()), key.user_id().as_str()));
        let (provider, id) = match user.split() {
            Some((provider, id)) => (Some(provider), id),
            None => (None, user.as_str()),
        };
        let user = self.show(provider, id);
        let identity = identity.map(field::display);
        tracing::debug_span!("unlink", operation, %user, identity)
    }

    const fn show<'a>(self, provider: Option<&'a str>, id: &'a str) -> Shown<'a> {
        Shown {
            ids: self,
            provider,
            id,
        }
    }
}

/// Written out only for who listens.
struct Shown<'a> {
    ids: Ids,
    provider: Option<&'a str>,
    id: &'a str,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static KEY: OnceLock<RandomState> = OnceLock::new();
        let Self { ids, provider, id } = *self;
        match provider {
            None => f.write_str(id),
            Some(provider @ ("email" | "sms")) if ids == Ids::Masked => {
                let hash = KEY.get_or_init(RandomState::new).hash_one(id);
                write!(f, "{provider}|#{hash:016x}")
            }
            Some(provider) => write!(f, "{provider}|{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_hashed_unless_asked_for() {
        let shown = |ids: Ids, id: &'static str| {
            let (provider, id) = id.split_once('|').unwrap();
            ids.show(Some(provider), id).to_string()
        };
        for id in ["email|jane@example.com", "sms|+15551234567"] {
            let masked = shown(Ids::Masked, id);
            assert!(!masked.contains(id.split_once('|').unwrap().1), "{masked}");
            assert_eq!(masked, shown(Ids::Masked, id), "the same id, the same hash");
            assert_eq!(shown(Ids::Shown, id), id);
        }
        assert_ne!(shown(Ids::Masked, "sms|1"), shown(Ids::Masked, "sms|2"));
        assert_eq!(shown(Ids::Masked, "auth0|507f"), "auth0|507f");
        assert_eq!(Ids::Masked.show(None, "bare").to_string(), "bare");
    }
}
