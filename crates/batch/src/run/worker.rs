//! What does the rows of a run, and what it says of each.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use unlink::transport::Pace;

use super::{
    Step,
    journal::{Journal, Reading},
};
use crate::{
    error::{self, Error},
    job::{Pending, RunInfo, Work},
    outcome::Reason,
};

/// What does a row; it alone holds a client.
pub(crate) trait Worker: Send + Sync + 'static {
    /// What the run is for.
    fn kind(&self) -> Work;

    /// Does a row.
    fn work(self: Arc<Self>, row: Pending, journal: Journal) -> impl Future<Output = Given> + Send;

    /// What its client has sent, and how that fared.
    fn pace(&self) -> Pace;

    /// Looks at rows that are done; returns what is not as it should be.
    fn look(&self, done: &[(Pending, Step)]) -> impl Future<Output = Option<String>> + Send {
        let _ = done;
        async { None }
    }
}

/// A row that was worked on.
pub(crate) struct Given {
    pub(crate) row: Pending,
    pub(crate) verdict: Verdict,
}

/// What came of a row.
#[derive(Debug)]
pub(crate) enum Verdict {
    Done(Finding),
    /// The tenant cannot do it now.
    Later {
        error: unlink::Error,
        /// Whether the row itself may be the reason: the tenant answers other requests.
        counts: bool,
        /// How long the tenant asked to wait.
        asked: Option<Duration>,
    },
    /// The tenant refuses this and whatever else is asked.
    Refused(unlink::Error),
    /// Half of it is done: that is kept, and the other half is as the second says.
    Half(Finding, Box<Self>),
    /// The job file cannot be written.
    Broken(Error),
}

/// A result.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) step: Step,
    /// Whether the next run goes on with it.
    pub(crate) is_open: bool,
    pub(crate) attempts: u32,
    pub(crate) reason: Option<Reason>,
    pub(crate) message: Option<String>,
    pub(crate) warning: Option<String>,
    pub(crate) answered_at: Option<SystemTime>,
}

impl Finding {
    pub(crate) const fn new(step: Step) -> Self {
        Self {
            step,
            is_open: false,
            attempts: 0,
            reason: None,
            message: None,
            warning: None,
            answered_at: None,
        }
    }

    pub(crate) fn because(step: Step, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason: Some(reason),
            message: Some(message.into()),
            ..Self::new(step)
        }
    }
}

/// What a run is told beside its options.
pub(crate) struct Setting {
    pub(crate) info: RunInfo,
    pub(crate) reading: Reading,
    /// How many rows are done for a look at them.
    pub(crate) canary: Option<u64>,
    pub(crate) is_canary_right: bool,
    /// The rows of a run that links back.
    pub(crate) chosen: Vec<(u64, u64)>,
}

/// The error and its causes, in a line.
pub(crate) fn told(error: &unlink::Error) -> String {
    error::chain(error)
}

/// Why an account is still to be deleted: nobody knows what became of a deletion, or it just cannot be done now.
pub(crate) fn undeleted(row: &Pending, error: &unlink::Error) -> Reason {
    if row.is_deletion_unsure || error.may_have_been_applied() {
        Reason::Unsure
    } else {
        Reason::Unavailable
    }
}
