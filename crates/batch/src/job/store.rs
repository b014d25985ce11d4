//! The job file as a run uses it: what is next, what is about to be sent, what came of it.

use std::time::SystemTime;

use rusqlite::{Connection, params};
use unlink::{IdentityKey, ListedIdentity, Snapshot, UserId, identity_model::listed_identities};

use super::{Action, Work, damaged, file::Lock, millis, plan::set, seen::Seen, time};
use crate::{error::Error, outcome::Reason, traffic::Traffic};

/// A row that is to be done.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) number: i64,
    pub(crate) user_id: UserId,
    pub(crate) identity: IdentityKey,
    /// What the user looked like, as an export or an earlier read showed it.
    pub(crate) seen: Option<Snapshot>,
    /// When it was read, by the tenant's clock; `None` if only an export shows it.
    pub(crate) read_at: Option<SystemTime>,
    /// The identity as it was seen linked, by an export or a read of this job.
    pub(crate) linked: Option<Linked>,
    /// When it was unlinked, or was last known not to be, for a row that is to be linked back.
    pub(crate) unlinked_at: Option<SystemTime>,
    /// Whether it may have been sent already: it is read before anything else.
    pub(crate) is_doubtful: bool,
    /// Whether it is unlinked, and its account still to be deleted.
    pub(crate) is_unlinked: bool,
    /// Whether that is so since this run.
    pub(crate) is_half_done: bool,
    /// Whether a deletion of its account may have been applied.
    pub(crate) is_deletion_unsure: bool,
    /// Whether the user is read before the call.
    pub(crate) is_to_be_read: bool,
    /// How often it was tried in this run and failed for a while.
    pub(crate) tries: u32,
}

/// An identity as it was seen linked.
#[derive(Clone, Debug)]
pub(crate) struct Linked {
    pub(crate) key: IdentityKey,
    pub(crate) connection: Option<String>,
    /// When a read of this job showed it, by the tenant's clock; `None` if it was an export.
    pub(crate) at: Option<SystemTime>,
}

impl Linked {
    pub(crate) fn of(listed: &ListedIdentity, at: Option<SystemTime>) -> Self {
        Self {
            key: listed.key().clone(),
            connection: listed.connection().map(str::to_owned),
            at,
        }
    }
}

/// What came of a row.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) number: i64,
    pub(crate) outcome: &'static str,
    /// Whether the next run goes on with it.
    pub(crate) is_open: bool,
    pub(crate) attempts: u32,
    pub(crate) reason: Option<Reason>,
    pub(crate) message: Option<String>,
    pub(crate) warning: Option<String>,
    /// When the tenant answered so, by its own clock; where only a later read shows it, when it was not so for certain.
    pub(crate) answered_at: Option<SystemTime>,
}

/// Who runs the job, and how.
#[derive(Debug)]
pub(crate) struct RunInfo {
    pub(crate) client: String,
    pub(crate) operator: String,
    pub(crate) options: String,
    pub(crate) answer: String,
}

/// What a run did in its current slice of time, so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SliceSoFar {
    pub(crate) at: SystemTime,
    pub(crate) rows: u64,
    pub(crate) failures: u64,
    pub(crate) traffic: Traffic,
}

/// The open file.
pub(crate) struct Store {
    pub(super) connection: Connection,
    action: Action,
    work: Work,
    /// Rows up to this number were handed out in this run; from it on, where they go backwards.
    handed_out: i64,
    run: i64,
    _lock: Lock,
}

impl Store {
    pub(super) const fn new(connection: Connection, action: Action, lock: Lock) -> Self {
        Self {
            connection,
            action,
            work: Work::Apply,
            handed_out: 0,
            run: 0,
            _lock: lock,
        }
    }

    /// Writes down that a run begins.
    pub(crate) fn begin_run(&mut self, work: Work, info: &RunInfo) -> Result<(), Error> {
        self.work = work;
        self.handed_out = if work == Work::Undo { i64::MAX } else { 0 };
        self.connection.execute(
            "INSERT INTO run (work, began, client, operator, options, answer, version) VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                work.as_str(),
                millis(SystemTime::now()),
                info.client,
                info.operator,
                info.options,
                info.answer,
                env!("CARGO_PKG_VERSION"),
            ],
        )?;
        self.run = self.connection.last_insert_rowid();
        Ok(())
    }

    pub(crate) fn end_run(&self, ending: &str) -> Result<(), Error> {
        if self.work == Work::Check {
            self.count_snapshots()?;
        }
        self.connection.execute(
            "UPDATE run SET ended = ?, ending = ? WHERE number = ?",
            params![millis(SystemTime::now()), ending, self.run],
        )?;
        Ok(())
    }

    pub(crate) fn set_canary(&self, state: &str) -> Result<(), Error> {
        set(&self.connection, "canary", state)
    }

    /// Limits the rows to these, first and last of each range; for linking back.
    pub(crate) fn choose(&self, ranges: &[(u64, u64)]) -> Result<(), Error> {
        self.connection
            .execute_batch("CREATE TEMP TABLE chosen (first INTEGER, last INTEGER)")?;
        for (first, last) in ranges {
            let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            self.connection.execute(
                "INSERT INTO chosen VALUES (?, ?)",
                [bound(*first), bound(*last)],
            )?;
        }
        Ok(())
    }

    /// The rows that an earlier run left in doubt, so many at most, of those that this one is about.
    pub(crate) fn doubtful(&self, limit: i64) -> Result<Vec<Pending>, Error> {
        let which = match self.work {
            Work::Apply => {
                "JOIN intent ON intent.row = row.number WHERE row.number > ?1 ORDER BY row.number"
            }
            Work::Undo => {
                "JOIN undo_intent ON undo_intent.row = row.number WHERE row.number > ?1
                 AND EXISTS (SELECT 1 FROM chosen WHERE row.number BETWEEN first AND last)
                 ORDER BY row.number DESC"
            }
            // A read leaves nothing in doubt.
            Work::Check => return Ok(Vec::new()),
        };
        self.select(which, 0, limit, true)
    }

    /// The next rows that nothing is known to have been sent for.
    pub(crate) fn next(&mut self, limit: i64) -> Result<Vec<Pending>, Error> {
        let which = match self.work {
            Work::Apply => {
                "WHERE row.number > ?1 AND (result.row IS NULL OR result.is_open)
                 AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.row = row.number) ORDER BY row.number"
            }
            Work::Undo => {
                "LEFT JOIN undo_result ON undo_result.row = row.number
                 WHERE row.number < ?1 AND result.outcome IN ('unlinked', 'not deleted')
                 AND (undo_result.row IS NULL OR undo_result.is_open)
                 AND NOT EXISTS (SELECT 1 FROM undo_intent WHERE undo_intent.row = row.number)
                 AND EXISTS (SELECT 1 FROM chosen WHERE row.number BETWEEN first AND last)
                 ORDER BY row.number DESC"
            }
            // Once for each user, by the first of its rows.
            Work::Check => {
                "WHERE row.number > ?1 AND user.identities IS NULL AND result.row IS NULL
                 AND row.number = (SELECT min(number) FROM row AS first WHERE first.user = user.id) ORDER BY row.number"
            }
        };
        let rows = self.select(which, self.handed_out, limit, false)?;
        if let Some(last) = rows.last() {
            self.handed_out = last.number;
        }
        Ok(rows)
    }

    fn select(
        &self,
        which: &str,
        after: i64,
        limit: i64,
        is_doubtful: bool,
    ) -> Result<Vec<Pending>, Error> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT row.number, user.user_id, row.provider, row.identity_user_id, user.identities, user.read_at,
                    result.outcome, row.is_seen, row.connection, row.listed_user_id, row.linked_at,
                    COALESCE(result.answered_at, result.at), result.reason
             FROM row JOIN user ON user.id = row.user LEFT JOIN result ON result.row = row.number
             {which} LIMIT ?2",
        ))?;
        let mut rows = statement.query([after, limit])?;
        let mut pending = Vec::new();
        while let Some(row) = rows.next()? {
            pending.push(self.read(row, is_doubtful)?);
        }
        Ok(pending)
    }

    fn read(&self, row: &rusqlite::Row<'_>, is_doubtful: bool) -> Result<Pending, Error> {
        let text = |column| -> Result<String, Error> { Ok(row.get(column)?) };
        let at = |column| -> Result<_, Error> { Ok(row.get::<_, Option<u64>>(column)?.map(time)) };
        let user_id: UserId = text(1)?.parse().map_err(|_| damaged("row"))?;
        let provider: unlink::ProviderName = text(2)?.parse().map_err(|_| damaged("row"))?;
        let identity_user_id = text(3)?.parse().map_err(|_| damaged("row"))?;
        let identity = IdentityKey::new(provider, identity_user_id);
        let seen = row
            .get::<_, Option<String>>(4)?
            .map(|json| snapshot(&user_id, &json))
            .transpose()?;
        let linked = if row.get(7)? {
            let own: Option<String> = row.get(9)?;
            let key = match own {
                None => identity.clone(),
                Some(own) => IdentityKey::new(
                    identity.provider().clone(),
                    own.parse().map_err(|_| damaged("row"))?,
                ),
            };
            Some(Linked {
                key,
                connection: row.get(8)?,
                at: at(10)?,
            })
        } else {
            None
        };
        let is_not_deleted = row.get::<_, Option<String>>(6)?.as_deref() == Some("not deleted");
        Ok(Pending {
            number: row.get(0)?,
            identity,
            seen,
            read_at: at(5)?,
            linked,
            unlinked_at: at(11)?,
            is_doubtful,
            is_unlinked: is_not_deleted
                && self.action == Action::UnlinkAndDelete
                && self.work == Work::Apply,
            is_half_done: false,
            is_deletion_unsure: row.get::<_, Option<String>>(12)?.as_deref()
                == Some(Reason::Unsure.as_str()),
            is_to_be_read: is_doubtful,
            tries: 0,
            user_id,
        })
    }

    /// Writes down that a row is about to be sent, and what was read of its user.
    pub(crate) fn intend(&self, number: i64, seen: Option<&Seen>) -> Result<(), Error> {
        if let Some(seen) = seen {
            self.see(number, seen)?;
        }
        let intent = match self.work {
            Work::Undo => "INSERT INTO undo_intent VALUES (?, ?) ON CONFLICT DO NOTHING",
            _ => "INSERT INTO intent VALUES (?, ?) ON CONFLICT DO NOTHING",
        };
        self.connection
            .prepare_cached(intent)?
            .execute([number, self.run])?;
        Ok(())
    }

    /// Takes back that a row is about to be sent: it was not.
    pub(crate) fn withdraw(&self, number: i64) -> Result<(), Error> {
        let intent = match self.work {
            Work::Undo => "DELETE FROM undo_intent WHERE row = ?",
            _ => "DELETE FROM intent WHERE row = ?",
        };
        self.connection.prepare_cached(intent)?.execute([number])?;
        Ok(())
    }

    pub(crate) fn finish(&self, finished: &Finished) -> Result<(), Error> {
        let result = match self.work {
            Work::Undo => {
                "INSERT OR REPLACE INTO undo_result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            }
            _ => "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        };
        self.connection.prepare_cached(result)?.execute(params![
            finished.number,
            self.run,
            finished.outcome,
            finished.is_open,
            millis(SystemTime::now()),
            finished.attempts,
            finished.reason.map(Reason::as_str),
            finished.message,
            finished.warning,
            finished.answered_at.map(millis),
        ])?;
        self.withdraw(finished.number)
    }

    /// Writes down what the run did in its current slice of time, so far.
    pub(crate) fn slice(&self, slice: &SliceSoFar) -> Result<(), Error> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let traffic = &slice.traffic;
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO slice VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                self.run,
                millis(slice.at),
                number(slice.rows),
                number(slice.failures),
                number(traffic.requests),
                number(traffic.refused),
                i64::try_from(traffic.waited.as_millis()).unwrap_or(i64::MAX),
                traffic.lowest_remaining.map(number),
            ])?;
        Ok(())
    }

    /// Counts again how many rows have a snapshot, after users were read.
    fn count_snapshots(&self) -> Result<(), Error> {
        self.connection.execute(
            "UPDATE job SET value = (SELECT count(*) FROM row JOIN user ON user.id = row.user
                                     WHERE user.identities IS NOT NULL)
             WHERE name = 'rows_with_snapshot'",
            [],
        )?;
        Ok(())
    }

    pub(crate) fn begin(&self) -> Result<(), Error> {
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Returns once everything since [`begin`](Self::begin) is on the disk.
    pub(crate) fn commit(&self) -> Result<(), Error> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }
}

pub(super) fn snapshot(user_id: &UserId, json: &str) -> Result<Snapshot, Error> {
    let listed = listed_identities(json.as_bytes()).map_err(|_| damaged("user"))?;
    let listed: Result<Vec<_>, _> = listed.into_iter().collect();
    Ok(Snapshot::new(
        user_id.clone(),
        listed.map_err(|_| damaged("user"))?,
    ))
}
