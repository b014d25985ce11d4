//! The rows of a job, with what came of each; and those that failed, as a file to plan from again.

use std::{io::Write, time::SystemTime};

use super::{View, damaged, time};
use crate::{
    error::{Error, storage},
    outcome::{Outcome, Reason, UndoOutcome},
};

/// A row of a job, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Its number in the job, from 1.
    pub number: u64,
    /// The user.
    pub user_id: String,
    /// The provider of the identity.
    pub provider: String,
    /// The id inside the identity.
    pub identity_user_id: String,
    /// The identity's connection, where an export or a read showed it.
    pub connection: Option<String>,
    /// The line of the source it is from.
    pub line: u64,
    /// What came of it; `None` while it is to be done.
    pub outcome: Option<Outcome>,
    /// Whether it may have been sent, and its result is not known: the next run reads it first.
    pub is_in_doubt: bool,
    /// Whether the next run tries it again.
    pub is_open: bool,
    /// When the result was written, by this machine's clock.
    pub at: Option<SystemTime>,
    /// The number of the run it is from.
    pub run: Option<u64>,
    /// How often its request was sent, or tried to be.
    pub attempts: u32,
    /// Why it came out so, to be told apart.
    pub reason: Option<Reason>,
    /// Why it came out so, in words.
    pub message: Option<String>,
    /// What was odd in the tenant's answers, where anything was.
    pub warning: Option<String>,
    /// What came of linking it back, where that was tried.
    pub undone: Option<Undone>,
}

/// What came of linking a row's identity back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undone {
    /// What came of it; `None` if it may have been sent, and its result is not known.
    pub outcome: Option<UndoOutcome>,
    /// Whether the next run tries it again.
    pub is_open: bool,
    /// When the result was written, by this machine's clock.
    pub at: Option<SystemTime>,
    /// How often its request was sent, or tried to be.
    pub attempts: u32,
    /// Why it came out so, to be told apart.
    pub reason: Option<Reason>,
    /// Why it came out so, in words.
    pub message: Option<String>,
}

impl Row {
    /// What to do about it, as one sentence; `None` where nothing is to be done.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        let undone = self.undone.as_ref();
        let reason = match undone {
            Some(undone) => undone.reason,
            None if self.is_in_doubt => Some(Reason::Unsure),
            None => self.reason,
        };
        reason.map(Reason::advice)
    }
}

const COLUMNS: &str = "
    SELECT row.number, user.user_id, row.provider, row.identity_user_id, row.connection, row.line,
           result.outcome, intent.row IS NOT NULL, result.is_open, result.at, result.run, result.attempts,
           result.reason, result.message, result.warning,
           undo_result.outcome, undo_intent.row IS NOT NULL, undo_result.is_open, undo_result.at,
           undo_result.attempts, undo_result.reason, undo_result.message
    FROM row JOIN user ON user.id = row.user
         LEFT JOIN result ON result.row = row.number LEFT JOIN intent ON intent.row = row.number
         LEFT JOIN undo_result ON undo_result.row = row.number
         LEFT JOIN undo_intent ON undo_intent.row = row.number";

/// What someone has to look at.
const FAILURES: &str =
    "(result.outcome IN ('failed', 'stale', 'not deleted') OR intent.row IS NOT NULL)";

impl View {
    /// Hands over all rows in their order.
    ///
    /// # Errors
    ///
    /// [`Storage`](crate::ErrorKind::Storage), and what `take` returns.
    pub fn rows(&self, take: impl FnMut(Row) -> Result<(), Error>) -> Result<(), Error> {
        self.select("ORDER BY row.number", [], take)
    }

    /// Hands over the rows that failed, were left alone or not deleted, or are in doubt, in their order.
    ///
    /// # Errors
    ///
    /// [`Storage`](crate::ErrorKind::Storage), and what `take` returns.
    pub fn failures(&self, take: impl FnMut(Row) -> Result<(), Error>) -> Result<(), Error> {
        self.select(&format!("WHERE {FAILURES} ORDER BY row.number"), [], take)
    }

    /// Returns the latest of the failures that have a result, the latest first.
    ///
    /// # Errors
    ///
    /// [`Storage`](crate::ErrorKind::Storage).
    pub fn last_failures(&self, most: u32) -> Result<Vec<Row>, Error> {
        let mut last = Vec::new();
        let which = format!(
            "WHERE {FAILURES} AND result.row IS NOT NULL ORDER BY result.at DESC, row.number DESC LIMIT ?"
        );
        self.select(&which, [most], |row| {
            last.push(row);
            Ok(())
        })?;
        Ok(last)
    }

    /// Returns the row of this number, if there is one.
    ///
    /// # Errors
    ///
    /// [`Storage`](crate::ErrorKind::Storage).
    pub fn row(&self, number: u64) -> Result<Option<Row>, Error> {
        let mut found = None;
        self.select("WHERE row.number = ?", [number], |row| {
            found = Some(row);
            Ok(())
        })?;
        Ok(found)
    }

    /// Writes the failures as lines of JSON that a [`Planner`](crate::Planner) reads, with why beside each; returns how
    /// many there were.
    ///
    /// # Errors
    ///
    /// [`Storage`](crate::ErrorKind::Storage).
    pub fn write_failures(&self, to: &mut dyn Write) -> Result<u64, Error> {
        let mut written = 0;
        self.failures(|row| {
            written += 1;
            let line = serde_json::json!({
                "user_id": row.user_id,
                "provider": row.provider,
                "identity_user_id": row.identity_user_id,
                "outcome": row.outcome.map(Outcome::as_str),
                "reason": row.message,
                "advice": row.advice(),
            });
            writeln!(to, "{line}").map_err(|error| storage("write the failures", error))
        })?;
        Ok(written)
    }

    fn select<P: rusqlite::Params>(
        &self,
        which: &str,
        parameters: P,
        mut take: impl FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{COLUMNS} {which}"))?;
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            take(read(row)?)?;
        }
        Ok(())
    }
}

fn read(row: &rusqlite::Row<'_>) -> Result<Row, Error> {
    fn word<T>(
        row: &rusqlite::Row<'_>,
        column: usize,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match row.get::<_, Option<String>>(column)? {
            None => Ok(None),
            Some(word) => Ok(Some(read(&word).ok_or_else(|| damaged("result"))?)),
        }
    }
    let at = |column| -> Result<_, Error> { Ok(row.get::<_, Option<u64>>(column)?.map(time)) };
    let undo_outcome = word(row, 15, UndoOutcome::read)?;
    let undo_in_doubt: bool = row.get(16)?;
    let undone = match (undo_outcome, undo_in_doubt) {
        (None, false) => None,
        (outcome, in_doubt) => Some(Undone {
            outcome: outcome.filter(|_| !in_doubt),
            is_open: in_doubt || row.get::<_, Option<bool>>(17)?.unwrap_or(false),
            at: at(18)?,
            attempts: row.get::<_, Option<u32>>(19)?.unwrap_or(0),
            reason: word(row, 20, Reason::read)?,
            message: row.get(21)?,
        }),
    };
    let outcome = word(row, 6, Outcome::read)?;
    Ok(Row {
        number: row.get(0)?,
        user_id: row.get(1)?,
        provider: row.get(2)?,
        identity_user_id: row.get(3)?,
        connection: row.get(4)?,
        line: row.get(5)?,
        is_in_doubt: row.get(7)?,
        is_open: row.get::<_, Option<bool>>(8)?.unwrap_or(outcome.is_none()),
        outcome,
        at: at(9)?,
        run: row.get(10)?,
        attempts: row.get::<_, Option<u32>>(11)?.unwrap_or(0),
        reason: word(row, 12, Reason::read)?,
        message: row.get(13)?,
        warning: row.get(14)?,
        undone,
    })
}
