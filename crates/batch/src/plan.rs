//! Planning: from a list or an export to a job file. Nothing here could change a tenant.

mod estimate;

use std::{
    collections::BTreeSet,
    fmt,
    io::{Read, Write},
    path::Path,
    time::SystemTime,
};

use unlink::UserId;

pub use self::estimate::{Estimate, Limit};
use crate::{
    error::{Error, ErrorKind},
    input::{self, BadLine, Columns, Exported, Record, Refusal, Selection, Sink},
    job::{Action, Draft, NewRow, Plan, Planned},
    preflight,
};

/// How many bad lines an error holds.
const FIRST_BAD_LINES: usize = 20;

/// Makes job files.
pub struct Planner<'a> {
    tenant: unlink::Tenant,
    action: Action,
    selection: Selection,
    columns: Columns,
    source_made_at: Option<SystemTime>,
    keeps_profiles: bool,
    connections: Option<BTreeSet<String>>,
    rejects: Option<&'a mut dyn Write>,
}

impl fmt::Debug for Planner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planner")
            .field("tenant", &self.tenant)
            .field("action", &self.action)
            .field("selection", &self.selection)
            .finish_non_exhaustive()
    }
}

impl Planner<'_> {
    /// Plans for a tenant: unlinking, and nothing more.
    #[must_use]
    pub fn new(tenant: unlink::Tenant) -> Self {
        Self {
            tenant,
            action: Action::Unlink,
            selection: Selection::default(),
            columns: Columns::default(),
            source_made_at: None,
            keeps_profiles: false,
            connections: None,
            rejects: None,
        }
    }

    /// What to do with each identity.
    #[must_use]
    pub fn action(self, action: Action) -> Self {
        Self { action, ..self }
    }

    /// Which identities of an export are meant; a file of rows says itself.
    #[must_use]
    pub fn selection(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }

    /// What the columns of a CSV file of rows are called.
    #[must_use]
    pub fn columns(self, columns: Columns) -> Self {
        Self { columns, ..self }
    }

    /// When the source was made; now if not said. What an export shows counts as evidence for a day after that.
    #[must_use]
    pub fn source_made_at(self, time: SystemTime) -> Self {
        Self {
            source_made_at: Some(time),
            ..self
        }
    }

    /// Keeps each user as the export shows it, profiles and metadata included, in the job; never the tokens of identity
    /// providers. An export in JSON is needed for that.
    #[must_use]
    pub fn keep_profiles(self) -> Self {
        Self {
            keeps_profiles: true,
            ..self
        }
    }

    /// The names of the tenant's connections: an identity of any other is none to log in with.
    #[must_use]
    pub fn connections(self, names: impl IntoIterator<Item = String>) -> Self {
        Self {
            connections: Some(names.into_iter().collect()),
            ..self
        }
    }

    /// Leaves bad lines out, and writes each as a line of JSON: `line`, `column`, `reason` and `text`.
    #[must_use]
    pub fn skip_bad<'b>(self, rejects: &'b mut dyn Write) -> Planner<'b> {
        Planner {
            tenant: self.tenant,
            action: self.action,
            selection: self.selection,
            columns: self.columns,
            source_made_at: self.source_made_at,
            keeps_profiles: self.keeps_profiles,
            connections: self.connections,
            rejects: Some(rejects),
        }
    }

    /// Reads `source`, called `name` from now on, and writes the job to `path`.
    ///
    /// The kind of source is found out: CSV with the columns `user_id`, `provider` and `identity_user_id`; a JSON
    /// object a line with those keys, or `user_id` and `identity`; or
    /// [an export of users](https://auth0.com/docs/manage-users/user-migration/bulk-user-exports) in either format.
    /// Each may be gzipped. An identity that is there twice is one row.
    ///
    /// # Errors
    ///
    /// [`Source`](ErrorKind::Source), [`Input`](ErrorKind::Input), [`BadLines`](ErrorKind::BadLines) about what is
    /// read; [`Exists`](ErrorKind::Exists), [`NetworkFileSystem`](ErrorKind::NetworkFileSystem) and
    /// [`Storage`](ErrorKind::Storage) about `path`.
    pub fn plan(
        self,
        path: impl AsRef<Path>,
        name: &str,
        source: impl Read,
    ) -> Result<Plan, Error> {
        let draft = Draft::new(
            path.as_ref(),
            &self.tenant,
            self.action,
            self.keeps_profiles,
        )?;
        let mut sorter = Sorter {
            draft,
            selection: self.selection,
            connections: self.connections,
            keeps_profiles: self.keeps_profiles,
            rejects: self.rejects,
            first_bad: Vec::new(),
            planned: Planned::default(),
        };
        // An export without a selection is refused at its first user.
        let selection = sorter.selection.clone();
        let is_wanted = |record: &Record<'_>| match record {
            Record::Row(..) => true,
            Record::User(user) => selection.is_empty() || selection.selects_any(user),
        };
        let source = input::read(source, &self.columns, &is_wanted, &mut sorter)
            .map_err(|error| error.in_source(name))?;
        let Sorter {
            draft,
            selection,
            rejects,
            first_bad,
            planned,
            ..
        } = sorter;
        if planned.bad > 0 && rejects.is_none() {
            let lines = if planned.bad == 1 { "line" } else { "lines" };
            let message = format!("{name}: {} bad {lines}, so no job was made", planned.bad);
            return Err(Error::bad(message, first_bad));
        }
        let source_made_at = self.source_made_at.unwrap_or_else(SystemTime::now);
        draft.finish(name, &source, source_made_at, &selection, planned)
    }
}

/// Sorts what a source says into the job.
struct Sorter<'a> {
    draft: Draft,
    selection: Selection,
    connections: Option<BTreeSet<String>>,
    keeps_profiles: bool,
    rejects: Option<&'a mut dyn Write>,
    first_bad: Vec<BadLine>,
    planned: Planned,
}

impl Sorter<'_> {
    fn user(&mut self, line: u64, user: &Exported<'_>) -> Result<Result<(), Refusal>, Error> {
        if self.selection.is_empty() {
            let message = "this is an export of users: say which of their identities are meant, by connection, provider, \
                           identity, or where the e-mail address differs";
            return Err(Error::new(ErrorKind::Input, message));
        }
        if self.keeps_profiles && !user.line.trim_start().starts_with('{') {
            let message = "profiles are kept from an export in JSON only: plan from one, or without keeping them";
            return Err(Error::new(ErrorKind::Input, message));
        }
        self.planned.users += 1;
        let mut chosen = user
            .identities
            .iter()
            .enumerate()
            .filter(|(_, identity)| self.selection.selects(user, identity))
            .peekable();
        if chosen.peek().is_none() {
            return Ok(Ok(()));
        }
        if let Err(error) = user.user_id.parse::<UserId>() {
            return Ok(Err(Refusal::new(1, error)));
        }
        let chosen: Vec<usize> = chosen.map(|(index, _)| index).collect();
        let mut stored = None;
        for index in chosen.iter().copied() {
            if index == 0 {
                continue;
            }
            let identity = &user.identities[index];
            if identity.user_id.text == "." || identity.user_id.text == ".." {
                return Ok(Err(Refusal::new(1, "the id of an identity is `.` or `..`")));
            }
            let id = match stored {
                Some(id) => id,
                None => *stored.insert(self.draft.user(
                    &user.user_id,
                    Some(&user.identities),
                    Some(user.line),
                )?),
            };
            self.row(&NewRow {
                user: id,
                user_id: &user.user_id,
                provider: &identity.provider,
                identity_user_id: &identity.user_id.text,
                line,
                is_seen: true,
                connection: identity.connection.as_deref(),
            })?;
        }
        for lost in preflight::lost(user, &chosen, self.connections.as_ref()) {
            self.planned.count(lost);
            self.draft.lost(&user.user_id, lost)?;
        }
        Ok(Ok(()))
    }

    fn row(&mut self, row: &NewRow<'_>) -> Result<(), Error> {
        if self.draft.row(row)? {
            self.planned.rows += 1;
        } else {
            self.planned.duplicates += 1;
        }
        Ok(())
    }
}

impl Sink for Sorter<'_> {
    fn record(&mut self, line: u64, record: Record<'_>) -> Result<Result<(), Refusal>, Error> {
        match record {
            Record::User(user) => self.user(line, &user),
            Record::Row(..) if !self.selection.is_empty() => {
                let message = "this is a file of rows, which says itself what is meant; only an export can be selected from";
                Err(Error::new(ErrorKind::Input, message))
            }
            Record::Row(user, identity, column) => {
                if identity.separate_user_id() == user {
                    let reason = "the main identity of the user, which cannot be unlinked";
                    return Ok(Err(Refusal::new(column, reason)));
                }
                let id = self.draft.user(user.as_str(), None, None)?;
                self.row(&NewRow {
                    user: id,
                    user_id: user.as_str(),
                    provider: identity.provider().as_str(),
                    identity_user_id: identity.user_id().as_str(),
                    line,
                    is_seen: false,
                    connection: None,
                })?;
                Ok(Ok(()))
            }
        }
    }

    fn bad(&mut self, bad: BadLine, text: &[u8]) -> Result<(), Error> {
        self.planned.bad += 1;
        if let Some(rejects) = &mut self.rejects {
            let reject = serde_json::json!({
                "line": bad.line,
                "column": bad.column,
                "reason": bad.reason,
                "text": String::from_utf8_lossy(text),
            });
            writeln!(rejects, "{reject}")
                .map_err(|error| crate::error::storage("write down the bad lines", error))?;
        }
        if self.first_bad.len() < FIRST_BAD_LINES {
            self.first_bad.push(bad);
        }
        Ok(())
    }

    fn passed(&mut self, users: u64) {
        self.planned.users += users;
    }
}
