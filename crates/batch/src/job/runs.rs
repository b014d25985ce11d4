//! The runs of a job: who applied it, when, how, and how that ended.

use std::time::SystemTime;

use super::{Job, time};
use crate::error::Error;

/// A run of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
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
    /// How it ended: `complete`, `max`, `max failures`, `canary`, `canary wrong`, `stopped`, `until`, `unreachable` or
    /// `refused`.
    pub ending: Option<String>,
}

impl Job {
    /// Returns its runs, the first first.
    ///
    /// # Errors
    ///
    /// [`Storage`](crate::ErrorKind::Storage).
    pub fn runs(&self) -> Result<Vec<Run>, Error> {
        let mut statement = self.connection.prepare(
            "SELECT began, ended, client, operator, options, ending FROM run ORDER BY number",
        )?;
        let runs = statement.query_map([], |row| {
            Ok(Run {
                began: time(row.get(0)?),
                ended: row.get::<_, Option<u64>>(1)?.map(time),
                client: row.get(2)?,
                operator: row.get(3)?,
                options: row.get(4)?,
                ending: row.get(5)?,
            })
        })?;
        Ok(runs.collect::<Result<_, _>>()?)
    }
}
