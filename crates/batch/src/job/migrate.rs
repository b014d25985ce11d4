//! A job of an older format, copied into one of this format.

use std::{fs, path::Path, time::Duration};

use rusqlite::{Connection, params};
use unlink::IdentityKey;

use super::{
    damaged,
    file::{Lock, NewFile},
    schema, store,
};
use crate::error::{Error, ErrorKind, storage};

/// Puts a copy of this format in the job's place, and keeps the old one beside it.
pub(super) fn in_place(path: &Path, version: i32, old: Lock) -> Result<Lock, Error> {
    let mut kept = path.file_name().unwrap_or_default().to_owned();
    kept.push(format!(".v{version}"));
    let kept = path.with_file_name(kept);
    let draft = NewFile::beside(path, "migrated")?;
    {
        // Whatever is still in its journal is written to the old file, which may then be renamed.
        let old = Connection::open(path)?;
        old.busy_timeout(Duration::from_secs(10))?;
        let mode: String =
            old.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))?;
        if mode != "delete" {
            // It would be taken for the journal of the file that takes its place.
            let message = "the job is of an older format, and someone looks at it: try again when they are done";
            return Err(Error::new(ErrorKind::Locked, message));
        }
        let new = Connection::open(&draft.path)?;
        copy(&new, path)?;
        new.close().map_err(|(_, error)| error)?;
    }
    // Who opens it from now on finds it locked, too.
    let lock = Lock::take_for(&draft.path, path)?;
    match fs::hard_link(path, &kept) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(super::file::exists(&kept));
        }
        Err(_) => fs::copy(path, &kept).map(drop),
        Ok(()) => Ok(()),
    }
    .map_err(|error| storage("keep the job of the older format", error))?;
    draft.replace()?;
    drop(old);
    Ok(lock)
}

/// A copy of this format that lasts as long as the connection.
pub(super) fn to_memory(path: &Path) -> Result<Connection, Error> {
    // An empty name is a file of SQLite's own, which nobody else sees.
    let new = Connection::open("")?;
    copy(&new, path)?;
    Ok(new)
}

/// Fills an empty database with the job at `path`, of format 1.
fn copy(new: &Connection, path: &Path) -> Result<(), Error> {
    schema::create(new)?;
    let path = path
        .to_str()
        .ok_or_else(|| storage("read the job", std::io::ErrorKind::InvalidFilename.into()))?;
    new.execute("ATTACH ? AS old", [path])?;
    new.execute_batch(
        "BEGIN;
         INSERT INTO job SELECT name, value FROM old.job;
         INSERT INTO job SELECT 'source_made_at', value FROM old.job WHERE name = 'made_at';
         INSERT INTO job VALUES ('without_login', '0'), ('keeps_profiles', '0');
         INSERT INTO user (id, user_id, identities, read_at) SELECT id, user_id, identities, read_at FROM old.user;
         INSERT INTO row (number, user, provider, identity_user_id, line, is_seen)
            SELECT number, user, provider, identity_user_id, line, 0 FROM old.row;
         INSERT INTO lost SELECT user_id, reason FROM old.lost;
         INSERT INTO run (number, work, began, ended, client, operator, options, answer, version, ending)
            SELECT number, 'apply', began, ended, client, operator, options, '', '', ending FROM old.run;
         INSERT INTO intent SELECT row, run FROM old.intent;
         INSERT INTO result (row, run, outcome, is_open, at, attempts, message)
            SELECT row, run, outcome, is_open, at, attempts, message FROM old.result;",
    )?;
    evidence(new)?;
    schema::finish(new)?;
    new.execute_batch("COMMIT; DETACH old")?;
    Ok(())
}

/// What was seen of each row's identity, which format 1 has with its user only.
fn evidence(new: &Connection) -> Result<(), Error> {
    let mut rows = new.prepare(
        "SELECT row.number, user.user_id, user.identities, user.read_at, row.provider, row.identity_user_id
         FROM row JOIN user ON user.id = row.user WHERE user.identities IS NOT NULL",
    )?;
    let mut update = new.prepare(
        "UPDATE row SET is_seen = 1, connection = ?, listed_user_id = ?, linked_at = ? WHERE number = ?",
    )?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let text = |column| -> Result<String, Error> { Ok(row.get(column)?) };
        let user_id = text(1)?.parse().map_err(|_| damaged("user"))?;
        let seen = store::snapshot(&user_id, &text(2)?)?;
        let provider: unlink::ProviderName = text(4)?.parse().map_err(|_| damaged("row"))?;
        let id = text(5)?.parse().map_err(|_| damaged("row"))?;
        let wanted = IdentityKey::new(provider, id);
        if let Ok(Some(listed)) = seen.resolve(&wanted) {
            let own = listed.key().user_id();
            update.execute(params![
                listed.connection(),
                (own != wanted.user_id()).then_some(own.as_str()),
                row.get::<_, Option<i64>>(3)?,
                row.get::<_, i64>(0)?,
            ])?;
        }
    }
    // What came out as unlinked had been seen linked, also where another row's read has taken its place since.
    new.execute(
        "UPDATE row SET is_seen = 1 WHERE number IN
            (SELECT row FROM result WHERE outcome IN ('unlinked', 'deleted', 'not deleted'))",
        [],
    )?;
    Ok(())
}
