//! What the tenant tells of itself: the requests it received, and the changes it really made.

use std::collections::BTreeMap;

use serde::Serialize;

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
