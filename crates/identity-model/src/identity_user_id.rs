//! The id inside one identity, which tenants write as a string or as an integer.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde_core::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

use crate::decode::{Node, through_raw};
use crate::{DecodeError, ParseIdError};

/// The id of a user at one provider, such as `1234`: the `user_id` inside an identity and the last part of the path that
/// unlinks it.
///
/// Auth0 writes it as a string or, for GitHub among others, as an integer. Both are held as text, integers of any size
/// exactly. Comparing and hashing go by the text, so `"123"` equals `123`; writing it as JSON gives back the form it had.
/// The id of a whole user is a [`UserId`](crate::UserId).
///
/// ```
/// use identity_model::IdentityUserId;
///
/// let string: IdentityUserId = serde_json::from_str(r#""123""#)?;
/// let integer: IdentityUserId = serde_json::from_str("123")?;
/// assert_eq!(string, integer);
/// assert_eq!(serde_json::to_string(&[string, integer])?, r#"["123",123]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Source: path parameter `user_id` of
/// [Unlink a user identity](https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id).
#[derive(Clone)]
pub struct IdentityUserId {
    text: Box<str>,
    form: Form,
}

/// How the id is written in JSON.
#[derive(Clone, Copy)]
enum Form {
    String,
    Integer,
}

impl IdentityUserId {
    /// Returns the id as text, an integer as its decimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn decode(node: Node<'_>) -> Result<Self, DecodeError> {
        let (text, form) = if node.is_string() {
            match node.text()? {
                text if text.is_empty() => {
                    return Err(node.unexpected("a non-empty string or an integer"));
                }
                text => (text.into(), Form::String),
            }
        } else if let Some(digits) = node.integer() {
            (digits.into(), Form::Integer)
        } else {
            return Err(node.unexpected("a string or an integer"));
        };
        Ok(Self { text, form })
    }
}

/// Parses an id that a person or a program gives; it is written as a JSON string.
///
/// Refuses the empty text ([`Empty`](crate::ParseIdErrorKind::Empty)), and `.` and `..`
/// ([`DotSegment`](crate::ParseIdErrorKind::DotSegment)).
impl FromStr for IdentityUserId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        match text {
            "" => Err(ParseIdError::EMPTY_IDENTITY_ID),
            "." | ".." => Err(ParseIdError::DOT_IDENTITY_ID),
            _ => Ok(Self {
                text: text.into(),
                form: Form::String,
            }),
        }
    }
}

impl TryFrom<&str> for IdentityUserId {
    type Error = ParseIdError;

    fn try_from(text: &str) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

/// Makes an id that is written as a JSON integer.
impl From<u64> for IdentityUserId {
    fn from(id: u64) -> Self {
        Self {
            text: id.to_string().into(),
            form: Form::Integer,
        }
    }
}

impl AsRef<str> for IdentityUserId {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for IdentityUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for IdentityUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IdentityUserId").field(&self.text).finish()
    }
}

impl PartialEq for IdentityUserId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for IdentityUserId {}

impl PartialOrd for IdentityUserId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IdentityUserId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for IdentityUserId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Serialize for IdentityUserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.form {
            Form::String => serializer.serialize_str(&self.text),
            // As raw text, since serde's integers end at 128 bits.
            Form::Integer => RawValue::from_string(self.text.clone().into())
                .map_err(S::Error::custom)?
                .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for IdentityUserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        through_raw(deserializer, Self::decode)
    }
}
