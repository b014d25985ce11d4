//! The least that must be read of an identity to say whether it is there.

use std::error::Error as StdError;
use std::fmt;

use crate::decode::{Node, document};
use crate::{DecodeError, IdentityKey, IdentityUserId, ProviderName};

/// What names an identity in a list, and its connection: enough to find it, and to see that it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedIdentity {
    key: IdentityKey,
    connection: Option<String>,
}

/// An element of a list that is not what the API documents: why, and what could be read of it all the same.
///
/// It may be any identity that its readable parts do not rule out.
///
/// ```
/// let listed = identity_model::listed_identities(br#"[{"provider":"github","user_id":null}]"#)?;
/// let unreadable = listed[0].as_ref().unwrap_err();
/// assert_eq!(unreadable.provider().unwrap().as_str(), "github");
/// assert!(unreadable.user_id().is_none());
/// # Ok::<(), identity_model::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct UnreadableIdentity {
    error: DecodeError,
    provider: Option<ProviderName>,
    user_id: Option<IdentityUserId>,
}

/// Reads an array of identities element by element, so that an odd one hides none of the others.
///
/// Returns one result for each element, in their order. Keys other than `provider`, `user_id` and `connection` are not
/// looked at; a connection that is no string counts as missing.
///
/// # Errors
///
/// A [`DecodeError`] if the text is not JSON or not an array. An element's own result is an [`UnreadableIdentity`] if it is
/// no object, or if its provider or id is missing or not what the API documents.
///
/// ```
/// let listed = identity_model::listed_identities(br#"[{"provider":"github","user_id":1},{"provider":"github"}]"#)?;
/// assert_eq!(listed[0].as_ref().unwrap().key().to_string(), "github|1");
/// assert_eq!(listed[1].as_ref().unwrap_err().to_string(), "[1].user_id: the key is missing");
/// # Ok::<(), identity_model::DecodeError>(())
/// ```
///
/// Source: answer of
/// [Unlink a user identity](https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id).
pub fn listed_identities(
    json: &[u8],
) -> Result<Vec<Result<ListedIdentity, UnreadableIdentity>>, DecodeError> {
    document(json, ListedIdentity::decode_all)
}

/// Reads the identities of a user element by element, the main one first; looks at no other key of the user.
///
/// # Errors
///
/// A [`DecodeError`] if the text is not JSON, not an object, or has no array `identities`; for elements as in
/// [`listed_identities`].
///
/// ```
/// let user = br#"{"email":17,"identities":[{"provider":"auth0","user_id":"1"}]}"#;
/// assert_eq!(identity_model::listed_identities_of_user(user)?.len(), 1);
/// # Ok::<(), identity_model::DecodeError>(())
/// ```
///
/// Source: answer of [Get a user](https://auth0.com/docs/api/management/v2/users/get-users-by-id).
pub fn listed_identities_of_user(
    json: &[u8],
) -> Result<Vec<Result<ListedIdentity, UnreadableIdentity>>, DecodeError> {
    document(json, |user| {
        user.object()?
            .only("identities", ListedIdentity::decode_all)
    })
}

impl ListedIdentity {
    /// Puts together what a caller knows of an identity.
    #[must_use]
    pub const fn new(key: IdentityKey, connection: Option<String>) -> Self {
        Self { key, connection }
    }

    /// Returns what names the identity.
    #[must_use]
    pub const fn key(&self) -> &IdentityKey {
        &self.key
    }

    /// Returns the name of its connection.
    #[must_use]
    pub fn connection(&self) -> Option<&str> {
        self.connection.as_deref()
    }

    fn decode_all(array: Node<'_>) -> Result<Vec<Result<Self, UnreadableIdentity>>, DecodeError> {
        Ok(array.elements(Self::decode)?.collect())
    }

    fn decode(element: Node<'_>) -> Result<Self, UnreadableIdentity> {
        let element = element.object().map_err(|error| UnreadableIdentity {
            error,
            provider: None,
            user_id: None,
        })?;
        let provider = element.only("provider", ProviderName::decode);
        let user_id = element.only("user_id", IdentityUserId::decode);
        let (error, provider, user_id) = match (provider, user_id) {
            (Ok(provider), Ok(user_id)) => {
                let connection = element.only("connection", |value| value.text()).ok();
                return Ok(Self {
                    key: IdentityKey::new(provider, user_id),
                    connection,
                });
            }
            (Err(error), user_id) => (error, None, user_id.ok()),
            (Ok(provider), Err(error)) => (error, Some(provider), None),
        };
        Err(UnreadableIdentity {
            error,
            provider,
            user_id,
        })
    }
}

impl UnreadableIdentity {
    /// Returns why the element cannot be read.
    #[must_use]
    pub const fn error(&self) -> &DecodeError {
        &self.error
    }

    /// Returns its provider, if that could be read.
    #[must_use]
    pub const fn provider(&self) -> Option<&ProviderName> {
        self.provider.as_ref()
    }

    /// Returns its id, if that could be read.
    #[must_use]
    pub const fn user_id(&self) -> Option<&IdentityUserId> {
        self.user_id.as_ref()
    }
}

impl fmt::Display for UnreadableIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// Its message is its error's, so its source is, too.
impl StdError for UnreadableIdentity {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}
