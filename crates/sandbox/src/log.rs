//! What the tenant remembers: requests it received and changes it really made, in rings that count what they dropped.

use std::collections::{BTreeMap, VecDeque};

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Serialize;

use crate::call::Inbound;
use crate::redact;

/// The headers of a request that are worth keeping.
const KEPT_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "auth0-client",
    "authorization",
    "content-type",
    "host",
    "origin",
    "user-agent",
    "x-correlation-id",
];

/// A request as it was received, and the status it was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Position in the order of arrival, from 0.
    pub seq: u64,
    /// When it arrived, by the tenant's clock.
    pub at: String,
    /// The method, such as `DELETE`.
    pub method: String,
    /// The path as received, not decoded.
    pub path: String,
    /// The query as received, without the question mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The headers that say something about the client; the value of `authorization` is redacted unless the builder said
    /// otherwise.
    pub headers: BTreeMap<String, String>,
    /// The body, as text, without credentials.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The status answered; none while the request is being served, or when no answer was sent.
    pub status: Option<u16>,
    /// The kind of the fault that struck it, such as `drop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Auth0's name of the operation, such as `delete_user_identity_by_user_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

impl RecordedRequest {
    /// Takes down a request; its credentials only if told to.
    pub(crate) fn new(
        seq: u64,
        at: String,
        inbound: &Inbound,
        operation: Option<&str>,
        credentials: bool,
    ) -> Self {
        let text = |name: &HeaderName, value: &HeaderValue| {
            if *name == AUTHORIZATION && !credentials {
                return redact::REDACTED.to_owned();
            }
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let kept = inbound
            .headers
            .iter()
            .filter(|(name, _)| KEPT_HEADERS.contains(&name.as_str()));
        Self {
            seq,
            at,
            method: inbound.method.to_string(),
            path: inbound.path.clone(),
            query: inbound.query.clone(),
            headers: kept
                .map(|(name, value)| (name.to_string(), text(name, value)))
                .collect(),
            body: if credentials {
                String::from_utf8_lossy(&inbound.body).into_owned()
            } else {
                redact::body(inbound)
            },
            status: None,
            fault: None,
            operation: operation.map(str::to_owned),
        }
    }
}

/// A change the tenant really made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Effect {
    /// Position in the order of changes, from 0.
    pub seq: u64,
    /// When it happened, by the tenant's clock.
    pub at: String,
    /// The [`RecordedRequest::seq`] that caused it.
    pub request: u64,
    /// What changed.
    #[serde(flatten)]
    pub change: Change,
}

/// How many entries the logs have forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overflow {
    /// Requests.
    pub requests: u64,
    /// Effects.
    pub effects: u64,
}

/// What an [`Effect`] changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum Change {
    /// A user was made, by a call or by being split off.
    #[serde(rename = "user.created")]
    UserCreated {
        /// The new user.
        user_id: String,
    },
    /// Attributes of a user changed.
    #[serde(rename = "user.updated")]
    UserUpdated {
        /// The user.
        user_id: String,
        /// The keys whose values changed, in order.
        fields: Vec<String>,
    },
    /// A user was deleted, and with it every identity it held.
    #[serde(rename = "user.deleted")]
    UserDeleted {
        /// The user that is gone.
        user_id: String,
    },
    /// An account became an identity of a user.
    #[serde(rename = "identity.linked")]
    IdentityLinked {
        /// The user it is linked to.
        user_id: String,
        /// The identity, as `provider|user_id`.
        identity: String,
    },
    /// An identity left a user.
    #[serde(rename = "identity.unlinked")]
    IdentityUnlinked {
        /// The user it was linked to.
        user_id: String,
        /// The identity, as `provider|user_id`.
        identity: String,
    },
}

impl Change {
    pub(crate) fn user_created(user_id: &str) -> Self {
        Self::UserCreated {
            user_id: user_id.into(),
        }
    }

    pub(crate) fn user_deleted(user_id: &str) -> Self {
        Self::UserDeleted {
            user_id: user_id.into(),
        }
    }

    pub(crate) fn identity_linked(user_id: &str, identity: &str) -> Self {
        Self::IdentityLinked {
            user_id: user_id.into(),
            identity: identity.into(),
        }
    }

    pub(crate) fn identity_unlinked(user_id: &str, identity: &str) -> Self {
        Self::IdentityUnlinked {
            user_id: user_id.into(),
            identity: identity.into(),
        }
    }
}

/// The last entries, up to a cap, and how many came before them.
#[derive(Clone, Debug)]
pub(crate) struct Ring<T> {
    entries: VecDeque<T>,
    cap: usize,
    dropped: u64,
}

impl<T> Ring<T> {
    pub(crate) const fn new(cap: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            cap,
            dropped: 0,
        }
    }

    /// Adds what `make` makes of the entry's number.
    pub(crate) fn push(&mut self, make: impl FnOnce(u64) -> T) -> u64 {
        let seq = self.dropped + self.entries.len() as u64;
        self.entries.push_back(make(seq));
        if self.entries.len() > self.cap {
            self.entries.pop_front();
            self.dropped += 1;
        }
        seq
    }

    /// The entry with this number, unless it was dropped.
    pub(crate) fn get_mut(&mut self, seq: u64) -> Option<&mut T> {
        let position = usize::try_from(seq.checked_sub(self.dropped)?).ok()?;
        self.entries.get_mut(position)
    }

    /// How many entries were dropped.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn a_full_ring_drops_the_oldest_and_counts() {
        let mut ring = Ring::new(2);
        for expected in 0..5 {
            assert_eq!(ring.push(|seq| seq), expected);
        }
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(ring.dropped, 3);
        assert!(ring.get_mut(2).is_none());
        assert_eq!(ring.get_mut(4).copied(), Some(4));
    }
}
