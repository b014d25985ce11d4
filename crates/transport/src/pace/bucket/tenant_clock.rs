//! Which second of the tenant's clock a request arrives in, learned from the `Date` of answers: pure.

/// How fast two clocks may part, in seconds per second.
const DRIFT: f64 = 1e-4;
/// How far a bound may be off before the way to the tenant must have changed.
const JUMP: f64 = 0.1;

/// Adds what a request sent at a time needs to become the tenant's time when it arrives.
///
/// The way there is part of it, and never has to be known: `Date` tells whole seconds, and each answer bounds the
/// sum from both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct TenantClock {
    least: f64,
    most: f64,
    looked_at: f64,
}

impl Default for TenantClock {
    fn default() -> Self {
        Self {
            least: f64::NEG_INFINITY,
            most: f64::INFINITY,
            looked_at: 0.0,
        }
    }
}

impl TenantClock {
    /// Takes in that what was sent at `sent` was answered with this `date`; `spread` is how much round trips differ.
    pub(super) fn answered(&mut self, sent: f64, now: f64, date: f64, spread: f64) {
        let drift = (now - self.looked_at).max(0.0) * DRIFT;
        self.looked_at = now;
        let (least, most) = (date - sent, date + 1.0 - sent);
        let (old_least, old_most) = (self.least - drift, self.most + drift);
        let jump = JUMP + spread;
        (self.least, self.most) = if least > old_most + jump || most < old_least - jump {
            (least, most)
        } else {
            (old_least.max(least), old_most.min(most))
        };
    }

    /// The tenant's time when what is sent at `sent` arrives; without a `Date`, a clock of our own is as good.
    pub(super) fn arrival(&self, sent: f64) -> f64 {
        if self.is_known() {
            sent + f64::midpoint(self.least, self.most)
        } else {
            sent
        }
    }

    /// How far that may be off.
    pub(super) fn error(&self) -> f64 {
        if self.is_known() {
            (self.most - self.least).abs() / 2.0
        } else {
            0.0
        }
    }

    /// From when on what is sent arrives after this time of the tenant's, certainly.
    pub(super) fn certainly_after(&self, time: f64) -> f64 {
        if self.is_known() {
            time - self.least.min(self.most)
        } else {
            time
        }
    }

    pub(super) const fn is_known(&self) -> bool {
        self.least.is_finite() && self.most.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_bound_the_time_of_arrival_ever_closer() {
        let mut clock = TenantClock::default();
        // The tenant's clock is 1000.25 s ahead when requests arrive.
        for sent in [0.1, 0.7, 1.74, 2.76] {
            let arrival: f64 = sent + 1000.25;
            clock.answered(sent, sent + 0.1, arrival.floor(), 0.0);
        }
        assert!((clock.arrival(5.0) - 1005.25).abs() <= clock.error());
        assert!(clock.error() < 0.02, "{clock:?}");
    }

    #[test]
    fn another_way_or_clock_begins_anew() {
        let mut clock = TenantClock::default();
        clock.answered(0.5, 0.6, 1000.0, 0.0);
        clock.answered(1.5, 1.6, 2000.0, 0.0);
        assert!((clock.arrival(1.5) - 2000.5).abs() < 1e-6);
    }
}
