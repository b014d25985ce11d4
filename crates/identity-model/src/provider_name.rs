//! The name of a provider as it stands in a request or an answer: a known one or any other.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde_core::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::decode::Node;
use crate::{DecodeError, ParseIdError, Provider};

/// The name of an identity provider, known to this version or not.
///
/// An identity that a tenant lists can always be named, even if its provider is newer than [`Provider`] or has left
/// Auth0's documents. A known name is never held as an unknown one, so equality, matching on
/// [`known`](Self::known) and the written text always agree; comparing and hashing go by the text.
///
/// ```
/// use identity_model::{Provider, ProviderName};
///
/// let name: ProviderName = "google-oauth2".parse()?;
/// assert_eq!(name.known(), Some(Provider::GoogleOauth2));
///
/// let newer: ProviderName = "brand-new".parse()?;
/// assert_eq!((newer.known(), newer.as_str()), (None, "brand-new"));
/// # Ok::<(), identity_model::ParseIdError>(())
/// ```
///
/// Source: path parameter `provider` of
/// [Unlink a user identity](https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id).
#[derive(Clone)]
pub struct ProviderName(Repr);

/// Private, so that [`ProviderName::new`] is the only way to the other arm.
#[derive(Clone)]
enum Repr {
    Known(Provider),
    Other(Box<str>),
}

impl ProviderName {
    /// Names a provider by its text, exactly as given; names are case sensitive.
    ///
    /// # Errors
    ///
    /// [`Empty`](crate::ParseIdErrorKind::Empty) for the empty text.
    pub fn new(name: &str) -> Result<Self, ParseIdError> {
        match name.parse::<Provider>() {
            Ok(known) => Ok(Self(Repr::Known(known))),
            Err(_) if name.is_empty() => Err(ParseIdError::EMPTY_PROVIDER_NAME),
            Err(_) => Ok(Self(Repr::Other(name.into()))),
        }
    }

    pub(crate) fn decode(node: Node<'_>) -> Result<Self, DecodeError> {
        Self::new(&node.text()?).map_err(|_| node.unexpected("a non-empty string"))
    }

    /// Returns the provider if this version knows its name.
    #[must_use]
    pub const fn known(&self) -> Option<Provider> {
        match self.0 {
            Repr::Known(known) => Some(known),
            Repr::Other(_) => None,
        }
    }

    /// Returns the name as Auth0 writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Known(known) => known.as_str(),
            Repr::Other(name) => name,
        }
    }
}

impl From<Provider> for ProviderName {
    fn from(known: Provider) -> Self {
        Self(Repr::Known(known))
    }
}

impl FromStr for ProviderName {
    type Err = ParseIdError;

    fn from_str(name: &str) -> Result<Self, ParseIdError> {
        Self::new(name)
    }
}

impl TryFrom<&str> for ProviderName {
    type Error = ParseIdError;

    fn try_from(name: &str) -> Result<Self, ParseIdError> {
        Self::new(name)
    }
}

impl AsRef<str> for ProviderName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderName").field(&self.as_str()).finish()
    }
}

impl PartialEq for ProviderName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ProviderName {}

impl PartialEq<Provider> for ProviderName {
    fn eq(&self, other: &Provider) -> bool {
        self.known() == Some(*other)
    }
}

impl PartialEq<ProviderName> for Provider {
    fn eq(&self, other: &ProviderName) -> bool {
        other == self
    }
}

impl PartialOrd for ProviderName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ProviderName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for ProviderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Serialize for ProviderName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProviderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
