//! What names one identity of a user: its provider and the id it has there.

use std::fmt;
use std::str::FromStr;

use crate::{IdentityUserId, ParseIdError, ProviderName, UserId};

/// The provider of an identity and its id there: the two that the path of the unlink call names it by.
///
/// Written as one text with a `|` between the two, as in `google-oauth2|1234`. Reading splits at the first `|`, so an id
/// keeps the pipes it holds.
///
/// ```
/// use identity_model::{IdentityKey, Provider};
///
/// let key: IdentityKey = "samlp|my-connection|a@b.c".parse()?;
/// assert_eq!(*key.provider(), Provider::Samlp);
/// assert_eq!(key.user_id().as_str(), "my-connection|a@b.c");
/// assert_eq!(key, IdentityKey::new(Provider::Samlp, "my-connection|a@b.c".parse()?));
/// # Ok::<(), identity_model::ParseIdError>(())
/// ```
///
/// Source:
/// [Unlink a user identity](https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityKey {
    provider: ProviderName,
    user_id: IdentityUserId,
}

impl IdentityKey {
    /// Names the identity that has this id at this provider.
    #[must_use]
    pub fn new(provider: impl Into<ProviderName>, user_id: IdentityUserId) -> Self {
        Self {
            provider: provider.into(),
            user_id,
        }
    }

    /// Returns the provider.
    #[must_use]
    pub const fn provider(&self) -> &ProviderName {
        &self.provider
    }

    /// Returns the id the user has at the provider.
    #[must_use]
    pub const fn user_id(&self) -> &IdentityUserId {
        &self.user_id
    }

    /// Returns the id of the separate account that appears once this identity is unlinked: `provider|user_id`.
    ///
    /// ```
    /// let key: identity_model::IdentityKey = "google-oauth2|1234".parse()?;
    /// assert_eq!(key.separate_user_id().as_str(), "google-oauth2|1234");
    /// # Ok::<(), identity_model::ParseIdError>(())
    /// ```
    ///
    /// Source:
    /// [Unlink user accounts](https://auth0.com/docs/manage-users/user-accounts/user-account-linking/unlink-user-accounts).
    #[must_use]
    pub fn separate_user_id(&self) -> UserId {
        UserId::joined(self)
    }
}

/// Parses `provider|user_id`, split at the first `|`.
///
/// Refuses a text without `|` ([`NoSeparator`](crate::ParseIdErrorKind::NoSeparator)), with nothing before it
/// ([`EmptyProvider`](crate::ParseIdErrorKind::EmptyProvider)) or after it
/// ([`EmptyIdentityId`](crate::ParseIdErrorKind::EmptyIdentityId)), and `.` or `..` as either part
/// ([`DotSegment`](crate::ParseIdErrorKind::DotSegment)).
impl FromStr for IdentityKey {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        match text.split_once('|') {
            None => Err(ParseIdError::NO_SEPARATOR),
            Some(("", _)) => Err(ParseIdError::NO_PROVIDER),
            Some((_, "")) => Err(ParseIdError::NO_IDENTITY_ID),
            Some(("." | "..", _)) => Err(ParseIdError::DOT_PROVIDER),
            Some((provider, user_id)) => Ok(Self {
                provider: provider.parse()?,
                user_id: user_id.parse()?,
            }),
        }
    }
}

impl fmt::Display for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.provider.as_str(), self.user_id.as_str())
    }
}
