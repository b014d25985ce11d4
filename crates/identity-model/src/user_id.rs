//! The id of a whole user.

use std::fmt;
use std::str::FromStr;

use serde_core::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::decode::Node;
use crate::{DecodeError, IdentityKey, ParseIdError};

/// The id of a user, such as `google-oauth2|1234`: what `sub` is in a token and `{id}` in a path.
///
/// Its text is kept exactly, without any trimming or decoding. The id inside one identity is an
/// [`IdentityUserId`](crate::IdentityUserId).
///
/// ```
/// let id: identity_model::UserId = "samlp|my-connection|a@b.c".parse()?;
/// assert_eq!(id.split(), Some(("samlp", "my-connection|a@b.c")));
/// # Ok::<(), identity_model::ParseIdError>(())
/// ```
///
/// Source: [Get a user](https://auth0.com/docs/api/management/v2/users/get-users-by-id).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Box<str>);

impl UserId {
    /// Takes any text but the empty one, as a tenant's JSON may hold it.
    pub(crate) fn from_answer(text: &str) -> Result<Self, ParseIdError> {
        if text.is_empty() {
            Err(ParseIdError::EMPTY_USER_ID)
        } else {
            Ok(Self(text.into()))
        }
    }

    pub(crate) fn decode(node: Node<'_>) -> Result<Self, DecodeError> {
        Self::from_answer(&node.text()?).map_err(|_| node.unexpected("a non-empty string"))
    }

    /// Joins the two parts of a key, neither of which is empty.
    pub(crate) fn joined(key: &IdentityKey) -> Self {
        Self(key.to_string().into())
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what stands before and after the first `|`, which are usually the provider and the id of the main
    /// identity; `None` if there is no `|`.
    #[must_use]
    pub fn split(&self) -> Option<(&str, &str)> {
        self.0.split_once('|')
    }
}

/// Parses an id that a person or a program gives.
///
/// Refuses the empty text ([`Empty`](crate::ParseIdErrorKind::Empty)), and `.` and `..`
/// ([`DotSegment`](crate::ParseIdErrorKind::DotSegment)).
impl FromStr for UserId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if matches!(text, "." | "..") {
            Err(ParseIdError::DOT_USER_ID)
        } else {
            Self::from_answer(text)
        }
    }
}

impl TryFrom<&str> for UserId {
    type Error = ParseIdError;

    fn try_from(text: &str) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl AsRef<str> for UserId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Takes any string but the empty one.
impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_answer(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
