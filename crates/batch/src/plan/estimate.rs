//! How many requests a job takes, and how long that is at a tenant's rate limit.

use std::time::Duration;

use crate::job::Action;

/// A rate limit of the Management API, as
/// [Auth0 publishes](https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy) it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// The plan it belongs to.
    pub plan: &'static str,
    /// How many requests may come at once.
    pub burst: u32,
    /// How many come back every minute.
    pub per_minute: u32,
}

impl Limit {
    /// The published limits, the lowest of a plan's that may apply.
    pub const PUBLISHED: &'static [Self] = &[
        Self::new("free", 2, 120),
        // Which of the groups of endpoints counts unlinking is not published: the smaller one is taken.
        Self::new("essentials, professional", 10, 150),
        Self::new("enterprise, not production", 10, 120),
        Self::new("enterprise, production", 50, 960),
        Self::new("private cloud, 100 per second", 50, 3_000),
        Self::new("private cloud, 500 per second", 250, 15_000),
        Self::new("private cloud, 1,500 per second", 750, 45_000),
        Self::new("private cloud, 3,000 per second", 1_500, 90_000),
        Self::new("private cloud, 6,000 per second", 3_000, 180_000),
        Self::new("private cloud, 10,000 per second", 5_000, 300_000),
    ];

    const fn new(plan: &'static str, burst: u32, per_minute: u32) -> Self {
        Self {
            plan,
            burst,
            per_minute,
        }
    }

    /// How long this many requests take when nothing else uses the limit.
    #[must_use]
    pub fn time(&self, requests: u64) -> Duration {
        let waiting = requests.saturating_sub(self.burst.into());
        let millis = waiting
            .saturating_mul(60_000)
            .div_ceil(u64::from(self.per_minute).max(1));
        Duration::from_millis(millis)
    }
}

/// How many requests a job takes, by the way of working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// Rows that have what their user looked like as evidence, each one request if it is relied on.
    pub with_snapshot: u64,
    /// Rows that need a read first.
    pub without_snapshot: u64,
    /// Requests for each row that are more than its unlinking: reads and deletions where the job deletes.
    pub more_per_row: u64,
}

impl Estimate {
    pub(crate) fn new(with_snapshot: u64, without_snapshot: u64, action: Action) -> Self {
        let more_per_row = match action {
            Action::Unlink => 0,
            // The account is read, deleted, and read to be gone.
            Action::UnlinkAndDelete => 3,
        };
        Self {
            with_snapshot,
            without_snapshot,
            more_per_row,
        }
    }

    /// The requests if snapshots are relied on wherever there are any, but for a job that deletes.
    #[must_use]
    pub const fn requests_by_snapshot(&self) -> u64 {
        if self.more_per_row > 0 {
            return self.requests_by_read();
        }
        self.with_snapshot + 2 * self.without_snapshot
    }

    /// The requests if every row is read first.
    #[must_use]
    pub const fn requests_by_read(&self) -> u64 {
        (self.with_snapshot + self.without_snapshot) * (2 + self.more_per_row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_rows_take_what_the_published_limits_let_through() {
        let seconds = |plan: &str| {
            let limit = Limit::PUBLISHED.iter().find(|limit| limit.plan == plan);
            limit.unwrap().time(10_000).as_secs()
        };
        assert_eq!(seconds("free"), 4_999);
        assert_eq!(seconds("essentials, professional"), 3_996);
        assert_eq!(seconds("enterprise, production"), 621);
    }

    #[test]
    fn requests_count_reads_and_deletions() {
        let unlink = Estimate::new(10, 4, Action::Unlink);
        assert_eq!(
            (unlink.requests_by_snapshot(), unlink.requests_by_read()),
            (18, 28)
        );
        let delete = Estimate::new(10, 4, Action::UnlinkAndDelete);
        assert_eq!(
            (delete.requests_by_snapshot(), delete.requests_by_read()),
            (70, 70)
        );
    }
}
