//! One rate limit of the tenant, learned from its answers, and when the next request fits it: pure.
//!
//! How a limit is refilled is not certain: by the millisecond, at the start of each second, or all at once. So requests are
//! planned by the second of the tenant's clock: what is left at the end of one, plus what comes in, is spread over the
//! middle of the next. That is right for every way, and neither has to be guessed before the first requests are sent. Where
//! others are seen to take from it, what they leave is planned for, and what was left last in a second goes before the plan.

mod estimate;
mod gate;
mod latest;
mod plan;
mod seconds;
mod tenant_clock;
mod unlimited;

use std::collections::VecDeque;

use self::{
    estimate::Estimate,
    gate::Gate,
    latest::Latest,
    seconds::{Closed, Open},
    tenant_clock::TenantClock,
    unlimited::Unlimited,
};
use super::Reserve;

/// Answers whose reset is a whole minute, one after the other, from which on the limit is taken to be one per minute.
const MINUTE_LIKE: u32 = 3;
/// Resets at other times speak against that for this many seconds.
const MINUTE_DOUBT: f64 = 70.0;
/// Seconds after which another request may find out what an unanswered one was to.
const PATIENCE: f64 = 5.0;
/// Requests' worth of time by which requests are later where none may take from a reserve.
const LATE: f64 = 0.75;
/// Answers that name no limit, one after the other, from which on none is known.
const UNLIMITED: u32 = 8;

/// What the tenant said of a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    pub(super) reset: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// It was counted, as its answer says.
    Counted(Reading),
    /// It was done, and the answer names no limit.
    Unlimited,
    /// It was read and not done, as with 404, and the answer names no limit: it may have been counted.
    Refused,
    /// It may have been counted.
    Unknown,
    /// 429: it was not counted, and nothing is sent for this many seconds.
    Limited(f64),
    /// It was not sent.
    NotSent,
}

/// A request without an answer.
#[derive(Clone, Copy, Debug)]
struct Flight {
    at: f64,
    second: i64,
    /// How many had been answered and counted when it was sent.
    counted: i64,
    /// How many had been sent by then and were counted, or may be.
    sent: i64,
}

#[derive(Debug)]
pub(super) struct Bucket {
    reserve: Reserve,
    limit: Option<f64>,
    gate: Option<Gate>,

    flights: VecDeque<Option<Flight>>,
    first_flight: u64,
    in_flight: i64,
    last_sent: f64,
    counted: i64,

    clock: TenantClock,
    /// The shortest round trip, and by how much others were longer of late.
    trip: f64,
    spread: f64,

    open: VecDeque<Open>,
    closed: Option<Closed>,
    /// How many requests were counted in seconds that are open no more.
    settled: i64,
    /// How many requests were sent in seconds after the closed one, the current one apart.
    sent: VecDeque<(i64, i64)>,
    second: i64,
    sent_now: i64,

    /// By whole seconds, what others take included.
    stepwise: Estimate,
    /// By the time between requests, as far as others leave it.
    smooth: Estimate,
    /// What came in within seconds, and what would have, had it come smoothly.
    within: (f64, f64),
    /// The most that came in within a second of late.
    peak: f64,
    /// What had come in, at least, when a request sent at that time arrived.
    sure: f64,
    sure_at: f64,
    /// What the requests sent last show, by when others may have taken some.
    latest: Latest,
    /// What others took within seconds of late, and how long was looked.
    taken_by_others: (f64, f64),
    /// Requests of ours counted in a second of late.
    ours: f64,
    /// Requests kept back, since less may be left than it seems.
    margin: f64,
    /// Requests' worth of time by which requests are sent later in their second.
    late: f64,
    /// How often of late a 429 came where none was expected.
    surprise: f64,
    /// Requests per second at which a bucket of next to nothing is asked, if others empty it, too.
    contest: f64,

    whole_minutes: u32,
    other_reset: f64,
    reset_at: f64,
    /// Whether a request had to wait since the last second was closed.
    has_waited: bool,
    lowest: Option<u64>,
    unlimited: Unlimited,
}

impl Bucket {
    pub(super) fn new(reserve: Reserve) -> Self {
        Self {
            reserve,
            limit: None,
            gate: None,
            flights: VecDeque::new(),
            first_flight: 0,
            in_flight: 0,
            last_sent: f64::NEG_INFINITY,
            counted: 0,
            clock: TenantClock::default(),
            trip: f64::INFINITY,
            spread: 0.0,
            open: VecDeque::new(),
            closed: None,
            settled: 0,
            sent: VecDeque::new(),
            second: i64::MIN,
            sent_now: 0,
            stepwise: Estimate::default(),
            smooth: Estimate::default(),
            within: (0.0, 0.0),
            peak: 0.0,
            sure: 0.0,
            sure_at: f64::NEG_INFINITY,
            latest: Latest::default(),
            taken_by_others: (0.0, 0.0),
            ours: 0.0,
            margin: 0.0,
            late: 0.0,
            surprise: 0.0,
            contest: 0.0,
            whole_minutes: 0,
            other_reset: f64::NEG_INFINITY,
            reset_at: f64::INFINITY,
            has_waited: false,
            lowest: None,
            unlimited: Unlimited::default(),
        }
    }

    /// What fits in it, once the tenant has said so.
    pub(super) const fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// Requests per second that it is refilled by, as far as others leave them; none while that is not known.
    pub(super) fn rate(&self) -> Option<f64> {
        match self.limit {
            None => self.unlimited.rate(),
            Some(_) => Some(self.net_rate()).filter(|rate| *rate > 0.0),
        }
    }

    /// What our own requests leave in it.
    pub(super) fn reserved(&self) -> f64 {
        self.limit.map_or(0.0, |limit| self.reserve.of(limit))
    }

    /// What is left in it, at least, as far as is known.
    pub(super) fn left(&self) -> Option<f64> {
        self.limit.map(|_| (self.sure - self.taken()).max(0.0))
    }

    /// The least that was left after a request of ours.
    pub(super) const fn lowest(&self) -> Option<u64> {
        self.lowest
    }

    /// Whether nothing is on its way.
    pub(super) const fn is_idle(&self) -> bool {
        self.in_flight == 0
    }

    /// Until when nothing is sent after a 429.
    pub(super) const fn closed_until(&self) -> Option<f64> {
        match self.gate {
            Some(Gate {
                until,
                probed_at: None,
                ..
            }) => Some(until),
            _ => None,
        }
    }

    /// When the next request may be sent, if nothing is answered before: now if that is not later than `now`.
    pub(super) fn next(&mut self, now: f64) -> f64 {
        let next = self.earliest(now);
        self.has_waited |= next > now && self.gate.is_none();
        next
    }

    /// A request is sent; returns its number.
    pub(super) fn send(&mut self, now: f64) -> u64 {
        self.turn(now);
        self.sent_now += 1;
        self.last_sent = now;
        if let Some(gate) = &mut self.gate {
            gate.probed_at = Some(now);
        }
        self.unlimited.sent(now);
        self.take_off(now, self.second)
    }

    /// A request that was sent as another limit's is this one's, as its answer shows; returns its number here.
    pub(super) fn adopt(&mut self, sent_at: f64) -> u64 {
        let second = whole(self.clock.arrival(sent_at));
        if second > self.second {
            self.turn(sent_at);
        }
        if second == self.second {
            self.sent_now += 1;
        } else if let Some(sent) = self.sent.iter_mut().find(|sent| sent.0 == second) {
            sent.1 += 1;
        }
        self.last_sent = self.last_sent.max(sent_at);
        self.take_off(sent_at, second)
    }

    fn take_off(&mut self, at: f64, second: i64) -> u64 {
        let number = self.first_flight + self.flights.len() as u64;
        self.flights.push_back(Some(Flight {
            at,
            second,
            counted: self.counted,
            sent: self.counted + self.in_flight + 1,
        }));
        self.in_flight += 1;
        number
    }

    /// A request of this number has ended; `date` is the tenant's own time of the answer.
    pub(super) fn end(&mut self, number: u64, now: f64, answer: Answer, date: Option<i64>) {
        let Some(flight) = self.land(number) else {
            return;
        };
        match answer {
            Answer::NotSent => {
                self.forget(flight.second);
                self.reopen(flight.at, now, false);
            }
            Answer::Unknown => {
                self.reopen(flight.at, now, false);
                self.count(&flight, date, None);
            }
            Answer::Refused => {
                self.measure(&flight, now, date);
                self.reopen(flight.at, now, true);
                self.count(&flight, date, None);
            }
            Answer::Limited(wait) => {
                self.measure(&flight, now, date);
                self.forget(flight.second);
                self.refuse(&flight, now, wait, date);
            }
            Answer::Unlimited => {
                self.measure(&flight, now, date);
                self.reopen(flight.at, now, true);
                if self.unlimited.answered(now) >= UNLIMITED && self.limit.is_some() {
                    self.lose_sight();
                }
                self.count(&flight, date, None);
            }
            Answer::Counted(reading) => {
                self.measure(&flight, now, date);
                self.reopen(flight.at, now, true);
                self.read(&flight, now, reading, date);
                self.count(&flight, date, Some(reading));
            }
        }
        self.close(now);
    }

    fn earliest(&mut self, now: f64) -> f64 {
        match self.gate {
            None => {}
            Some(Gate {
                probed_at: Some(at),
                ..
            }) => return at + PATIENCE,
            Some(gate) if now < gate.until => return gate.until,
            Some(gate) if gate.is_disproved() => self.gate = None,
            Some(_) => return now,
        }
        let Some(limit) = self.limit else {
            // The first answer tells what there is to keep to.
            let is_first = self.unlimited.is_unseen() && self.in_flight > 0;
            return if is_first {
                self.last_sent + 1.0
            } else {
                self.unlimited.next()
            };
        };
        self.close(now);
        let into = self.turn(now);
        let sure = self.sure - self.taken() - self.reserved();
        if limit - self.reserved() <= 3.0 && self.surprise > 0.05 {
            return self.contested(now, sure);
        }
        if self.reserved() > 0.0 && limit - self.reserved() < 2.0 {
            return self.sparing(now, sure);
        }
        match self.closed {
            Some(closed) if self.estimate().rate() > 0.0 && self.whole_minutes < MINUTE_LIKE => {
                self.planned(now, into, sure, limit, closed)
            }
            _ => self.cautious(now, sure, limit),
        }
    }

    fn taken(&self) -> f64 {
        count(self.counted + self.in_flight)
    }

    /// Turns to the second that a request sent now arrives in; returns how much of it has passed.
    fn turn(&mut self, now: f64) -> f64 {
        let arrival = self.clock.arrival(now);
        let second = whole(arrival);
        if second > self.second || second < self.second - 2 {
            if second < self.second {
                // The tenant's clock was set back: what was counted by it says nothing any more.
                self.sent.clear();
                self.open.clear();
                self.closed = None;
            } else if self.sent_now > 0 {
                self.sent.push_back((self.second, self.sent_now));
            }
            self.second = second;
            self.sent_now = 0;
        }
        arrival - number(self.second)
    }

    fn land(&mut self, number: u64) -> Option<Flight> {
        let index = usize::try_from(number.checked_sub(self.first_flight)?).ok()?;
        let flight = self.flights.get_mut(index)?.take()?;
        while self.flights.front().is_some_and(Option::is_none) {
            self.flights.pop_front();
            self.first_flight += 1;
        }
        self.in_flight -= 1;
        Some(flight)
    }

    /// A request that was sent in this second was not counted.
    fn forget(&mut self, second: i64) {
        if second == self.second {
            self.sent_now -= 1;
        } else if let Some(sent) = self.sent.iter_mut().find(|sent| sent.0 == second) {
            sent.1 -= 1;
        }
    }

    fn measure(&mut self, flight: &Flight, now: f64, date: Option<i64>) {
        let trip = now - flight.at;
        if self.trip.is_infinite() {
            self.spread = 0.2 * trip;
        }
        self.trip = self.trip.min(trip);
        self.spread = (self.spread * 0.9995).max(trip - self.trip);
        if let Some(date) = date {
            self.clock
                .answered(flight.at, now, number(date), self.spread);
        }
    }

    /// The tenant does not tell its limit any more; what was learned of it is where to begin.
    fn lose_sight(&mut self) {
        self.unlimited.begin_at(self.rate());
        self.limit = None;
        self.open.clear();
        self.closed = None;
        self.sent.clear();
        self.taken_by_others = (0.0, 0.0);
    }

    fn read(&mut self, flight: &Flight, now: f64, reading: Reading, date: Option<i64>) {
        self.unlimited.limited();
        #[expect(clippy::cast_precision_loss, reason = "limits are not so large")]
        let (limit, remaining) = (reading.limit as f64, reading.remaining as f64);
        self.surprise *= 0.997;
        self.contest = (1.02 * self.contest).min(limit);
        if self.limit != Some(limit) {
            self.limit = Some(limit);
            self.whole_minutes = 0;
            self.lowest = None;
        }
        self.lowest = Some(
            self.lowest
                .map_or(reading.remaining, |lowest| lowest.min(reading.remaining)),
        );
        if !reading.reset.is_multiple_of(60) {
            self.other_reset = now;
            self.whole_minutes = 0;
        } else if now - self.other_reset > MINUTE_DOUBT && self.clock.is_known() {
            // Without `Date` the wait for such a reset might make the next one such as well, for ever.
            self.whole_minutes = self.whole_minutes.saturating_add(1);
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        let reset = reading.reset as f64;
        self.reset_at = self.clock.certainly_after(reset) + 0.02 + self.spread / 2.0;
        if remaining < self.reserved() && self.estimate().is_settled() {
            self.late = (self.late.max(LATE) + 0.25).min(2.0);
        }
        let second = date.unwrap_or(flight.second);
        self.latest
            .update(flight, second, remaining + 1.0, self.spread);
        // Those answered before it was sent had been counted before, all others may not have been.
        let sure = remaining + count(flight.counted) + 1.0;
        if flight.at > self.sure_at + 1.0 || sure > self.sure {
            self.sure = sure;
            self.sure_at = flight.at;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
const fn number(second: i64) -> f64 {
    second as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no client sends so many requests"
)]
const fn count(requests: i64) -> f64 {
    requests as f64
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
fn whole(time: f64) -> i64 {
    time.floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number as a tenant gives it that has lost its mind.
    fn any(random: &mut fastrand::Rng, usual: u64) -> u64 {
        match random.u8(..8) {
            0 => 0,
            1 => u64::MAX,
            2 => random.u64(..),
            _ => random.u64(..=usual),
        }
    }

    #[test]
    fn whatever_a_tenant_says_another_request_may_go_in_the_end_and_nothing_is_kept_for_good() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let percent = f64::from(random.u8(..100));
            let mut bucket = Bucket::new(Reserve::percent(percent).unwrap());
            let (mut now, mut on_their_way) = (0.0, Vec::new());
            let mut longest = 0_f64;
            for _ in 0..2_000 {
                now += random.f64() * if random.u8(..50) == 0 { 100.0 } else { 0.2 };
                let next = bucket.next(now);
                assert!(!next.is_nan(), "{seed}: {bucket:?}");
                if next <= now && on_their_way.len() < 50 {
                    on_their_way.push(bucket.send(now));
                }
                if on_their_way.is_empty() {
                    longest = longest.max(next - now);
                }
                if !on_their_way.is_empty() && random.bool() {
                    let number = on_their_way.swap_remove(random.usize(..on_their_way.len()));
                    let answer = match random.u8(..10) {
                        0 => Answer::Unknown,
                        1 => Answer::Refused,
                        2 => Answer::NotSent,
                        3 => Answer::Unlimited,
                        4 => Answer::Limited(random.f64() * 30.0),
                        _ => Answer::Counted(Reading {
                            limit: any(&mut random, 50),
                            remaining: any(&mut random, 50),
                            reset: any(&mut random, 2_000_000_000),
                        }),
                    };
                    let date = random.bool().then(|| whole(now) + random.i64(-3..3));
                    let date = date.map(|date| date + random.i64(0..2) * 1_000_000);
                    bucket.end(number, now, answer, date);
                }
            }
            assert!(longest <= 90.0, "{seed}: {longest} s, {bucket:?}");
            for number in on_their_way {
                bucket.end(number, now, Answer::Unknown, None);
            }
            assert!(bucket.flights.is_empty() && bucket.is_idle());
            // One for each second of what is not over yet.
            let kept = (bucket.sent.len(), bucket.open.len());
            assert!(kept.0.max(kept.1) <= 50, "{seed}: {kept:?} kept");
        }
    }
}
