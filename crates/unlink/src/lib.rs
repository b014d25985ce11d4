//! Unlink secondary accounts on Auth0.
//!
//! On Auth0 one person may have several linked accounts: one user with several *identities*. Unlinking takes one
//! off again: it leaves the user's `identities`, and a new account of its own appears for it, without metadata
//! ([Auth0's guide](https://auth0.com/docs/manage-users/user-accounts/user-account-linking/unlink-user-accounts)).
//!
//! An application that adds "disconnect Google" to its settings page:
//!
//! ```
//! use axum::{extract::State, http::StatusCode};
//! use unlink::{Client, ErrorKind, IdentityKey, UserId, transport};
//!
//! // `user` and `google` come from the session, not from the request.
//! async fn disconnect(client: State<Client>, user: UserId, google: IdentityKey) -> Result<(), StatusCode> {
//!     match client.unlink(&user, &google).await {
//!         Ok(_) => Ok(()),
//!         Err(error) => Err(match error.kind() {
//!             ErrorKind::MainIdentity => StatusCode::CONFLICT,
//!             ErrorKind::NoSuchIdentity => StatusCode::NOT_FOUND,
//!             ErrorKind::Request(transport::ErrorKind::RateLimited) => StatusCode::SERVICE_UNAVAILABLE,
//!             _ => StatusCode::BAD_GATEWAY,
//!         }),
//!     }
//! }
//! ```
//!
//! The typed requests ([`ChangeIdentity`] and others) can be built and decoded with any HTTP client; a
//! [`transport::Client`] of your own settings makes a [`Client`] by `From`.

mod change;
mod client;
mod current_user;
mod delete;
mod error;
mod link;
mod operations;
mod outcome;
mod resolve;
mod snapshot;
mod trace;

pub use change::{ChangeIdentity, ListedAfter};
pub use client::Client;
pub use current_user::CurrentUser;
pub use delete::{DeleteAccount, Deleted, Deletion, Gain, GetUser, Receipt, UnlinkedAndDeleted};
pub use error::{Error, ErrorKind};
pub use identity_model::{
    self, Identity, IdentityKey, IdentityUserId, IdpToken, ListedIdentity, ParseIdError,
    ProfileData, Provider, ProviderName, User, UserId,
};
pub use link::{LinkOutcome, Linked, Secondary};
pub use operations::{FindConnection, FindUsersByEmail, ListIdentities, TakeSnapshot};
pub use outcome::{Absent, NotLinked, Outcome, Unlinked};
pub use snapshot::Snapshot;
pub use transport::{self, AccessToken, SettledBy, Tenant, TokenSource};

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
