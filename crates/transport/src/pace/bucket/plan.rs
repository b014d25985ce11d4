//! When the next request is sent, by what is known of the limit: pure.

use super::{
    Bucket, LATE, MINUTE_LIKE, PATIENCE, count, estimate::Estimate, number, seconds::Closed,
};

/// Seconds after which a bucket of next to nothing is asked in any case.
const LONGEST_UNASKED: f64 = 10.0;

/// Buckets' worth of requests up to which a rate may be wrong by a whole request.
const NEW: f64 = 4.0;
/// And so many requests at least.
const NEW_AT_LEAST: f64 = 100.0;

/// The most of a rate that is left to others, however much they take.
const MOST_LEFT: f64 = 0.65;
/// How much is asked for of what others take beyond what we do.
const CLAIMED: f64 = 0.2;
/// Requests a second from which on two of them are a small share.
const LOOKED_AT: f64 = 8.0;
/// How many standard deviations of what others take are left to them, too.
const SURE: f64 = 1.5;
/// Requests that are asked for beyond what others are expected to leave, where that would be lost.
const VENTURED: f64 = 4.0;

/// How the limit is refilled within a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum View {
    Stepwise,
    Smooth,
}

impl Bucket {
    /// While the rate is not known: what is surely there, slower as it gets less, and then what the reset brings.
    pub(super) fn cautious(&self, now: f64, sure: f64, limit: f64) -> f64 {
        if sure >= 1.0 {
            let is_plenty = sure > limit / 2.0 || self.whole_minutes >= MINUTE_LIKE;
            return if is_plenty {
                now
            } else {
                self.last_sent + 0.5 / sure
            };
        }
        if self.in_flight > 0 {
            return self.last_sent + PATIENCE;
        }
        self.reset_at.min(self.last_sent + 60.0)
    }

    /// Where a reserve leaves one request: it is full whenever that is sent, so only the reset tells when the next is there.
    pub(super) fn sparing(&self, now: f64, sure: f64) -> f64 {
        if sure >= 1.0 {
            return now;
        }
        if self.in_flight > 0 {
            return self.last_sent + PATIENCE;
        }
        // What others took has to come in as well.
        let others = (-sure).max(0.0) / self.rate().unwrap_or(f64::INFINITY);
        self.reset_at
            .max(self.last_sent + others)
            .min(self.last_sent + 60.0)
    }

    /// A bucket of next to nothing, which others empty at random: only asking tells what has come in.
    pub(super) fn contested(&self, now: f64, sure: f64) -> f64 {
        if sure >= 1.0 {
            now
        } else {
            self.last_sent + (1.0 / self.contest).min(LONGEST_UNASKED)
        }
    }

    /// By the plan of this second of the tenant's clock, `into` of which has passed.
    pub(super) fn planned(
        &self,
        now: f64,
        into: f64,
        sure: f64,
        limit: f64,
        closed: Closed,
    ) -> f64 {
        let edge = self.edge();
        let view = self.view();
        let reserved = self.reserved();
        let (rate, margin, late) = (self.estimate().rate(), self.margin.floor(), self.late);
        // What is not certain yet goes in our favour, but never against the reserve.
        let doubt = (0.7 / self.estimate().weight().max(1.0)).min(0.15);
        let (rate, favour, late) = if reserved > 0.0 {
            let favour = if view == Some(View::Smooth) {
                -0.06
            } else {
                0.01
            };
            (rate - 0.7 * doubt, favour, late.max(LATE))
        } else {
            (rate, doubt, late)
        };
        // Those that come late or early shift what comes in smoothly.
        let uncertain = rate * self.spread;
        let shift = if reserved > 0.0 && view != Some(View::Stepwise) {
            // Where seconds' worth is there, what is not certain costs nothing.
            let more = if limit - reserved > 2.0 * rate + 2.0 {
                (limit / 10.0).min(2.0)
            } else {
                0.0
            };
            (uncertain - 0.5).clamp(0.0, self.room()) + more
        } else if reserved > 0.0 || view == Some(View::Smooth) {
            // A bucket of one second's share has no room to spare.
            uncertain.min((limit - 1.5 * rate).max(0.0) / 4.0)
        } else {
            0.0
        };
        // One more while little was seen.
        let is_new = reserved > 0.0 && count(self.counted) < (NEW * limit).max(NEW_AT_LEAST);
        let kept = reserved + margin + shift + f64::from(is_new).min(self.room());
        let others = self.conceded();
        let left_by = |view| self.left_before(view, closed, limit);
        let left = match view {
            Some(view) => left_by(view),
            None => f64::min(left_by(View::Stepwise), left_by(View::Smooth)),
        };
        let planned = match view {
            // What was left over is used up little by little, but for what lateness may take.
            Some(View::Smooth) => {
                let over = (left - kept - 0.05 * rate - 2.0).max(0.0);
                (left - kept + rate).min(limit + 0.25 * over)
            }
            Some(View::Stepwise) => (left + rate).min(limit) - others - kept,
            None => (left + rate).min(limit) - kept,
        };
        let planned = (planned + favour).floor();
        if self.is_shared() {
            return self.shared(now, into, planned, left - kept);
        }
        let sent = count(self.sent_now);
        let begin = now - into;
        let error = self.clock.error().min(0.1);
        // How it refills shows only in requests that are apart; who takes it to be by the second gets less beside a reserve.
        let may_hurry = reserved <= 0.0 || view.is_some() || limit - kept > rate;
        if may_hurry && sent + 1.0 <= left - kept {
            return match into {
                // At its edges it may be another second, of which this is what has to be left.
                _ if reserved <= 0.0 => now,
                _ if into < error => begin + error,
                _ if into > 1.0 - error => begin + 1.0 + error,
                _ => now,
            };
        }
        let middle = 1.0 - 2.0 * edge;
        let is_inside = (edge..=1.0 - edge + 1e-3).contains(&into);
        // More was seen than the plan has, and would be lost with the end of the second; others may take some meanwhile.
        let others = others * self.trip;
        let spare = sure - (planned - sent).max(0.0) - others - 2.0 * others.sqrt();
        if may_hurry && is_inside && spare >= 1.0 {
            return now;
        }
        if planned > sent && into <= 1.0 - edge + 1e-3 {
            let place = edge + (sent + 0.5) / planned * middle + late / rate;
            return begin + place.min(1.0 - edge);
        }
        // Nothing is learned while nothing is sent, and it may be full by now.
        let idle = (limit / self.peak.max(0.01)).clamp(1.5, 30.0);
        if self.in_flight == 0 && is_inside && now - self.last_sent >= idle {
            return now;
        }
        let next = (((left - sent + rate).max(0.0) + rate).min(limit) - reserved - margin).max(1.0);
        (begin + 1.0 + edge + 0.5 / next * middle).max(now + 1e-4)
    }

    /// Beside others, in a second that `planned` are for: by what was seen in it as soon as anything was.
    fn shared(&self, now: f64, into: f64, planned: f64, left: f64) -> f64 {
        // Another second's are not there to be counted in this one.
        let edge = (self.edge() + 0.6 * self.spread).min(0.4);
        let begin = now - into;
        // Only what is sent near an edge tells where it is.
        let first = if self.clock.error() > 0.1 {
            0.001
        } else {
            edge
        };
        let next_second = (begin + 1.0 + first).max(now + 1e-4);
        let others = self.conceded();
        let limit = self.limit.unwrap_or(0.0);
        // What others take shows between two requests only, and who sends none would take it to be as before.
        let looks: &[f64] = if self.estimate().rate() >= LOOKED_AT {
            &[first, 0.5]
        } else {
            &[]
        };
        let look = looks
            .iter()
            .map(|place| begin + place)
            .find(|at| self.last_sent < *at && into <= 1.0 - edge)
            .map_or(next_second, |at| at.max(now));
        if self.sent_now == 0 && look < next_second {
            return look;
        }
        let (rest, sure) = if self.latest.second < self.second {
            let sent = count(self.sent_now);
            // Nothing is learned while nothing is sent.
            (planned.max(1.0) - sent, left - sent - others)
        } else {
            let since = now - self.latest.at;
            let there = self.latest.level - self.taken() - self.reserved();
            let taken = others * since;
            if there - taken - SURE * taken.sqrt() < 1.0 {
                return if there < 1.0 { next_second } else { look };
            }
            let taken = others * (since + 1.0 - into);
            // What others leave is lost with the second, where it is refilled as a whole, else it is there in the next.
            let kept = if limit < self.estimate().rate() + 2.0 {
                self.margin - VENTURED
            } else {
                1.0 + 2.0 * taken.sqrt()
            };
            let rest = (there - taken - kept).floor();
            (rest, rest)
        };
        if sure > limit / 2.0 && limit > 2.0 * self.estimate().rate() {
            return now;
        }
        if rest < 1.0 {
            return look;
        }
        if into > 1.0 - edge {
            return next_second;
        }
        let from = self.last_sent.max(begin + edge);
        from + (begin + 1.0 - edge - from) / (rest + 0.5)
    }

    /// What was left at the end of the last second, by what is known of the closed one and was sent since.
    fn left_before(&self, view: View, closed: Closed, limit: f64) -> f64 {
        let rate = self.estimate_by(view).rate();
        let mut left = closed.left;
        let mut second = closed.number;
        if view == View::Smooth {
            let end = number(closed.number) + 1.0 - self.edge();
            let rest = (end - self.clock.arrival(closed.last)).max(0.0);
            left = (left + rate * rest).min(limit);
        }
        let others = if self.is_shared() {
            let rest = number(closed.number) + 1.0 - self.clock.arrival(closed.last);
            left = (left - self.conceded() * rest.clamp(0.0, 1.0)).max(0.0);
            self.conceded()
        } else {
            0.0
        };
        for &(later, sent) in self.sent.iter().filter(|sent| sent.0 > closed.number) {
            let seconds = number(later - second);
            left = (left + rate * seconds).min(limit) - count(sent) - others * seconds;
            second = later;
        }
        let since = number((self.second - 1 - second).max(0));
        (left + (rate - others) * since).min(limit)
    }

    /// How much of the beginning and of the end of a second is not sent in, since it may be another's.
    fn edge(&self) -> f64 {
        if self.view() == Some(View::Smooth) && self.reserved() <= 0.0 {
            // There it is all the same to which second a request counts.
            return 0.04;
        }
        (self.clock.error() + self.spread / 2.0).clamp(0.04, 0.35)
    }

    /// How it refills within a second, where that has shown.
    pub(super) fn view(&self) -> Option<View> {
        let (grown, expected) = self.within;
        if expected < 2.0 {
            None
        } else if grown > 0.55 * expected {
            Some(View::Smooth)
        } else if grown < 0.45 * expected {
            Some(View::Stepwise)
        } else {
            None
        }
    }

    const fn estimate_by(&self, view: View) -> &Estimate {
        match view {
            View::Stepwise => &self.stepwise,
            View::Smooth => &self.smooth,
        }
    }

    pub(super) fn estimate(&self) -> &Estimate {
        self.estimate_by(self.view().unwrap_or(View::Stepwise))
    }

    /// What it is refilled by as far as others leave it.
    pub(super) fn net_rate(&self) -> f64 {
        let others = if self.is_shared() { self.others() } else { 0.0 };
        self.estimate().rate() - others
    }

    /// Whether others are seen to take from it within seconds.
    pub(super) fn is_shared(&self) -> bool {
        self.view() == Some(View::Stepwise) && self.others() > 0.0
    }

    /// How much others take a second, about.
    pub(super) fn others(&self) -> f64 {
        if self.view() == Some(View::Stepwise) {
            let (taken, over) = self.taken_by_others;
            let others = taken / over.max(1.0);
            return others.min(self.limit.unwrap_or(0.0));
        }
        let estimate = self.estimate();
        if estimate.noise() > 0.5 || self.surprise > 0.3 {
            (self.peak - estimate.rate()).max(0.0)
        } else {
            0.0
        }
    }

    /// What is left to others: a little less than they take if that is more than we do, or two that make room for each other
    /// would stay as unequal as they began.
    fn conceded(&self) -> f64 {
        let others = self.others();
        if self.view() != Some(View::Stepwise) {
            return others;
        }
        // No bucket is known that fills from empty in less than a second.
        let limit = self.limit.unwrap_or(0.0);
        let rate = self.estimate().rate().min(limit);
        let others = others
            .min(MOST_LEFT * rate)
            .min((limit - self.ours).max(0.0));
        others - CLAIMED * (2.0 * others - rate).max(0.0)
    }

    /// The most that is kept back without a reserve.
    pub(super) fn room(&self) -> f64 {
        self.limit
            .map_or(0.0, |limit| (limit - self.reserved() - 1.0).max(0.0) / 2.0)
    }
}
