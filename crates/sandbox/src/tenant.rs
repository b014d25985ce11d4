//! The tenant's state: accounts, and for every identity the one account it belongs to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::account::{Account, Identity, View};
use crate::log::Change;

const EVERYTHING: View = View {
    tokens: true,
    main_profile: false,
};

/// A connection of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) strategy: String,
}

/// All users and connections.
///
/// A user's id is that of its main identity, so one index of `provider|user_id` finds both users and linked identities.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    connections: Vec<Connection>,
    /// In order of creation; shared until changed, so that a copy of the state costs little.
    accounts: BTreeMap<u64, Arc<Account>>,
    owners: HashMap<String, u64>,
    next: u64,
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

    pub(crate) fn find(&self, user_id: &str) -> Found<'_> {
        match self
            .owners
            .get(user_id)
            .and_then(|owner| self.accounts.get(owner))
        {
            Some(account) if account.user_id == user_id => Found::Account(account),
            Some(account) => Found::Linked(account),
            None => Found::Nothing,
        }
    }

    pub(crate) fn account(&self, user_id: &str) -> Option<&Account> {
        match self.find(user_id) {
            Found::Account(account) => Some(account),
            Found::Linked(_) | Found::Nothing => None,
        }
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values().map(Arc::as_ref)
    }

    /// Adds an account none of whose identities is known yet; gives it back otherwise.
    pub(crate) fn insert(&mut self, account: Account) -> Result<Change, Account> {
        let taken = |identity: &Identity| self.owners.contains_key(&identity.account_id());
        if account.identities.iter().any(taken) {
            return Err(account);
        }
        let owner = self.next;
        self.next += 1;
        for identity in &account.identities {
            self.owners.insert(identity.account_id(), owner);
        }
        let change = Change::user_created(&account.user_id);
        self.accounts.insert(owner, Arc::new(account));
        Ok(change)
    }

    /// Deletes an account and, with it, every identity linked to it.
    pub(crate) fn delete(&mut self, user_id: &str) -> Option<Change> {
        let owner = *self.owners.get(user_id)?;
        if self.accounts.get(&owner)?.user_id != user_id {
            return None;
        }
        let account = self.accounts.remove(&owner)?;
        for identity in &account.identities {
            self.owners.remove(&identity.account_id());
        }
        Some(Change::user_deleted(user_id))
    }

    /// Takes the identity at `position` off an account and makes it an account of its own, without metadata.
    pub(crate) fn split_off(
        &mut self,
        user_id: &str,
        position: usize,
        mut dates: Map<String, Value>,
        updated_at: Value,
    ) -> Vec<Change> {
        let Some(account) = self.account_mut(user_id) else {
            return Vec::new();
        };
        if position == 0 || position >= account.identities.len() {
            return Vec::new();
        }
        let mut identity = account.identities.remove(position);
        account.attributes.insert("updated_at".into(), updated_at);
        let split_id = identity.account_id();
        let mut attributes = std::mem::take(&mut identity.profile);
        attributes.append(&mut dates);
        self.owners.remove(&split_id);
        let unlinked = Change::identity_unlinked(user_id, &split_id);
        let split = Account {
            user_id: split_id,
            attributes,
            identities: vec![identity],
        };
        // The identity has just left the index, so there is nothing it could clash with.
        let created = self.insert(split).ok();
        std::iter::once(unlinked).chain(created).collect()
    }

    fn account_mut(&mut self, user_id: &str) -> Option<&mut Account> {
        let owner = self.owners.get(user_id)?;
        let account = self.accounts.get_mut(owner)?;
        (account.user_id == user_id).then(|| Arc::make_mut(account))
    }

    /// Everything, in the seed format.
    pub(crate) fn to_json(&self) -> Value {
        let connection =
            |one: &Connection| json!({ "id": one.id, "name": one.name, "strategy": one.strategy });
        json!({
            "connections": self.connections.iter().map(connection).collect::<Vec<_>>(),
            "users": self.users_json(),
        })
    }

    pub(crate) fn users_json(&self) -> Vec<Value> {
        self.accounts()
            .map(|account| account.to_json(EVERYTHING).into())
            .collect()
    }

    pub(crate) fn user_json(&self, user_id: &str) -> Option<Value> {
        self.account(user_id)
            .map(|account| account.to_json(EVERYTHING).into())
    }
}
