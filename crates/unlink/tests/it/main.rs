//! The facade as its users see it: judged by scripted answers, and end to end against a local tenant.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that unwraps fails with a place and a message"
)]

mod deleting;
mod faults;
mod judging;
mod linking;
mod requests;
mod secrets;
mod seen;
mod support;
mod tenant;
mod traces;
mod unread;
