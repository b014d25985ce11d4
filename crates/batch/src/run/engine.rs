//! The run of a job: which row next, how many at once, when to stop.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    future::{Future, pending},
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use unlink::UserId;

use super::{
    Ending, Progress, Step, Summary, Wait,
    journal::Journal,
    meter::Meter,
    options::Options,
    outage::Outage,
    stop::{Stop, Wish},
    worker::{Finding, Given, Setting, Verdict, Worker, told},
};
use crate::{
    check::{CheckCounts, CheckOutcome},
    error::{Error, ErrorKind},
    job::{Counts, Finished, Job, Pending, Status, UndoCounts, Work},
    outcome::{Outcome, Reason, UndoOutcome},
};

/// How often a row is tried in one run before it is left for the next.
const TRIES: u32 = 3;
/// The most rows that are in doubt after a kill, twice.
const LARGEST_BLOCK: usize = 2_048;

type NextRows = Pin<Box<dyn Future<Output = Result<Vec<Pending>, Error>> + Send>>;

struct Engine<W> {
    worker: Arc<W>,
    options: Options,
    canary: Option<u64>,
    journal: Journal,
    /// Rows to be begun, the first first.
    ready: VecDeque<Pending>,
    /// Rows of users of whom another row is in flight.
    held: HashMap<UserId, VecDeque<Pending>>,
    busy: HashSet<UserId>,
    in_flight: JoinSet<Given>,
    outage: Outage,
    meter: Meter,
    done: u64,
    counts: Counts,
    undone: UndoCounts,
    checked: CheckCounts,
    failures: u64,
    /// Rows that this run may still take from the file.
    allowance: u64,
    is_file_empty: bool,
    /// The rows of the canary, to be looked at when they are done.
    sample: Vec<(Pending, Step)>,
    ending: Option<Ending>,
    begun: Instant,
}

pub(crate) async fn run<W: Worker>(
    job: Job,
    worker: W,
    options: Options,
    setting: Setting,
    stop: Stop,
) -> Result<Summary, Error> {
    let path = job.path().to_owned();
    let work = worker.kind();
    let mut store = job.into_store();
    store.begin_run(work, &setting.info)?;
    store.choose(&setting.chosen)?;
    let (journal, thread) = Journal::start(store, setting.reading)?;
    // A gate that was passed is not set up again.
    let canary = setting.canary.filter(|_| !setting.is_canary_right);
    let engine = Engine {
        meter: Meter::new(SystemTime::now(), worker.pace()),
        worker: Arc::new(worker),
        journal: journal.clone(),
        ready: VecDeque::new(),
        held: HashMap::new(),
        busy: HashSet::new(),
        in_flight: JoinSet::new(),
        outage: Outage::default(),
        done: 0,
        counts: Counts::default(),
        undone: UndoCounts::default(),
        checked: CheckCounts::default(),
        failures: 0,
        allowance: canary.map_or(options.max, |rows| rows.min(options.max)),
        canary,
        is_file_empty: false,
        sample: Vec::new(),
        ending: None,
        begun: Instant::now(),
        options,
    };
    let ended = engine.go(setting.is_canary_right, stop).await;
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
    summary.undone.unknown = status.undone.unknown;
    let is_done = work == Work::Apply && status.counts.pending == 0 && status.counts.unknown == 0;
    if is_done && matches!(summary.ending, Ending::Max) {
        summary.ending = Ending::Complete;
    }
    Ok(summary)
}

impl<W: Worker> Engine<W> {
    async fn go(mut self, is_canary_right: bool, stop: Stop) -> Result<Summary, Error> {
        let driven = self.drive(is_canary_right, stop).await;
        // Nothing is in flight but after an error; whoever waits for the file's thread waits for these.
        self.in_flight.shutdown().await;
        driven?;
        self.close().await
    }

    async fn drive(&mut self, is_canary_right: bool, mut stop: Stop) -> Result<(), Error> {
        if is_canary_right {
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
            self.begin_rows();
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
                    Ok(given) => self.finish(given)?,
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
        let seconds = self.begun.elapsed().as_secs_f64().max(0.25);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a quarter of a second's rows, roughly"
        )]
        let quarter = (self.done as f64 / seconds / 4.0) as usize;
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
            self.end(match self.canary {
                Some(_) => Ending::Canary,
                None => Ending::Max,
            });
        }
    }

    fn begin_rows(&mut self) {
        let concurrency = match self.outage.until() {
            Some(until) if Instant::now() < until => 0,
            Some(_) => 1,
            None => self.options.concurrency.get(),
        };
        while self.ending.is_none() && self.in_flight.len() < concurrency {
            let Some(row) = self.ready.pop_front() else {
                break;
            };
            if self.busy.contains(&row.user_id) {
                self.held
                    .entry(row.user_id.clone())
                    .or_default()
                    .push_back(row);
                continue;
            }
            self.busy.insert(row.user_id.clone());
            let (worker, journal) = (Arc::clone(&self.worker), self.journal.clone());
            self.in_flight.spawn(worker.work(row, journal));
        }
    }

    fn finish(&mut self, given: Given) -> Result<(), Error> {
        let Given { mut row, verdict } = given;
        self.release(&row.user_id);
        match verdict {
            Verdict::Done(finding) => {
                self.outage.over();
                self.meter(Some(finding.step))?;
                self.record(row, finding)?;
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
                    self.meter(Some(self.failed()))?;
                    return self.leave(row, &error);
                }
                if counts {
                    self.ready.push_back(row);
                    return self.meter(None);
                }
                let now = Instant::now();
                if let Some(wait) = self.outage.met(now, asked) {
                    self.meter.hold_back(wait);
                    if let Some(on_wait) = &mut self.options.on_wait {
                        on_wait(&Wait {
                            until: SystemTime::now() + wait,
                            message: told(&error),
                        });
                    }
                }
                let is_patient = self.options.until.is_some()
                    || !self.outage.has_lasted(now, self.options.patience);
                // Last, so that another one finds out whether the tenant is back.
                self.ready.push_back(row);
                if !is_patient {
                    self.end(Ending::Unreachable(tenant(error)));
                }
                self.meter(None)?;
            }
            Verdict::Refused(error) => {
                self.ready.push_front(row);
                self.end(Ending::Refused(tenant(error)));
                self.meter(None)?;
            }
            Verdict::Broken(error) => return Err(error),
        }
        Ok(())
    }

    /// Counts what was sent since the last look, and a row if one got a result.
    fn meter(&mut self, step: Option<Step>) -> Result<(), Error> {
        let is_failure = |step| match step {
            Step::Applied(outcome) => outcome.is_failure(),
            step => step.is_failure(),
        };
        let row = step.map(is_failure);
        let slices = self.meter.look(SystemTime::now(), self.worker.pace(), row);
        for slice in slices {
            self.journal.slice(slice)?;
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
        if row.is_doubtful {
            // Its intent stays, so that it is read first.
            self.done += 1;
            match self.worker.kind() {
                Work::Undo => self.undone.unknown += 1,
                _ => self.counts.unknown += 1,
            }
            self.count_failure();
            return Ok(());
        }
        let finding = Finding {
            is_open: true,
            ..Finding::because(self.failed(), Reason::Unavailable, told(error))
        };
        self.record(row, finding)
    }

    fn failed(&self) -> Step {
        match self.worker.kind() {
            Work::Apply => Step::Applied(Outcome::Failed),
            Work::Undo => Step::Undone(UndoOutcome::Failed),
            Work::Check => Step::Checked(CheckOutcome::Failed),
        }
    }

    fn record(&mut self, row: Pending, finding: Finding) -> Result<(), Error> {
        self.done += 1;
        match finding.step {
            Step::Applied(outcome) => self.counts.add(outcome, 1),
            Step::Undone(outcome) => self.undone.add(outcome, 1),
            Step::Checked(outcome) => self.checked.add(outcome),
        }
        // What a read showed was written by whoever read it.
        if !matches!(finding.step, Step::Checked(_)) {
            self.journal.finish(Finished {
                number: row.number,
                outcome: finding.step.as_str(),
                is_open: finding.is_open,
                attempts: finding.attempts,
                reason: finding.reason,
                message: finding.message.clone(),
                warning: finding.warning.clone(),
                answered_at: finding.answered_at,
            })?;
        }
        if let Some(on_result) = &mut self.options.on_result {
            on_result(&Progress {
                row: row.number.unsigned_abs(),
                user_id: row.user_id.clone(),
                identity: row.identity.clone(),
                connection: row.linked.as_ref().and_then(|seen| seen.connection.clone()),
                step: finding.step,
                reason: finding.reason,
                message: finding.message,
                warning: finding.warning,
                attempts: finding.attempts,
                counts: self.counts,
                undone: self.undone,
                checked: self.checked,
            });
        }
        if self.canary.is_some() {
            self.sample.push((row, finding.step));
        }
        if finding.step.is_failure() {
            self.count_failure();
        }
        Ok(())
    }

    fn count_failure(&mut self) {
        self.failures += 1;
        if self.failures >= self.options.max_failures {
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
        // Asking for rows writes intents only where rows are applied, and there the counts tell.
        if matches!(ending, Ending::Max)
            && self.worker.kind() != Work::Apply
            && self.journal.next(1).await?.is_empty()
        {
            ending = Ending::Complete;
        }
        if matches!(ending, Ending::Canary) {
            if let Some(problem) = self.worker.look(&self.sample).await {
                ending = Ending::CanaryWrong(problem);
            }
            self.journal.canary("waits").await?;
        }
        for slice in self.meter.close(SystemTime::now(), self.worker.pace()) {
            self.journal.slice(slice)?;
        }
        self.journal.end(ending.as_str()).await?;
        Ok(Summary {
            ending,
            counts: self.counts,
            undone: self.undone,
            checked: self.checked,
            traffic: self.meter.total(),
            elapsed: self.begun.elapsed(),
        })
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
