//! What a job was made of and what it is to do.

use std::{fmt, time::SystemTime};

use rusqlite::{Connection, OptionalExtension as _};

use super::{damaged, time};
use crate::{digest::Digest, error::Error, input::Selection, plan::Estimate};

/// What is done with each identity of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It is unlinked.
    Unlink,
    /// It is unlinked, and the account that appears for it deleted.
    UnlinkAndDelete,
}

impl Action {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unlink => "unlink",
            Self::UnlinkAndDelete => "unlink and delete",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a job was made of and what it is to do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The name of the job, in each request's `X-Correlation-ID` before the number of the row.
    pub job: String,
    /// The tenant it is for, as host and, if any, port.
    pub tenant: String,
    /// What is done with each identity.
    pub action: Action,
    /// Of the tenant, the action and all rows in their order.
    pub digest: Digest,
    /// The version of the program that made it.
    pub version: String,
    /// When it was made.
    pub made_at: SystemTime,
    /// The name of its source.
    pub source: String,
    /// Which identities of an export it is about; empty for a source of rows.
    pub selection: Selection,
    /// When its source was made: what an export shows is as old as this.
    pub source_made_at: SystemTime,
    /// Of the source as it came, gzipped or not.
    pub source_digest: Digest,
    /// The size of the source as it came, in bytes.
    pub source_bytes: u64,
    /// The lines of the source, unzipped.
    pub lines: u64,
    /// The users of the export; 0 for a source of rows.
    pub users: u64,
    /// The identities to be unlinked.
    pub rows: u64,
    /// Those of them whose user was seen, in an export or by reading.
    pub rows_with_snapshot: u64,
    /// How many times an identity was there again.
    pub duplicates: u64,
    /// The bad lines that were left out.
    pub bad: u64,
    /// The users whose main identity was selected: no unlinking saves them when its connection is removed.
    pub main_identities: u64,
    /// The users who are left without a verified e-mail address.
    pub without_email: u64,
    /// The users who are left without an identity that they can log in with.
    pub without_login: u64,
    /// Whether it keeps profiles and metadata.
    pub keeps_profiles: bool,
    /// When the ids of people were removed from it; then nothing can be applied or undone any more.
    pub purged_at: Option<SystemTime>,
}

impl Plan {
    /// How many requests it takes.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        Estimate::new(
            self.rows_with_snapshot,
            self.rows - self.rows_with_snapshot,
            self.action,
        )
    }

    pub(super) fn read(connection: &Connection) -> Result<Self, Error> {
        let found = |name: &str| value(connection, name);
        let value = |name: &str| found(name)?.ok_or_else(|| damaged(name));
        let number = |name: &str| value(name)?.parse::<u64>().map_err(|_| damaged(name));
        let digest = |name: &str| value(name)?.parse().map_err(|_| damaged(name));
        // A job of before it was kept has none.
        let selection = match found("selection")? {
            None => Selection::default(),
            Some(json) => serde_json::from_str(&json).map_err(|_| damaged("selection"))?,
        };
        let purged_at = match found("purged_at")? {
            None => None,
            Some(_) => Some(time(number("purged_at")?)),
        };
        Ok(Self {
            job: value("id")?,
            tenant: value("tenant")?,
            action: match value("action")?.as_str() {
                "unlink" => Action::Unlink,
                "unlink and delete" => Action::UnlinkAndDelete,
                _ => return Err(damaged("action")),
            },
            digest: digest("digest")?,
            version: value("version")?,
            made_at: time(number("made_at")?),
            source: value("source")?,
            selection,
            source_made_at: time(number("source_made_at")?),
            source_digest: digest("source_sha256")?,
            source_bytes: number("source_bytes")?,
            lines: number("lines")?,
            users: number("users")?,
            rows: number("rows")?,
            rows_with_snapshot: number("rows_with_snapshot")?,
            duplicates: number("duplicates")?,
            bad: number("bad")?,
            main_identities: number("main_identities")?,
            without_email: number("without_email")?,
            without_login: number("without_login")?,
            keeps_profiles: number("keeps_profiles")? > 0,
            purged_at,
        })
    }
}

/// A value of the plan, or of what became of the job since.
pub(super) fn value(connection: &Connection, name: &str) -> Result<Option<String>, Error> {
    let mut statement = connection.prepare_cached("SELECT value FROM job WHERE name = ?")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

pub(super) fn set(connection: &Connection, name: &str, value: &str) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO job VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        )?
        .execute([name, value])?;
    Ok(())
}
