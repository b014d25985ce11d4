//! The built `auth0-unlink`, run as a user runs it: arguments, environment and streams in, exit code and streams out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so with a place"
)]

mod application;
mod deleting;
mod demo;
mod doctor;
mod failures;
mod help;
mod linking;
mod listing;
mod manual;
#[cfg(unix)]
mod prompt;
mod proxy;
mod readme;
mod recorder;
#[cfg(unix)]
mod resuming;
mod sandbox;
mod scopes;
mod secrets;
mod serving;
mod settings;
mod streams;
mod support;
mod transcript;
mod unlinking;
mod unread;
mod wire;
