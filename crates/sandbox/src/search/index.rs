//! What a search knows: the tenant as it was a while ago.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::clock::Millis;
use crate::tenant::Tenant;

/// The users as a search sees them, and the changes that have not reached it.
#[derive(Debug)]
pub(crate) struct SearchIndex {
    lag: Duration,
    /// By their places in the tenant.
    accounts: Vec<Option<Arc<Account>>>,
    /// What was made of the account at a place, and when.
    pending: VecDeque<(Millis, usize, Option<Arc<Account>>)>,
}

impl SearchIndex {
    /// An index that knows all there is now and learns what follows so much later; none if at once.
    pub(crate) fn new(tenant: &Tenant, lag: Duration) -> Option<Self> {
        (!lag.is_zero()).then(|| Self {
            lag,
            accounts: tenant.places().to_vec(),
            pending: VecDeque::new(),
        })
    }

    pub(crate) const fn lag(&self) -> Duration {
        self.lag
    }

    /// Takes down what changed.
    pub(crate) fn note(&mut self, at: Millis, tenant: &Tenant) {
        for place in tenant.touched() {
            let account = tenant.places().get(*place).cloned().flatten();
            self.pending.push_back((at, *place, account));
        }
    }

    /// Learns what is due.
    pub(crate) fn catch_up(&mut self, now: Millis) {
        let lag = i64::try_from(self.lag.as_millis()).unwrap_or(i64::MAX);
        let due = |at: Millis| at.0.saturating_add(lag) <= now.0;
        while self.pending.front().is_some_and(|(at, ..)| due(*at)) {
            let Some((_, place, account)) = self.pending.pop_front() else {
                break;
            };
            if place >= self.accounts.len() {
                self.accounts.resize(place + 1, None);
            }
            if let Some(known) = self.accounts.get_mut(place) {
                *known = account;
            }
        }
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter_map(Option::as_deref)
    }
}
