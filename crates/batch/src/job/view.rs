//! A job to be looked at, also while another process works on it.

use std::path::Path;

use rusqlite::Connection;

use super::{
    Counts, Plan, Run, UndoCounts, connect, damaged, head, migrate, network, plan::value, runs,
};
use crate::{
    digest::Digest,
    error::{Error, ErrorKind},
    outcome::{Outcome, UndoOutcome},
};

/// A job to be looked at: what it is to do, what came of it, when and how.
///
/// ```no_run
/// let view = unlink_batch::View::open("job.db")?;
/// println!("{:?}", view.status()?.counts);
/// view.failures(|row| {
///     println!("{} {}|{}: {}", row.user_id, row.provider, row.identity_user_id, row.message.unwrap_or_default());
///     Ok(())
/// })?;
/// # Ok::<(), unlink_batch::Error>(())
/// ```
#[derive(Debug)]
pub struct View {
    pub(super) connection: Connection,
    pub(super) plan: Plan,
}

/// How far a job is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The job.
    pub plan: Plan,
    /// How many rows ended how.
    pub counts: Counts,
    /// How many rows were linked back, or not.
    pub undone: UndoCounts,
    /// Whether the first rows were done for a look at them, and the rest waits.
    pub canary_waits: bool,
    /// The last run; if it has not ended, it goes on or was killed.
    pub last_run: Option<Run>,
    /// Rows a second over the last minute of the last run; `None` before there is a result.
    pub rate: Option<f64>,
}

impl Status {
    /// Reads it from the job at `path`.
    ///
    /// # Errors
    ///
    /// As [`View::open`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        View::open(path)?.status()
    }
}

/// The rows of one provider and connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// The provider.
    pub provider: String,
    /// The connection, where it is known.
    pub connection: Option<String>,
    /// How many of its rows ended how.
    pub counts: Counts,
    /// How many of its rows were linked back, or not.
    pub undone: UndoCounts,
}

/// What is lost with a connection that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The user's main identity was selected: the user is lost with its connection, and so are the identities linked to it.
    MainIdentity,
    /// The user is left without a verified e-mail address.
    VerifiedEmail,
    /// The user is left without an identity to log in with: blocked, or of no connection that the tenant has.
    Login,
}

impl Warning {
    /// What to do about it, as one sentence.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::MainIdentity => {
                "No unlinking saves this user: link the accounts the other way round before the connection is removed."
            }
            Self::VerifiedEmail => {
                "Have the e-mail address verified first: the user may not be able to reset a password."
            }
            Self::Login => {
                "Give the user a way to log in first, or unblock them: no identity that stays can be used."
            }
        }
    }
}

impl View {
    /// Opens a job to look at it. All it shows is the state of the moment of its first answer. A job of an older format
    /// is read from a copy, and stays what it is.
    ///
    /// # Errors
    ///
    /// [`NotAJob`](ErrorKind::NotAJob), [`NewerJob`](ErrorKind::NewerJob),
    /// [`NetworkFileSystem`](ErrorKind::NetworkFileSystem), [`Storage`](ErrorKind::Storage).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        network::refuse(path)?;
        let (mut connection, version) = connect(path)?;
        if version < super::schema::VERSION {
            connection = migrate::to_memory(path)?;
        }
        connection.pragma_update(None, "query_only", true)?;
        connection.execute_batch("BEGIN")?;
        Self::new(connection)
    }

    pub(super) fn new(connection: Connection) -> Result<Self, Error> {
        Ok(Self {
            plan: Plan::read(&connection)?,
            connection,
        })
    }

    /// What it was made of and what it is to do.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How far it is.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage).
    pub fn status(&self) -> Result<Status, Error> {
        let counts = self.counts()?;
        Ok(Status {
            plan: self.plan.clone(),
            undone: UndoCounts::read(&self.connection)?,
            // Nothing waits where the first rows were all there are.
            canary_waits: counts.pending + counts.unknown > 0 && self.canary_waits()?,
            counts,
            last_run: runs::last(&self.connection)?,
            rate: runs::rate(&self.connection)?,
        })
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
        Ok(value(&self.connection, "canary")?.as_deref() == Some("waits"))
    }

    /// Hands over the users who are lost with a connection that is removed, or left without something they need; those
    /// who are lost come first.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage), and what `take` returns.
    pub fn warnings(
        &self,
        mut take: impl FnMut(&str, Warning) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare(
            "SELECT user_id, reason FROM lost ORDER BY reason <> 'main identity', rowid",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let warning = match row.get::<_, String>(1)?.as_str() {
                "main identity" => Warning::MainIdentity,
                "verified email" => Warning::VerifiedEmail,
                "login" => Warning::Login,
                _ => return Err(damaged("lost")),
            };
            take(&row.get::<_, String>(0)?, warning)?;
        }
        Ok(())
    }

    /// Counts the rows by provider and connection.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage).
    pub fn breakdown(&self) -> Result<Vec<Group>, Error> {
        let mut statement = self.connection.prepare(
            "SELECT provider, connection, result.outcome, undo_result.outcome, intent.row IS NOT NULL,
                    undo_intent.row IS NOT NULL, count(*)
             FROM row LEFT JOIN result ON result.row = number LEFT JOIN intent ON intent.row = number
                  LEFT JOIN undo_result ON undo_result.row = number LEFT JOIN undo_intent ON undo_intent.row = number
             GROUP BY 1, 2, 3, 4, 5, 6
             UNION ALL SELECT provider, connection, outcome, undo_outcome, 0, 0, rows FROM tally
             ORDER BY 1, 2",
        )?;
        let mut found = statement.query([])?;
        let mut groups: Vec<Group> = Vec::new();
        while let Some(row) = found.next()? {
            let (provider, connection): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            let is_next = |last: &Group| last.provider != provider || last.connection != connection;
            if groups.last().is_none_or(is_next) {
                groups.push(Group {
                    provider,
                    connection,
                    counts: Counts::default(),
                    undone: UndoCounts::default(),
                });
            }
            let Some(group) = groups.last_mut() else {
                continue;
            };
            let (outcome, undone): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
            let (is_unknown, is_undo_unknown): (bool, bool) = (row.get(4)?, row.get(5)?);
            let rows: u64 = row.get(6)?;
            match outcome {
                _ if is_unknown => group.counts.unknown += rows,
                None => group.counts.pending += rows,
                Some(word) => {
                    let outcome = Outcome::read(&word).ok_or_else(|| damaged("result"))?;
                    group.counts.add(outcome, rows);
                }
            }
            match undone {
                _ if is_undo_unknown => group.undone.unknown += rows,
                None => {}
                Some(word) => {
                    let outcome = UndoOutcome::read(&word).ok_or_else(|| damaged("undo_result"))?;
                    group.undone.add(outcome, rows);
                }
            }
        }
        Ok(groups)
    }

    /// Returns what the user looked like when the job was planned, as JSON without the tokens of identity providers;
    /// `None` unless the job keeps profiles.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage).
    pub fn profile(&self, user_id: &str) -> Result<Option<String>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT profile FROM user WHERE user_id = ?")?;
        let mut rows = statement.query([user_id])?;
        match rows.next()? {
            Some(row) => Ok(row.get(0)?),
            None => Ok(None),
        }
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

    /// Refuses a job from which the ids of people were removed.
    pub(crate) fn check_purged(&self) -> Result<(), Error> {
        if self.plan.purged_at.is_none() {
            return Ok(());
        }
        let message = "the job was purged: its rows were removed, and only counts are left";
        Err(Error::new(ErrorKind::Purged, message))
    }

    /// Refuses a job whose rows are not those that were planned, or not those that were reviewed.
    pub(crate) fn check_digest(&self, expected: Option<Digest>) -> Result<(), Error> {
        let digest = self.digest()?;
        if digest != self.plan.digest {
            let message =
                "the job's rows are not those that were planned: someone changed the file";
            return Err(Error::new(ErrorKind::Digest, message));
        }
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            let message = format!(
                "the job's digest is {digest}, not {expected}: it is not what was reviewed"
            );
            return Err(Error::new(ErrorKind::Digest, message));
        }
        Ok(())
    }
}
