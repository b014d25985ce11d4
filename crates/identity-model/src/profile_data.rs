//! What a provider said about a user.

use serde_core::ser::{Serialize, SerializeMap, Serializer};
use serde_core::{Deserialize, Deserializer};
use strum::{EnumString, IntoStaticStr};

use crate::decode::{Node, through_raw};
use crate::flag::Flag;
use crate::layout::Layout;
use crate::{DecodeError, Extra};

/// The profile that a secondary identity brought along: `profileData` of an identity.
///
/// Which keys there are depends on the provider and on the call that was answered. All are kept, in their order.
///
/// Source: answer of
/// [Unlink a user identity](https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id).
#[derive(Clone, Debug, Default)]
pub struct ProfileData {
    email: Option<String>,
    email_verified: Option<Flag>,
    name: Option<String>,
    username: Option<String>,
    given_name: Option<String>,
    phone_number: Option<String>,
    phone_verified: Option<Flag>,
    family_name: Option<String>,
    nickname: Option<String>,
    picture: Option<String>,
    layout: Layout<Key>,
}

#[derive(Clone, Copy, PartialEq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Key {
    Email,
    EmailVerified,
    Name,
    Username,
    GivenName,
    PhoneNumber,
    PhoneVerified,
    FamilyName,
    Nickname,
    Picture,
}

impl ProfileData {
    pub(crate) fn decode(node: Node<'_>) -> Result<Self, DecodeError> {
        let mut profile = Self::default();
        profile.layout = Layout::read(node, |key, value| {
            match key {
                Key::Email => profile.email = Some(value.text()?),
                Key::EmailVerified => profile.email_verified = Some(Flag::decode(value)?),
                Key::Name => profile.name = Some(value.text()?),
                Key::Username => profile.username = Some(value.text()?),
                Key::GivenName => profile.given_name = Some(value.text()?),
                Key::PhoneNumber => profile.phone_number = Some(value.text()?),
                Key::PhoneVerified => profile.phone_verified = Some(Flag::decode(value)?),
                Key::FamilyName => profile.family_name = Some(value.text()?),
                Key::Nickname => profile.nickname = Some(value.text()?),
                Key::Picture => profile.picture = Some(value.text()?),
            }
            Ok(())
        })?;
        Ok(profile)
    }

    /// Returns the e-mail address.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// Tells whether the e-mail address was verified; `None` if the key is missing or says neither true nor false.
    ///
    /// The strings `true` and `false`, as some tenants hold them, count; they are written again as strings.
    #[must_use]
    pub fn email_verified(&self) -> Option<bool> {
        self.email_verified.as_ref()?.as_bool()
    }

    /// Returns the full name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the user name.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Returns the given name.
    #[must_use]
    pub fn given_name(&self) -> Option<&str> {
        self.given_name.as_deref()
    }

    /// Returns the phone number.
    #[must_use]
    pub fn phone_number(&self) -> Option<&str> {
        self.phone_number.as_deref()
    }

    /// Tells whether the phone number was verified, read like [`email_verified`](Self::email_verified).
    #[must_use]
    pub fn phone_verified(&self) -> Option<bool> {
        self.phone_verified.as_ref()?.as_bool()
    }

    /// Returns the family name.
    #[must_use]
    pub fn family_name(&self) -> Option<&str> {
        self.family_name.as_deref()
    }

    /// Returns the nickname.
    #[must_use]
    pub fn nickname(&self) -> Option<&str> {
        self.nickname.as_deref()
    }

    /// Returns the address of the picture.
    #[must_use]
    pub fn picture(&self) -> Option<&str> {
        self.picture.as_deref()
    }

    /// Returns every other key, and the keys above whose value was `null`.
    #[must_use]
    pub const fn other(&self) -> &Extra {
        self.layout.other()
    }
}

impl Serialize for ProfileData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.layout.write(serializer, |map, key, name| match key {
            Key::Email => map.serialize_entry(name, &self.email),
            Key::EmailVerified => map.serialize_entry(name, &self.email_verified),
            Key::Name => map.serialize_entry(name, &self.name),
            Key::Username => map.serialize_entry(name, &self.username),
            Key::GivenName => map.serialize_entry(name, &self.given_name),
            Key::PhoneNumber => map.serialize_entry(name, &self.phone_number),
            Key::PhoneVerified => map.serialize_entry(name, &self.phone_verified),
            Key::FamilyName => map.serialize_entry(name, &self.family_name),
            Key::Nickname => map.serialize_entry(name, &self.nickname),
            Key::Picture => map.serialize_entry(name, &self.picture),
        })
    }
}

impl<'de> Deserialize<'de> for ProfileData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        through_raw(deserializer, Self::decode)
    }
}
