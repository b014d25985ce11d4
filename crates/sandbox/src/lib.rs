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
mod builder;
mod call;
mod clock;
mod connections;
mod engine;
mod errors;
mod identities;
mod jwt;
mod keys;
mod link_request;
mod log;
mod misspelling;
mod oauth;
pub mod provenance;
mod providers;
mod ready;
mod redact;
mod routes;
mod sandbox;
mod seed;
mod server;
mod settings;
mod tenant;
mod users;

pub use builder::Builder;
pub use log::{Change, Effect, RecordedRequest};
pub use ready::Ready;
pub use sandbox::Sandbox;
pub use seed::{Seed, SeedError};
