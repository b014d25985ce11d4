//! What a 429 closes, until one request finds out that it is open again: pure.

use super::{Bucket, Flight, count};

/// What a 429 closes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub(super) until: f64,
    /// When the request was sent that was refused.
    pub(super) refused_at: f64,
    /// Requests that were sent after it, and let through or refused as well.
    pub(super) passed: u32,
    pub(super) refused: u32,
    /// When a request was sent to find out whether it opens.
    pub(super) probed_at: Option<f64>,
}

impl Gate {
    /// Whether that request alone was refused, so that no other has to find out.
    pub(super) const fn is_disproved(&self) -> bool {
        self.passed > self.refused
    }
}

impl Bucket {
    /// A request was let through, or it ended otherwise and told nothing.
    pub(super) fn reopen(&mut self, sent_at: f64, now: f64, is_let_through: bool) {
        let Some(gate) = &mut self.gate else {
            return;
        };
        let was_probe = gate.probed_at == Some(sent_at);
        if is_let_through && was_probe {
            self.gate = None;
            self.slow_down(now);
        } else if was_probe {
            gate.probed_at = None;
        } else if is_let_through && sent_at > gate.refused_at {
            gate.passed += 1;
        }
    }

    /// 429: nothing is sent for a while, and then one request.
    pub(super) fn refuse(&mut self, flight: &Flight, now: f64, wait: f64, date: Option<i64>) {
        let gate = self.gate.get_or_insert(Gate {
            until: f64::NEG_INFINITY,
            refused_at: flight.at,
            passed: 0,
            refused: 0,
            probed_at: None,
        });
        gate.until = gate.until.max(now + wait);
        gate.refused += u32::from(flight.at > gate.refused_at);
        gate.probed_at = None;
        self.sure = self.sure.min(count(flight.counted));
        let second = date.unwrap_or(flight.second);
        self.latest.update(flight, second, 0.0, self.spread);
        self.note(flight, second, 0, Some(0.0), false);
    }

    /// There was less than was thought.
    fn slow_down(&mut self, now: f64) {
        if self.limit.is_none() {
            self.unlimited.refused(now);
        } else if self.estimate().is_settled() || self.is_shared() {
            self.surprise += 0.1;
            self.contest = 0.95 * self.contest.max(self.peak.min(self.limit.unwrap_or(1.0)));
            if self.is_shared() {
                // Or two that ask for all would each be refused every other second.
                let more = 0.25 + 0.01 * self.limit.unwrap_or(0.0);
                self.margin = (self.margin + more).min(self.room());
            } else if self.late < 0.5 {
                self.late += 0.25;
            } else {
                self.margin = (self.margin + 0.5).min(self.room());
            }
        }
    }
}
