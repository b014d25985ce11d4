//! Comparing a job with an export made after it: what is left, and what is new.

use std::io::Read;

use rusqlite::params;

use super::View;
use crate::{
    error::{Error, ErrorKind},
    input::{self, BadLine, Columns, Record, Refusal, Selection, Sink},
};

/// What an export shows of the identities that a job was to unlink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The users of the export.
    pub users: u64,
    /// Rows of the job that are still linked.
    pub left: u64,
    /// Linked identities of the selection that the job does not know: they came after its plan.
    pub new: u64,
    /// Accounts whose main identity is of the selection, those that the job split off among them.
    pub accounts: u64,
    /// Those of them that the job split off.
    pub split_off: u64,
}

impl View {
    /// Reads an export that was made after the job, called `name`, and says what is left of `selection`.
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
            selection,
            verified: Verified::default(),
            bad: 0,
            first_bad: Vec::new(),
        };
        let is_wanted = |record: &Record<'_>| match record {
            Record::Row(..) => true,
            Record::User(user) => selection.selects_any(user),
        };
        input::read(source, &Columns::default(), &is_wanted, &mut comparison)?;
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
    selection: &'a Selection,
    verified: Verified,
    bad: u64,
    first_bad: Vec<BadLine>,
}

impl Comparison<'_> {
    /// Whether the job has this row, of any user if none is given.
    fn has_row(&self, user: Option<&str>, provider: &str, id: &str) -> Result<bool, Error> {
        let mut statement = match user {
            Some(_) => self.job.connection.prepare_cached(
                "SELECT count(*) FROM row WHERE user = (SELECT id FROM user WHERE user_id = ?1)
                 AND provider = ?2 AND identity_user_id = ?3",
            )?,
            None => self.job.connection.prepare_cached(
                "SELECT count(*) FROM row JOIN result ON result.row = row.number AND result.outcome IN ('unlinked', 'not deleted')
                 WHERE ?1 IS NULL AND provider = ?2 AND identity_user_id = ?3",
            )?,
        };
        Ok(statement.query_row(params![user, provider, id], |row| row.get::<_, u64>(0))? > 0)
    }
}

impl Sink for Comparison<'_> {
    fn record(&mut self, _: u64, record: Record<'_>) -> Result<Result<(), Refusal>, Error> {
        let Record::User(user) = record else {
            let message = "this is a file of rows; what is left only an export shows";
            return Err(Error::new(ErrorKind::Input, message));
        };
        self.verified.users += 1;
        for (index, identity) in user.identities.iter().enumerate() {
            if !self.selection.selects(&user, identity) {
                continue;
            }
            let (provider, id) = (&*identity.provider, &*identity.user_id.text);
            if index == 0 {
                self.verified.accounts += 1;
                self.verified.split_off += u64::from(self.has_row(None, provider, id)?);
            } else if self.has_row(Some(&user.user_id), provider, id)? {
                self.verified.left += 1;
            } else {
                self.verified.new += 1;
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
