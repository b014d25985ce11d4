//! Jobs as an operator has them made and worked on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that unwraps fails with a place and a message"
)]

mod applying;
mod bad_input;
mod checking;
mod deleting;
mod durability;
mod evidence;
mod exporting;
mod job_files;
mod kills;
mod migrating;
mod planning;
mod purging;
mod syncs;
mod together;
mod undoing;
mod viewing;
mod waiting;
