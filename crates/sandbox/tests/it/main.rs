//! The local tenant as a client sees it: raw HTTP over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that unwraps fails with a place and a message"
)]

mod client;
mod linking;
mod listing;
mod oauth;
mod reading;
mod tokens;
mod unlinking;
