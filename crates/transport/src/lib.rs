//! How bytes reach an Auth0 tenant: paths, tokens, TLS, retry, errors.
//!
//! A [`Client`] runs [`Operation`]s: requests that say how their answer reads and how a lost answer is
//! settled. It knows nothing of users and identities; that is the `unlink` crate's part. Each layer can be
//! used alone: describe a [`Request`] and send it with any HTTP client, or give a [`Client`] a
//! [`RoundTrip`] of your own.
//!
//! Each call is a `tracing` span `auth0` at level debug, with the operation and, once it has ended, the attempts, the status
//! of the last answer and the time waited in between (`wait_ms`); what did not work on the way is an event in it. No
//! secret, body or path is traced, and without a subscriber nothing is written out.
//!
//! Feature `hyper`, with `ring` (default) or `aws-lc-rs` for TLS: the built-in round trip and clock. Without it there is no hyper, no rustls
//! and no tokio in the tree, and a client is given both.
//!
//! Feature `private-key-jwt`: client credentials by a signed assertion.
//!
//! Feature `test-util`: a round trip that answers from a script.

mod call;
mod client;
mod client_credentials;
mod error;
mod headers;
mod hint;
#[cfg(feature = "hyper")]
mod hyper;
mod operation;
mod pace;
mod path;
#[cfg(feature = "private-key-jwt")]
mod private_key;
mod rate_limit;
mod request;
mod retry;
mod round_trip;
#[cfg(feature = "test-util")]
mod scripted;
mod tenant;
mod time;
mod token;

#[cfg(feature = "hyper")]
pub use crate::hyper::{Download, Downloads};
pub use client::{Call, Channel, Client, ClientBuilder};
pub use client_credentials::ClientCredentials;
pub use error::{Answer, DecodeError, Error, ErrorKind};
pub use hint::Hint;
pub use operation::{Answered, Operation, Settled, SettledBy};
pub use pace::{Limit, Pace, Pacing, Priority, Reserve};
pub use path::{Path, PathError};
#[cfg(feature = "private-key-jwt")]
pub use private_key::{PrivateKey, SigningAlgorithm};
pub use rate_limit::RateLimit;
pub use request::{Body, Request, Response};
pub use round_trip::{
    BoxFuture, Delivery, MaybeSendSync, RoundTrip, RoundTripError, RoundTripFailure,
};
#[cfg(feature = "test-util")]
pub use scripted::ScriptedRoundTrip;
pub use tenant::{Tenant, TenantError};
pub use time::Time;
pub use token::{AccessToken, TokenSource};
