//! Applying a job: row after row, so that a run may end at any instant and another one go on with it.

mod engine;
mod journal;
mod outage;
mod row;
mod stop;

use std::{
    fmt,
    num::NonZeroUsize,
    time::{Duration, SystemTime},
};

use unlink::Client;

pub use self::stop::{Stop, Stopper};
use crate::{
    digest::Digest,
    error::{Error, ErrorKind},
    job::{Counts, Job},
};

/// What a row is judged by, beside the answer to its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// The user is read before the call, unless an export of the last day shows it and nothing is deleted.
    #[default]
    Auto,
    /// The user is always read before the call.
    Read,
    /// The user is not read. A row that no export shows can then only come out as absent.
    Unread,
}

type OnResult = Box<dyn FnMut(&Progress) + Send>;

/// How a job is applied.
///
/// ```
/// use unlink_batch::Apply;
///
/// let apply = Apply::default().max(8_000).max_failures(5).canary(3);
/// # let _ = apply;
/// ```
pub struct Apply {
    expect: Option<Digest>,
    evidence: Evidence,
    concurrency: NonZeroUsize,
    max: u64,
    max_failures: u64,
    canary: Option<u64>,
    canary_is_right: bool,
    until: Option<SystemTime>,
    patience: Duration,
    client: String,
    operator: String,
    on_result: Option<OnResult>,
}

impl Default for Apply {
    fn default() -> Self {
        Self {
            expect: None,
            evidence: Evidence::Auto,
            concurrency: NonZeroUsize::MIN.saturating_add(15),
            max: 1_000,
            max_failures: 10,
            canary: None,
            canary_is_right: false,
            until: None,
            patience: Duration::from_secs(10 * 60),
            client: String::new(),
            operator: String::new(),
            on_result: None,
        }
    }
}

impl fmt::Debug for Apply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apply")
            .field("expect", &self.expect.map(|digest| digest.to_string()))
            .field("evidence", &self.evidence)
            .field("concurrency", &self.concurrency)
            .field("max", &self.max)
            .field("max_failures", &self.max_failures)
            .field("canary", &self.canary)
            .field("canary_is_right", &self.canary_is_right)
            .field("until", &self.until)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Apply {
    /// Applies the job only if its digest is this one.
    #[must_use]
    pub fn expect(self, digest: Digest) -> Self {
        Self {
            expect: Some(digest),
            ..self
        }
    }

    /// What rows are judged by; [`Evidence::Auto`] if not said.
    #[must_use]
    pub fn evidence(self, evidence: Evidence) -> Self {
        Self { evidence, ..self }
    }

    /// How many rows are worked on at once; 16 if not said. Rows of one user never are.
    #[must_use]
    pub fn concurrency(self, concurrency: NonZeroUsize) -> Self {
        Self {
            concurrency,
            ..self
        }
    }

    /// How many rows this run does at most; 1,000 if not said.
    #[must_use]
    pub fn max(self, rows: u64) -> Self {
        Self { max: rows, ..self }
    }

    /// After how many failed rows this run ends; 10 if not said.
    #[must_use]
    pub fn max_failures(self, rows: u64) -> Self {
        Self {
            max_failures: rows,
            ..self
        }
    }

    /// Does this many rows, reads what became of them, and ends; the next run must be told that they are right.
    #[must_use]
    pub fn canary(self, rows: u64) -> Self {
        Self {
            canary: Some(rows),
            ..self
        }
    }

    /// The rows of the canary were looked at and are right.
    #[must_use]
    pub fn canary_is_right(self) -> Self {
        Self {
            canary_is_right: true,
            ..self
        }
    }

    /// Begins no row after this time, and waits for a tenant that cannot be reached until then.
    #[must_use]
    pub fn until(self, time: SystemTime) -> Self {
        Self {
            until: Some(time),
            ..self
        }
    }

    /// How long to wait for a tenant that cannot be reached, without a time to end at; ten minutes if not said.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Who applies it, for the list of runs in the job: the id of the client, and the operating system's user.
    #[must_use]
    pub fn by(self, client: impl Into<String>, operator: impl Into<String>) -> Self {
        Self {
            client: client.into(),
            operator: operator.into(),
            ..self
        }
    }

    /// Is told of each row as its result is known.
    #[must_use]
    pub fn on_result(self, told: impl FnMut(&Progress) + Send + 'static) -> Self {
        Self {
            on_result: Some(Box::new(told)),
            ..self
        }
    }
}

/// What came of a row, and how far the run is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The number of the row in the job.
    pub row: u64,
    /// The user.
    pub user_id: unlink::UserId,
    /// The identity.
    pub identity: unlink::IdentityKey,
    /// What came of it: `unlinked`, `deleted`, `not deleted`, `not linked`, `absent`, `stale` or `failed`.
    pub outcome: &'static str,
    /// Why, where there is something to say.
    pub message: Option<String>,
    /// How many rows of this run ended how.
    pub counts: Counts,
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
    const fn as_str(&self) -> &'static str {
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
    /// How many rows of this run ended how; `pending` and `unknown` are the job's.
    pub counts: Counts,
    /// How many requests changed something or tried to, as far as they were answered.
    pub attempts: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Job {
    /// Does what the job says, until it is done or `stop` or `options` say so.
    ///
    /// A row's intent is on the disk before its request is sent, and its result soon after. Rows that an earlier run
    /// left in doubt are read first. Runs on tokio; dropping the future leaves rows in doubt and nothing lost.
    ///
    /// # Errors
    ///
    /// [`OtherTenant`](ErrorKind::OtherTenant), [`Digest`](ErrorKind::Digest) and
    /// [`CanaryWaits`](ErrorKind::CanaryWaits) before anything is sent; [`Storage`](ErrorKind::Storage).
    pub async fn apply(
        self,
        client: &Client,
        options: Apply,
        stop: Stop,
    ) -> Result<Summary, Error> {
        let tenant = client.transport().tenant().authority().to_string();
        if tenant != self.plan().tenant {
            let message = format!("the job is for {}, not for {tenant}", self.plan().tenant);
            return Err(Error::new(ErrorKind::OtherTenant, message));
        }
        let digest = self.digest()?;
        if digest != self.plan().digest {
            let message =
                "the job's rows are not those that were planned: someone changed the file";
            return Err(Error::new(ErrorKind::Digest, message));
        }
        if let Some(expected) = options.expect.filter(|expected| *expected != digest) {
            let message = format!(
                "the job's digest is {digest}, not {expected}: it is not what was reviewed"
            );
            return Err(Error::new(ErrorKind::Digest, message));
        }
        if self.canary_waits()? && !options.canary_is_right {
            let message =
                "the first rows were done for a look at them: say that they are right to go on";
            return Err(Error::new(ErrorKind::CanaryWaits, message));
        }
        engine::run(self, client, options, stop).await
    }
}
