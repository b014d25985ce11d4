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
mod assertion;
mod auth;
mod builder;
mod call;
mod catalogue;
mod clock;
mod connections;
mod control;
mod cors;
mod create_user;
mod delivery;
mod engine;
mod entry;
mod errors;
mod events;
mod exchange;
mod export;
mod fault;
mod faults;
mod generate;
mod identities;
mod jwt;
mod keys;
mod limit_reply;
mod limiter;
mod link_request;
mod log;
mod logs;
mod misspelling;
mod oauth;
mod page;
mod plan;
pub mod provenance;
mod providers;
mod ready;
mod redact;
mod ring;
mod routes;
mod sandbox;
mod search;
mod seed;
mod seed_export;
mod seed_reader;
mod server;
mod settings;
mod tenant;
mod tls;
mod update_user;
mod user_fields;
mod users;
mod view;
mod wire;

pub use builder::Builder;
#[doc(hidden)]
pub use catalogue::reference_markdown;
pub use fault::{Apply, Fault, Kind};
pub use faults::{FaultId, Injected};
pub use generate::Population;
pub use log::{Change, Effect, Overflow, RecordedRequest};
pub use plan::{Model, Plan, Reset};
pub use ready::Ready;
pub use sandbox::Sandbox;
pub use seed::{Seed, SeedError};

/// The guide's examples are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sandbox.md")]
struct Guide;
