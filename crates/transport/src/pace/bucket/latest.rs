//! What the latest answers show of this second: pure.

use super::{Flight, count};

/// What was left by those sent last, in a second of the tenant's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latest {
    pub(super) second: i64,
    pub(super) at: f64,
    /// With all that was sent before.
    pub(super) level: f64,
    /// How many answers that rests on.
    weight: f64,
}

impl Default for Latest {
    fn default() -> Self {
        Self {
            second: i64::MIN,
            at: f64::NEG_INFINITY,
            level: 0.0,
            weight: 0.0,
        }
    }
}

impl Latest {
    /// Takes in what was left before a request; those that overtook others on the way see more, and make up for the others.
    pub(super) fn update(&mut self, flight: &Flight, second: i64, left: f64, spread: f64) {
        let level = left + count(flight.sent - 1);
        // One that is far back shows that the tenant's clock was set back, or the other way before.
        if second > self.second || second < self.second - 2 {
            *self = Self {
                second,
                at: flight.at,
                level,
                weight: 1.0,
            };
        } else if second == self.second {
            let age = (flight.at - self.at).abs() / spread.max(1e-6);
            self.weight = self.weight * (-age).exp() + 1.0;
            self.level += (level - self.level) / self.weight;
            self.at = self.at.max(flight.at);
        }
    }
}
