//! Comparing a job with an export made after it: what is left, and what is new.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Read,
};

use rusqlite::params;
use unlink::{IdentityKey, ListedIdentity, ProviderName, Snapshot};

use super::{View, damaged};
use crate::{
    error::{Error, ErrorKind},
    input::{self, BadLine, Columns, Exported, ExportedIdentity, Record, Refusal, Selection, Sink},
};

/// What an export shows of the identities that a job was to unlink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The users of the export.
    pub users: u64,
    /// Rows of the job that are still linked, of the selected providers, connections and identities.
    pub left: u64,
    /// Those of them that undoing the job linked back.
    pub linked_back: u64,
    /// Linked identities of the selection that the job does not know: they came after its plan.
    pub new: u64,
    /// Accounts whose main identity is of the selection, those that the job split off among them.
    pub accounts: u64,
    /// Those of them that the job split off.
    pub split_off: u64,
}

impl View {
    /// Reads an export that was made after the job, called `name`, and says what is left of the job, and of `selection`.
    ///
    /// An identity is a row's in any form that its id may be written in, as with [`Snapshot::resolve`].
    ///
    /// # Errors
    ///
    /// [`Source`](ErrorKind::Source), [`Input`](ErrorKind::Input), [`BadLines`](ErrorKind::BadLines) about what is
    /// read; [`Purged`](ErrorKind::Purged), [`Storage`](ErrorKind::Storage).
    pub fn verify(
        &self,
        name: &str,
        source: impl Read,
        selection: &Selection,
    ) -> Result<Verified, Error> {
        self.check_purged()?;
        let mut comparison = Comparison {
            job: self,
            // Rows were selected by the addresses of then.
            rows: selection.clone().whatever_email(),
            selection,
            verified: Verified::default(),
            bad: 0,
            first_bad: Vec::new(),
        };
        let users = self.hashed_users()?;
        let is_wanted = |record: &Record<'_>| match record {
            Record::Row(..) => true,
            Record::User(user) => {
                users.contains(&hashed(&user.user_id)) || selection.selects_any(user)
            }
        };
        input::read(source, &Columns::default(), &is_wanted, &mut comparison)
            .map_err(|error| error.in_source(name))?;
        if comparison.bad > 0 {
            let message = format!(
                "{name}: {} bad lines, so nothing is certain",
                comparison.bad
            );
            return Err(Error::bad(message, comparison.first_bad));
        }
        Ok(comparison.verified)
    }
}

struct Comparison<'a> {
    job: &'a View,
    rows: Selection,
    selection: &'a Selection,
    verified: Verified,
    bad: u64,
    first_bad: Vec<BadLine>,
}

fn hashed(user_id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    user_id.hash(&mut hasher);
    hasher.finish()
}

impl View {
    /// The users of the job in little memory; one too many, by two that are hashed alike, does no harm.
    fn hashed_users(&self) -> Result<HashSet<u64>, Error> {
        let mut statement = self.connection.prepare("SELECT user_id FROM user")?;
        let users = statement.query_map([], |row| Ok(hashed(row.get_ref(0)?.as_str()?)))?;
        Ok(users.collect::<Result<_, _>>()?)
    }
}

impl Comparison<'_> {
    /// Counts the rows of a user that are still linked; returns which of the identities listed are theirs.
    fn rows_left(&mut self, user: &Exported<'_>) -> Result<Result<Vec<usize>, Refusal>, Error> {
        let mut statement = self.job.connection.prepare_cached(
            "SELECT provider, identity_user_id, undo_result.outcome IS 'linked back'
             FROM row LEFT JOIN undo_result ON undo_result.row = row.number
             WHERE user = (SELECT id FROM user WHERE user_id = ?)",
        )?;
        let mut rows = statement.query([&*user.user_id])?;
        let (mut listed, mut theirs) = (None, Vec::new());
        while let Some(row) = rows.next()? {
            let text = |column| -> Result<String, Error> { Ok(row.get(column)?) };
            let provider: ProviderName = text(0)?.parse().map_err(|_| damaged("row"))?;
            let id = text(1)?.parse().map_err(|_| damaged("row"))?;
            let wanted = IdentityKey::new(provider, id);
            let listed = match &mut listed {
                Some(listed) => listed,
                None => match snapshot(user) {
                    Ok(read) => listed.insert(read),
                    Err(refusal) => return Ok(Err(refusal)),
                },
            };
            let is_left = match listed.resolve(&wanted) {
                Ok(Some(found)) => {
                    let mut all = listed.listed().iter();
                    let index = all.position(|listed| std::ptr::eq(listed, found));
                    theirs.extend(index);
                    index.is_some_and(|index| self.rows.selects(user, &user.identities[index]))
                }
                Ok(None) => false,
                // One of several is linked, whichever was meant; a main identity is not.
                Err(error) => error.kind() == unlink::ErrorKind::Ambiguous,
            };
            self.verified.left += u64::from(is_left);
            self.verified.linked_back += u64::from(is_left && row.get(2)?);
        }
        Ok(Ok(theirs))
    }

    /// Whether the job made this identity an account of its own.
    fn is_split_off(&self, identity: &ExportedIdentity<'_>) -> Result<bool, Error> {
        let mut statement = self.job.connection.prepare_cached(
            "SELECT count(*) FROM row JOIN result ON result.row = row.number AND result.outcome IN ('unlinked', 'not deleted')
             WHERE provider = ?1 AND identity_user_id IN (?2, ?1 || '|' || ?2, ?3 || '|' || ?2)
             AND COALESCE(listed_user_id, identity_user_id) = ?2",
        )?;
        let (provider, id) = (&*identity.provider, &*identity.user_id.text);
        let of = params![provider, id, identity.connection.as_deref()];
        Ok(statement.query_row(of, |row| row.get::<_, u64>(0))? > 0)
    }
}

/// The user as a read would show it.
fn snapshot(user: &Exported<'_>) -> Result<Snapshot, Refusal> {
    let listed = user.identities.iter().map(|identity| {
        let provider: ProviderName = identity.provider.parse()?;
        let key = IdentityKey::new(provider, identity.user_id.text.parse()?);
        Ok(ListedIdentity::new(
            key,
            identity.connection.as_deref().map(str::to_owned),
        ))
    });
    let listed: Result<Vec<_>, unlink::identity_model::ParseIdError> = listed.collect();
    let refused = |error| Refusal::new(1, error);
    let user_id = user.user_id.parse().map_err(refused)?;
    Ok(Snapshot::new(user_id, listed.map_err(refused)?))
}

impl Sink for Comparison<'_> {
    fn record(&mut self, _: u64, record: Record<'_>) -> Result<Result<(), Refusal>, Error> {
        let Record::User(user) = record else {
            let message = "this is a file of rows; what is left only an export shows";
            return Err(Error::new(ErrorKind::Input, message));
        };
        self.verified.users += 1;
        let theirs = match self.rows_left(&user)? {
            Ok(theirs) => theirs,
            Err(refusal) => return Ok(Err(refusal)),
        };
        for (index, identity) in user.identities.iter().enumerate() {
            if !self.selection.selects(&user, identity) {
                continue;
            }
            if index == 0 {
                self.verified.accounts += 1;
                self.verified.split_off += u64::from(self.is_split_off(identity)?);
            } else {
                self.verified.new += u64::from(!theirs.contains(&index));
            }
        }
        Ok(Ok(()))
    }

    fn bad(&mut self, bad: BadLine, _: &[u8]) -> Result<(), Error> {
        self.bad += 1;
        if self.first_bad.len() < 20 {
            self.first_bad.push(bad);
        }
        Ok(())
    }

    fn passed(&mut self, users: u64) {
        self.verified.users += users;
    }
}
