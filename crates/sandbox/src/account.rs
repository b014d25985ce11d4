//! One user account: its attributes, its identities, and how the API shows them.

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

/// Root attributes that belong to the account and never travel into a `profileData`.
const ACCOUNT_ONLY: &[&str] = &[
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
    pub(crate) user_id: String,
    /// Everything at the root but `user_id` and `identities`.
    pub(crate) attributes: Map<String, Value>,
    /// What the tenant added by itself: defaults such as a name made from the e-mail, and dates it can only guess.
    pub(crate) filled_in: Map<String, Value>,
    /// The first is the main one; it has no profile of its own.
    pub(crate) identities: Vec<Identity>,
}

/// A login of an account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    pub(crate) provider: String,
    pub(crate) user_id: IdentityId,
    pub(crate) connection: String,
    pub(crate) is_social: Option<bool>,
    /// Tokens of the identity provider, shown only to who may see them.
    pub(crate) tokens: Map<String, Value>,
    /// `profileData`; empty on the main identity, whose profile is the account's own.
    pub(crate) profile: Map<String, Value>,
}

/// The id inside an identity: text, or an integer as GitHub's are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdentityId {
    Text(String),
    Integer(u64),
}

impl IdentityId {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
        }
    }

    /// Whether this is how the id is written.
    pub(crate) fn is(&self, written: &str) -> bool {
        match self {
            Self::Text(text) => text == written,
            Self::Integer(number) => number.to_string() == written,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Integer(number) => (*number).into(),
        }
    }
}

/// How much of a user an answer shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// Show the tokens of identity providers.
    pub(crate) tokens: bool,
    /// Show the main identity's `profileData`, as link and unlink do and GET does not.
    pub(crate) main_profile: bool,
}

impl Identity {
    /// `provider|user_id`: the id of the account this identity is, or would be, the main one of.
    pub(crate) fn account_id(&self) -> String {
        format!("{}|{}", self.provider, self.user_id.text())
    }

    fn to_json(&self, profile: Map<String, Value>, view: View) -> Value {
        let mut out = if view.tokens {
            self.tokens.clone()
        } else {
            Map::new()
        };
        out.insert("connection".into(), self.connection.as_str().into());
        out.insert("provider".into(), self.provider.as_str().into());
        out.insert("user_id".into(), self.user_id.to_json());
        if let Some(social) = self.is_social {
            out.insert("isSocial".into(), social.into());
        }
        if !profile.is_empty() {
            out.insert("profileData".into(), profile.into());
        }
        out.into()
    }
}

impl Account {
    /// The user as `GET /users/{id}` shows it.
    pub(crate) fn to_json(&self, view: View) -> Map<String, Value> {
        let mut out = self.attributes.clone();
        for (key, value) in &self.filled_in {
            out.entry(key).or_insert_with(|| value.clone());
        }
        out.insert("user_id".into(), self.user_id.as_str().into());
        out.insert("identities".into(), self.identities_json(view));
        out
    }

    /// The `identities` array.
    pub(crate) fn identities_json(&self, view: View) -> Value {
        let show = |(position, identity): (usize, &Identity)| {
            let profile = match (position, view.main_profile) {
                (0, false) => Map::new(),
                (0, true) => self.profile(),
                _ => identity.profile.clone(),
            };
            identity.to_json(profile, view)
        };
        self.identities.iter().enumerate().map(show).collect()
    }

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
        self.attributes.insert(key.into(), value);
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

    /// The part of the attributes that describes the person and not the account.
    pub(crate) fn profile(&self) -> Map<String, Value> {
        self.attributes
            .iter()
            .filter(|(key, _)| !ACCOUNT_ONLY.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
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
