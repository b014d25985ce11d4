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
    Ending, Step, Summary,
    journal::Journal,
    meter::Meter,
    options::Options,
    outage::Outage,
    stop::{Stop, Wish},
    worker::{Given, Setting, Worker},
};
use crate::{
    check::CheckCounts,
    error::{Error, ErrorKind},
    job::{Counts, Job, Pending, Status, UndoCounts, Work},
    outcome::Outcome,
};

/// The most requests that wait for their turn by the tenant's rate limit.
const MOST_WAITING: usize = 16;
/// A run that is to end waits no longer than this for the next turn, if all it has are requests that wait for theirs.
const LONGEST_TURN: Duration = Duration::from_secs(2);
/// How often a run that is to end looks whether that is all.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The most rows that are in doubt after a kill, twice.
const LARGEST_BLOCK: usize = 2_048;

type NextRows = Pin<Box<dyn Future<Output = Result<Vec<Pending>, Error>> + Send>>;

pub(super) struct Engine<W> {
    pub(super) worker: Arc<W>,
    pub(super) options: Options,
    pub(super) canary: Option<u64>,
    pub(super) journal: Journal,
    /// Rows to be begun, the first first.
    pub(super) ready: VecDeque<Pending>,
    /// Rows of users of whom another row is in flight.
    pub(super) held: HashMap<UserId, VecDeque<Pending>>,
    pub(super) busy: HashSet<UserId>,
    pub(super) in_flight: JoinSet<Given>,
    pub(super) outage: Outage,
    pub(super) meter: Meter,
    pub(super) done: u64,
    pub(super) counts: Counts,
    pub(super) undone: UndoCounts,
    pub(super) checked: CheckCounts,
    pub(super) failures: u64,
    /// Rows that this run may still take from the file.
    pub(super) allowance: u64,
    pub(super) is_file_empty: bool,
    /// The rows of the canary, to be looked at when they are done.
    pub(super) sample: Vec<(Pending, Step)>,
    pub(super) ending: Option<Ending>,
    pub(super) begun: Instant,
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
    if is_done && matches!(summary.ending, Ending::Max | Ending::Canary) {
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
        let doubtful = self.journal.doubtful(self.allowance).await?;
        self.allowance = self.allowance.saturating_sub(doubtful.len() as u64);
        self.ready.extend(doubtful);
        let mut next: Option<NextRows> = None;
        let mut stopped_listening = false;
        while self.ending.is_none() || !self.in_flight.is_empty() {
            self.check();
            if self.ending.is_some() && self.only_waits() {
                // Nothing is on its way; what a look at it costs is less than this wait.
                self.in_flight.shutdown().await;
            }
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
            let ends = self.ending.is_some() && !self.in_flight.is_empty();
            let look = ends.then(|| Instant::now() + LOOK_EVERY);
            let alarm = [retry, look, self.look_at_the_clock()]
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
    pub(super) fn end(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    /// Whether all that is in flight waits for a turn at the rate limit that is long in coming.
    fn only_waits(&self) -> bool {
        let pace = self.worker.pace();
        pace.waiting >= self.in_flight.len() && pace.next.is_some_and(|next| next > LONGEST_TURN)
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
        // What would only wait for its turn is not begun: it would be in doubt after a kill, and run out of time.
        let has_turns = |engine: &Self| {
            engine.in_flight.is_empty() || engine.worker.pace().waiting < MOST_WAITING
        };
        while self.ending.is_none() && self.in_flight.len() < concurrency && has_turns(self) {
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
            if row.is_half_done {
                self.counts.add(Outcome::NotDeleted, 1);
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
            && self.journal.doubtful(1).await?.is_empty()
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
