//! The runs of a job: who worked on it, when, how, how that ended, and what it sent when.

use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::{Job, View, damaged, millis, time};
use crate::{error::Error, traffic::Traffic};

/// How long a slice of a run is.
pub(crate) const SLICE: Duration = Duration::from_secs(10);

/// What a run was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Work {
    /// Applying the job.
    Apply,
    /// Linking back what it unlinked.
    Undo,
    /// Reading the users that its source did not show.
    Check,
}

impl Work {
    /// As the job file has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Undo => "undo",
            Self::Check => "check",
        }
    }
}

/// A run of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// Its number, from 1.
    pub number: u64,
    /// What it was for.
    pub work: Work,
    /// When it began.
    pub began: SystemTime,
    /// When it ended; `None` if it was killed, or goes on.
    pub ended: Option<SystemTime>,
    /// The id of the client that it was told.
    pub client: String,
    /// The operating system's user that it was told.
    pub operator: String,
    /// With which options, as text for people.
    pub options: String,
    /// What was answered when it was asked whether to begin, as it was told.
    pub answer: String,
    /// The version of the program.
    pub version: String,
    /// How it ended: `complete`, `max`, `max failures`, `canary`, `canary wrong`, `stopped`, `until`, `unreachable`,
    /// `refused` or `declined`.
    pub ending: Option<String>,
    /// The requests it sent, as far as they were counted.
    pub traffic: Traffic,
}

/// What a run did in ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slice {
    /// The number of the run.
    pub run: u64,
    /// When it began.
    pub at: SystemTime,
    /// The rows that got a result.
    pub rows: u64,
    /// Those of them that failed, were left alone or not deleted.
    pub failures: u64,
    /// The requests, as far as they were counted.
    pub traffic: Traffic,
}

impl Slice {
    /// How long every slice is.
    pub const LENGTH: Duration = SLICE;
}

const TRAFFIC: &str = "COALESCE(sum(requests), 0), COALESCE(sum(refused), 0), COALESCE(sum(waited), 0), min(lowest_remaining)";

fn traffic(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Traffic> {
    Ok(Traffic {
        requests: row.get(first)?,
        refused: row.get(first + 1)?,
        waited: Duration::from_millis(row.get(first + 2)?),
        lowest_remaining: row.get(first + 3)?,
    })
}

impl View {
    /// Returns its runs, the first first.
    ///
    /// # Errors
    ///
    /// [`Storage`](crate::ErrorKind::Storage).
    pub fn runs(&self) -> Result<Vec<Run>, Error> {
        read(&self.connection, "ORDER BY number")
    }

    /// Returns what its runs did, in slices of ten seconds; those in which nothing was done are left out.
    ///
    /// # Errors
    ///
    /// [`Storage`](crate::ErrorKind::Storage).
    pub fn timeline(&self) -> Result<Vec<Slice>, Error> {
        let mut statement = self.connection.prepare(
            "SELECT run, at, rows, failures, requests, refused, waited, lowest_remaining FROM slice ORDER BY run, at",
        )?;
        let slices = statement.query_map([], |row| {
            Ok(Slice {
                run: row.get(0)?,
                at: time(row.get(1)?),
                rows: row.get(2)?,
                failures: row.get(3)?,
                traffic: traffic(row, 4)?,
            })
        })?;
        Ok(slices.collect::<Result<_, _>>()?)
    }
}

impl Job {
    /// Writes down that a run was asked for and declined, by whom and with which answer.
    ///
    /// # Errors
    ///
    /// [`Storage`](crate::ErrorKind::Storage).
    pub fn declined(
        &self,
        work: Work,
        client: &str,
        operator: &str,
        answer: &str,
    ) -> Result<(), Error> {
        let now = millis(SystemTime::now());
        self.view.connection.execute(
            "INSERT INTO run (work, began, ended, client, operator, options, answer, version, ending)
             VALUES (?1, ?2, ?2, ?3, ?4, '', ?5, ?6, 'declined')",
            rusqlite::params![
                work.as_str(),
                now,
                client,
                operator,
                answer,
                env!("CARGO_PKG_VERSION"),
            ],
        )?;
        Ok(())
    }
}

/// The last run.
pub(super) fn last(connection: &Connection) -> Result<Option<Run>, Error> {
    Ok(read(connection, "ORDER BY number DESC LIMIT 1")?.pop())
}

/// Rows a second, over the last minute of the last run that has slices.
pub(super) fn rate(connection: &Connection) -> Result<Option<f64>, Error> {
    const MINUTE: i64 = 60_000;
    let last =
        "SELECT run, max(at) FROM slice WHERE run = (SELECT max(run) FROM slice) GROUP BY run";
    let mut statement = connection.prepare_cached(last)?;
    let mut found = statement.query([])?;
    let Some(row) = found.next()? else {
        return Ok(None);
    };
    let (run, latest): (i64, i64) = (row.get(0)?, row.get(1)?);
    let slices = "SELECT sum(rows), min(at) FROM slice WHERE run = ? AND at > ?";
    let (rows, first): (f64, i64) = connection
        .prepare_cached(slices)?
        .query_row([run, latest - MINUTE], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let began: i64 = connection
        .prepare_cached("SELECT began FROM run WHERE number = ?")?
        .query_row([run], |row| row.get(0))?;
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(at) FROM result WHERE run = ?")?
        .query_row([run], |row| row.get(0))?;
    // The first slice begins before the run, and the last has not ended.
    let from = first.max(began);
    let to = newest.unwrap_or(latest).max(from + 1_000);
    #[expect(clippy::cast_precision_loss, reason = "a minute's milliseconds")]
    let seconds = (to - from) as f64 / 1_000.0;
    Ok(Some(rows / seconds))
}

fn read(connection: &Connection, which: &str) -> Result<Vec<Run>, Error> {
    let mut statement = connection.prepare(&format!(
        "SELECT number, work, began, ended, client, operator, options, answer, version, ending, {TRAFFIC}
         FROM run LEFT JOIN slice ON slice.run = run.number GROUP BY number {which}"
    ))?;
    let mut rows = statement.query([])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(Run {
            number: row.get(0)?,
            work: match row.get::<_, String>(1)?.as_str() {
                "apply" => Work::Apply,
                "undo" => Work::Undo,
                "check" => Work::Check,
                _ => return Err(damaged("run")),
            },
            began: time(row.get(2)?),
            ended: row.get::<_, Option<u64>>(3)?.map(time),
            client: row.get(4)?,
            operator: row.get(5)?,
            options: row.get(6)?,
            answer: row.get(7)?,
            version: row.get(8)?,
            ending: row.get(9)?,
            traffic: traffic(row, 10)?,
        });
    }
    Ok(runs)
}
