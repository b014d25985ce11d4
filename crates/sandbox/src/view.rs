//! How users and identities show in answers, written straight from the state.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};

use crate::account::{ACCOUNT_ONLY, Account, Identity, IdentityId};

/// How much of a user an answer shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// Show the tokens of identity providers.
    pub(crate) tokens: bool,
    /// Show the main identity's `profileData`, as link and unlink do and GET does not.
    pub(crate) main_profile: bool,
}

impl View {
    /// Everything there is, in the shape of `GET /users/{id}`.
    pub(crate) const EVERYTHING: Self = Self {
        tokens: true,
        main_profile: false,
    };
}

/// Which keys at the root of a user are shown, by the `fields` and `include_fields` parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) named: Option<Vec<String>>,
    /// Whether the named ones are left out rather than in.
    pub(crate) excluded: bool,
}

impl Fields {
    pub(crate) fn show(&self, key: &str) -> bool {
        match &self.named {
            None => true,
            Some(named) => named.iter().any(|name| name == key) != self.excluded,
        }
    }
}

/// A user as an answer shows it.
pub(crate) struct UserView<'a> {
    pub(crate) account: &'a Account,
    pub(crate) view: View,
    pub(crate) fields: &'a Fields,
}

/// The `identities` array of a user as an answer shows it.
pub(crate) struct IdentitiesView<'a> {
    pub(crate) account: &'a Account,
    pub(crate) view: View,
}

struct IdentityView<'a> {
    identity: &'a Identity,
    view: View,
    profile: Profile<'a>,
}

enum Profile<'a> {
    None,
    /// The main identity's: what the account's attributes say of the person.
    Main(&'a Account),
    Linked(&'a Map<String, Value>),
}

impl Serialize for UserView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            account,
            view,
            fields,
        } = *self;
        let mut map = serializer.serialize_map(None)?;
        let filled_in = account
            .filled_in
            .iter()
            .filter(|(key, _)| !account.attributes.contains_key(*key));
        if let Some(date) = &account.restored_at {
            let updated = account.updated_at.is_none().then_some("updated_at");
            for key in std::iter::once("created_at").chain(updated) {
                if fields.show(key) {
                    map.serialize_entry(key, &**date)?;
                }
            }
        }
        if let Some(date) = account
            .updated_at
            .as_ref()
            .filter(|_| fields.show("updated_at"))
        {
            map.serialize_entry("updated_at", date)?;
        }
        for (key, value) in account.attributes.iter().chain(filled_in) {
            if fields.show(key) {
                map.serialize_entry(key, value)?;
            }
        }
        if fields.show("identities") {
            map.serialize_entry("identities", &IdentitiesView { account, view })?;
        }
        if fields.show("user_id") {
            map.serialize_entry("user_id", &*account.user_id)?;
        }
        map.end()
    }
}

impl Serialize for IdentitiesView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { account, view } = *self;
        serializer.collect_seq(
            account
                .identities
                .iter()
                .enumerate()
                .map(|(position, identity)| IdentityView {
                    identity,
                    view,
                    profile: match (position, view.main_profile) {
                        (0, false) => Profile::None,
                        (0, true) => Profile::Main(account),
                        _ => Profile::Linked(&identity.profile),
                    },
                }),
        )
    }
}

impl Serialize for IdentityView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            identity,
            view,
            profile,
        } = self;
        let mut map = serializer.serialize_map(None)?;
        match profile {
            Profile::Main(account) if account.profile().next().is_some() => {
                map.serialize_entry("profileData", &ProfileOf(account))?;
            }
            Profile::Linked(profile) if !profile.is_empty() => {
                map.serialize_entry("profileData", *profile)?
            }
            _ => {}
        }
        map.serialize_entry("connection", &*identity.connection)?;
        match &identity.user_id {
            IdentityId::Text(text) => map.serialize_entry("user_id", &**text)?,
            IdentityId::Integer(number) => map.serialize_entry("user_id", number)?,
        }
        map.serialize_entry("provider", &*identity.provider)?;
        if let Some(social) = identity.is_social {
            map.serialize_entry("isSocial", &social)?;
        }
        if view.tokens {
            for (key, value) in &identity.tokens {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}

struct ProfileOf<'a>(&'a Account);

impl Serialize for ProfileOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.profile())
    }
}

impl Account {
    /// The part of the attributes that describes the person and not the account.
    pub(crate) fn profile(&self) -> impl Iterator<Item = (&String, &Value)> {
        let personal = |(key, _): &(&String, &Value)| !ACCOUNT_ONLY.contains(&key.as_str());
        self.attributes.iter().filter(personal)
    }

    /// The user with everything there is to see.
    pub(crate) fn shown_whole(&self) -> Map<String, Value> {
        let shown = UserView {
            account: self,
            view: View::EVERYTHING,
            fields: &Fields::default(),
        };
        match serde_json::to_value(shown) {
            Ok(Value::Object(user)) => user,
            // A map with text keys is always an object.
            _ => Map::new(),
        }
    }
}
