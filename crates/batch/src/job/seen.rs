//! What reads showed, kept in the job file as the evidence of rows.

use std::{collections::BTreeSet, sync::Arc};

use rusqlite::params;
use unlink::{IdentityKey, ListedIdentity, Snapshot};

use super::{Store, damaged, draft, millis};
use crate::{
    error::Error,
    input::{self, Record},
    preflight,
};

/// What a read showed, to be kept as the evidence of a row.
#[derive(Debug)]
pub(crate) struct Seen {
    snapshot: Snapshot,
    /// The user as it came, where more than its identities was asked for.
    line: Option<String>,
    keeps_profile: bool,
    /// The tenant's connections, if they are known.
    connections: Option<Arc<BTreeSet<String>>>,
}

impl Seen {
    pub(crate) const fn of(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            line: None,
            keeps_profile: false,
            connections: None,
        }
    }

    /// The user as it came, from which is told what it loses.
    pub(crate) fn read(self, line: String, keeps_profile: bool) -> Self {
        Self {
            line: Some(line),
            keeps_profile,
            ..self
        }
    }

    pub(crate) fn among(self, connections: Option<Arc<BTreeSet<String>>>) -> Self {
        Self {
            connections,
            ..self
        }
    }

    fn identities(&self) -> String {
        let identities: Vec<_> = self.snapshot.listed().iter().map(json).collect();
        serde_json::Value::from(identities).to_string()
    }
}

fn json(listed: &ListedIdentity) -> serde_json::Value {
    serde_json::json!({
        "provider": listed.key().provider(),
        "user_id": listed.key().user_id(),
        "connection": listed.connection(),
    })
}

impl Store {
    /// Writes down what was read of a row's user, and what that shows of its rows; returns how many of them are not linked
    /// as they were planned.
    pub(crate) fn see(&self, number: i64, seen: &Seen) -> Result<u64, Error> {
        let user: i64 = self
            .connection
            .prepare_cached("SELECT user FROM row WHERE number = ?")?
            .query_row([number], |row| row.get(0))?;
        let read_at = seen.snapshot.read_at().map(millis);
        let profile = seen.line.as_deref().filter(|_| seen.keeps_profile);
        self.connection
            .prepare_cached(
                "UPDATE user SET identities = ?, read_at = ?, profile = COALESCE(?, profile) WHERE id = ?",
            )?
            .execute(params![
                seen.identities(),
                read_at,
                profile.and_then(draft::profile),
                user
            ])?;
        let mut rows = self
            .connection
            .prepare_cached("SELECT number, provider, identity_user_id FROM row WHERE user = ?")?;
        let mut rows = rows.query([user])?;
        let (mut differing, mut chosen) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            let text = |column| -> Result<String, Error> { Ok(row.get(column)?) };
            let provider: unlink::ProviderName = text(1)?.parse().map_err(|_| damaged("row"))?;
            let id = text(2)?.parse().map_err(|_| damaged("row"))?;
            let wanted = IdentityKey::new(provider, id);
            let found = seen.snapshot.resolve(&wanted);
            if matches!(&found, Err(error) if error.kind() == unlink::ErrorKind::MainIdentity) {
                chosen.push(0);
            }
            // What is not linked now may have been when it was seen last: that stays.
            let Ok(Some(listed)) = found else {
                differing += 1;
                continue;
            };
            let place = |other: &ListedIdentity| std::ptr::eq(other, listed);
            chosen.extend(seen.snapshot.listed().iter().position(place));
            let own = listed.key().user_id();
            self.connection
                .prepare_cached(
                    "UPDATE row SET is_seen = 1, connection = COALESCE(?, connection), listed_user_id = ?, linked_at = ?
                     WHERE number = ?",
                )?
                .execute(params![
                    listed.connection(),
                    (own != wanted.user_id()).then_some(own.as_str()),
                    read_at,
                    row.get::<_, i64>(0)?,
                ])?;
        }
        if let Some(line) = &seen.line {
            self.warn(line, &chosen, seen.connections.as_deref())?;
        }
        Ok(differing)
    }

    /// Counts and lists what a user loses that was read.
    fn warn(
        &self,
        line: &str,
        chosen: &[usize],
        connections: Option<&BTreeSet<String>>,
    ) -> Result<(), Error> {
        // An odd answer is evidence all the same, and says nothing about the rest.
        let Ok(Record::User(user)) = input::parse_user(line) else {
            return Ok(());
        };
        for lost in preflight::lost(&user, chosen, connections) {
            self.connection
                .prepare_cached("INSERT INTO lost (user_id, reason) VALUES (?, ?)")?
                .execute([&user.user_id, lost.as_str()])?;
            self.connection
                .prepare_cached("UPDATE job SET value = value + 1 WHERE name = ?")?
                .execute([lost.count()])?;
        }
        Ok(())
    }
}
