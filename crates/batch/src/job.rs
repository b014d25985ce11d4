//! The job: one SQLite file that says what to do, what users looked like, and what came of it.

mod draft;
mod file;
mod runs;
mod schema;
mod store;
mod verify;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use self::file::Lock;
pub(crate) use self::{
    draft::{Draft, Lost, NewRow, Planned},
    store::{Finished, Pending, Seen, Store},
};
pub use self::{runs::Run, verify::Verified};
use crate::{
    digest::{Digest, Hasher},
    error::{Error, ErrorKind},
    plan::Estimate,
};

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
    /// Those of them whose user was seen in an export.
    pub rows_with_snapshot: u64,
    /// How many times an identity was there again.
    pub duplicates: u64,
    /// The bad lines that were left out.
    pub bad: u64,
    /// The users whose main identity was selected: no unlinking saves them when its connection is removed.
    pub main_identities: u64,
    /// The users who are left without a verified e-mail address.
    pub without_email: u64,
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

    fn read(connection: &Connection) -> Result<Self, Error> {
        let value = |name: &str| -> Result<String, Error> {
            connection
                .prepare_cached("SELECT value FROM job WHERE name = ?")?
                .query_row([name], |row| row.get(0))
                .optional()?
                .ok_or_else(|| damaged(name))
        };
        let number = |name: &str| value(name)?.parse::<u64>().map_err(|_| damaged(name));
        let digest = |name: &str| value(name)?.parse().map_err(|_| damaged(name));
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
        })
    }
}

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

    fn field(&mut self, outcome: &str) -> Option<&mut u64> {
        Some(match outcome {
            "unlinked" => &mut self.unlinked,
            "deleted" => &mut self.deleted,
            "not deleted" => &mut self.not_deleted,
            "not linked" => &mut self.not_linked,
            "absent" => &mut self.absent,
            "stale" => &mut self.stale,
            "failed" => &mut self.failed,
            _ => return None,
        })
    }

    pub(crate) fn count(&mut self, outcome: &str) {
        if let Some(count) = self.field(outcome) {
            *count += 1;
        }
    }

    fn read(connection: &Connection, rows: u64) -> Result<Self, Error> {
        let mut counts = Self::default();
        let mut statement =
            connection.prepare("SELECT outcome, count(*) FROM result GROUP BY outcome")?;
        let mut outcomes = statement.query([])?;
        let mut results = 0;
        while let Some(row) = outcomes.next()? {
            let (outcome, count): (String, u64) = (row.get(0)?, row.get(1)?);
            results += count;
            *counts.field(&outcome).ok_or_else(|| damaged("result"))? = count;
        }
        let unknown = "SELECT count(*) FROM intent";
        counts.unknown = connection.query_row(unknown, [], |row| row.get(0))?;
        counts.pending = rows.saturating_sub(results).saturating_sub(counts.unknown);
        Ok(counts)
    }
}

/// A row that is not done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failed {
    /// Its number in the job.
    pub row: u64,
    /// The user.
    pub user_id: String,
    /// The provider of the identity.
    pub provider: String,
    /// The id inside the identity.
    pub identity_user_id: String,
    /// Why.
    pub message: String,
    /// Whether the next run tries it again.
    pub is_open: bool,
}

/// How far a job is; it can be read while another process works on the job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The job.
    pub plan: Plan,
    /// How many rows ended how.
    pub counts: Counts,
    /// Whether the first rows were done for a look at them, and the rest waits.
    pub canary_waits: bool,
}

impl Status {
    /// Reads it from the job at `path`.
    ///
    /// # Errors
    ///
    /// [`NotAJob`](ErrorKind::NotAJob), [`NewerJob`](ErrorKind::NewerJob), [`Storage`](ErrorKind::Storage).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        file::refuse_network(path)?;
        let connection = connect(path)?;
        connection.pragma_update(None, "query_only", true)?;
        let plan = Plan::read(&connection)?;
        // One view of the file for all counts, whatever is written meanwhile.
        let view = connection.unchecked_transaction()?;
        Ok(Self {
            counts: Counts::read(&view, plan.rows)?,
            canary_waits: canary_waits(&view)?,
            plan,
        })
    }
}

/// A job that this process alone may work on.
#[derive(Debug)]
pub struct Job {
    path: PathBuf,
    plan: Plan,
    // Before the lock, so that it is closed first: closing any handle of a file takes SQLite's locks on it away.
    connection: Connection,
    lock: Lock,
}

impl Job {
    /// Opens a job to work on it.
    ///
    /// # Errors
    ///
    /// [`Locked`](ErrorKind::Locked), [`NotAJob`](ErrorKind::NotAJob), [`NewerJob`](ErrorKind::NewerJob),
    /// [`NetworkFileSystem`](ErrorKind::NetworkFileSystem), [`Storage`](ErrorKind::Storage).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        file::refuse_network(path)?;
        let lock = Lock::take(path)?;
        let connection = connect(path)?;
        // A result that is committed is on the disk, and readers are not kept waiting.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        Ok(Self {
            path: path.to_owned(),
            plan: Plan::read(&connection)?,
            connection,
            lock,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it was made of and what it is to do.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many rows ended how.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage).
    pub fn counts(&self) -> Result<Counts, Error> {
        Counts::read(&self.connection, self.plan.rows)
    }

    /// Whether the first rows were done for a look at them, and the rest waits.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage).
    pub fn canary_waits(&self) -> Result<bool, Error> {
        canary_waits(&self.connection)
    }

    /// Hands over the rows that failed, were left alone or not deleted, in their order.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage), and what `take` returns.
    pub fn failures(&self, mut take: impl FnMut(Failed) -> Result<(), Error>) -> Result<(), Error> {
        let mut statement = self.connection.prepare(
            "SELECT row.number, user.user_id, row.provider, row.identity_user_id, result.message, result.is_open
             FROM result JOIN row ON row.number = result.row JOIN user ON user.id = row.user
             WHERE result.outcome IN ('failed', 'stale', 'not deleted') ORDER BY row.number",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            take(Failed {
                row: row.get(0)?,
                user_id: row.get(1)?,
                provider: row.get(2)?,
                identity_user_id: row.get(3)?,
                message: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
                is_open: row.get(5)?,
            })?;
        }
        Ok(())
    }

    /// Hands over the users who are lost with a connection that is removed, or left without a verified e-mail address.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage), and what `take` returns.
    pub fn warnings(
        &self,
        mut take: impl FnMut(&str, Warning) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // Those who are lost come first.
        let mut statement = self.connection.prepare(
            "SELECT user_id, reason FROM lost ORDER BY reason <> 'main identity', rowid",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let warning = match row.get::<_, String>(1)?.as_str() {
                "main identity" => Warning::MainIdentity,
                _ => Warning::VerifiedEmail,
            };
            take(&row.get::<_, String>(0)?, warning)?;
        }
        Ok(())
    }

    /// Takes the digest of the rows as they are in the file: it differs from the plan's if someone changed them.
    pub(crate) fn digest(&self) -> Result<Digest, Error> {
        let mut hasher = head(&self.plan.tenant, self.plan.action);
        let mut statement = self.connection.prepare(
            "SELECT user.user_id, row.provider, row.identity_user_id
             FROM row JOIN user ON user.id = row.user ORDER BY row.number",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..3 {
                hasher.text(row.get_ref(column)?.as_str().map_err(|_| damaged("row"))?);
            }
        }
        Ok(hasher.finish())
    }

    pub(crate) fn into_store(self) -> Store {
        Store::new(self.connection, self.plan.action, self.lock)
    }
}

/// What a removed connection does to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The user's main identity was selected: the user is lost with its connection, and so are the identities linked to it.
    MainIdentity,
    /// The user is left without a verified e-mail address.
    VerifiedEmail,
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    schema::check(&connection)?;
    Ok(connection)
}

fn canary_waits(connection: &Connection) -> Result<bool, Error> {
    let canary = "SELECT count(*) FROM job WHERE name = 'canary' AND value = 'waits'";
    Ok(connection.query_row(canary, [], |row| row.get(0))?)
}

/// The start of a job's digest, before its rows.
fn head(tenant: &str, action: Action) -> Hasher {
    let mut hasher = Hasher::default();
    for text in ["unlink job 1", tenant, action.as_str()] {
        hasher.text(text);
    }
    hasher
}

fn damaged(what: &str) -> Error {
    let message = format!("the job is damaged: its {what} cannot be read");
    Error::new(ErrorKind::Storage, message)
}

/// Unix time in milliseconds, as the file holds it.
pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time(millis: u64) -> SystemTime {
    let since = Duration::from_millis(millis);
    SystemTime::UNIX_EPOCH
        .checked_add(since)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
