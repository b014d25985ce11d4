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
//! More examples: [one unlinking](Client), [unlinking and deleting](Client::unlink_and_delete), [a user's own
//! token](CurrentUser), [machine-to-machine credentials](transport::ClientCredentials).
//!
//! # Openings
//!
//! The typed requests ([`ChangeIdentity`] and others) can be built and decoded with any HTTP client; a
//! [`transport::Client`] of your own settings makes a [`Client`] by `From`.
//!
//! A token from wherever the application keeps it:
//!
//! ```
//! use transport::{BoxFuture, Channel, Error, ErrorKind};
//! use unlink::{AccessToken, Client, TokenSource, transport};
//!
//! /// Asks the service that all our processes get their tokens from.
//! struct FromVault;
//!
//! impl TokenSource for FromVault {
//!     fn token(&self, _channel: &Channel) -> BoxFuture<Result<AccessToken, Error>> {
//!         Box::pin(async {
//!             let answer = ask_the_vault().await;
//!             answer.map_err(|cause| Error::new(ErrorKind::Token, "the vault is closed").with_source(cause))
//!                 .and_then(AccessToken::new)
//!         })
//!     }
//! }
//! # async fn ask_the_vault() -> std::io::Result<String> { Ok("e30.e30.c2ln".to_owned()) }
//!
//! let client = Client::new("example.eu.auth0.com".parse()?, FromVault)?;
//! # let _ = client;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Requests by another HTTP library, or by none in a test of your own:
//!
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use transport::{BoxFuture, RoundTrip, RoundTripError};
//! use unlink::{AccessToken, Client, Outcome, transport};
//!
//! /// A tenant with one user, who has unlinked GitHub as soon as somebody asks for it.
//! struct Played;
//!
//! impl RoundTrip for Played {
//!     fn round_trip(
//!         &self,
//!         request: http::Request<Bytes>,
//!         _limit: Duration,
//!     ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
//!         let body = if request.method() == "DELETE" {
//!             r#"[{"provider":"auth0","user_id":"1"}]"#
//!         } else {
//!             r#"{"identities":[{"provider":"auth0","user_id":"1"},{"provider":"github","user_id":2}]}"#
//!         };
//!         Box::pin(async move { Ok(http::Response::new(Bytes::from(body))) })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let token = AccessToken::new("e30.e30.c2ln")?;
//! let transport = transport::Client::builder("example.eu.auth0.com".parse()?, token);
//! let client = Client::from(transport.round_trip(Played).build()?);
//! let outcome = client.unlink(&"auth0|1".parse()?, &"github|2".parse()?).await?;
//! assert!(matches!(outcome, Outcome::Unlinked(done) if done.remaining.len() == 1));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `hyper` with `ring` (default) or `aws-lc-rs` is the built-in round trip and clock; without it a client is given both.
//! `private-key-jwt` is client credentials by a signed assertion, `test-util` a round trip that answers from a script.

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
