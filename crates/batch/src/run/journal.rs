//! The one thread that writes the job: what is sent to it together is on the disk with one sync.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::oneshot;

use crate::{
    apply::Evidence,
    error::{Error, ErrorKind},
    job::{Finished, Pending, Seen, SliceSoFar, Store},
};

/// How long results may wait for others when nobody waits for them: a kill within it costs reads, no more.
const GATHER: Duration = Duration::from_millis(20);
const MOST_AT_ONCE: usize = 4_096;
/// How long what an export or a read showed is taken for what is.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

type Reply<T> = oneshot::Sender<T>;

enum Entry {
    Doubtful(i64, Reply<Vec<Pending>>),
    Next(i64, Reply<Vec<Pending>>),
    Intend(i64, Option<Seen>, Reply<()>),
    See(i64, Seen, Reply<u64>),
    Withdraw(i64),
    Finish(Finished),
    Slice(SliceSoFar),
    Canary(&'static str, Reply<()>),
    End(&'static str, Reply<()>),
}

/// Which rows are read before their call.
#[derive(Clone, Copy)]
pub(crate) enum Reading {
    /// Each, by whoever works on it; their intents are written then.
    Always,
    /// Those without evidence.
    ByEvidence {
        evidence: Evidence,
        /// Whether the job deletes, for which nothing but a read of its own will do.
        deletes: bool,
        /// When the source was made that the plan is from.
        source_made_at: SystemTime,
    },
}

impl Reading {
    fn is_needed(self, row: &Pending, now: SystemTime) -> bool {
        let (evidence, deletes, source_made_at) = match self {
            Self::Always => return true,
            Self::ByEvidence {
                evidence,
                deletes,
                source_made_at,
            } => (evidence, deletes, source_made_at),
        };
        match evidence {
            Evidence::Read => true,
            Evidence::Unread => false,
            Evidence::Auto => {
                let seen_at = row.read_at.unwrap_or(source_made_at);
                // What was seen in the future was seen by another clock.
                let is_fresh = now.duration_since(seen_at).is_ok_and(|age| age < FRESH)
                    || seen_at
                        .duration_since(now)
                        .is_ok_and(|ahead| ahead < Duration::from_secs(60));
                let seen = row.seen.as_ref().filter(|_| is_fresh && !deletes);
                !seen.is_some_and(|seen| matches!(seen.resolve(&row.identity), Ok(Some(_))))
            }
        }
    }
}

/// The way to that thread.
#[derive(Clone)]
pub(crate) struct Journal(Sender<Entry>);

impl Journal {
    /// Starts the thread; it ends when the last journal is dropped, and hands over the error it ended with.
    pub(super) fn start(
        store: Store,
        reading: Reading,
    ) -> Result<(Self, JoinHandle<Result<(), Error>>), Error> {
        let (sender, receiver) = channel();
        let thread = thread::Builder::new()
            .name("job file".to_owned())
            .spawn(move || write(store, reading, &receiver))
            .map_err(|error| crate::error::storage("start a thread", error))?;
        Ok((Self(sender), thread))
    }

    /// The rows that an earlier run left in doubt, so many at most.
    pub(super) async fn doubtful(&self, limit: u64) -> Result<Vec<Pending>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.ask(|reply| Entry::Doubtful(limit, reply)).await
    }

    /// The next rows; the intents of those that need no read first are on the disk.
    pub(super) fn next(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Pending>, Error>> + use<> {
        let journal = self.clone();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        async move { journal.ask(|reply| Entry::Next(limit, reply)).await }
    }

    /// Returns when it is on the disk that the row is about to be sent, and what was read of its user.
    pub(crate) async fn intend(&self, number: i64, seen: Option<Seen>) -> Result<(), Error> {
        self.ask(|reply| Entry::Intend(number, seen, reply)).await
    }

    /// Keeps what was read of a row's user; returns how many of its rows are not as they were planned.
    pub(crate) async fn see(&self, number: i64, seen: Seen) -> Result<u64, Error> {
        self.ask(|reply| Entry::See(number, seen, reply)).await
    }

    /// Takes an intent back: nothing was sent.
    pub(super) fn withdraw(&self, number: i64) -> Result<(), Error> {
        self.tell(Entry::Withdraw(number))
    }

    /// Keeps a result.
    pub(super) fn finish(&self, finished: Finished) -> Result<(), Error> {
        self.tell(Entry::Finish(finished))
    }

    /// Keeps what the run did in a slice of time.
    pub(super) fn slice(&self, slice: SliceSoFar) -> Result<(), Error> {
        self.tell(Entry::Slice(slice))
    }

    pub(super) async fn canary(&self, state: &'static str) -> Result<(), Error> {
        self.ask(|reply| Entry::Canary(state, reply)).await
    }

    /// Returns when everything, and how the run ended, is on the disk.
    pub(super) async fn end(&self, ending: &'static str) -> Result<(), Error> {
        self.ask(|reply| Entry::End(ending, reply)).await
    }

    async fn ask<T>(&self, entry: impl FnOnce(Reply<T>) -> Entry) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.tell(entry(reply))?;
        answer.await.map_err(|_| gone())
    }

    fn tell(&self, entry: Entry) -> Result<(), Error> {
        self.0.send(entry).map_err(|_| gone())
    }
}

/// The thread has ended; its own error says why, and takes this one's place.
fn gone() -> Error {
    Error::new(ErrorKind::Storage, "the job file is not written any more")
}

fn write(mut store: Store, reading: Reading, entries: &Receiver<Entry>) -> Result<(), Error> {
    while let Ok(first) = entries.recv() {
        store.begin()?;
        let mut replies: Vec<Box<dyn FnOnce()>> = Vec::new();
        let begun = Instant::now();
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(entry) = next.take() {
            if let Some(reply) = enter(&mut store, reading, entry)? {
                replies.push(reply);
            }
            taken += 1;
            if taken == MOST_AT_ONCE {
                break;
            }
            let wait = if replies.is_empty() {
                GATHER.saturating_sub(begun.elapsed())
            } else {
                Duration::ZERO
            };
            next = entries.recv_timeout(wait).ok();
        }
        store.commit()?;
        replies.into_iter().for_each(|reply| reply());
    }
    Ok(())
}

/// Writes an entry; what is returned is to be called once that is on the disk.
fn enter(
    store: &mut Store,
    reading: Reading,
    entry: Entry,
) -> Result<Option<Box<dyn FnOnce()>>, Error> {
    fn reply<T: 'static>(to: Reply<T>, answer: T) -> Option<Box<dyn FnOnce()>> {
        // Who asked may be gone.
        Some(Box::new(move || drop(to.send(answer))))
    }
    Ok(match entry {
        Entry::Doubtful(limit, to) => reply(to, store.doubtful(limit)?),
        Entry::Next(limit, to) => {
            let mut rows = store.next(limit)?;
            let now = SystemTime::now();
            for row in &mut rows {
                row.is_to_be_read = !row.is_unlinked && reading.is_needed(row, now);
                if !row.is_to_be_read {
                    store.intend(row.number, None)?;
                }
            }
            reply(to, rows)
        }
        Entry::Intend(number, seen, to) => {
            store.intend(number, seen.as_ref())?;
            reply(to, ())
        }
        Entry::See(number, seen, to) => {
            let differing = store.see(number, &seen)?;
            reply(to, differing)
        }
        Entry::Slice(slice) => {
            store.slice(&slice)?;
            None
        }
        Entry::Withdraw(number) => {
            store.withdraw(number)?;
            None
        }
        Entry::Finish(finished) => {
            store.finish(&finished)?;
            None
        }
        Entry::Canary(state, to) => {
            store.set_canary(state)?;
            reply(to, ())
        }
        Entry::End(ending, to) => {
            store.end_run(ending)?;
            reply(to, ())
        }
    })
}
