//! Checking a job: the users that its source did not show are read, and nothing is changed.

use std::{collections::BTreeSet, fmt, sync::Arc};

use unlink::{
    ErrorKind as Failure,
    transport::{self, Pace},
};

use crate::{
    apply::{self, check_tenant},
    error::Error,
    job::{Job, Pending, Seen, Work},
    outcome::Reason,
    reader::{ReadUser, Reader},
    run::{
        self, Finding, Given, Journal, Options, Reading, Setting, Step, Stop, Summary, Verdict,
        Worker, shared_options,
    },
};

/// What the read of a user showed of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CheckOutcome {
    /// Every identity is linked, as the rows say.
    AsPlanned,
    /// An identity is not linked, or the main one, or cannot be told from another.
    Differs,
    /// There is no such user.
    NoSuchUser,
    /// The user could not be read.
    Failed,
}

impl CheckOutcome {
    /// As reports have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AsPlanned => "as planned",
            Self::Differs => "differs",
            Self::NoSuchUser => "no such user",
            Self::Failed => "failed",
        }
    }
}

/// How many users were read, and what that showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckCounts {
    /// Every identity is linked, as the rows say.
    pub as_planned: u64,
    /// An identity is not linked, or the main one, or cannot be told from another.
    pub differs: u64,
    /// There is no such user.
    pub no_such_user: u64,
    /// The user could not be read.
    pub failed: u64,
}

impl CheckCounts {
    pub(crate) const fn add(&mut self, outcome: CheckOutcome) {
        *match outcome {
            CheckOutcome::AsPlanned => &mut self.as_planned,
            CheckOutcome::Differs => &mut self.differs,
            CheckOutcome::NoSuchUser => &mut self.no_such_user,
            CheckOutcome::Failed => &mut self.failed,
        } += 1;
    }
}

/// How a job is checked; without a bound on the number of users if not said.
pub struct Check {
    shared: Options,
    connections: Option<BTreeSet<String>>,
}

impl Default for Check {
    fn default() -> Self {
        Self {
            shared: Options::new(u64::MAX),
            connections: None,
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("options", &self.shared.info(&[]).options)
            .finish_non_exhaustive()
    }
}

shared_options!(Check);

impl Check {
    /// The names of the tenant's connections: an identity of any other is none to log in with.
    #[must_use]
    pub fn connections(self, names: impl IntoIterator<Item = String>) -> Self {
        Self {
            connections: Some(names.into_iter().collect()),
            ..self
        }
    }
}

impl Job {
    /// Reads each user that the source of the plan did not show, once: what it looks like becomes the evidence of its
    /// rows, and who is left without something is counted as for an export. A run that ends early is gone on with by
    /// the next.
    ///
    /// # Errors
    ///
    /// [`OtherTenant`](crate::ErrorKind::OtherTenant), [`Digest`](crate::ErrorKind::Digest) and
    /// [`Purged`](crate::ErrorKind::Purged) before anything is sent; [`Storage`](crate::ErrorKind::Storage).
    pub async fn check(
        self,
        reader: &Reader,
        options: Check,
        stop: Stop,
    ) -> Result<Summary, Error> {
        check_tenant(self.plan(), reader.tenant())?;
        self.view().check_purged()?;
        self.view().check_digest(options.shared.expect)?;
        let setting = Setting {
            info: options.shared.info(&[]),
            reading: Reading::Always,
            canary: None,
            is_canary_right: false,
            chosen: Vec::new(),
        };
        let worker = Reads {
            reader: reader.clone(),
            in_full: self.plan().keeps_profiles,
            connections: options.connections.map(Arc::new),
        };
        run::run(self, worker, options.shared, setting, stop).await
    }
}

/// Reads users.
struct Reads {
    reader: Reader,
    in_full: bool,
    connections: Option<Arc<BTreeSet<String>>>,
}

impl Worker for Reads {
    fn kind(&self) -> Work {
        Work::Check
    }

    async fn work(self: Arc<Self>, row: Pending, journal: Journal) -> Given {
        let (Ok(verdict) | Err(verdict)) = self.read(&row, &journal).await;
        Given { row, verdict }
    }

    fn pace(&self) -> Pace {
        self.reader.pace()
    }
}

impl Reads {
    async fn read(&self, row: &Pending, journal: &Journal) -> Result<Verdict, Verdict> {
        let failed = Step::Checked(CheckOutcome::Failed);
        let user = &row.user_id;
        let judge = |error| {
            apply::judge(error, failed, |reason, message| {
                Verdict::Done(Finding::because(failed, reason, message))
            })
        };
        let operation = ReadUser::new(user, self.in_full).map_err(judge)?;
        let seen = match self.reader.execute(operation).await {
            Ok(read) => Seen::of(read.output.snapshot)
                .read(read.output.line, self.in_full)
                .among(self.connections.clone()),
            Err(error) => {
                if error.kind() != Failure::Request(transport::ErrorKind::NotFound) {
                    return Err(judge(error));
                }
                let nothing = unlink::Snapshot::new(user.clone(), Vec::new());
                journal
                    .see(row.number, Seen::of(nothing))
                    .await
                    .map_err(Verdict::Broken)?;
                let step = Step::Checked(CheckOutcome::NoSuchUser);
                let message = "there is no such user";
                return Ok(Verdict::Done(Finding::because(
                    step,
                    Reason::NoSuchUser,
                    message,
                )));
            }
        };
        let differs = journal.see(row.number, seen).await;
        let step = match differs.map_err(Verdict::Broken)? {
            0 => CheckOutcome::AsPlanned,
            _ => CheckOutcome::Differs,
        };
        Ok(Verdict::Done(Finding::new(Step::Checked(step))))
    }
}
