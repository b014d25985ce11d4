//! The transport as its users see it: the loop against a script and a paused clock, and real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that unwraps fails with a place and a message"
)]

mod assertions;
mod downloads;
mod loop_;
mod sockets;
mod tokens;
