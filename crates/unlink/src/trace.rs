//! Spans of the facade: which user, which identity, without the addresses and numbers some ids are.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::OnceLock,
};

use identity_model::{IdentityKey, UserId};
use tracing::Span;

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
        let identity = identity.map(ToString::to_string);
        let identity = identity
            .as_deref()
            .map(|id| tracing::field::display(self.show(id)));
        tracing::debug_span!("unlink", operation, user = %self.show(user.as_str()), identity)
    }

    fn show(self, id: &str) -> Shown<'_> {
        Shown { ids: self, id }
    }
}

struct Shown<'a> {
    ids: Ids,
    id: &'a str,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static KEY: OnceLock<RandomState> = OnceLock::new();
        match self.id.split_once('|') {
            Some((provider @ ("email" | "sms"), rest)) if self.ids == Ids::Masked => {
                write!(
                    f,
                    "{provider}|#{:016x}",
                    KEY.get_or_init(RandomState::new).hash_one(rest)
                )
            }
            _ => f.write_str(self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_hashed_unless_asked_for() {
        let masked = |id: &str| Ids::Masked.show(id).to_string();
        for id in ["email|jane@example.com", "sms|+15551234567"] {
            let shown = masked(id);
            assert!(!shown.contains(id.split_once('|').unwrap().1), "{shown}");
            assert_eq!(shown, masked(id), "the same id, the same hash");
            assert_eq!(Ids::Shown.show(id).to_string(), id);
        }
        assert_ne!(masked("sms|1"), masked("sms|2"));
        assert_eq!(masked("auth0|507f"), "auth0|507f");
    }
}
