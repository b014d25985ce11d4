//! The requests of a run, as the client's pacer counts them.

use std::time::Duration;

use unlink::transport::Pace;

/// Requests of the client that a run was given, its other callers' among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Requests that were sent.
    pub requests: u64,
    /// Those of them that the tenant refused for its rate limit (429).
    pub refused: u64,
    /// How long requests waited for their turn, added up, and how long the run held back from a tenant that did not answer.
    pub waited: Duration,
    /// The lowest number of requests that were left of a rate limit; `None` if the tenant named none.
    pub lowest_remaining: Option<u64>,
}

impl Traffic {
    /// What was sent between two looks at a client's pace. What is left is of the moment of the second.
    pub(crate) fn between(before: &Pace, now: &Pace) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the requests that are left, rounded down"
        )]
        let left = now.limits.iter().map(|limit| limit.left.max(0.0) as u64);
        Self {
            requests: now.sent.saturating_sub(before.sent),
            refused: now.refused.saturating_sub(before.refused),
            waited: now.waited.saturating_sub(before.waited),
            lowest_remaining: left.min(),
        }
    }

    /// The fewest requests that were ever left.
    pub(crate) fn lowest(pace: &Pace) -> Self {
        Self {
            lowest_remaining: pace.limits.iter().map(|limit| limit.lowest).min(),
            ..Self::default()
        }
    }

    /// Adds another count to this one.
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.waited += other.waited;
        let lowest = [self.lowest_remaining, other.lowest_remaining];
        self.lowest_remaining = lowest.into_iter().flatten().min();
    }
}
