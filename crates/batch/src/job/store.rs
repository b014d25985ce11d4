//! The job file as the run of a job uses it: what is next, what is about to be sent, what came of it.

use std::time::SystemTime;

use rusqlite::{Connection, params};
use unlink::{IdentityKey, ListedIdentity, Snapshot, UserId, identity_model::listed_identities};

use super::{Action, damaged, file::Lock, millis, time};
use crate::error::Error;

/// A row that is to be done.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) number: i64,
    pub(crate) user_id: UserId,
    pub(crate) identity: IdentityKey,
    /// What the user looked like, as an export or an earlier read showed it.
    pub(crate) seen: Option<Snapshot>,
    /// When it was read, by the tenant's clock.
    pub(crate) read_at: Option<SystemTime>,
    /// Whether it may have been sent already: it is read before anything else.
    pub(crate) is_doubtful: bool,
    /// Whether it is unlinked, and its account still to be deleted.
    pub(crate) is_unlinked: bool,
    /// Whether the user is read before the call.
    pub(crate) is_to_be_read: bool,
    /// How often it was tried in this run and failed for a while.
    pub(crate) tries: u32,
}

/// What a read showed, to be kept as the evidence of a row.
#[derive(Debug)]
pub(crate) struct Seen {
    identities: String,
    read_at: Option<i64>,
}

impl Seen {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let identities: Vec<_> = snapshot.listed().iter().map(json).collect();
        Self {
            identities: serde_json::Value::from(identities).to_string(),
            read_at: snapshot.read_at().map(millis),
        }
    }
}

fn json(listed: &ListedIdentity) -> serde_json::Value {
    serde_json::json!({
        "provider": listed.key().provider(),
        "user_id": listed.key().user_id(),
        "connection": listed.connection(),
    })
}

/// What came of a row.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) number: i64,
    pub(crate) outcome: &'static str,
    /// Whether the next run goes on with it.
    pub(crate) is_open: bool,
    pub(crate) attempts: u32,
    pub(crate) message: Option<String>,
}

/// The open file.
pub(crate) struct Store {
    connection: Connection,
    action: Action,
    /// Rows up to this number were handed out in this run.
    handed_out: i64,

    run: i64,
    _lock: Lock,
}

impl Store {
    pub(super) const fn new(connection: Connection, action: Action, lock: Lock) -> Self {
        Self {
            connection,
            action,
            handed_out: 0,

            run: 0,
            _lock: lock,
        }
    }

    /// Writes down that a run begins.
    pub(crate) fn begin_run(
        &mut self,
        client: &str,
        operator: &str,
        options: &str,
    ) -> Result<(), Error> {
        self.connection.execute(
            "INSERT INTO run (began, client, operator, options) VALUES (?, ?, ?, ?)",
            params![millis(SystemTime::now()), client, operator, options],
        )?;
        self.run = self.connection.last_insert_rowid();
        Ok(())
    }

    pub(crate) fn end_run(&self, ending: &str) -> Result<(), Error> {
        self.connection.execute(
            "UPDATE run SET ended = ?, ending = ? WHERE number = ?",
            params![millis(SystemTime::now()), ending, self.run],
        )?;
        Ok(())
    }

    pub(crate) fn set_canary(&self, state: &str) -> Result<(), Error> {
        self.connection.execute(
            "INSERT INTO job VALUES ('canary', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1",
            [state],
        )?;
        Ok(())
    }

    /// The rows that an earlier run left in doubt.
    pub(crate) fn doubtful(&self) -> Result<Vec<Pending>, Error> {
        self.select(
            "JOIN intent ON intent.row = row.number WHERE row.number > ?1",
            0,
            i64::MAX,
            true,
        )
    }

    /// The next rows that nothing is known to have been sent for.
    pub(crate) fn next(&mut self, limit: i64) -> Result<Vec<Pending>, Error> {
        let rows = self.select(
            "WHERE row.number > ?1 AND (result.row IS NULL OR result.is_open)
             AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.row = row.number)",
            self.handed_out,
            limit,
            false,
        )?;
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
                    result.outcome
             FROM row JOIN user ON user.id = row.user LEFT JOIN result ON result.row = row.number
             {which} ORDER BY row.number LIMIT ?2",
        ))?;
        let mut rows = statement.query([after, limit])?;
        let mut pending = Vec::new();
        while let Some(row) = rows.next()? {
            let text = |column| -> Result<String, Error> { Ok(row.get(column)?) };
            let user_id: UserId = text(1)?.parse().map_err(|_| damaged("row"))?;
            let provider: unlink::ProviderName = text(2)?.parse().map_err(|_| damaged("row"))?;
            let identity_user_id = text(3)?.parse().map_err(|_| damaged("row"))?;
            let seen = row
                .get::<_, Option<String>>(4)?
                .map(|json| snapshot(&user_id, &json))
                .transpose()?;
            let is_unlinked = row.get::<_, Option<String>>(6)?.as_deref() == Some("not deleted");
            pending.push(Pending {
                number: row.get(0)?,
                identity: IdentityKey::new(provider, identity_user_id),
                seen,
                read_at: row.get::<_, Option<u64>>(5)?.map(time),
                is_doubtful,
                is_unlinked: is_unlinked && self.action == Action::UnlinkAndDelete,
                is_to_be_read: is_doubtful,
                tries: 0,
                user_id,
            });
        }
        Ok(pending)
    }

    /// Writes down that a row is about to be sent, and what was read of its user.
    pub(crate) fn intend(&self, number: i64, seen: Option<&Seen>) -> Result<(), Error> {
        if let Some(seen) = seen {
            self.connection
                .prepare_cached(
                    "UPDATE user SET identities = ?, read_at = ? WHERE id = (SELECT user FROM row WHERE number = ?)",
                )?
                .execute(params![seen.identities, seen.read_at, number])?;
        }
        self.connection
            .prepare_cached("INSERT INTO intent VALUES (?, ?) ON CONFLICT DO NOTHING")?
            .execute([number, self.run])?;
        Ok(())
    }

    /// Takes back that a row is about to be sent: it was not.
    pub(crate) fn withdraw(&self, number: i64) -> Result<(), Error> {
        self.connection
            .prepare_cached("DELETE FROM intent WHERE row = ?")?
            .execute([number])?;
        Ok(())
    }

    pub(crate) fn finish(&self, finished: &Finished) -> Result<(), Error> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                finished.number,
                self.run,
                finished.outcome,
                finished.is_open,
                millis(SystemTime::now()),
                finished.attempts,
                finished.message
            ])?;
        self.withdraw(finished.number)
    }

    pub(crate) fn begin(&self) -> Result<(), Error> {
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Returns once everything since [`begin`](Self::begin) is on the disk.
    pub(crate) fn commit(&self) -> Result<(), Error> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }
}

fn snapshot(user_id: &UserId, json: &str) -> Result<Snapshot, Error> {
    let listed = listed_identities(json.as_bytes()).map_err(|_| damaged("user"))?;
    let listed: Result<Vec<_>, _> = listed.into_iter().collect();
    Ok(Snapshot::new(
        user_id.clone(),
        listed.map_err(|_| damaged("user"))?,
    ))
}
