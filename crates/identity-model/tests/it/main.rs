//! What users of the crate rely on, tried from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that unwraps fails with a place and a message"
)]

mod decode_errors;
mod ids;
mod json;
mod listed_identity;
mod provider_name;
mod recorded;
mod round_trip;
mod secrets;
