//! One identity of a user, as the API lists it.

use serde_core::ser::{Serialize, SerializeMap, Serializer};
use serde_core::{Deserialize, Deserializer};
use strum::{EnumString, IntoStaticStr};

use crate::decode::{Node, document, through_raw};
use crate::layout::Layout;
use crate::{DecodeError, Extra, IdentityKey, IdentityUserId, IdpToken, ProfileData, ProviderName};

/// One way a user can log in: an element of the `identities` of a user, or of the answer to an unlink call.
///
/// Inside a user any key may be missing, so every accessor answers with an `Option`. Written as JSON it is what was read,
/// but for the tokens of the identity provider, which are left out.
///
/// ```
/// let json = br#"{"connection":"github","user_id":1234,"provider":"github","isSocial":true}"#;
/// let identity = identity_model::Identity::from_json(json)?;
/// assert_eq!(identity.key().unwrap().to_string(), "github|1234");
/// assert_eq!(serde_json::to_vec(&identity).unwrap(), json);
/// # Ok::<(), identity_model::DecodeError>(())
/// ```
///
/// Source: answer of
/// [Unlink a user identity](https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id).
#[derive(Clone, Debug, Default)]
pub struct Identity {
    connection: Option<String>,
    user_id: Option<IdentityUserId>,
    provider: Option<ProviderName>,
    is_social: Option<bool>,
    access_token: Option<IdpToken>,
    access_token_secret: Option<IdpToken>,
    refresh_token: Option<IdpToken>,
    profile_data: Option<ProfileData>,
    layout: Layout<Key>,
}

#[derive(Clone, Copy, PartialEq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Key {
    Connection,
    UserId,
    Provider,
    #[strum(serialize = "isSocial")]
    IsSocial,
    AccessToken,
    AccessTokenSecret,
    RefreshToken,
    #[strum(serialize = "profileData")]
    ProfileData,
}

/// Reads the array of identities that link and unlink calls answer with.
///
/// # Errors
///
/// A [`DecodeError`] if the text is not JSON, not an array, or one element is not an identity; see
/// [`listed_identities`](crate::listed_identities) for a reading that keeps the others.
///
/// ```
/// let left = identity_model::identities_from_json(br#"[{"provider":"auth0","user_id":"1"}]"#)?;
/// assert_eq!(left.len(), 1);
/// # Ok::<(), identity_model::DecodeError>(())
/// ```
pub fn identities_from_json(json: &[u8]) -> Result<Vec<Identity>, DecodeError> {
    document(json, |node| node.elements(Identity::decode)?.collect())
}

impl Identity {
    /// Reads one identity.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] if the text is not JSON, not an object, or a known key has a value of the wrong type.
    pub fn from_json(json: &[u8]) -> Result<Self, DecodeError> {
        document(json, Self::decode)
    }

    pub(crate) fn decode(node: Node<'_>) -> Result<Self, DecodeError> {
        let mut identity = Self::default();
        identity.layout = Layout::read(node, |key, value| {
            match key {
                Key::Connection => identity.connection = Some(value.text()?),
                Key::UserId => identity.user_id = Some(IdentityUserId::decode(value)?),
                Key::Provider => identity.provider = Some(ProviderName::decode(value)?),
                Key::IsSocial => identity.is_social = Some(value.boolean()?),
                Key::AccessToken => identity.access_token = Some(IdpToken::decode(value)?),
                Key::AccessTokenSecret => {
                    identity.access_token_secret = Some(IdpToken::decode(value)?)
                }
                Key::RefreshToken => identity.refresh_token = Some(IdpToken::decode(value)?),
                Key::ProfileData => identity.profile_data = Some(ProfileData::decode(value)?),
            }
            Ok(())
        })?;
        Ok(identity)
    }

    /// Returns what names this identity, if it has both a provider and an id.
    #[must_use]
    pub fn key(&self) -> Option<IdentityKey> {
        Some(IdentityKey::new(
            self.provider.clone()?,
            self.user_id.clone()?,
        ))
    }

    /// Returns the name of the connection.
    #[must_use]
    pub fn connection(&self) -> Option<&str> {
        self.connection.as_deref()
    }

    /// Returns the id the user has at the provider.
    #[must_use]
    pub const fn user_id(&self) -> Option<&IdentityUserId> {
        self.user_id.as_ref()
    }

    /// Returns the provider.
    #[must_use]
    pub const fn provider(&self) -> Option<&ProviderName> {
        self.provider.as_ref()
    }

    /// Tells whether the connection is a social one (`isSocial`).
    #[must_use]
    pub const fn is_social(&self) -> Option<bool> {
        self.is_social
    }

    /// Returns the provider's access token, which is there only for a caller with the scope `read:user_idp_tokens`.
    #[must_use]
    pub const fn access_token(&self) -> Option<&IdpToken> {
        self.access_token.as_ref()
    }

    /// Returns the secret of the provider's access token, as OAuth 1 has it.
    #[must_use]
    pub const fn access_token_secret(&self) -> Option<&IdpToken> {
        self.access_token_secret.as_ref()
    }

    /// Returns the provider's refresh token.
    #[must_use]
    pub const fn refresh_token(&self) -> Option<&IdpToken> {
        self.refresh_token.as_ref()
    }

    /// Returns the profile that came with this identity (`profileData`).
    #[must_use]
    pub const fn profile_data(&self) -> Option<&ProfileData> {
        self.profile_data.as_ref()
    }

    /// Returns every other key, and the keys above whose value was `null`.
    #[must_use]
    pub const fn other(&self) -> &Extra {
        self.layout.other()
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.layout.write(serializer, |map, key, name| match key {
            Key::Connection => map.serialize_entry(name, &self.connection),
            Key::UserId => map.serialize_entry(name, &self.user_id),
            Key::Provider => map.serialize_entry(name, &self.provider),
            Key::IsSocial => map.serialize_entry(name, &self.is_social),
            Key::AccessToken | Key::AccessTokenSecret | Key::RefreshToken => Ok(()),
            Key::ProfileData => map.serialize_entry(name, &self.profile_data),
        })
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        through_raw(deserializer, Self::decode)
    }
}
