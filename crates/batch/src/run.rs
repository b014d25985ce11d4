//! Runs of a job: row after row, so that one may end at any instant and another one go on with it.

mod engine;
mod journal;
mod meter;
mod options;
mod outage;
mod results;
mod stop;
mod worker;

use std::time::{Duration, SystemTime};

pub use self::stop::{Stop, Stopper};
pub(crate) use self::{
    engine::run,
    journal::{Journal, Reading},
    options::{Options, shared_options},
    worker::{Finding, Given, Setting, Verdict, Worker, told, undeleted},
};
use crate::{
    check::{CheckCounts, CheckOutcome},
    error::Error,
    job::{Counts, UndoCounts},
    outcome::{Outcome, Reason, UndoOutcome},
};

/// What came of one step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Of a row that was to be unlinked.
    Applied(Outcome),
    /// Of a row that was to be linked back.
    Undone(UndoOutcome),
    /// Of a user that was to be read.
    Checked(CheckOutcome),
}

impl Step {
    /// As the job file and reports have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied(outcome) => outcome.as_str(),
            Self::Undone(outcome) => outcome.as_str(),
            Self::Checked(outcome) => outcome.as_str(),
        }
    }

    /// Whether it counts towards the failures after which a run ends.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Applied(Outcome::Failed | Outcome::NotDeleted)
                | Self::Undone(UndoOutcome::Failed)
                | Self::Checked(CheckOutcome::Failed)
        )
    }
}

/// What came of a row, and how far the run is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The number of the row in the job; of a user that is read, that of its first row.
    pub row: u64,
    /// The user.
    pub user_id: unlink::UserId,
    /// The identity.
    pub identity: unlink::IdentityKey,
    /// The identity's connection, where an export or a read showed it.
    pub connection: Option<String>,
    /// What came of it.
    pub step: Step,
    /// Why it came out so, to be told apart.
    pub reason: Option<Reason>,
    /// Why, where there is something to say.
    pub message: Option<String>,
    /// What was odd in the tenant's answers, where anything was.
    pub warning: Option<String>,
    /// How often its request was sent, or tried to be.
    pub attempts: u32,
    /// How many rows of this run ended how, if it applies the job.
    pub counts: Counts,
    /// How many rows of this run ended how, if it links back.
    pub undone: UndoCounts,
    /// How many users of this run were read, if it checks the job.
    pub checked: CheckCounts,
}

/// A wait for the tenant, during which one row at a time tries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wait {
    /// When the next row tries.
    pub until: SystemTime,
    /// Why, in words.
    pub message: String,
}

/// Why a run ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ending {
    /// There is nothing left to do.
    Complete,
    /// The run did as many rows as it may.
    Max,
    /// As many rows failed as may.
    MaxFailures,
    /// The canary's rows are done and as they should be, as reads of both accounts show; look at them yourself.
    Canary,
    /// The canary's rows are done, and a read of the accounts does not show what it should.
    CanaryWrong(String),
    /// It was stopped.
    Stopped,
    /// Its time was up.
    Until,
    /// The tenant could not be reached for too long.
    Unreachable(Error),
    /// The tenant refuses all that is asked: the token is not accepted, or may not do this.
    Refused(Error),
}

impl Ending {
    /// What the list of runs says.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Max => "max",
            Self::MaxFailures => "max failures",
            Self::Canary => "canary",
            Self::CanaryWrong(_) => "canary wrong",
            Self::Stopped => "stopped",
            Self::Until => "until",
            Self::Unreachable(_) => "unreachable",
            Self::Refused(_) => "refused",
        }
    }
}

/// What a run did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Summary {
    /// Why it ended.
    pub ending: Ending,
    /// How many rows of this run ended how, if it applied the job; `pending` and `unknown` are the job's.
    pub counts: Counts,
    /// How many rows of this run ended how, if it linked back; `unknown` is the job's.
    pub undone: UndoCounts,
    /// How many users of this run were read, if it checked the job.
    pub checked: CheckCounts,
    /// What it sent, as far as it was counted.
    pub traffic: crate::Traffic,
    /// How long it took.
    pub elapsed: Duration,
}
