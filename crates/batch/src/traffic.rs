//! The requests of a run, counted.

use std::time::Duration;

use unlink::transport::{self, ErrorKind, RateLimit};

/// Requests, counted where a run sees them.
///
/// A call that the client repeats by itself counts each attempt it tells of; the reads that settle a lost answer are not
/// among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Requests that were sent, or tried to be.
    pub requests: u64,
    /// Those of them that the tenant refused for its rate limit (429).
    pub refused: u64,
    /// How long the run waited for the tenant: for its rate limit, or because it did not answer.
    pub waited: Duration,
    /// The lowest number of requests left that the tenant named; `None` if it named none.
    pub lowest_remaining: Option<u64>,
}

impl Traffic {
    /// Counts a call that was answered after so many attempts.
    pub(crate) fn answered(&mut self, attempts: u32, limit: Option<RateLimit>) {
        self.requests += u64::from(attempts);
        self.left(limit);
    }

    /// Counts a call that failed.
    pub(crate) fn failed(&mut self, error: &unlink::Error) {
        let Some(error) = error.request() else {
            return;
        };
        self.requests += u64::from(error.attempts());
        self.refused += u64::from(error.kind() == ErrorKind::RateLimited);
        // The token endpoint's bucket is another one.
        let answer = error.answer().filter(|_| error.kind() != ErrorKind::Token);
        self.left(answer.and_then(transport::Answer::rate_limit));
    }

    fn left(&mut self, limit: Option<RateLimit>) {
        let left = limit.map(|limit| limit.remaining);
        self.lowest_remaining = [self.lowest_remaining, left].into_iter().flatten().min();
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
