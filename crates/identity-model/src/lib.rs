//! What Auth0's user identity API talks about: providers, ids, identities, profiles and users.
//!
//! Values only: nothing here opens a socket, reads a clock or waits. Use it with any HTTP client: it says what goes into
//! [the call that unlinks an identity][unlink] and reads what [the call that gets a user][get] answers.
//!
//! # Ids
//!
//! A whole user id, the id inside an identity, and the pair of provider and identity id are three types, so that one
//! cannot stand in for another.
//!
//! ```
//! use identity_model::{IdentityKey, Provider, UserId};
//!
//! let user: UserId = "auth0|507f1f77bcf86cd799439020".parse()?;
//! let key: IdentityKey = "samlp|my-connection|a@b.c".parse()?;
//! assert_eq!(user.split(), Some(("auth0", "507f1f77bcf86cd799439020")));
//! assert_eq!(*key.provider(), Provider::Samlp);
//! assert_eq!(key.user_id().as_str(), "my-connection|a@b.c");
//! # Ok::<(), identity_model::ParseIdError>(())
//! ```
//!
//! ```compile_fail,E0308
//! # use identity_model::{IdentityUserId, UserId};
//! fn whole(_: &UserId) {}
//! whole(&IdentityUserId::from(1234));
//! ```
//!
//! ```compile_fail,E0308
//! # use identity_model::{IdentityUserId, UserId};
//! fn inside(_: &IdentityUserId) {}
//! inside(&"auth0|507f".parse::<UserId>().unwrap());
//! ```
//!
//! # Reading what a tenant answers
//!
//! Decoding is as tolerant as the API is uneven: an id may be a string or an integer of any size, any key of an identity
//! may be missing, unknown keys and providers are kept. What is nonsense is refused with its place in the document. What
//! is written again is the JSON that was read, key order included, but for the tokens of identity providers.
//!
//! ```
//! use identity_model::User;
//!
//! let json = br#"{"user_id":"auth0|1","identities":[
//!     {"provider":"auth0","user_id":"1","connection":"Username-Password-Authentication","isSocial":false},
//!     {"provider":"github","user_id":1234567,"connection":"github","access_token":"gho_secret"}]}"#;
//! let user = User::from_json(json)?;
//! let github = &user.secondary_identities()[0];
//! assert_eq!(github.key().unwrap().to_string(), "github|1234567");
//! assert_eq!(github.access_token().unwrap().expose(), "gho_secret");
//! assert!(!serde_json::to_string(&user).unwrap().contains("gho_secret"));
//!
//! let refused = User::from_json(br#"{"identities":[{"user_id":[]}]}"#).unwrap_err();
//! assert_eq!(refused.to_string(), "identities[0].user_id: expected a string or an integer, found an array");
//! # Ok::<(), identity_model::DecodeError>(())
//! ```
//!
//! Where one odd element must not hide the others, as when an answer is evidence of what happened, read with
//! [`listed_identities`].
//!
//! The `Deserialize` implementations of [`User`], [`Identity`], [`ProfileData`] and [`IdentityUserId`] read from JSON text
//! or from a `serde_json::Value`. They do not work behind serde's `flatten` and `untagged`, nor with other formats.
//!
//! [unlink]: https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id
//! [get]: https://auth0.com/docs/api/management/v2/users/get-users-by-id

mod decode;
mod decode_error;
mod extra;
mod flag;
mod generated;
mod identity;
mod identity_key;
mod identity_user_id;
mod idp_token;
mod kept;
mod layout;
mod listed_identity;
mod parse_id_error;
mod profile_data;
mod provider_name;
mod user;
mod user_id;

pub use decode_error::DecodeError;
pub use extra::Extra;
pub use generated::Provider;
pub use identity::{Identity, identities_from_json};
pub use identity_key::IdentityKey;
pub use identity_user_id::IdentityUserId;
pub use idp_token::IdpToken;
pub use listed_identity::{
    ListedIdentity, UnreadableIdentity, listed_identities, listed_identities_of_user,
};
pub use parse_id_error::{ParseIdError, ParseIdErrorKind};
pub use profile_data::ProfileData;
pub use provider_name::ProviderName;
pub use strum::{EnumCount, IntoEnumIterator};
pub use user::{User, users_from_json};
pub use user_id::UserId;
