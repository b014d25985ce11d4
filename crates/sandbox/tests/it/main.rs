//! The local tenant as a client sees it: raw HTTP over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that unwraps fails with a place and a message"
)]

mod assertions;
mod client;
mod clock;
mod controls;
mod cors;
mod creating;
mod docs;
mod exporting;
mod faults;
mod limits;
mod linking;
mod listing;
mod logging;
mod oauth;
mod page;
mod properties;
mod provenance;
mod reading;
mod recorded;
mod schema;
mod searching;
mod tls;
mod tokens;
mod unlinking;
mod updating;
