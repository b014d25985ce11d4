//! Removing the ids of people from a job that is done with: what is left are counts, digests and the list of runs.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use rusqlite::Connection;

use super::{Job, millis, plan::set};
use crate::error::{Error, ErrorKind};

/// How long to wait for others who look at the job.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was removed from a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// The rows.
    pub rows: u64,
    /// The users.
    pub users: u64,
    /// Files beside it that still hold ids: the job of an older format that it was migrated from, and what a plan or a
    /// migration left that was killed.
    pub kept_beside: Vec<PathBuf>,
}

impl Job {
    /// Removes all rows, users, profiles and messages, so that the file holds no id of a person any more; counts by
    /// provider, connection and outcome, digests, runs and the timeline stay. It cannot be taken back, and nothing of the
    /// job can be undone any more.
    ///
    /// # Errors
    ///
    /// [`NotFinished`](ErrorKind::NotFinished) if rows are pending, in doubt or to be tried again, unless that is said
    /// to be meant; [`Purged`](ErrorKind::Purged); [`Storage`](ErrorKind::Storage).
    pub fn purge(self, even_if_unfinished: bool) -> Result<Purged, Error> {
        self.view.check_purged()?;
        let connection = &self.view.connection;
        if !even_if_unfinished {
            self.refuse_unfinished()?;
        }
        let users = connection.query_row("SELECT count(*) FROM user", [], |row| row.get(0))?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.execute_batch(
            "BEGIN IMMEDIATE;
             INSERT INTO tally
                SELECT provider, connection, result.outcome, undo_result.outcome, count(*)
                FROM row LEFT JOIN result ON result.row = number LEFT JOIN undo_result ON undo_result.row = number
                GROUP BY 1, 2, 3, 4;
             DELETE FROM result; DELETE FROM undo_result; DELETE FROM intent; DELETE FROM undo_intent;
             DELETE FROM lost; DELETE FROM row; DELETE FROM user;
             DELETE FROM job WHERE name = 'selection';",
        )?;
        set(
            connection,
            "purged_at",
            &millis(SystemTime::now()).to_string(),
        )?;
        connection.execute_batch("COMMIT")?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch("VACUUM")?;
        empty_journal(connection)?;
        let rows = self.plan().rows;
        Ok(Purged {
            rows,
            users,
            kept_beside: super::file::kept_beside(&self.path)?,
        })
    }

    fn refuse_unfinished(&self) -> Result<(), Error> {
        let counts = self.view.counts()?;
        let connection = &self.view.connection;
        let open: u64 = connection.query_row(
            "SELECT (SELECT count(*) FROM result WHERE is_open) + (SELECT count(*) FROM undo_intent)",
            [],
            |row| row.get(0),
        )?;
        if counts.pending + counts.unknown + open == 0 {
            return Ok(());
        }
        let message = format!(
            "the job is not finished: {} rows are pending, {} in doubt, and {open} to be tried again; apply it first, or say \
             that it is to be purged all the same",
            counts.pending, counts.unknown
        );
        Err(Error::new(ErrorKind::NotFinished, message))
    }
}

/// Brings what is in the journal into the file, and leaves no journal that still has what was removed.
fn empty_journal(connection: &Connection) -> Result<(), Error> {
    let is_busy: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if is_busy {
        let message = "the rows are removed, but someone looks at the job, so that its journal still has them: open and close it once more";
        return Err(Error::new(ErrorKind::Storage, message));
    }
    Ok(())
}
