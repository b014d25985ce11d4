//! Applying a job: every row unlinked, and deleted where that was planned.

mod row;

use std::{fmt, sync::Arc};

use unlink::{Client, transport::Priority};

use self::row::Unlinking;
pub(crate) use self::row::{judge, labelled, settle};
use crate::{
    digest::Digest,
    error::{Error, ErrorKind},
    job::{Action, Job, Plan},
    run::{self, Options, Reading, Setting, Stop, Summary, shared_options},
};

/// What a row is judged by, beside the answer to its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// The user is read before the call, unless an export or a read of the last day shows the identity linked and nothing
    /// is deleted.
    #[default]
    Auto,
    /// The user is always read before the call.
    Read,
    /// The user is not read. A row that no export shows can then only come out as absent.
    Unread,
}

impl Evidence {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "read auto",
            Self::Read => "read always",
            Self::Unread => "read never",
        }
    }
}

/// How a job is applied; 1,000 rows at most if not said.
///
/// ```
/// use unlink_batch::Apply;
///
/// let apply = Apply::default().max(8_000).max_failures(5).canary(3);
/// # let _ = apply;
/// ```
pub struct Apply {
    shared: Options,
    evidence: Evidence,
    canary: Option<u64>,
    canary_is_right: bool,
}

impl Default for Apply {
    fn default() -> Self {
        Self {
            shared: Options::new(1_000),
            evidence: Evidence::Auto,
            canary: None,
            canary_is_right: false,
        }
    }
}

impl fmt::Debug for Apply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apply")
            .field("options", &self.shared.info(&self.more()).options)
            .finish_non_exhaustive()
    }
}

shared_options!(Apply);

impl Apply {
    /// Applies the job only if its digest is this one.
    #[must_use]
    pub const fn expect(mut self, digest: Digest) -> Self {
        self.shared.expect = Some(digest);
        self
    }

    /// What rows are judged by; [`Evidence::Auto`] if not said.
    #[must_use]
    pub fn evidence(self, evidence: Evidence) -> Self {
        Self { evidence, ..self }
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

    fn more(&self) -> Vec<String> {
        let mut more = vec![self.evidence.as_str().to_owned()];
        more.extend(self.canary.map(|rows| format!("canary {rows}")));
        more.extend(self.canary_is_right.then(|| "canary ok".to_owned()));
        more
    }
}

impl Job {
    /// Does what the job says, until it is done or `stop` or `options` say so.
    ///
    /// A row's intent is on the disk before its request is sent, and its result soon after. Rows that an earlier run
    /// left in doubt are read first. Runs on tokio; dropping the future leaves rows in doubt and nothing lost.
    ///
    /// # Errors
    ///
    /// [`OtherTenant`](ErrorKind::OtherTenant), [`Digest`](ErrorKind::Digest), [`Purged`](ErrorKind::Purged) and
    /// [`CanaryWaits`](ErrorKind::CanaryWaits) before anything is sent; [`Storage`](ErrorKind::Storage).
    pub async fn apply(
        self,
        client: &Client,
        options: Apply,
        stop: Stop,
    ) -> Result<Summary, Error> {
        check_tenant(self.plan(), client.transport().tenant())?;
        self.view().check_purged()?;
        self.view().check_digest(options.shared.expect)?;
        if self.view().canary_waits()? && !options.canary_is_right {
            let message =
                "the first rows were done for a look at them: say that they are right to go on";
            return Err(Error::new(ErrorKind::CanaryWaits, message));
        }
        let plan = self.plan();
        let setting = Setting {
            info: options.shared.info(&options.more()),
            reading: Reading::ByEvidence {
                evidence: options.evidence,
                deletes: plan.action == Action::UnlinkAndDelete,
                source_made_at: plan.source_made_at,
            },
            canary: options.canary,
            is_canary_right: options.canary_is_right,
            chosen: Vec::new(),
        };
        let worker = Unlinking {
            client: client.with_transport(client.transport().with_priority(Priority::Bulk)),
            job: Arc::from(plan.job.as_str()),
            action: plan.action,
            source_made_at: plan.source_made_at,
        };
        run::run(self, worker, options.shared, setting, stop).await
    }
}

/// Refuses another tenant than the one that was planned for.
pub(crate) fn check_tenant(plan: &Plan, tenant: &unlink::Tenant) -> Result<(), Error> {
    let tenant = tenant.authority().to_string();
    if tenant == plan.tenant {
        return Ok(());
    }
    let message = format!("the job is for {}, not for {tenant}", plan.tenant);
    Err(Error::new(ErrorKind::OtherTenant, message))
}
