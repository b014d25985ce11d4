//! The tables of a job file, and how a file is known to be one.

use rusqlite::Connection;

use crate::error::{Error, ErrorKind};

/// "A0ul", in the header of the file.
const APPLICATION_ID: i32 = 0x4130_756c;
pub(super) const VERSION: i32 = 2;

/// What each is for is in `docs/job-file.md`.
const TABLES: &str = "
CREATE TABLE job (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE user (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE,
    identities TEXT,
    read_at INTEGER,
    profile TEXT
);
CREATE TABLE row (
    number INTEGER PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES user (id),
    provider TEXT NOT NULL,
    identity_user_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    is_seen INTEGER NOT NULL,
    connection TEXT,
    listed_user_id TEXT,
    linked_at INTEGER,
    UNIQUE (user, provider, identity_user_id)
);
CREATE TABLE lost (user_id TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE run (
    number INTEGER PRIMARY KEY,
    work TEXT NOT NULL,
    began INTEGER NOT NULL,
    ended INTEGER,
    client TEXT NOT NULL,
    operator TEXT NOT NULL,
    options TEXT NOT NULL,
    answer TEXT NOT NULL,
    version TEXT NOT NULL,
    ending TEXT
);
CREATE TABLE intent (row INTEGER PRIMARY KEY REFERENCES row (number), run INTEGER NOT NULL);
CREATE TABLE result (
    row INTEGER PRIMARY KEY REFERENCES row (number),
    run INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT,
    message TEXT,
    warning TEXT,
    answered_at INTEGER
);
CREATE TABLE undo_intent (row INTEGER PRIMARY KEY REFERENCES row (number), run INTEGER NOT NULL);
CREATE TABLE undo_result (
    row INTEGER PRIMARY KEY REFERENCES row (number),
    run INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT,
    message TEXT,
    warning TEXT,
    answered_at INTEGER
);
CREATE TABLE slice (
    run INTEGER NOT NULL,
    at INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    waited INTEGER NOT NULL,
    lowest_remaining INTEGER,
    PRIMARY KEY (run, at)
) WITHOUT ROWID;
CREATE TABLE tally (
    provider TEXT NOT NULL,
    connection TEXT,
    outcome TEXT,
    undo_outcome TEXT,
    rows INTEGER NOT NULL
);
";

/// For comparing a job with an export; made at once from all rows, which is faster than row by row.
const INDEX: &str = "CREATE INDEX row_identity ON row (identity_user_id, provider)";

/// Makes the tables in an empty file.
pub(super) fn create(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

/// Makes what is made once the rows are there.
pub(super) fn finish(connection: &Connection) -> Result<(), Error> {
    Ok(connection.execute_batch(INDEX)?)
}

/// Refuses what is no job, or one of a newer version; returns the version otherwise.
pub(super) fn check(connection: &Connection) -> Result<i32, Error> {
    let number = |name| connection.pragma_query_value(None, name, |value| value.get::<_, i32>(0));
    if number("application_id")? != APPLICATION_ID {
        let message = "the file is no job: it is a database of another program";
        return Err(Error::new(ErrorKind::NotAJob, message));
    }
    let version = number("user_version")?;
    if version > VERSION {
        let message = format!(
            "the job was made by a newer version of this program (format {version}, and this one knows {VERSION}): use that"
        );
        return Err(Error::new(ErrorKind::NewerJob, message));
    }
    if version < 1 {
        return Err(super::damaged("version"));
    }
    Ok(version)
}
