//! How many rows of a job ended how.

use rusqlite::Connection;

use super::damaged;
use crate::{
    error::Error,
    outcome::{Outcome, UndoOutcome},
};

/// How many rows ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Unlinked by this job.
    pub unlinked: u64,
    /// Unlinked and deleted by this job.
    pub deleted: u64,
    /// Unlinked by this job, and the account is still there.
    pub not_deleted: u64,
    /// Not linked to begin with.
    pub not_linked: u64,
    /// Not linked now, and never seen linked by this job.
    pub absent: u64,
    /// Left alone, because the user or the identity is not what was planned.
    pub stale: u64,
    /// Failed.
    pub failed: u64,
    /// Sent, and not known yet whether it was applied: the next run reads it first.
    pub unknown: u64,
    /// Still to be done.
    pub pending: u64,
}

impl Counts {
    /// The rows that need nothing more.
    #[must_use]
    pub const fn finished(&self) -> u64 {
        self.unlinked + self.deleted + self.not_linked + self.absent + self.stale
    }

    /// How many rows came out like this.
    #[must_use]
    pub const fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Unlinked => self.unlinked,
            Outcome::Deleted => self.deleted,
            Outcome::NotDeleted => self.not_deleted,
            Outcome::NotLinked => self.not_linked,
            Outcome::Absent => self.absent,
            Outcome::Stale => self.stale,
            Outcome::Failed => self.failed,
        }
    }

    pub(crate) const fn add(&mut self, outcome: Outcome, rows: u64) {
        *match outcome {
            Outcome::Unlinked => &mut self.unlinked,
            Outcome::Deleted => &mut self.deleted,
            Outcome::NotDeleted => &mut self.not_deleted,
            Outcome::NotLinked => &mut self.not_linked,
            Outcome::Absent => &mut self.absent,
            Outcome::Stale => &mut self.stale,
            Outcome::Failed => &mut self.failed,
        } += rows;
    }

    /// Of a job of so many rows.
    pub(super) fn read(connection: &Connection, rows: u64) -> Result<Self, Error> {
        let mut counts = Self::default();
        let mut statement = connection.prepare_cached(
            "SELECT outcome, count(*) FROM result GROUP BY outcome
             UNION ALL SELECT outcome, rows FROM tally WHERE outcome IS NOT NULL",
        )?;
        let mut outcomes = statement.query([])?;
        let mut results = 0;
        while let Some(row) = outcomes.next()? {
            let (outcome, count): (String, u64) = (row.get(0)?, row.get(1)?);
            results += count;
            counts.add(
                Outcome::read(&outcome).ok_or_else(|| damaged("result"))?,
                count,
            );
        }
        let doubts = "SELECT count(*), count(result.row) FROM intent LEFT JOIN result ON result.row = intent.row";
        let (unknown, again): (u64, u64) =
            connection.query_row(doubts, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        counts.unknown = unknown;
        counts.pending = (rows + again).saturating_sub(results + unknown);
        Ok(counts)
    }
}

/// How many rows were linked back, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UndoCounts {
    /// Linked back by this job.
    pub linked_back: u64,
    /// Linked again already.
    pub already_linked: u64,
    /// Left alone: something would be lost, or there is nothing to link any more.
    pub skipped: u64,
    /// Failed.
    pub failed: u64,
    /// Sent, and not known yet whether it was applied: the next run reads it first.
    pub unknown: u64,
}

impl UndoCounts {
    pub(crate) const fn add(&mut self, outcome: UndoOutcome, rows: u64) {
        *match outcome {
            UndoOutcome::LinkedBack => &mut self.linked_back,
            UndoOutcome::AlreadyLinked => &mut self.already_linked,
            UndoOutcome::Skipped => &mut self.skipped,
            UndoOutcome::Failed => &mut self.failed,
        } += rows;
    }

    pub(super) fn read(connection: &Connection) -> Result<Self, Error> {
        let mut counts = Self::default();
        let mut statement = connection.prepare_cached(
            "SELECT outcome, count(*) FROM undo_result GROUP BY outcome
             UNION ALL SELECT undo_outcome, rows FROM tally WHERE undo_outcome IS NOT NULL",
        )?;
        let mut outcomes = statement.query([])?;
        while let Some(row) = outcomes.next()? {
            let (outcome, count): (String, u64) = (row.get(0)?, row.get(1)?);
            counts.add(
                UndoOutcome::read(&outcome).ok_or_else(|| damaged("undo_result"))?,
                count,
            );
        }
        let unknown = "SELECT count(*) FROM undo_intent";
        counts.unknown = connection.query_row(unknown, [], |row| row.get(0))?;
        Ok(counts)
    }
}
