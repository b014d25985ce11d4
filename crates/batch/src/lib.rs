//! Many unlinkings on Auth0, from one job file: planned, reviewed, applied, stopped and gone on with.
//!
//! A [`Planner`] reads a list or an export and writes a job: what to do, in order, and what each user looked like. It
//! holds nothing that could change a tenant; a [`Reader`], which can read one alone, makes a fresh export
//! ([`Reader::export`]) and looks at the users that a list does not show ([`Job::check`]). [`Job::apply`] does what the
//! job says: what is about to be sent is on the disk before it is sent, so that a run that was killed at any instant is
//! gone on with by reading, not by guessing. [`Job::undo`] links back what is proven to have been taken off. A [`View`]
//! shows what came of it, also while a run goes on, and compares it with an export made after it ([`View::verify`]).
//! [`Job::purge`] removes the ids of people when all is done.
//!
//! ```no_run
//! use unlink_batch::{Apply, Job, Planner, Selection, Stop};
//!
//! # async fn example(client: unlink::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let plan = Planner::new("example.eu.auth0.com".parse()?)
//!     .selection(Selection::default().connection("old-saml"))
//!     .plan("job.db", "export.json.gz", std::fs::File::open("export.json.gz")?)?;
//! println!("{} identities, digest {}", plan.rows, plan.digest);
//!
//! let job = Job::open("job.db")?;
//! let (_stopper, stop) = Stop::new();
//! let summary = job.apply(&client, Apply::default().expect(plan.digest), stop).await?;
//! println!("{} unlinked", summary.counts.unlinked);
//! # Ok(())
//! # }
//! ```

mod apply;
mod check;
mod digest;
mod error;
mod export;
mod input;
mod job;
mod outcome;
mod plan;
mod preflight;
mod reader;
mod run;
mod traffic;
mod undo;

pub use apply::{Apply, Evidence};
pub use check::{Check, CheckCounts, CheckOutcome};
pub use digest::Digest;
pub use error::{Error, ErrorKind};
pub use export::{Export, ExportProgress, Exported};
pub use input::{BadLine, Columns, Selection};
pub use job::{
    Action, Counts, Group, Job, Plan, Purged, Row, Run, Slice, Status, UndoCounts, Undone,
    Verified, View, Warning, Work,
};
pub use outcome::{Outcome, Reason, UndoOutcome};
pub use plan::{Estimate, Limit, Planner};
pub use reader::Reader;
pub use run::{Ending, Progress, Step, Stop, Stopper, Summary, Wait};
pub use traffic::Traffic;
pub use undo::{RowRanges, Undo, UndoPreview};
pub use unlink;
