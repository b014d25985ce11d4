//! A local Auth0 tenant for tests: link and unlink with the real semantics, in-process or standalone.
//!
//! It keeps state and speaks raw JSON over HTTP; nothing in it is shared with a client, so a mistake in a client's model
//! cannot hide. Start one with [`Sandbox::start`], fill it with a [`Seed`], look at what it received and what really
//! changed with [`Sandbox::requests`], [`Sandbox::effects`] and [`Sandbox::user`]. Whatever Auth0 does not document is
//! listed, with how it is known, in [`provenance::TABLE`].
//!
//! The key that signs its tokens is in this crate, public, and worth nothing.

mod account;
mod app;
mod auth;
mod call;
mod clock;
mod engine;
mod errors;
mod identities;
mod jwt;
mod keys;
mod log;
mod misspelling;
pub mod provenance;
mod providers;
mod routes;
mod sandbox;
mod seed;
mod server;
mod tenant;
mod users;

pub use log::{Change, Effect, RecordedRequest};
pub use sandbox::{Builder, Sandbox};
pub use seed::{Seed, SeedError};
