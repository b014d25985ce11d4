//! The run of a job: which row next, how many at once, when to stop.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    future::{Future, pending},
    pin::Pin,
    time::{Duration, SystemTime},
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use unlink::{Client, UserId};

use super::{
    Apply, Ending, Progress, Summary,
    journal::{Journal, Reading},
    outage::Outage,
    row::{self, Verdict},
    stop::{Stop, Wish},
};
use crate::{
    error::{Error, ErrorKind},
    job::{Action, Counts, Finished, Job, Pending, Status},
};

/// How long what an export shows is taken for what is.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a row is tried in one run before it is left for the next.
const TRIES: u32 = 3;
/// The most rows that are in doubt after a kill, twice.
const LARGEST_BLOCK: usize = 2_048;

type NextRows = Pin<Box<dyn Future<Output = Result<Vec<Pending>, Error>> + Send>>;

struct Engine {
    client: Client,
    options: Apply,
    job: String,
    action: Action,
    journal: Journal,
    /// Rows to be begun, the first first.
    ready: VecDeque<Pending>,
    /// Rows of users of whom another row is in flight.
    held: HashMap<UserId, VecDeque<Pending>>,
    busy: HashSet<UserId>,
    in_flight: JoinSet<(Pending, Verdict)>,
    outage: Outage,
    counts: Counts,
    attempts: u64,
    /// Rows that this run may still take from the file.
    allowance: u64,
    is_file_empty: bool,
    /// The rows of the canary, to be looked at when they are done.
    sample: Vec<(UserId, unlink::IdentityKey, &'static str)>,
    ending: Option<Ending>,
    begun: Instant,
}

pub(super) async fn run(
    job: Job,
    client: &Client,
    mut options: Apply,
    stop: Stop,
) -> Result<Summary, Error> {
    let plan = job.plan().clone();
    let path = job.path().to_owned();
    // A gate that was passed is not set up again.
    if options.canary_is_right {
        options.canary = None;
    }
    let reading = Reading {
        evidence: options.evidence,
        action: plan.action,
        is_fresh: SystemTime::now()
            .duration_since(plan.made_at)
            .is_ok_and(|age| age < FRESH),
    };
    let mut store = job.into_store();
    store.begin_run(&options.client, &options.operator, &format!("{options:?}"))?;
    let (journal, thread) = Journal::start(store, reading)?;
    let engine = Engine {
        client: client.clone(),
        job: plan.job,
        action: plan.action,
        journal: journal.clone(),
        ready: VecDeque::new(),
        held: HashMap::new(),
        busy: HashSet::new(),
        in_flight: JoinSet::new(),
        outage: Outage::default(),
        counts: Counts::default(),
        attempts: 0,
        allowance: options
            .canary
            .map_or(options.max, |rows| rows.min(options.max)),
        is_file_empty: false,
        sample: Vec::new(),
        ending: None,
        begun: Instant::now(),
        options,
    };
    let ended = engine.go(stop).await;
    drop(journal);
    // The thread ends once nobody can tell it anything; its own error says more than that it is gone.
    let written = thread.join().unwrap_or_else(|_| {
        let message = "the job file's thread ended by a fault of this program";
        Err(Error::new(ErrorKind::Storage, message))
    });
    written?;
    let mut summary = ended?;
    let status = Status::read(path)?;
    summary.counts.pending = status.counts.pending;
    summary.counts.unknown = status.counts.unknown;
    let is_done = status.counts.pending == 0 && status.counts.unknown == 0;
    if is_done && matches!(summary.ending, Ending::Max) {
        summary.ending = Ending::Complete;
    }
    Ok(summary)
}

impl Engine {
    async fn go(mut self, stop: Stop) -> Result<Summary, Error> {
        let driven = self.drive(stop).await;
        // Nothing is in flight but after an error; whoever waits for the file's thread waits for these.
        self.in_flight.shutdown().await;
        driven?;
        self.close().await
    }

    async fn drive(&mut self, mut stop: Stop) -> Result<(), Error> {
        if self.options.canary_is_right {
            self.journal.canary("passed").await?;
        }
        let doubtful = self.journal.doubtful().await?;
        self.ready.extend(doubtful);
        let mut next: Option<NextRows> = None;
        let mut stopped_listening = false;
        while self.ending.is_none() || !self.in_flight.is_empty() {
            self.check();
            if next.is_none() {
                next = self.want_rows();
            }
            self.begin_rows()?;
            if self.in_flight.is_empty()
                && next.is_none()
                && (self.ending.is_some() || (self.ready.is_empty() && self.is_file_empty))
            {
                break;
            }
            let retry = self.outage.until().filter(|_| self.in_flight.is_empty());
            let alarm = [retry, self.look_at_the_clock()]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                biased;
                () = stop.changed(), if !stopped_listening => match stop.wish() {
                    Wish::AtOnce => {
                        // What was sent stays in doubt, and the next run reads it.
                        self.in_flight.shutdown().await;
                        self.ending = Some(Ending::Stopped);
                        stopped_listening = true;
                    }
                    Wish::Finish => self.end(Ending::Stopped),
                    Wish::GoOn => {}
                },
                Some(joined) = self.in_flight.join_next() => match joined {
                    Ok((row, verdict)) => self.finish(row, verdict)?,
                    Err(fault) => match fault.try_into_panic() {
                        Ok(fault) => std::panic::resume_unwind(fault),
                        Err(_) => self.end(Ending::Stopped),
                    },
                },
                rows = rows(&mut next) => {
                    next = None;
                    self.take(rows?);
                }
                () = at(alarm) => {}
            }
        }
        self.give_back(next).await
    }

    /// Rows from the file, if there should be more at hand; sized to the rate, since a kill leaves them in doubt.
    fn want_rows(&self) -> Option<NextRows> {
        let concurrency = self.options.concurrency.get();
        let done = self.counts.finished() + self.counts.failed + self.counts.not_deleted;
        let seconds = self.begun.elapsed().as_secs_f64().max(0.25);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a quarter of a second's rows, roughly"
        )]
        let quarter = (done as f64 / seconds / 4.0) as usize;
        let block = quarter.clamp(concurrency, LARGEST_BLOCK.max(concurrency));
        let limit = block.min(usize::try_from(self.allowance).unwrap_or(usize::MAX));
        let is_enough = self.ready.len() > block / 2;
        let is_wanted = !is_enough
            && limit > 0
            && !self.is_file_empty
            && self.ending.is_none()
            && self.outage.until().is_none();
        is_wanted.then(|| Box::pin(self.journal.next(limit)) as NextRows)
    }

    fn take(&mut self, rows: Vec<Pending>) {
        self.is_file_empty = rows.is_empty();
        self.allowance = self.allowance.saturating_sub(rows.len() as u64);
        self.ready.extend(rows);
    }

    /// Ends the run, as soon as what is in flight has ended.
    fn end(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    /// When to see whether the time is up; again and again, since only the wall clock runs on while a machine sleeps.
    fn look_at_the_clock(&self) -> Option<Instant> {
        const AT_LEAST_EVERY: Duration = Duration::from_secs(10);
        let until = self.options.until.filter(|_| self.ending.is_none())?;
        let left = until.duration_since(SystemTime::now()).unwrap_or_default();
        Some(Instant::now() + left.min(AT_LEAST_EVERY))
    }

    fn check(&mut self) {
        if self
            .options
            .until
            .is_some_and(|until| SystemTime::now() >= until)
        {
            self.end(Ending::Until);
        }
        let is_idle = self.ready.is_empty() && self.held.is_empty() && self.in_flight.is_empty();
        if self.allowance == 0 && is_idle {
            self.end(match self.options.canary {
                Some(_) => Ending::Canary,
                None => Ending::Max,
            });
        }
    }

    fn begin_rows(&mut self) -> Result<(), Error> {
        let concurrency = match self.outage.until() {
            Some(until) if Instant::now() < until => 0,
            Some(_) => 1,
            None => self.options.concurrency.get(),
        };
        while self.ending.is_none() && self.in_flight.len() < concurrency {
            let Some(mut row) = self.ready.pop_front() else {
                break;
            };
            if self.busy.contains(&row.user_id) {
                self.held
                    .entry(row.user_id.clone())
                    .or_default()
                    .push_back(row);
                continue;
            }
            let client = row::labelled(&self.client, &self.job, row.number);
            let client = client.map_err(|error| {
                let message = "the job's name cannot be sent to the tenant";
                Error::new(ErrorKind::Tenant, message).with_source(error)
            })?;
            self.busy.insert(row.user_id.clone());
            let (journal, action) = (self.journal.clone(), self.action);
            self.in_flight.spawn(async move {
                let verdict = row::run(&client, &mut row, action, &journal).await;
                (row, verdict)
            });
        }
        Ok(())
    }

    fn finish(&mut self, mut row: Pending, verdict: Verdict) -> Result<(), Error> {
        self.release(&row.user_id);
        match verdict {
            Verdict::Done {
                outcome,
                is_open,
                attempts,
                message,
            } => {
                self.outage.over();
                self.attempts += u64::from(attempts);
                self.record(row, outcome, is_open, attempts, message)?;
            }
            Verdict::Later {
                error,
                counts,
                asked,
            } => {
                row.is_doubtful |= error.may_have_been_applied();
                row.tries += u32::from(counts);
                if row.tries >= TRIES {
                    self.outage.over();
                    return self.leave(row, &error);
                }
                if counts {
                    self.ready.push_back(row);
                    return Ok(());
                }
                let now = Instant::now();
                self.outage.met(now, asked);
                let is_patient = self.options.until.is_some()
                    || !self.outage.has_lasted(now, self.options.patience);
                // Last, so that another one finds out whether the tenant is back.
                self.ready.push_back(row);
                if !is_patient {
                    self.end(Ending::Unreachable(tenant(error)));
                }
            }
            Verdict::Refused(error) => {
                self.ready.push_front(row);
                self.end(Ending::Refused(tenant(error)));
            }
            Verdict::Broken(error) => return Err(error),
        }
        Ok(())
    }

    /// The next row of a user whose row is done goes first.
    fn release(&mut self, user: &UserId) {
        self.busy.remove(user);
        if let Some(held) = self.held.get_mut(user) {
            if let Some(row) = held.pop_front() {
                self.ready.push_front(row);
            }
            if held.is_empty() {
                self.held.remove(user);
            }
        }
    }

    /// A row that does not work for now: the next run tries it again.
    fn leave(&mut self, row: Pending, error: &unlink::Error) -> Result<(), Error> {
        let message = row::told(error);
        if row.is_doubtful {
            // Its intent stays, so that it is read first.
            self.counts.unknown += 1;
            self.count_failure();
            return Ok(());
        }
        self.record(row, "failed", true, 0, Some(message))
    }

    fn record(
        &mut self,
        row: Pending,
        outcome: &'static str,
        is_open: bool,
        attempts: u32,
        message: Option<String>,
    ) -> Result<(), Error> {
        self.counts.count(outcome);
        self.journal.finish(Finished {
            number: row.number,
            outcome,
            is_open,
            attempts,
            message: message.clone(),
        })?;
        if self.options.canary.is_some() {
            self.sample
                .push((row.user_id.clone(), row.identity.clone(), outcome));
        }
        if let Some(told) = &mut self.options.on_result {
            told(&Progress {
                row: row.number.unsigned_abs(),
                user_id: row.user_id,
                identity: row.identity,
                outcome,
                message,
                counts: self.counts,
            });
        }
        if matches!(outcome, "failed" | "not deleted") {
            self.count_failure();
        }
        Ok(())
    }

    fn count_failure(&mut self) {
        let failures = self.counts.failed + self.counts.not_deleted + self.counts.unknown;
        if failures >= self.options.max_failures {
            self.end(Ending::MaxFailures);
        }
    }

    /// Takes the intents of rows back that were not begun, so that the next run need not read them.
    async fn give_back(&mut self, next: Option<NextRows>) -> Result<(), Error> {
        if let Some(next) = next {
            self.ready.extend(next.await?);
        }
        let held = self.held.drain().flat_map(|(_, rows)| rows);
        for row in self.ready.drain(..).chain(held) {
            if !row.is_doubtful {
                self.journal.withdraw(row.number)?;
            }
        }
        Ok(())
    }

    async fn close(mut self) -> Result<Summary, Error> {
        let mut ending = self.ending.take().unwrap_or(Ending::Complete);
        if matches!(ending, Ending::Canary) {
            if let Some(problem) = self.look().await {
                ending = Ending::CanaryWrong(problem);
            }
            self.journal.canary("waits").await?;
        }
        self.journal.end(ending.as_str()).await?;
        Ok(Summary {
            ending,
            counts: self.counts,
            attempts: self.attempts,
            elapsed: self.begun.elapsed(),
        })
    }

    /// Reads both accounts of each row of the canary; what is not as it should be is returned.
    async fn look(&self) -> Option<String> {
        for (user, identity, outcome) in &self.sample {
            let is_deleted = match *outcome {
                "unlinked" => false,
                "deleted" => true,
                other => return Some(format!("{user} {identity}: {other}")),
            };
            let told = |error: unlink::Error| Some(format!("{user}: {}", row::told(&error)));
            match self.client.identities(user).await {
                Ok(read) => {
                    let listed = read.identities().unwrap_or_default();
                    if listed
                        .iter()
                        .any(|listed| listed.key().as_ref() == Some(identity))
                    {
                        return Some(format!("{user}: {identity} is still linked"));
                    }
                }
                Err(error) => return told(error),
            }
            let separate = self.client.identities(&identity.separate_user_id()).await;
            let is_missing = |error: &unlink::Error| {
                error.kind() == unlink::ErrorKind::Request(unlink::transport::ErrorKind::NotFound)
            };
            match separate {
                Ok(_) if is_deleted => return Some(format!("{identity} is still there")),
                Err(error) if !(is_deleted && is_missing(&error)) => return told(error),
                _ => {}
            }
        }
        None
    }
}

async fn rows(next: &mut Option<NextRows>) -> Result<Vec<Pending>, Error> {
    match next {
        Some(next) => next.await,
        None => pending().await,
    }
}

async fn at(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => sleep_until(alarm).await,
        None => pending().await,
    }
}

fn tenant(error: unlink::Error) -> Error {
    Error::new(ErrorKind::Tenant, "the tenant does not do it").with_source(error)
}
