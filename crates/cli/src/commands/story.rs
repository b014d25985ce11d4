//! What an unlinking did, read off a local tenant's logs and state and nowhere else.

use serde::Serialize;
use serde_json::Value;
use unlink_sandbox::{Change, RecordedRequest, Sandbox};

use crate::{io::Paint, show, text::shown};

const NEXT: &str = "Next, to try the other commands on such a tenant, run the command sandbox";

/// One unlinking: the accounts before and after it, and the requests that made it.
#[derive(Serialize)]
pub(super) struct Story {
    user_id: String,
    identity: Named,
    new_user_id: String,
    before: Account,
    after: Vec<Account>,
    requests: Vec<Received>,
}

impl Story {
    /// Reads it off the tenant; nothing if nothing was unlinked there.
    pub(super) fn of(sandbox: &Sandbox, before: Account) -> Option<Self> {
        let effects = sandbox.effects();
        let (user_id, key) = effects.iter().find_map(|effect| match &effect.change {
            Change::IdentityUnlinked { user_id, identity } => Some((user_id.clone(), identity)),
            _ => None,
        })?;
        let new_user_id = effects.iter().find_map(|effect| match &effect.change {
            Change::UserCreated { user_id } => Some(user_id.clone()),
            _ => None,
        })?;
        let held = before.identities.iter().find(|held| held.key == *key)?;
        Some(Self {
            identity: held.named.clone(),
            after: vec![
                Account::now(sandbox, &user_id)?,
                Account::now(sandbox, &new_user_id)?,
            ],
            requests: sandbox.requests().iter().map(Received::from).collect(),
            user_id,
            new_user_id,
            before,
        })
    }

    /// It as text, with what to try next.
    pub(super) fn text(&self, paint: Paint) -> String {
        let after: Vec<_> = self
            .after
            .iter()
            .map(|account| account.text(paint))
            .collect();
        format!(
            "A user of a local tenant and its linked accounts:\n\n{before}\n\
             Unlinking {unlinked} took {count} requests:\n\n{requests}\n\
             Now these are separate accounts:\n\n{after}\n{NEXT}\n",
            before = self.before.text(paint),
            unlinked = shown(&self.new_user_id),
            count = self.requests.len(),
            requests = self.requests.iter().map(Received::text).collect::<String>(),
            after = after.join("\n"),
        )
    }
}

/// A user as the tenant holds it.
#[derive(Serialize)]
pub(super) struct Account {
    user_id: String,
    has_metadata: bool,
    identities: Vec<Held>,
}

impl Account {
    /// The user as it is now, if there is one.
    pub(super) fn now(sandbox: &Sandbox, user_id: &str) -> Option<Self> {
        let user = sandbox.user(user_id)?;
        let holds = |key: &str| user[key].as_object().is_some_and(|map| !map.is_empty());
        let identities = user["identities"].as_array()?.iter().enumerate();
        Some(Self {
            user_id: user_id.to_owned(),
            has_metadata: holds("user_metadata") || holds("app_metadata"),
            identities: identities
                .map(|(index, identity)| Held::of(&user, identity, index == 0))
                .collect(),
        })
    }

    fn text(&self, paint: Paint) -> String {
        let metadata = if self.has_metadata { "with" } else { "without" };
        let rows = self.identities.iter().map(|held| show::Row {
            provider: plain(&held.named.provider),
            id: plain(&held.named.user_id),
            connection: plain(&held.named.connection),
            email: held.email.clone(),
        });
        let table = show::table(paint, rows, Some(true));
        format!("{} ({metadata} metadata)\n{table}", shown(&self.user_id))
    }
}

/// One of a user's identities.
#[derive(Serialize)]
struct Held {
    #[serde(flatten)]
    named: Named,
    primary: bool,
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    email: String,
}

/// What names an identity, as the tenant writes it.
#[derive(Clone, Serialize)]
struct Named {
    provider: Value,
    user_id: Value,
    connection: Value,
}

impl Held {
    fn of(user: &Value, identity: &Value, primary: bool) -> Self {
        // The main identity's profile is the user's.
        let profile = if primary {
            user
        } else {
            &identity["profileData"]
        };
        Self {
            named: Named {
                provider: identity["provider"].clone(),
                user_id: identity["user_id"].clone(),
                connection: identity["connection"].clone(),
            },
            primary,
            key: key_of(identity),
            email: plain(&profile["email"]),
        }
    }
}

/// A request as the tenant received it.
#[derive(Serialize)]
struct Received {
    method: String,
    path: String,
    status: Option<u16>,
}

impl From<&RecordedRequest> for Received {
    fn from(recorded: &RecordedRequest) -> Self {
        let query = recorded.query.as_deref();
        Self {
            method: recorded.method.clone(),
            path: recorded.path.clone()
                + &query.map(|query| format!("?{query}")).unwrap_or_default(),
            status: recorded.status,
        }
    }
}

impl Received {
    fn text(&self) -> String {
        let status = self
            .status
            .map_or("-".to_owned(), |status| status.to_string());
        format!(
            "{status}  {:6}  {}\n",
            shown(&self.method),
            shown(&self.path)
        )
    }
}

/// An identity of the tenant's as `provider|user_id`.
pub(super) fn key_of(identity: &Value) -> String {
    format!(
        "{}|{}",
        plain(&identity["provider"]),
        plain(&identity["user_id"])
    )
}

/// A string or an integer as text; nothing for anything else.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
