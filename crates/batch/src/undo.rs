//! Undoing a job: what it took off, linked back, as far as that can be done without losing anything.

mod row;

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{Arc, Mutex},
};

use unlink::{Client, transport::Priority};

use self::row::Linking;
use crate::{
    apply::check_tenant,
    digest::Digest,
    error::{Error, ErrorKind},
    job::{Job, View},
    run::{self, Options, Reading, Setting, Stop, Summary, shared_options},
};

/// Rows of a job by their numbers.
///
/// ```
/// use unlink_batch::RowRanges;
///
/// let rows: RowRanges = "3,7-9".parse()?;
/// assert!(rows.contains(8) && !rows.contains(4));
/// # Ok::<(), unlink_batch::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRanges(Vec<(u64, u64)>);

impl RowRanges {
    /// All rows.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![(0, u64::MAX)])
    }

    /// Whether the row of this number is among them.
    #[must_use]
    pub fn contains(&self, row: u64) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&row))
    }
}

impl FromStr for RowRanges {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |part: &str| {
            let message = format!(
                "\"{part}\" is no row and no range of rows: give their numbers as in 3,7-9"
            );
            Error::new(ErrorKind::Input, message)
        };
        let ranges = text.split(',').map(|part| {
            let number = |text: &str| text.trim().parse::<u64>().map_err(|_| refused(part));
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first == 0 || first > last {
                return Err(refused(part));
            }
            Ok((first, last))
        });
        ranges.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for RowRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::all() {
            return f.write_str("all");
        }
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

/// How a job is undone; all its rows, and 1,000 at most in one run, if not said.
///
/// ```
/// use unlink_batch::Undo;
///
/// let undo = Undo::default().rows("3,7-9".parse()?);
/// # let _ = undo;
/// # Ok::<(), unlink_batch::Error>(())
/// ```
pub struct Undo {
    shared: Options,
    rows: RowRanges,
    even_if_used: bool,
}

impl Default for Undo {
    fn default() -> Self {
        Self {
            shared: Options::new(1_000),
            rows: RowRanges::all(),
            even_if_used: false,
        }
    }
}

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undo")
            .field("options", &self.shared.info(&self.more()).options)
            .finish_non_exhaustive()
    }
}

shared_options!(Undo);

impl Undo {
    /// Undoes the job only if its digest is this one.
    #[must_use]
    pub const fn expect(mut self, digest: Digest) -> Self {
        self.shared.expect = Some(digest);
        self
    }

    /// Links back these rows only.
    #[must_use]
    pub fn rows(self, rows: RowRanges) -> Self {
        Self { rows, ..self }
    }

    /// Links back accounts, too, that have gained metadata, logins or identities since: what they gained is lost.
    #[must_use]
    pub fn even_if_used(self) -> Self {
        Self {
            even_if_used: true,
            ..self
        }
    }

    fn more(&self) -> Vec<String> {
        let mut more = vec![format!("rows {}", self.rows)];
        more.extend(self.even_if_used.then(|| "even if used".to_owned()));
        more
    }
}

/// What an undo would do, as far as the job tells; nothing is asked of the tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UndoPreview {
    /// Rows whose removal by this job is proven: each is read, and linked back unless its account was used since.
    pub to_link: u64,
    /// Those of them that are accounts of a database, whose connection is looked up by its name.
    pub in_databases: u64,
    /// Those of them that an earlier run skipped or failed at: they are tried again.
    pub again: u64,
    /// Rows that are linked back already.
    pub linked_back: u64,
    /// Rows whose account this job deleted: nothing is there to be linked.
    pub deleted: u64,
    /// Rows that this job did not change, or is not known to have changed: not linked to begin with, absent, stale,
    /// failed, in doubt or pending.
    pub not_changed: u64,
    /// Users who get more than one identity back, and may get them in another order.
    pub users_of_several: u64,
}

impl UndoPreview {
    /// What cannot come back, and what happens beside, each as a sentence; only what concerns these rows.
    #[must_use]
    pub fn caveats(&self) -> Vec<String> {
        let mut caveats = Vec::new();
        if self.deleted > 0 {
            caveats.push(format!(
                "{} accounts were deleted by this job: there is nothing to link back until those people log in again.",
                self.deleted
            ));
        }
        if self.to_link > 0 {
            caveats.push(
                "An identity that is linked back comes last in its user's list: the order of identities does not come back."
                    .to_owned(),
            );
            caveats.push(
                "What the accounts were given since they were split off (metadata, roles, sessions) is lost with linking; \
                 accounts with metadata, logins or identities of their own are skipped unless told otherwise."
                    .to_owned(),
            );
            caveats.push(
                "For each account that is linked, the tenant emits that a user was deleted (user.deleted)."
                    .to_owned(),
            );
        }
        caveats
    }
}

impl View {
    /// Says what undoing these rows would do, by what the job holds.
    ///
    /// # Errors
    ///
    /// [`Storage`](ErrorKind::Storage), [`Purged`](ErrorKind::Purged).
    pub fn undo_preview(&self, rows: &RowRanges) -> Result<UndoPreview, Error> {
        use crate::outcome::{Outcome, UndoOutcome};

        self.check_purged()?;
        let mut preview = UndoPreview::default();
        let mut last: Option<(String, u64)> = None;
        self.rows(|row| {
            if !rows.contains(row.number) {
                return Ok(());
            }
            match row.outcome {
                Some(Outcome::Deleted) => preview.deleted += 1,
                Some(Outcome::Unlinked | Outcome::NotDeleted) => {
                    let undone = row.undone.as_ref();
                    match undone.and_then(|undone| undone.outcome) {
                        Some(UndoOutcome::LinkedBack | UndoOutcome::AlreadyLinked) => {
                            preview.linked_back += 1;
                            return Ok(());
                        }
                        other => preview.again += u64::from(other.is_some()),
                    }
                    preview.to_link += 1;
                    preview.in_databases += u64::from(row.provider == "auth0");
                    // The rows of a user of an export follow each other.
                    let of_user = match &last {
                        Some((user, count)) if *user == row.user_id => count + 1,
                        _ => 1,
                    };
                    preview.users_of_several += u64::from(of_user == 2);
                    last = Some((row.user_id, of_user));
                }
                _ => preview.not_changed += 1,
            }
            Ok(())
        })?;
        Ok(preview)
    }
}

impl Job {
    /// Links back what this job took off, the last row first, until all is done or `stop` or `options` say so.
    ///
    /// Only rows whose removal by this job is proven are touched. Both accounts of each are read first: a row is skipped if
    /// its account is not there, or has gained something that linking would discard. A row's intent is on the disk
    /// before its request is sent; rows that an earlier run left in doubt are read first. Needs `update:users`,
    /// `read:users`, and `read:connections` for accounts of databases.
    ///
    /// # Errors
    ///
    /// [`OtherTenant`](ErrorKind::OtherTenant), [`Digest`](ErrorKind::Digest) and [`Purged`](ErrorKind::Purged) before
    /// anything is sent; [`Storage`](ErrorKind::Storage).
    pub async fn undo(self, client: &Client, options: Undo, stop: Stop) -> Result<Summary, Error> {
        check_tenant(self.plan(), client.transport().tenant())?;
        self.view().check_purged()?;
        self.view().check_digest(options.shared.expect)?;
        let setting = Setting {
            info: options.shared.info(&options.more()),
            reading: Reading::Always,
            canary: None,
            is_canary_right: false,
            chosen: options.rows.0.clone(),
        };
        let worker = Linking {
            client: client.with_transport(client.transport().with_priority(Priority::Bulk)),
            job: Arc::from(self.plan().job.as_str()),
            even_if_used: options.even_if_used,
            connections: Mutex::new(HashMap::new()),
        };
        run::run(self, worker, options.shared, setting, stop).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbers_and_ranges() {
        for (text, shown) in [("3", "3"), ("3, 7-9", "3,7-9"), ("1-1", "1")] {
            assert_eq!(text.parse::<RowRanges>().unwrap().to_string(), shown);
        }
        for wrong in ["", "0", "a", "3-", "9-7", "1,,2", "-1"] {
            assert!(wrong.parse::<RowRanges>().is_err(), "{wrong}");
        }
        insta::assert_snapshot!("3-".parse::<RowRanges>().unwrap_err(), @r#""3-" is no row and no range of rows: give their numbers as in 3,7-9"#);
        assert!(RowRanges::all().contains(1));
    }
}
