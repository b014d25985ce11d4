//! The one thread that writes the job: what is sent to it together is on the disk with one sync.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::Evidence;
use crate::{
    error::{Error, ErrorKind},
    job::{Action, Finished, Pending, Seen, Store},
};

/// How long results may wait for others when nobody waits for them: a kill within it costs reads, no more.
const GATHER: Duration = Duration::from_millis(20);
const MOST_AT_ONCE: usize = 4_096;

type Reply<T> = oneshot::Sender<T>;

enum Entry {
    Doubtful(Reply<Vec<Pending>>),
    Next(i64, Reply<Vec<Pending>>),
    Intend(i64, Option<Seen>, Reply<()>),
    Withdraw(i64),
    Finish(Finished),
    Canary(&'static str, Reply<()>),
    End(&'static str, Reply<()>),
}

/// Which rows are read before their call.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) evidence: Evidence,
    pub(super) action: Action,
    /// Whether what the plan saw is of the last day.
    pub(super) is_fresh: bool,
}

impl Reading {
    const fn is_needed(self, row: &Pending) -> bool {
        match self.evidence {
            Evidence::Read => true,
            Evidence::Unread => false,
            Evidence::Auto => {
                row.seen.is_none()
                    || !self.is_fresh
                    || matches!(self.action, Action::UnlinkAndDelete)
            }
        }
    }
}

/// The way to that thread.
#[derive(Clone)]
pub(super) struct Journal(Sender<Entry>);

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

    /// The rows that an earlier run left in doubt.
    pub(super) async fn doubtful(&self) -> Result<Vec<Pending>, Error> {
        self.ask(Entry::Doubtful).await
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
    pub(super) async fn intend(&self, number: i64, seen: Option<Seen>) -> Result<(), Error> {
        self.ask(|reply| Entry::Intend(number, seen, reply)).await
    }

    /// Takes an intent back: nothing was sent.
    pub(super) fn withdraw(&self, number: i64) -> Result<(), Error> {
        self.tell(Entry::Withdraw(number))
    }

    /// Keeps a result.
    pub(super) fn finish(&self, finished: Finished) -> Result<(), Error> {
        self.tell(Entry::Finish(finished))
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
        Entry::Doubtful(to) => reply(to, store.doubtful()?),
        Entry::Next(limit, to) => {
            let mut rows = store.next(limit)?;
            for row in &mut rows {
                row.is_to_be_read = !row.is_unlinked && reading.is_needed(row);
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
