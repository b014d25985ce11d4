//! A user, with the parts that linking and unlinking are about.

use serde_core::ser::{Serialize, SerializeMap, Serializer};
use serde_core::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use strum::{EnumString, IntoStaticStr};

use crate::decode::{Node, document, through_raw};
use crate::flag::Flag;
use crate::kept::Kept;
use crate::layout::Layout;
use crate::{DecodeError, Extra, Identity, UserId};

/// A user as the API answers with it.
///
/// Any key may be missing: a call may ask for some fields only, and users without metadata or a login have no such keys.
/// Written as JSON it is what was read, but for the tokens of identity providers, which are left out.
///
/// Source: answer of [Get a user](https://auth0.com/docs/api/management/v2/users/get-users-by-id).
#[derive(Clone, Debug, Default)]
pub struct User {
    user_id: Option<UserId>,
    identities: Option<Vec<Identity>>,
    email: Option<String>,
    email_verified: Option<Flag>,
    name: Option<String>,
    created_at: Option<Date>,
    updated_at: Option<Date>,
    last_login: Option<Date>,
    user_metadata: Option<Kept>,
    app_metadata: Option<Kept>,
    layout: Layout<Key>,
}

#[derive(Clone, Copy, PartialEq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Key {
    UserId,
    Identities,
    Email,
    EmailVerified,
    Name,
    CreatedAt,
    UpdatedAt,
    LastLogin,
    UserMetadata,
    AppMetadata,
}

/// A date is a string; Auth0's own schema allowed an object until June 2026.
#[derive(Clone, Debug)]
enum Date {
    Text(String),
    Object(Kept),
}

/// Reads an array of users, as the search by e-mail address answers with.
///
/// # Errors
///
/// A [`DecodeError`] if the text is not JSON, not an array, or one element is not a user.
///
/// Source: answer of
/// [Search users by email](https://auth0.com/docs/api/management/v2/users-by-email/get-users-by-email).
pub fn users_from_json(json: &[u8]) -> Result<Vec<User>, DecodeError> {
    document(json, |node| node.elements(User::decode)?.collect())
}

impl User {
    /// Reads one user.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] if the text is not JSON, not an object, or a known key has a value of the wrong type.
    pub fn from_json(json: &[u8]) -> Result<Self, DecodeError> {
        document(json, Self::decode)
    }

    fn decode(node: Node<'_>) -> Result<Self, DecodeError> {
        let mut user = Self::default();
        user.layout = Layout::read(node, |key, value| {
            match key {
                Key::UserId => user.user_id = Some(UserId::decode(value)?),
                Key::Identities => {
                    user.identities = Some(
                        value
                            .elements(Identity::decode)?
                            .collect::<Result<_, _>>()?,
                    )
                }
                Key::Email => user.email = Some(value.text()?),
                Key::EmailVerified => user.email_verified = Some(Flag::decode(value)?),
                Key::Name => user.name = Some(value.text()?),
                Key::CreatedAt => user.created_at = Some(Date::decode(value)?),
                Key::UpdatedAt => user.updated_at = Some(Date::decode(value)?),
                Key::LastLogin => user.last_login = Some(Date::decode(value)?),
                Key::UserMetadata => user.user_metadata = Some(value.keep()),
                Key::AppMetadata => user.app_metadata = Some(value.keep()),
            }
            Ok(())
        })?;
        Ok(user)
    }

    /// Returns the id of the user.
    #[must_use]
    pub const fn user_id(&self) -> Option<&UserId> {
        self.user_id.as_ref()
    }

    /// Returns the identities, the main one first; `None` if the answer did not list them.
    #[must_use]
    pub fn identities(&self) -> Option<&[Identity]> {
        self.identities.as_deref()
    }

    /// Returns the main identity, which is the first and cannot be unlinked.
    #[must_use]
    pub fn primary_identity(&self) -> Option<&Identity> {
        self.identities()?.first()
    }

    /// Returns the identities that can be unlinked: all but the first.
    #[must_use]
    pub fn secondary_identities(&self) -> &[Identity] {
        match self.identities() {
            Some([_, secondaries @ ..]) => secondaries,
            _ => &[],
        }
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

    /// Returns when the user was created, as the tenant wrote it, such as `2023-01-25T19:00:59.837Z`.
    #[must_use]
    pub fn created_at(&self) -> Option<&str> {
        self.created_at.as_ref()?.as_str()
    }

    /// Returns when the user was last changed, as the tenant wrote it.
    #[must_use]
    pub fn updated_at(&self) -> Option<&str> {
        self.updated_at.as_ref()?.as_str()
    }

    /// Returns when the user last logged in, as the tenant wrote it; missing on users who never did.
    #[must_use]
    pub fn last_login(&self) -> Option<&str> {
        self.last_login.as_ref()?.as_str()
    }

    /// Returns the metadata that the user may change, as raw JSON.
    #[must_use]
    pub fn user_metadata(&self) -> Option<&RawValue> {
        self.user_metadata.as_ref().map(Kept::raw)
    }

    /// Returns the metadata that belongs to applications, as raw JSON.
    #[must_use]
    pub fn app_metadata(&self) -> Option<&RawValue> {
        self.app_metadata.as_ref().map(Kept::raw)
    }

    /// Returns every other key, the keys above whose value was `null` among them.
    #[must_use]
    pub const fn other(&self) -> &Extra {
        self.layout.other()
    }
}

impl Serialize for User {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.layout.write(serializer, |map, key, name| match key {
            Key::UserId => map.serialize_entry(name, &self.user_id),
            Key::Identities => map.serialize_entry(name, &self.identities),
            Key::Email => map.serialize_entry(name, &self.email),
            Key::EmailVerified => map.serialize_entry(name, &self.email_verified),
            Key::Name => map.serialize_entry(name, &self.name),
            Key::CreatedAt => map.serialize_entry(name, &self.created_at),
            Key::UpdatedAt => map.serialize_entry(name, &self.updated_at),
            Key::LastLogin => map.serialize_entry(name, &self.last_login),
            Key::UserMetadata => map.serialize_entry(name, &self.user_metadata),
            Key::AppMetadata => map.serialize_entry(name, &self.app_metadata),
        })
    }
}

impl<'de> Deserialize<'de> for User {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        through_raw(deserializer, Self::decode)
    }
}

impl Date {
    fn decode(node: Node<'_>) -> Result<Self, DecodeError> {
        if node.is_string() {
            node.text().map(Self::Text)
        } else {
            node.object()
                .map(|_| Self::Object(node.keep()))
                .map_err(|_| node.unexpected("a string or an object"))
        }
    }

    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Object(_) => None,
        }
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}
