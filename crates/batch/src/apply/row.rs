//! One row: read if need be, sent once its intent is on the disk, judged.

use std::time::{Duration, SystemTime};

use unlink::{Client, ErrorKind, ListedIdentity, Outcome, Receipt, Snapshot, transport};

use super::journal::Journal;
use crate::{
    error::{self, Error},
    job::{Action, Pending, Seen},
};

/// What came of a row.
#[derive(Debug)]
pub(super) enum Verdict {
    Done {
        outcome: &'static str,
        is_open: bool,
        attempts: u32,
        message: Option<String>,
    },
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
    /// The job file cannot be written.
    Broken(Error),
}

impl Verdict {
    fn done(outcome: &'static str, attempts: u32) -> Self {
        Self::Done {
            outcome,
            is_open: false,
            attempts,
            message: None,
        }
    }

    fn because(outcome: &'static str, reason: impl Into<String>) -> Self {
        Self::Done {
            outcome,
            is_open: false,
            attempts: 0,
            message: Some(reason.into()),
        }
    }
}

/// A client whose requests carry the row's name, which the tenant's log shows.
pub(super) fn labelled(
    client: &Client,
    job: &str,
    number: i64,
) -> Result<Client, transport::Error> {
    let label = format!("{job}-{number}");
    Ok(client
        .transport()
        .with_header("X-Correlation-ID", &label)?
        .into())
}

pub(super) async fn run(
    client: &Client,
    row: &mut Pending,
    action: Action,
    journal: &Journal,
) -> Verdict {
    let (Ok(mut verdict) | Err(mut verdict)) = unlink(client, row, action, journal).await;
    if let Verdict::Later { counts, .. } = &mut verdict {
        *counts = *counts && is_answering(client).await;
    }
    verdict
}

/// Whether the tenant answers when asked for a user that it does not have.
async fn is_answering(client: &Client) -> bool {
    use transport::ErrorKind as Failure;

    let Ok(nobody) = "auth0|000000000000000000000000".parse() else {
        return false;
    };
    let once = Client::from(client.transport().with_attempts(1));
    match once.identities(&nobody).await {
        Ok(_) => true,
        Err(error) => matches!(
            error.kind(),
            ErrorKind::Request(Failure::NotFound | Failure::Forbidden | Failure::Rejected)
        ),
    }
}

async fn unlink(
    client: &Client,
    row: &mut Pending,
    action: Action,
    journal: &Journal,
) -> Result<Verdict, Verdict> {
    if row.is_unlinked {
        return Ok(delete(client, row, 0).await);
    }
    if row.is_to_be_read || row.is_doubtful {
        match read(client, row, journal).await? {
            Read::Linked => {}
            Read::Gone => return Ok(unlinked(client, row, action, 0).await),
        }
    }
    let called = match &row.seen {
        Some(seen) => client.unlink_seen(seen, &row.identity).await,
        None => client.unlink_unread(&row.user_id, &row.identity).await,
    };
    Ok(match called {
        Ok(Outcome::Unlinked(done)) => unlinked(client, row, action, done.attempts).await,
        Ok(Outcome::Absent(absent)) => Verdict::done("absent", absent.attempts),
        Ok(Outcome::NotLinked(_)) => Verdict::done("not linked", 0),
        Ok(_) => Verdict::because("failed", "an outcome that is not known here"),
        Err(error) => judge(error),
    })
}

enum Read {
    /// It is linked, and on the disk that it is and that the request is about to be sent.
    Linked,
    /// It is not, and it was this job that saw it linked and may have sent the request.
    Gone,
}

async fn read(client: &Client, row: &mut Pending, journal: &Journal) -> Result<Read, Verdict> {
    let operation = unlink::TakeSnapshot::new(&row.user_id).map_err(judge)?;
    let read = client.transport().call().execute(operation).await;
    let now = read.map_err(|error| judge(error.into()))?.output;
    let before = row
        .seen
        .as_ref()
        .and_then(|seen| planned(seen, row))
        .cloned();
    let Some(listed) = now.resolve(&row.identity).map_err(judge)? else {
        if row.is_doubtful {
            // Never seen linked by this job, it may have been anyone's doing.
            return before.map_or(Err(Verdict::done("absent", 0)), |_| Ok(Read::Gone));
        }
        // Sends nothing that changes anything: it looks whether the identity is an account of its own.
        return Err(match client.unlink_seen(&now, &row.identity).await {
            Ok(_) => Verdict::done("not linked", 0),
            Err(error) => judge(error),
        });
    };
    if let Some(before) = before
        && before.connection().is_some()
        && before.connection() != listed.connection()
    {
        let reason = "the identity is of another connection than when it was planned";
        return Err(Verdict::because("stale", reason));
    }
    // Kept before the call, so that a later run knows that this job saw it linked.
    let written = journal.intend(row.number, Some(Seen::of(&now))).await;
    written.map_err(Verdict::Broken)?;
    row.read_at = now.read_at();
    row.seen = Some(now);
    Ok(Read::Linked)
}

fn planned<'a>(seen: &'a Snapshot, row: &Pending) -> Option<&'a ListedIdentity> {
    seen.resolve(&row.identity).ok().flatten()
}

async fn unlinked(client: &Client, row: &Pending, action: Action, attempts: u32) -> Verdict {
    match action {
        Action::Unlink => Verdict::done("unlinked", attempts),
        Action::UnlinkAndDelete => delete(client, row, attempts).await,
    }
}

/// The second half; what fails in it leaves a row that is unlinked.
async fn delete(client: &Client, row: &Pending, attempts: u32) -> Verdict {
    let seen = row.seen.as_ref().and_then(|seen| planned(seen, row));
    let (Some(seen), Some(read_at)) = (seen, row.read_at) else {
        let reason = "unlinked; not deleted, because no read of this job showed it linked";
        return Verdict::because("not deleted", reason);
    };
    let receipt = Receipt::new(row.user_id.clone(), seen.key().clone(), read_at);
    match client.delete_separate(&receipt).await {
        Ok(deleted) => Verdict::done("deleted", attempts + deleted.attempts),
        Err(error) => Verdict::Done {
            outcome: "not deleted",
            is_open: !matches!(error.kind(), ErrorKind::InUse | ErrorKind::NotProven),
            attempts,
            message: Some(told(&error)),
        },
    }
}

/// What an error says of its row, and of the rows after it.
fn judge(error: unlink::Error) -> Verdict {
    use transport::ErrorKind as Failure;

    let request = match error.kind() {
        ErrorKind::MainIdentity | ErrorKind::NoSuchIdentity => {
            return Verdict::because("stale", told(&error));
        }
        ErrorKind::Request(request) => request,
        _ => return Verdict::because("failed", told(&error)),
    };
    match request {
        Failure::NotFound => Verdict::because("stale", "the user does not exist any more"),
        Failure::Token | Failure::Unauthorized | Failure::Forbidden => Verdict::Refused(error),
        Failure::Input | Failure::Conflict | Failure::Rejected | Failure::Decode
            if !error.may_have_been_applied() =>
        {
            Verdict::because("failed", told(&error))
        }
        request => {
            let retry_at = error.request().and_then(transport::Error::retry_at);
            let asked = retry_at.and_then(|at| at.duration_since(SystemTime::now()).ok());
            Verdict::Later {
                counts: !matches!(request, Failure::Connect | Failure::RateLimited),
                asked,
                error,
            }
        }
    }
}

/// The error and its causes, in a line.
pub(super) fn told(error: &unlink::Error) -> String {
    error::chain(error)
}
