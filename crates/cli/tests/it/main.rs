//! The built `auth0-unlink`, run as a user runs it: arguments, environment and streams in, exit code and streams out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so with a place"
)]

mod application;
mod applying;
mod deleting;
mod demo;
mod desk;
mod doctor;
mod failures;
mod help;
#[cfg(unix)]
mod interrupting;
mod linking;
mod listing;
mod manual;
mod night_shift;
mod planning;
#[cfg(unix)]
mod prompt;
mod proxy;
mod purging;
mod readme;
mod recorder;
mod reporting;
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
mod undoing;
mod unlinking;
mod unread;
mod wire;
