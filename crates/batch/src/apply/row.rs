//! One row: read if need be, sent once its intent is on the disk, judged.

use std::{
    error::Error as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

use unlink::{
    Client, ErrorKind, Outcome as Came, Receipt, SettledBy, Snapshot,
    transport::{self, Pace},
};

use crate::{
    error::{Error, ErrorKind as Failed},
    job::{Action, Linked, Pending, Seen, Work},
    outcome::{Outcome, Reason},
    run::{Finding, Given, Journal, Step, Verdict, Worker, told, undeleted},
};

/// Unlinks rows.
pub(super) struct Unlinking {
    pub(super) client: Client,
    pub(super) job: Arc<str>,
    pub(super) action: Action,
    pub(super) source_made_at: SystemTime,
}

impl Worker for Unlinking {
    fn kind(&self) -> Work {
        Work::Apply
    }

    async fn work(self: Arc<Self>, row: Pending, journal: Journal) -> Given {
        let mut row = row;
        let verdict = match labelled(&self.client, &self.job, row.number) {
            Err(verdict) => verdict,
            Ok(client) => {
                let one = One {
                    client: &client,
                    action: self.action,
                    source_made_at: self.source_made_at,
                    journal: &journal,
                };
                let (Ok(verdict) | Err(verdict)) = one.unlink(&mut row).await;
                settle(&client, verdict).await
            }
        };
        Given { row, verdict }
    }

    fn pace(&self) -> Pace {
        self.client.transport().pace()
    }

    /// Reads both accounts of each row.
    async fn look(&self, done: &[(Pending, Step)]) -> Option<String> {
        for (row, step) in done {
            let (user, identity) = (&row.user_id, &row.identity);
            let is_deleted = match step {
                Step::Applied(Outcome::Unlinked) => false,
                Step::Applied(Outcome::Deleted) => true,
                other => return Some(format!("{user} {identity}: {}", other.as_str())),
            };
            let linked = row.linked.as_ref().map_or(identity, |linked| &linked.key);
            let read = match self.client.identities(user).await {
                Ok(read) => read,
                Err(error) => return Some(format!("{user}: {}", told(&error))),
            };
            let listed = read.identities().unwrap_or_default();
            if Snapshot::of(user.clone(), listed)
                .resolve(linked)
                .is_ok_and(|found| found.is_some())
            {
                return Some(format!("{user}: {linked} is still linked"));
            }
            let separate = self.client.identities(&linked.separate_user_id()).await;
            let is_missing = |error: &unlink::Error| {
                error.kind() == ErrorKind::Request(transport::ErrorKind::NotFound)
            };
            match separate {
                Ok(_) if is_deleted => return Some(format!("{linked} is still there")),
                Err(error) if !(is_deleted && is_missing(&error)) => {
                    return Some(format!("{linked}: {}", told(&error)));
                }
                _ => {}
            }
        }
        None
    }
}

/// A client whose requests carry the row's name, which the tenant's log shows.
pub(crate) fn labelled(client: &Client, job: &str, number: i64) -> Result<Client, Verdict> {
    let label = format!("{job}-{number}");
    match client.transport().with_header("X-Correlation-ID", &label) {
        Ok(transport) => Ok(client.with_transport(transport)),
        Err(error) => {
            let message = "the job's name cannot be sent to the tenant";
            Err(Verdict::Broken(
                Error::new(Failed::Tenant, message).with_source(error),
            ))
        }
    }
}

/// Finds out whether a row that does not work is the tenant's trouble or its own.
pub(crate) async fn settle(client: &Client, mut verdict: Verdict) -> Verdict {
    let later = match &mut verdict {
        Verdict::Half(_, rest) => &mut **rest,
        verdict => verdict,
    };
    if let Verdict::Later { counts, .. } = later
        && *counts
    {
        *counts = is_answering(client).await;
    }
    verdict
}

/// Whether the tenant answers when asked for a user that it does not have.
async fn is_answering(client: &Client) -> bool {
    use transport::ErrorKind as Failure;

    let Ok(nobody) = "auth0|000000000000000000000000".parse() else {
        return false;
    };
    let once = client.with_transport(client.transport().with_attempts(1));
    match once.identities(&nobody).await {
        Ok(_) => true,
        Err(error) => matches!(
            error.kind(),
            ErrorKind::Request(Failure::NotFound | Failure::Forbidden | Failure::Rejected)
        ),
    }
}

/// What it takes to do a row.
struct One<'a> {
    client: &'a Client,
    action: Action,
    source_made_at: SystemTime,
    journal: &'a Journal,
}

fn done(outcome: Outcome, attempts: u32) -> Verdict {
    Verdict::Done(Finding {
        attempts,
        ..Finding::new(Step::Applied(outcome))
    })
}

fn because(outcome: Outcome, reason: Reason, message: impl Into<String>) -> Verdict {
    Verdict::Done(Finding::because(Step::Applied(outcome), reason, message))
}

impl One<'_> {
    async fn unlink(&self, row: &mut Pending) -> Result<Verdict, Verdict> {
        if row.is_unlinked {
            return Ok(self
                .delete(row, Finding::new(Step::Applied(Outcome::Unlinked)))
                .await);
        }
        if row.is_to_be_read || row.is_doubtful {
            match self.read(row).await? {
                Read::Linked => {}
                Read::Gone(finding) => return Ok(self.unlinked(row, finding).await),
            }
        }
        let called = match &row.seen {
            Some(seen) => self.client.unlink_seen(seen, &row.identity).await,
            None => self.client.unlink_unread(&row.user_id, &row.identity).await,
        };
        Ok(match called {
            Ok(Came::Unlinked(came)) => {
                let answered_at = match came.settled_by {
                    SettledBy::Answer => came.response.date(),
                    // When it was done is not known, but that it was not before this.
                    _ => self.last_linked(row),
                };
                let finding = Finding {
                    attempts: came.attempts,
                    answered_at,
                    warning: joined(&came.warnings),
                    ..Finding::new(Step::Applied(Outcome::Unlinked))
                };
                self.unlinked(row, finding).await
            }
            Ok(Came::Absent(came)) => Verdict::Done(Finding {
                attempts: came.attempts,
                answered_at: came.response.date(),
                warning: joined(&came.warnings),
                ..Finding::new(Step::Applied(Outcome::Absent))
            }),
            Ok(Came::NotLinked(_)) => done(Outcome::NotLinked, 0),
            Ok(_) => because(
                Outcome::Failed,
                Reason::Rejected,
                "an outcome that is not known here",
            ),
            Err(error) => judged(error),
        })
    }

    async fn read(&self, row: &mut Pending) -> Result<Read, Verdict> {
        let operation = unlink::TakeSnapshot::new(&row.user_id).map_err(judged)?;
        let read = self.client.transport().call().execute(operation).await;
        let read = read.map_err(|error| judged(error.into()))?;
        let now = read.output;
        let Some(listed) = now.resolve(&row.identity).map_err(judged)? else {
            if row.is_doubtful {
                let finding = Finding {
                    answered_at: self.last_linked(row),
                    ..Finding::new(Step::Applied(Outcome::Unlinked))
                };
                // Never seen linked by this job, it may have been anyone's doing.
                return match row.linked {
                    Some(_) => Ok(Read::Gone(finding)),
                    None => Err(done(Outcome::Absent, 0)),
                };
            }
            // Sends nothing that changes anything: it looks whether the identity is an account of its own.
            return Err(match self.client.unlink_seen(&now, &row.identity).await {
                Ok(_) => done(Outcome::NotLinked, 0),
                Err(error) => judged(error),
            });
        };
        let before = row
            .linked
            .as_ref()
            .and_then(|seen| seen.connection.as_deref());
        if before.is_some() && before != listed.connection() {
            let reason = "the identity is of another connection than when it was planned";
            return Err(because(Outcome::Stale, Reason::OtherConnection, reason));
        }
        let linked = Linked::of(listed, now.read_at());
        // Kept before the call, so that a later run knows that this job saw it linked.
        let written = self.journal.intend(row.number, Some(Seen::of(now.clone())));
        written.await.map_err(Verdict::Broken)?;
        row.linked = Some(linked);
        row.seen = Some(now);
        Ok(Read::Linked)
    }

    /// When it was last seen linked, by the tenant's clock or an export.
    fn last_linked(&self, row: &Pending) -> Option<SystemTime> {
        let read = row.linked.as_ref().and_then(|seen| seen.at);
        Some(read.unwrap_or(self.source_made_at))
    }

    async fn unlinked(&self, row: &Pending, finding: Finding) -> Verdict {
        match self.action {
            Action::Unlink => Verdict::Done(finding),
            Action::UnlinkAndDelete => self.delete(row, finding).await,
        }
    }

    /// The second half; what fails in it leaves a row that is unlinked.
    async fn delete(&self, row: &Pending, unlinked: Finding) -> Verdict {
        let seen = row.linked.as_ref().and_then(|seen| Some((seen, seen.at?)));
        let Some((seen, read_at)) = seen else {
            let reason = "unlinked; not deleted, because no read of this job showed it linked";
            return because(Outcome::NotDeleted, Reason::NotProven, reason);
        };
        let mut receipt = Receipt::new(row.user_id.clone(), seen.key.clone(), read_at);
        if let Some(connection) = &seen.connection {
            receipt = receipt.in_connection(connection);
        }
        match self.client.delete_separate(&receipt).await {
            Ok(deleted) => Verdict::Done(Finding {
                step: Step::Applied(Outcome::Deleted),
                attempts: unlinked.attempts + deleted.attempts,
                ..unlinked
            }),
            Err(error) => not_deleted(error, row, unlinked),
        }
    }
}

/// What it means that a row is unlinked, and its account is not deleted.
fn not_deleted(error: unlink::Error, row: &Pending, unlinked: Finding) -> Verdict {
    use transport::ErrorKind as Failure;

    let finding = |reason, is_open| Finding {
        step: Step::Applied(Outcome::NotDeleted),
        is_open,
        reason: Some(reason),
        message: Some(told(&error)),
        ..unlinked.clone()
    };
    let request = match error.kind() {
        ErrorKind::InUse => return Verdict::Done(finding(Reason::InUse, false)),
        ErrorKind::NotProven => return Verdict::Done(finding(Reason::NotProven, false)),
        ErrorKind::Request(request) => decisive(request, &error),
        _ => return Verdict::Done(finding(Reason::Rejected, true)),
    };
    match request {
        // It was waited for, and there may have been a deletion.
        Failure::NotFound if row.is_deletion_unsure => Verdict::Done(Finding {
            step: Step::Applied(Outcome::Deleted),
            ..unlinked
        }),
        Failure::NotFound => Verdict::Done(finding(Reason::NoSuchAccount, true)),
        Failure::Token | Failure::Unauthorized | Failure::Forbidden => Verdict::Half(
            finding(Reason::Rejected, true),
            Box::new(Verdict::Refused(error)),
        ),
        Failure::Connect
        | Failure::Timeout
        | Failure::Interrupted
        | Failure::RateLimited
        | Failure::Unavailable
        | Failure::Decode
        | Failure::OutcomeUnknown => Verdict::Half(
            finding(undeleted(row, &error), true),
            Box::new(later(request, error)),
        ),
        _ => Verdict::Done(finding(Reason::Rejected, true)),
    }
}

fn judged(error: unlink::Error) -> Verdict {
    judge(error, Step::Applied(Outcome::Failed), |reason, message| {
        because(Outcome::Stale, reason, message)
    })
}

enum Read {
    /// It is linked, and on the disk that it is and that the request is about to be sent.
    Linked,
    /// It is not, and it was this job that saw it linked and may have sent the request.
    Gone(Finding),
}

fn joined(warnings: &[String]) -> Option<String> {
    (!warnings.is_empty()).then(|| warnings.join("; "))
}

/// What an error says of its row, and of the rows after it; `stale` is what it means that something is not there.
pub(crate) fn judge(
    error: unlink::Error,
    failed: Step,
    stale: impl Fn(Reason, String) -> Verdict,
) -> Verdict {
    use transport::ErrorKind as Failure;

    let failing = |reason| Verdict::Done(Finding::because(failed, reason, told(&error)));
    let request = match error.kind() {
        ErrorKind::MainIdentity => return stale(Reason::MainIdentity, told(&error)),
        ErrorKind::NoSuchIdentity => return stale(Reason::NoSuchIdentity, told(&error)),
        ErrorKind::Ambiguous => return failing(Reason::Ambiguous),
        ErrorKind::NotChanged => return failing(Reason::NotChanged),
        ErrorKind::Request(request) => decisive(request, &error),
        _ => return failing(Reason::Rejected),
    };
    match request {
        Failure::NotFound => stale(
            Reason::NoSuchUser,
            "the user does not exist any more".to_owned(),
        ),
        Failure::Token | Failure::Unauthorized | Failure::Forbidden => Verdict::Refused(error),
        Failure::Input | Failure::Conflict | Failure::Rejected
            if !error.may_have_been_applied() =>
        {
            failing(Reason::Rejected)
        }
        request => later(request, error),
    }
}

/// What failed: where a token cannot be got for now, the way to it, which says nothing of the row or of the token.
fn decisive(request: transport::ErrorKind, error: &unlink::Error) -> transport::ErrorKind {
    use transport::ErrorKind as Failure;

    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<transport::Error>());
    match (request, cause.map(transport::Error::kind)) {
        (
            Failure::Token,
            Some(
                way @ (Failure::Connect
                | Failure::Timeout
                | Failure::Interrupted
                | Failure::RateLimited
                | Failure::Unavailable
                | Failure::Decode),
            ),
        ) => way,
        _ => request,
    }
}

fn later(request: transport::ErrorKind, error: unlink::Error) -> Verdict {
    use transport::ErrorKind as Failure;

    let retry_at = error.request().and_then(transport::Error::retry_at);
    let asked = retry_at.and_then(|at| at.duration_since(SystemTime::now()).ok());
    Verdict::Later {
        counts: !matches!(request, Failure::Connect | Failure::RateLimited),
        asked: asked.filter(|wait| *wait < Duration::MAX),
        error,
    }
}
