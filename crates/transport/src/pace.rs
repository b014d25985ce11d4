//! Pacing: how fast requests are sent, so that the tenant's rate limit is used and its logins are left alone.

mod bucket;
mod lane;
mod queue;
#[cfg(test)]
#[path = "../benches/pacing/pace/simulator.rs"]
#[expect(dead_code, reason = "the bench prints more than the tests look at")]
mod simulator;
#[cfg(test)]
mod tests;

use std::{num::NonZeroU32, time::Duration};

use crate::error::{Error, ErrorKind};

pub(crate) use self::queue::{Ended, Pacer, Turn};

/// How much of the tenant's rate limit a client uses.
///
/// A client learns the limit from the headers of its answers, and all its clones share what it has learned. Without
/// options it uses all there is, takes care not to be answered 429, and waits its turn fairly: first come, first served.
/// Source: [Auth0's rate limit policy][policy].
///
/// ```
/// use transport::{Pacing, Reserve};
///
/// let pacing = Pacing::default().reserve(Reserve::percent(20.0)?).rate(5.0)?;
/// # let _ = pacing;
/// # Ok::<(), transport::Error>(())
/// ```
///
/// [policy]: https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
#[derive(Clone, Copy, Debug, Default)]
pub struct Pacing {
    rate: Option<f64>,
    reserve: Reserve,
    in_flight: Option<NonZeroU32>,
}

impl Pacing {
    /// Sends at most this many requests per second, whatever the limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] unless it is a number above 0.
    pub fn rate(self, per_second: f64) -> Result<Self, Error> {
        if !per_second.is_finite() || per_second <= 0.0 {
            let problem = "a rate is a number of requests per second above 0";
            return Err(Error::new(ErrorKind::Input, problem));
        }
        Ok(Self {
            rate: Some(per_second),
            ..self
        })
    }

    /// Leaves this much of the limit to others, such as the tenant's own logins.
    #[must_use]
    pub const fn reserve(self, reserve: Reserve) -> Self {
        Self { reserve, ..self }
    }

    /// Has at most this many requests on their way at once.
    #[must_use]
    pub const fn in_flight(self, requests: NonZeroU32) -> Self {
        Self {
            in_flight: Some(requests),
            ..self
        }
    }
}

/// How much of a limit our own requests never take; rounded up to whole requests, but at least one is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reserve(Share);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Share {
    Percent(f64),
    Requests(u32),
}

impl Reserve {
    /// Nothing is left to others.
    pub const NONE: Self = Self(Share::Requests(0));

    /// This much of every limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] unless it is a number from 0 to below 100.
    pub fn percent(percent: f64) -> Result<Self, Error> {
        if !(0.0..100.0).contains(&percent) {
            let problem = "a reserve is a share from 0 to below 100 percent";
            return Err(Error::new(ErrorKind::Input, problem));
        }
        Ok(Self(Share::Percent(percent)))
    }

    /// This many requests of every limit.
    #[must_use]
    pub const fn requests(requests: u32) -> Self {
        Self(Share::Requests(requests))
    }

    /// In requests, of a limit that holds this many.
    ///
    /// ```
    /// use transport::Reserve;
    ///
    /// assert_eq!(Reserve::percent(10.0)?.of(50.0), 5.0);
    /// assert_eq!(Reserve::percent(10.0)?.of(2.0), 1.0);
    /// assert_eq!(Reserve::requests(5).of(2.0), 1.0);
    /// # Ok::<(), transport::Error>(())
    /// ```
    #[must_use]
    pub fn of(self, limit: f64) -> f64 {
        let requests = match self.0 {
            Share::Percent(percent) => (limit * percent / 100.0).ceil(),
            Share::Requests(requests) => f64::from(requests),
        };
        requests.min(limit - 1.0).max(0.0)
    }
}

impl Default for Reserve {
    fn default() -> Self {
        Self::NONE
    }
}

/// Whose turn comes first where a client's requests wait for the rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "somebody waits for the answer, or nobody does"
)]
pub enum Priority {
    /// Somebody waits for the answer: before all bulk requests.
    #[default]
    Interactive,
    /// One of many, and none of them urgent.
    Bulk,
}

/// What a client has learned of its tenant's rate limits, and how it fared.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Pace {
    /// The limits the tenant has named, the one sent to last first.
    pub limits: Vec<Limit>,
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// Requests without an answer.
    pub in_flight: usize,
    /// Time until the next request may be sent, where one waits.
    pub next: Option<Duration>,
    /// Requests sent.
    pub sent: u64,
    /// Those of them that were answered 429.
    pub refused: u64,
    /// Time that requests waited, added up.
    pub waited: Duration,
}

/// One rate limit of a tenant, as far as it is known.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limit {
    /// Requests that fit in its bucket.
    pub burst: f64,
    /// Requests per second that come in, less what others take; `None` while that is not known.
    pub rate: Option<f64>,
    /// Requests left in the bucket, at least.
    pub left: f64,
    /// Requests that are left to others.
    pub reserved: f64,
    /// The fewest requests that were left after one of ours.
    pub lowest: u64,
}
