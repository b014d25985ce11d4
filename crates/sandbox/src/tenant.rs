//! The tenant's state: accounts, and for every identity the one account it belongs to.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::account::{Account, FILLED_IN, Identity};
use crate::log::Change;

/// A connection of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) strategy: String,
}

impl Connection {
    /// As `GET /connections` shows it.
    pub(crate) fn listed(&self) -> Map<String, Value> {
        let fields = [
            ("id", self.id.as_str().into()),
            ("is_domain_connection", false.into()),
            ("name", self.name.as_str().into()),
            ("options", json!({})),
            ("realms", json!([self.name])),
            ("strategy", self.strategy.as_str().into()),
        ];
        fields
            .map(|(key, value)| (key.to_owned(), value))
            .into_iter()
            .collect()
    }
}

/// All users and connections.
///
/// A user's id is that of its main identity, so one index of `provider|user_id` finds both users and linked identities.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    connections: Vec<Connection>,
    /// In order of creation, with gaps where accounts were; shared until changed, so that a copy of the state costs
    /// little.
    accounts: Vec<Option<Arc<Account>>>,
    /// The place of the account that holds an identity.
    owners: HashMap<Arc<str>, usize>,
    /// The places of the accounts that have an e-mail themselves; made when first asked for.
    emails: Option<HashMap<String, Vec<usize>>>,
    /// The places that changed since somebody last took note.
    touched: Vec<usize>,
}

/// Where an id leads.
pub(crate) enum Found<'a> {
    /// To the account of that id.
    Account(&'a Account),
    /// To a linked identity of this account.
    Linked(&'a Account),
    /// Nowhere.
    Nothing,
}

impl Tenant {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        Self {
            connections,
            ..Self::default()
        }
    }

    pub(crate) fn connections(&self) -> &[Connection] {
        &self.connections
    }

    pub(crate) fn find(&self, user_id: &str) -> Found<'_> {
        match self.owners.get(user_id).and_then(|place| self.at(*place)) {
            Some(account) if *account.user_id == *user_id => Found::Account(account),
            Some(account) => Found::Linked(account),
            None => Found::Nothing,
        }
    }

    fn at(&self, place: usize) -> Option<&Account> {
        self.accounts.get(place)?.as_deref()
    }

    /// The place of the user with this id.
    fn place(&self, user_id: &str) -> Option<usize> {
        let place = *self.owners.get(user_id)?;
        (*self.at(place)?.user_id == *user_id).then_some(place)
    }

    /// The accounts by their places, which never change.
    pub(crate) fn places(&self) -> &[Option<Arc<Account>>] {
        &self.accounts
    }

    /// The places that changed since they were last forgotten.
    pub(crate) fn touched(&self) -> &[usize] {
        &self.touched
    }

    pub(crate) fn forget_touched(&mut self) {
        self.touched.clear();
    }

    fn at_mut(&mut self, place: usize) -> Option<&mut Account> {
        self.touched.push(place);
        self.accounts.get_mut(place)?.as_mut().map(Arc::make_mut)
    }

    pub(crate) fn account(&self, user_id: &str) -> Option<&Account> {
        match self.find(user_id) {
            Found::Account(account) => Some(account),
            Found::Linked(_) | Found::Nothing => None,
        }
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter_map(Option::as_deref)
    }

    /// Whether this is the id of a user or of a linked identity.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.owners.contains_key(id)
    }

    /// The users whose own e-mail this is, in order of creation.
    pub(crate) fn by_email(&mut self, email: &str) -> impl Iterator<Item = &Account> {
        if self.emails.is_none() {
            self.emails = Some(HashMap::new());
            for place in 0..self.accounts.len() {
                self.note_email(self.at(place).and_then(Account::email), place);
            }
        }
        let places = self.emails.as_ref().and_then(|emails| emails.get(email));
        places
            .into_iter()
            .flatten()
            .filter_map(|place| self.at(*place))
    }

    /// Changes an account; none if that leaves it as it was.
    pub(crate) fn update(
        &mut self,
        user_id: &str,
        change: impl FnOnce(&mut Account),
    ) -> Option<Change> {
        let owner = self.place(user_id)?;
        let account = self.at_mut(owner)?;
        let (before, email) = (account.shown_whole(), account.email());
        change(account);
        let (after, new_email) = (account.shown_whole(), account.email());
        if email != new_email {
            self.forget_email(email, owner);
            self.note_email(new_email, owner);
        }
        let differs = |key: &&String| before.get(*key) != after.get(*key);
        let fields: BTreeSet<String> = before
            .keys()
            .chain(after.keys())
            .filter(differs)
            .cloned()
            .collect();
        let fields: Vec<String> = fields.into_iter().collect();
        (!fields.is_empty()).then(|| Change::UserUpdated {
            user_id: user_id.to_owned(),
            fields,
        })
    }

    fn note_email(&mut self, email: Option<String>, owner: usize) {
        if let (Some(emails), Some(email)) = (&mut self.emails, email) {
            let owners = emails.entry(email).or_default();
            let position = owners.partition_point(|known| *known < owner);
            owners.insert(position, owner);
        }
    }

    fn forget_email(&mut self, email: Option<String>, owner: usize) {
        if let (Some(emails), Some(email)) = (&mut self.emails, email)
            && let Some(owners) = emails.get_mut(&email)
        {
            owners.retain(|known| *known != owner);
            if owners.is_empty() {
                emails.remove(&email);
            }
        }
    }

    /// Adds an account none of whose identities is known yet; the error is the position of one that is.
    pub(crate) fn insert(&mut self, account: Account) -> Result<Change, usize> {
        let ids: Vec<Arc<str>> = account
            .identities
            .iter()
            .map(Identity::account_id)
            .collect();
        let taken =
            |(position, id): (usize, &Arc<str>)| self.holds(id) || ids[..position].contains(id);
        if let Some(position) = ids.iter().enumerate().position(taken) {
            return Err(position);
        }
        let owner = self.accounts.len();
        self.owners.extend(ids.into_iter().map(|id| (id, owner)));
        Ok(self.append(account))
    }

    /// Adds an account whose identities are in the index already, or are put there by the caller.
    fn append(&mut self, account: Account) -> Change {
        if self.emails.is_some() {
            self.note_email(account.email(), self.accounts.len());
        }
        self.touched.push(self.accounts.len());
        let change = Change::user_created(&account.user_id);
        self.accounts.push(Some(Arc::new(account)));
        change
    }

    /// Deletes an account and, with it, every identity linked to it.
    pub(crate) fn delete(&mut self, user_id: &str) -> Option<Change> {
        let owner = self.place(user_id)?;
        self.touched.push(owner);
        let account = self.accounts.get_mut(owner)?.take()?;
        for identity in &account.identities {
            self.owners.remove(&identity.account_id());
        }
        self.forget_email(account.email(), owner);
        Some(Change::user_deleted(user_id))
    }

    /// Takes the identity at `position` off an account and makes it an account of its own, without metadata.
    ///
    /// With guesses it gets dates, and what a database account has by default; without, its profile only.
    pub(crate) fn split_off(
        &mut self,
        user_id: &str,
        position: usize,
        now: &Arc<str>,
        with_guesses: bool,
    ) -> Vec<Change> {
        let account = self.place(user_id).and_then(|place| self.at_mut(place));
        let Some(account) =
            account.filter(|account| (1..account.identities.len()).contains(&position))
        else {
            return Vec::new();
        };
        let mut identity = account.identities.remove(position);
        account.touch(now);
        let mut split = Account {
            user_id: identity.account_id(),
            attributes: std::mem::take(&mut identity.profile),
            updated_at: None,
            filled_in: Map::new(),
            restored_at: with_guesses.then(|| Arc::clone(now)),
            identities: vec![identity],
        };
        if with_guesses && split.user_id.starts_with("auth0|") {
            split.fill_in_profile();
        }
        let unlinked = Change::identity_unlinked(user_id, &split.user_id);
        if let Some(owner) = self.owners.get_mut(&split.user_id) {
            *owner = self.accounts.len();
        }
        vec![unlinked, self.append(split)]
    }

    /// Makes an account with a single identity an identity of another account; its metadata is lost.
    pub(crate) fn link(&mut self, user_id: &str, secondary: &str, updated_at: &str) -> Vec<Change> {
        let (Some(place), Some(account)) = (self.place(user_id), self.account(secondary)) else {
            return Vec::new();
        };
        let identity = match account.identities.as_slice() {
            [identity] if user_id != secondary => Identity {
                profile: Arc::new(
                    account
                        .profile()
                        .map(|(key, value)| (key.clone(), value.clone()))
                        .collect(),
                ),
                ..identity.clone()
            },
            _ => return Vec::new(),
        };
        let deleted = self.delete(secondary);
        self.owners.insert(secondary.into(), place);
        if let Some(account) = self.at_mut(place) {
            account.identities.push(identity);
            account.touch(updated_at);
        }
        let linked = Change::identity_linked(user_id, secondary);
        deleted.into_iter().chain([linked]).collect()
    }

    /// Everything, in the seed format.
    pub(crate) fn to_json(&self) -> Value {
        let connection =
            |one: &Connection| json!({ "id": one.id, "name": one.name, "strategy": one.strategy });
        let user = |account: &Account| {
            let mut user = account.shown_whole();
            let filled_in: BTreeSet<&str> = account.filled_in_keys().collect();
            if !filled_in.is_empty() {
                user.insert(FILLED_IN.into(), filled_in.into_iter().collect());
            }
            Value::from(user)
        };
        json!({
            "connections": self.connections.iter().map(connection).collect::<Value>(),
            "users": self.accounts().map(user).collect::<Value>(),
        })
    }

    /// A user with everything there is to see.
    pub(crate) fn user_json(&self, user_id: &str) -> Option<Value> {
        Some(show_all(self.account(user_id)?))
    }

    /// All users with everything there is to see.
    pub(crate) fn users_json(&self) -> Vec<Value> {
        self.accounts().map(show_all).collect()
    }
}

fn show_all(account: &Account) -> Value {
    account.shown_whole().into()
}
