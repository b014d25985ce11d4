//! One user account: its attributes and its identities.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

/// Root attributes that belong to the account and never travel into a `profileData`.
pub(crate) const ACCOUNT_ONLY: &[&str] = &[
    "app_metadata",
    "blocked",
    "created_at",
    "last_ip",
    "last_login",
    "last_password_reset",
    "logins_count",
    "multifactor",
    "multifactor_last_modified",
    "updated_at",
    "user_metadata",
];

/// The keys of an identity that hold tokens of the identity provider.
pub(crate) const IDP_TOKENS: &[&str] = &[
    "access_token",
    "access_token_secret",
    "expires_in",
    "refresh_token",
];

/// The key under which a snapshot names the attributes that were filled in.
pub(crate) const FILLED_IN: &str = "filled_in";

/// A user: what `GET /users/{id}` shows, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub(crate) user_id: Arc<str>,
    /// Everything at the root but `user_id`, `identities` and `updated_at`.
    ///
    /// Shared, so that copying an account to change it costs little.
    pub(crate) attributes: Arc<Map<String, Value>>,
    /// The one attribute that every change sets, and so is kept apart.
    pub(crate) updated_at: Option<Value>,
    /// What the tenant added by itself: defaults such as a name made from the e-mail, and dates it can only guess.
    pub(crate) filled_in: Map<String, Value>,
    /// When unlinking made it an account of its own: the best guess at both its dates.
    pub(crate) restored_at: Option<Arc<str>>,
    /// The first is the main one; it has no profile of its own.
    pub(crate) identities: Vec<Identity>,
}

/// A login of an account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    pub(crate) provider: Arc<str>,
    pub(crate) user_id: IdentityId,
    pub(crate) connection: Arc<str>,
    pub(crate) is_social: Option<bool>,
    /// Tokens of the identity provider, shown only to who may see them.
    pub(crate) tokens: Map<String, Value>,
    /// `profileData`; empty on the main identity, whose profile is the account's own.
    pub(crate) profile: Arc<Map<String, Value>>,
}

/// The id inside an identity: text, or an integer as GitHub's are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdentityId {
    Text(Arc<str>),
    Integer(u64),
}

impl IdentityId {
    /// Whether this is how the id is written.
    pub(crate) fn is(&self, written: &str) -> bool {
        match self {
            Self::Text(text) => **text == *written,
            Self::Integer(number) => number.to_string() == written,
        }
    }
}

impl Identity {
    /// `provider|user_id`: the id of the account this identity is, or would be, the main one of.
    pub(crate) fn account_id(&self) -> Arc<str> {
        let provider = &self.provider;
        match &self.user_id {
            IdentityId::Text(text) => format!("{provider}|{text}").into(),
            IdentityId::Integer(number) => format!("{provider}|{number}").into(),
        }
    }
}

impl Account {
    /// An attribute, whoever set it.
    pub(crate) fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key).or_else(|| self.filled_in.get(key))
    }

    pub(crate) fn email(&self) -> Option<String> {
        self.attribute("email")
            .and_then(Value::as_str)
            .map(str::to_owned)
    }

    /// Sets an attribute that is no longer a guess.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.filled_in.remove(key);
        Arc::make_mut(&mut self.attributes).insert(key.into(), value);
    }

    /// The keys of the attributes that the tenant added by itself.
    pub(crate) fn filled_in_keys(&self) -> impl Iterator<Item = &str> {
        let dates = self.restored_at.iter().flat_map(|_| {
            let updated = self.updated_at.is_none().then_some("updated_at");
            std::iter::once("created_at").chain(updated)
        });
        dates.chain(self.filled_in.keys().map(String::as_str))
    }

    /// Notes when the account was last changed.
    pub(crate) fn touch(&mut self, date: &str) {
        self.filled_in.remove("updated_at");
        self.updated_at = Some(date.into());
    }

    /// Adds name, nickname and picture where they are missing, as was recorded of database users.
    ///
    /// They show on the user, but do not count as its profile: `profileData` never has them.
    pub(crate) fn fill_in_profile(&mut self) {
        let text = |key: &str| {
            self.attribute(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let email = text("email");
        let handle = email
            .clone()
            .or_else(|| text("phone_number"))
            .or_else(|| text("username"));
        let nickname = handle
            .as_deref()
            .map(|handle| handle.split('@').next().unwrap_or(handle).to_owned());
        let picture = email.as_deref().map(gravatar);
        for (key, value) in [
            ("name", handle),
            ("nickname", nickname),
            ("picture", picture),
        ] {
            if let Some(value) = value.filter(|_| !self.attributes.contains_key(key)) {
                self.filled_in.insert(key.into(), value.into());
            }
        }
    }
}

/// A picture address of the form that database users get.
fn gravatar(email: &str) -> String {
    let hash = digest(&SHA256, email.as_bytes());
    let hash = hash
        .as_ref()
        .iter()
        .take(16)
        .fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    let initials: String = email.chars().take(2).collect();
    format!(
        "https://s.gravatar.com/avatar/{hash}?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F{initials}.png"
    )
}
