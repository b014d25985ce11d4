//! The job: one SQLite file that says what to do, what users looked like, and what came of it.

mod counts;
mod draft;
mod file;
mod migrate;
mod network;
mod plan;
mod purge;
mod rows;
mod runs;
mod schema;
mod seen;
mod store;
mod verify;
mod view;

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rusqlite::{Connection, OpenFlags};

use self::file::Lock;
pub use self::{
    counts::{Counts, UndoCounts},
    plan::{Action, Plan},
    purge::Purged,
    rows::{Row, Undone},
    runs::{Run, Slice, Work},
    verify::Verified,
    view::{Group, Status, View, Warning},
};
pub(crate) use self::{
    draft::{Draft, Lost, NewRow, Planned},
    seen::Seen,
    store::{Finished, Linked, Pending, RunInfo, SliceSoFar, Store},
};
use crate::{
    digest::Hasher,
    error::{Error, ErrorKind},
};

/// A job that this process alone may work on.
#[derive(Debug)]
pub struct Job {
    path: PathBuf,
    // Before the lock, so that it is closed first: closing any handle of a file takes SQLite's locks on it away.
    view: View,
    lock: Lock,
}

impl Job {
    /// Opens a job to work on it. One of an older format is migrated in a copy, which takes its place; the old one stays
    /// beside it, with `.v1` or the like at the end of its name.
    ///
    /// # Errors
    ///
    /// [`Locked`](ErrorKind::Locked), [`NotAJob`](ErrorKind::NotAJob), [`NewerJob`](ErrorKind::NewerJob),
    /// [`NetworkFileSystem`](ErrorKind::NetworkFileSystem), [`Storage`](ErrorKind::Storage);
    /// [`Exists`](ErrorKind::Exists) if the old one would have to take the place of another file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        network::refuse(path)?;
        let mut lock = Lock::take(path)?;
        let (mut connection, version) = connect(path)?;
        if version < schema::VERSION {
            drop(connection);
            lock = migrate::in_place(path, version, lock)?;
            connection = connect(path)?.0;
        }
        // A result that is committed is on the disk, and readers are not kept waiting.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        Ok(Self {
            path: path.to_owned(),
            view: View::new(connection)?,
            lock,
        })
    }

    /// Whether a process works on the job at `path` at this moment; where locks of files cannot tell, none is said to.
    ///
    /// To be asked before this process looks at that job, not meanwhile: the file is opened and closed for it, which takes
    /// the locks away by which a reader is kept from reading what is being tidied up.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage), [`NetworkFileSystem`](ErrorKind::NetworkFileSystem).
    pub fn is_worked_on(path: impl AsRef<Path>) -> Result<bool, Error> {
        let path = path.as_ref();
        network::refuse(path)?;
        file::is_locked(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it was made of and what it is to do.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        self.view.plan()
    }

    /// What is to be seen of it.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    pub(crate) fn into_store(self) -> Store {
        Store::new(self.view.connection, self.view.plan.action, self.lock)
    }
}

fn connect(path: &Path) -> Result<(Connection, i32), Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let version = schema::check(&connection)?;
    Ok((connection, version))
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
