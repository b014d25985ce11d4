//! Writing a new job: all in a draft, which becomes the job when it is whole.

use std::{fmt::Write as _, path::Path, time::SystemTime};

use rusqlite::{Connection, params};

use super::{Action, Plan, file::NewFile, head, millis, schema};
use crate::{
    digest::Hasher,
    error::Error,
    input::{ExportedIdentity, Selection, Source},
};

/// A job that is being planned.
pub(crate) struct Draft {
    // Before the file, so that it is closed when the file is put in its place.
    connection: Connection,
    file: NewFile,
    tenant: String,
    action: Action,
    keeps_profiles: bool,
    hasher: Hasher,
}

/// A row to be added.
pub(crate) struct NewRow<'a> {
    pub(crate) user: i64,
    pub(crate) user_id: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) identity_user_id: &'a str,
    pub(crate) line: u64,
    /// Whether the source shows that it is linked.
    pub(crate) is_seen: bool,
    pub(crate) connection: Option<&'a str>,
}

/// What a user loses.
#[derive(Clone, Copy)]
pub(crate) enum Lost {
    MainIdentity,
    VerifiedEmail,
    Login,
}

impl Lost {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::MainIdentity => "main identity",
            Self::VerifiedEmail => "verified email",
            Self::Login => "login",
        }
    }

    /// The value of the job that counts these.
    pub(super) const fn count(self) -> &'static str {
        match self {
            Self::MainIdentity => "main_identities",
            Self::VerifiedEmail => "without_email",
            Self::Login => "without_login",
        }
    }
}

/// What was counted on the way.
#[derive(Default)]
pub(crate) struct Planned {
    pub(crate) users: u64,
    pub(crate) rows: u64,
    pub(crate) duplicates: u64,
    pub(crate) bad: u64,
    pub(crate) main: u64,
    pub(crate) without_email: u64,
    pub(crate) without_login: u64,
}

impl Planned {
    pub(crate) const fn count(&mut self, lost: Lost) {
        *match lost {
            Lost::MainIdentity => &mut self.main,
            Lost::VerifiedEmail => &mut self.without_email,
            Lost::Login => &mut self.without_login,
        } += 1;
    }
}

impl Draft {
    pub(crate) fn new(
        path: &Path,
        tenant: &unlink::Tenant,
        action: Action,
        keeps_profiles: bool,
    ) -> Result<Self, Error> {
        let file = NewFile::new(path)?;
        let connection = Connection::open(&file.path)?;
        // A draft that is lost is made again, so it needs neither a journal nor syncs.
        connection.pragma_update(None, "journal_mode", "off")?;
        connection.pragma_update(None, "synchronous", "off")?;
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.pragma_update(None, "cache_size", -32_000)?;
        schema::create(&connection)?;
        connection.execute_batch("BEGIN")?;
        let tenant = tenant.authority().to_string();
        Ok(Self {
            connection,
            file,
            hasher: head(&tenant, action),
            tenant,
            action,
            keeps_profiles,
        })
    }

    /// Adds a user, with what is linked if that is known; returns its number, the old one if it is there already.
    pub(crate) fn user(
        &self,
        user_id: &str,
        identities: Option<&[ExportedIdentity<'_>]>,
        line: Option<&str>,
    ) -> Result<i64, Error> {
        let identities = identities.map(listed_json);
        let profile = line.filter(|_| self.keeps_profiles).and_then(profile);
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO user (user_id, identities, profile) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            )?
            .execute(params![user_id, identities, profile])?;
        if added > 0 {
            return Ok(self.connection.last_insert_rowid());
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM user WHERE user_id = ?")?;
        Ok(statement.query_row([user_id], |row| row.get(0))?)
    }

    /// Adds a row; false if it is there already.
    pub(crate) fn row(&mut self, row: &NewRow<'_>) -> Result<bool, Error> {
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO row (user, provider, identity_user_id, line, is_seen, connection) VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                row.user,
                row.provider,
                row.identity_user_id,
                row.line,
                row.is_seen,
                row.connection,
            ])?;
        if added == 0 {
            return Ok(false);
        }
        for text in [row.user_id, row.provider, row.identity_user_id] {
            self.hasher.text(text);
        }
        Ok(true)
    }

    pub(crate) fn lost(&self, user_id: &str, lost: Lost) -> Result<(), Error> {
        self.connection
            .prepare_cached("INSERT INTO lost (user_id, reason) VALUES (?, ?)")?
            .execute([user_id, lost.as_str()])?;
        Ok(())
    }

    /// Writes down what the job is, and puts it in its place.
    pub(crate) fn finish(
        self,
        name: &str,
        source: &Source,
        source_made_at: SystemTime,
        selection: &Selection,
        planned: Planned,
    ) -> Result<Plan, Error> {
        let Self {
            connection,
            file,
            tenant,
            action,
            keeps_profiles,
            hasher,
        } = self;
        let digest = hasher.finish();
        let made_at = SystemTime::now();
        let mut id = head(&digest.to_string(), action);
        id.text(&format!("{made_at:?} {}", std::process::id()));
        let id: String = id.finish().to_string().chars().take(12).collect();
        let with_snapshot: u64 = connection.query_row(
            "SELECT count(*) FROM row JOIN user ON user.id = row.user WHERE user.identities IS NOT NULL",
            [],
            |row| row.get(0),
        )?;
        let values = [
            ("id", id),
            ("tenant", tenant),
            ("action", action.to_string()),
            ("digest", digest.to_string()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("made_at", millis(made_at).to_string()),
            ("source", name.to_owned()),
            ("source_made_at", millis(source_made_at).to_string()),
            ("source_sha256", source.digest.to_string()),
            ("source_bytes", source.bytes.to_string()),
            ("lines", source.lines.to_string()),
            ("users", planned.users.to_string()),
            ("rows", planned.rows.to_string()),
            ("rows_with_snapshot", with_snapshot.to_string()),
            ("duplicates", planned.duplicates.to_string()),
            ("bad", planned.bad.to_string()),
            ("main_identities", planned.main.to_string()),
            ("without_email", planned.without_email.to_string()),
            ("without_login", planned.without_login.to_string()),
            (
                "selection",
                serde_json::to_value(selection)
                    .unwrap_or_default()
                    .to_string(),
            ),
            ("keeps_profiles", u8::from(keeps_profiles).to_string()),
        ];
        for (name, value) in values {
            connection.execute("INSERT INTO job VALUES (?, ?)", [name, value.as_str()])?;
        }
        // As much is sorted in memory at once, beside what the cache holds already.
        connection.pragma_update(None, "cache_size", -8_000)?;
        schema::finish(&connection)?;
        connection.execute_batch("COMMIT")?;
        let plan = Plan::read(&connection)?;
        connection.close().map_err(|(_, error)| error)?;
        file.place()?;
        Ok(plan)
    }
}

/// A user's line of an export without the tokens of identity providers; `None` for one that is no JSON.
pub(super) fn profile(line: &str) -> Option<String> {
    let user: unlink::User = serde_json::from_str(line).ok()?;
    serde_json::to_string(&user).ok()
}

/// The identities as the tenant's JSON has them, without profiles and tokens.
fn listed_json(identities: &[ExportedIdentity<'_>]) -> String {
    let mut json = String::from("[");
    for (index, identity) in identities.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let id = &identity.user_id;
        let id = if id.is_integer {
            id.text.to_string()
        } else {
            text(&id.text)
        };
        // Writing to a text does not fail.
        let _ = write!(
            json,
            "{comma}{{\"provider\":{},\"user_id\":{id}",
            text(&identity.provider)
        );
        if let Some(connection) = &identity.connection {
            let _ = write!(json, ",\"connection\":{}", text(connection));
        }
        json.push('}');
    }
    json.push(']');
    json
}
