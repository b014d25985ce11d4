//! The learned bucket against limiters of every published size and model, in simulated time.
//!
//! The tests and the bench both use it.

use std::{cmp::Ordering, collections::BinaryHeap};

use fastrand::Rng;

use super::{
    Reserve,
    bucket::{Answer, Bucket, Reading},
};

/// How a limiter gets its requests back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// By the millisecond.
    Continuous,
    /// At the start of each second, a second's share.
    EverySecond,
    /// At the start of each second or minute, all of it.
    FixedWindow,
}

/// What its reset header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    Full,
    NextToken,
}

/// A published limit of the Management API: how much fits, and how much comes in a second or a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) burst: u32,
    pub(crate) sustained: u32,
    pub(crate) is_per_minute: bool,
}

const fn plan(name: &'static str, burst: u32, sustained: u32, is_per_minute: bool) -> Plan {
    Plan {
        name,
        burst,
        sustained,
        is_per_minute,
    }
}

pub(crate) const PLANS: [Plan; 13] = [
    plan("Free", 2, 2, false),
    plan("Essentials, reading users", 40, 500, true),
    plan("Essentials, writing users", 20, 200, true),
    plan("Essentials, all else", 10, 150, true),
    plan("Enterprise, production", 50, 16, false),
    plan("Enterprise, other", 10, 2, false),
    plan("Private cloud, development", 20, 20, false),
    plan("Private cloud, 100 RPS", 50, 50, false),
    plan("Private cloud, 500 RPS", 250, 250, false),
    plan("Private cloud, 1,500 RPS", 750, 750, false),
    plan("Private cloud, 3,000 RPS", 1500, 1500, false),
    plan("Private cloud, 6,000 RPS", 3000, 3000, false),
    plan("Private cloud, 10,000 RPS", 5000, 5000, false),
];

impl Plan {
    /// Such as `50 and 16 per second`.
    pub(crate) fn figures(&self) -> String {
        let per = if self.is_per_minute {
            "minute"
        } else {
            "second"
        };
        format!("{} and {} per {per}", self.burst, self.sustained)
    }

    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.sustained) / if self.is_per_minute { 60.0 } else { 1.0 }
    }
}

/// The tenant's side: written anew from the documentation, so that it shares nothing with the bucket it judges.
#[derive(Clone)]
struct Limiter {
    burst: f64,
    per_second: f64,
    step: f64,
    level: f64,
    counted: f64,
    /// What came in while it was full.
    lost: f64,
}

impl Limiter {
    fn new(case: &Case, now: f64) -> Self {
        let step = match case.model {
            Model::Continuous => 0.001,
            Model::EverySecond => 1.0,
            Model::FixedWindow if case.plan.is_per_minute => 60.0,
            Model::FixedWindow => 1.0,
        };
        let burst = f64::from(case.plan.burst);
        Self {
            burst,
            per_second: case.plan.per_second(),
            step,
            level: burst,
            counted: now,
            lost: 0.0,
        }
    }

    fn refill(&mut self, now: f64) {
        let steps = (now / self.step).floor() - (self.counted / self.step).floor();
        let level = self.level + steps.max(0.0) * self.step * self.per_second;
        self.lost += (level - self.burst).max(0.0);
        self.level = level.min(self.burst);
        self.counted = now;
    }

    fn take(&mut self, now: f64, keep: f64) -> bool {
        self.refill(now);
        let is_there = self.level >= 1.0 + keep - 1e-9;
        if is_there {
            self.level -= 1.0;
        }
        is_there
    }

    /// When so much more will have come in.
    fn time_of(&self, requests: f64, now: f64) -> f64 {
        if requests <= 1e-9 {
            return now;
        }
        let steps = (requests / (self.per_second * self.step) - 1e-9).ceil();
        ((now / self.step).floor() + steps) * self.step
    }

    fn reading(&self, now: f64, reset: Reset) -> Reading {
        let missing = match reset {
            Reset::Full => self.burst - self.level,
            Reset::NextToken => 1.0 - (self.level + 1e-9).fract(),
        };
        Reading {
            limit: self.burst as u64,
            remaining: (self.level + 1e-9).floor() as u64,
            reset: self.time_of(missing, now).ceil() as u64,
        }
    }

    fn retry_after(&self, now: f64) -> f64 {
        let at = self.time_of(1.0 - self.level, now);
        (at.ceil() - now.floor()).max(1.0)
    }
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never arrives, and that shows after half a minute.
    Lost,
    /// It is counted, and its answer never arrives.
    Unanswered,
    /// It is answered 429 though there is room.
    Spurious,
    /// `Date` is this many seconds off.
    Skewed(i64),
    Undated,
}

/// Seconds until an answer is given up.
const TIMEOUT: f64 = 30.0;
/// Seconds between two looks for whether there is something to send.
const TICK: f64 = 0.02;

/// Simulated clients, which always have something to send if not told otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) plan: Plan,
    pub(crate) model: Model,
    pub(crate) reset: Reset,
    /// Seconds of a round trip, each way a tenth more or less at random.
    pub(crate) latency: f64,
    /// Share of what comes in that another client asks for, at random times, from one time to another.
    pub(crate) other: f64,
    pub(crate) other_from: f64,
    pub(crate) other_until: f64,
    /// By how much more or less it asks for at a time.
    pub(crate) other_at: fn(f64) -> f64,
    pub(crate) reserve: Reserve,
    /// Seconds after the learning window.
    pub(crate) seconds: f64,
    pub(crate) seed: u64,
    /// Changes of the limiter: when, and to which burst and rate.
    pub(crate) changes: Vec<(f64, f64, f64)>,
    /// How many requests the client has on their way at most.
    pub(crate) in_flight: usize,
    /// Whether answers name the limit at this time.
    pub(crate) headers: fn(f64) -> bool,
    /// Whether answers are refusals at this time, such as 404, which name no limit.
    pub(crate) refusals: fn(f64) -> bool,
    /// How many of ours share the limit, each with a bucket of its own.
    pub(crate) clients: usize,
    /// How many requests each has been asked for by then.
    pub(crate) demand: fn(usize, f64) -> f64,
    pub(crate) fault: fn(&mut Rng, f64) -> Option<Fault>,
}

impl Case {
    pub(crate) fn new(plan: Plan) -> Self {
        let seconds = (3_000.0 / plan.per_second()).clamp(60.0, 600.0);
        Self {
            plan,
            model: Model::Continuous,
            reset: Reset::Full,
            latency: 0.03,
            other: 0.0,
            other_from: 0.0,
            other_until: f64::INFINITY,
            reserve: Reserve::NONE,
            seconds,
            seed: 7,
            changes: Vec::new(),
            in_flight: 20_000,
            headers: |_| true,
            refusals: |_| false,
            clients: 1,
            demand: |_, _| f64::INFINITY,
            fault: |_, _| None,
            other_at: |_| 1.0,
        }
    }
}

/// What the limiter saw.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// After the learning window of twice the limit: requests let through, of those that could have been.
    pub(crate) used: f64,
    /// Of all that were sent after it, those answered 429.
    pub(crate) refused: f64,
    /// Requests of ours that took from the reserve.
    pub(crate) violations: usize,
    /// Of what the other client asked for after it, how much was let through.
    pub(crate) others_served: f64,
    /// 429s in the learning window.
    pub(crate) refused_in_learning: usize,
    /// When each request arrived, whether it was let through, what was left then, and whose it was.
    pub(crate) arrivals: Vec<(f64, bool, f64, usize)>,
    /// What was there and what had been lost to all, every second.
    pub(crate) levels: Vec<(f64, f64)>,
}

enum Event {
    Wake(usize),
    Arrives(usize, u64),
    Answered(usize, u64, Answer, Option<i64>),
    Other,
    Second,
}

struct At(f64, u64, Event);

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for At {}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for At {
    // The earliest is the greatest, as the heap wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0).then(other.1.cmp(&self.1))
    }
}

#[derive(Default)]
struct Events {
    heap: BinaryHeap<At>,
    number: u64,
}

impl Events {
    fn add(&mut self, at: f64, event: Event) {
        self.number += 1;
        self.heap.push(At(at, self.number, event));
    }
}

struct Client {
    bucket: Bucket,
    wake: f64,
    in_flight: usize,
    sent: f64,
}

impl Client {
    fn new(reserve: Reserve) -> Self {
        Self {
            bucket: Bucket::new(reserve),
            wake: 0.0,
            in_flight: 0,
            sent: 0.0,
        }
    }
}

pub(crate) fn run(case: &Case) -> Outcome {
    let mut random = Rng::with_seed(case.seed);
    // The tenant's clock and the machine's have nothing in common.
    let offset = 1_700_000_000.0 + random.f64() * 60.0;
    let mut limiter = Limiter::new(case, offset);
    let clients = (0..case.clients).map(|_| Client::new(case.reserve));
    let mut clients: Vec<_> = clients.collect();
    let keep = case.reserve.of(limiter.burst);
    let learning = 2 * case.plan.burst as usize;
    let mut events = Events::default();
    let mut outcome = Outcome::default();
    let mut changes = case.changes.iter().peekable();
    let mut measured: Option<(f64, Limiter)> = None;
    let (mut asked_by_others, mut sent_by_others) = (0.0, 0.0);
    let one_way = |random: &mut Rng| case.latency / 2.0 * (0.9 + 0.2 * random.f64());
    let gap = |random: &mut Rng| -(1.0 - random.f64()).ln() / (case.other * case.plan.per_second());
    for client in 0..case.clients {
        events.add(0.0, Event::Wake(client));
    }
    events.add(1.0, Event::Second);
    if case.other > 0.0 {
        events.add(case.other_from + gap(&mut random), Event::Other);
    }
    while let Some(At(now, _, event)) = events.heap.pop() {
        if measured
            .as_ref()
            .is_some_and(|(begun, _)| now > begun + case.seconds)
        {
            break;
        }
        while let Some((_, burst, per_second)) = changes.next_if(|change| now >= change.0) {
            limiter.refill(now + offset);
            (limiter.burst, limiter.per_second) = (*burst, *per_second);
            limiter.level = limiter.level.min(*burst);
        }
        let index = match event {
            Event::Wake(index) if now < clients[index].wake => continue,
            Event::Wake(index) => {
                clients[index].wake = f64::INFINITY;
                index
            }
            Event::Second => {
                limiter.refill(now + offset);
                outcome.levels.push((limiter.level, limiter.lost));
                events.add(now + 1.0, Event::Second);
                continue;
            }
            Event::Other if (case.other_at)(now) <= 0.0 => {
                if now < case.other_until {
                    events.add(now + TICK, Event::Other);
                }
                continue;
            }
            Event::Other => {
                asked_by_others += 1.0;
                sent_by_others += f64::from(limiter.take(now + offset, 0.0));
                let next = now + gap(&mut random) / (case.other_at)(now);
                if next < case.other_until {
                    events.add(next, Event::Other);
                }
                continue;
            }
            Event::Arrives(index, number) => {
                let fault = (case.fault)(&mut random, now);
                if fault == Some(Fault::Lost) {
                    let lost = Event::Answered(index, number, Answer::Unknown, None);
                    events.add(now + TIMEOUT, lost);
                    continue;
                }
                if outcome.arrivals.len() == learning {
                    limiter.refill(now + offset);
                    measured = Some((now, limiter.clone()));
                    (asked_by_others, sent_by_others) = (0.0, 0.0);
                }
                let is_let_through =
                    fault != Some(Fault::Spurious) && limiter.take(now + offset, 0.0);
                if measured.is_some() {
                    outcome.violations +=
                        usize::from(is_let_through && limiter.level < keep - 1e-9);
                } else {
                    outcome.refused_in_learning += usize::from(!is_let_through);
                }
                outcome
                    .arrivals
                    .push((now, is_let_through, limiter.level, index));
                let answer = if !is_let_through {
                    Answer::Limited(limiter.retry_after(now + offset))
                } else if (case.refusals)(now) {
                    Answer::Refused
                } else if (case.headers)(now) {
                    Answer::Counted(limiter.reading(now + offset, case.reset))
                } else {
                    Answer::Unlimited
                };
                let date = (now + offset).floor() as i64;
                let (date, answer, wait) = match fault {
                    Some(Fault::Skewed(by)) => (Some(date + by), answer, 0.0),
                    Some(Fault::Undated) => (None, answer, 0.0),
                    Some(Fault::Unanswered) => (None, Answer::Unknown, TIMEOUT),
                    _ => (Some(date), answer, 0.0),
                };
                events.add(
                    now + wait + one_way(&mut random),
                    Event::Answered(index, number, answer, date),
                );
                continue;
            }
            Event::Answered(index, number, answer, date) => {
                clients[index].in_flight -= 1;
                clients[index].bucket.end(number, now, answer, date);
                index
            }
        };
        let client = &mut clients[index];
        while client.in_flight < case.in_flight {
            let next = if client.sent < (case.demand)(index, now) {
                client.bucket.next(now)
            } else {
                now + TICK
            };
            if next > now {
                if next < client.wake - 1e-9 {
                    client.wake = next.max(now + 1e-6);
                    events.add(client.wake, Event::Wake(index));
                }
                break;
            }
            client.in_flight += 1;
            client.sent += 1.0;
            let number = client.bucket.send(now);
            events.add(now + one_way(&mut random), Event::Arrives(index, number));
        }
    }
    outcome.others_served = sent_by_others / f64::max(asked_by_others, 1.0);
    if let Some((begun, limiter)) = measured {
        judge(&mut outcome, limiter, begun, offset, keep, sent_by_others);
    }
    outcome
}

/// Compares with what could have been sent by somebody who sees the limiter, up to the last whole step.
fn judge(
    outcome: &mut Outcome,
    mut limiter: Limiter,
    begun: f64,
    offset: f64,
    keep: f64,
    others: f64,
) {
    let end = outcome.arrivals.last().map_or(0.0, |arrival| arrival.0);
    let step = limiter.step.max(0.01);
    let end = ((end + offset) / step).floor() * step - offset;
    let after: Vec<_> = outcome
        .arrivals
        .iter()
        .filter(|arrival| arrival.0 >= begun)
        .collect();
    let refused = after.iter().filter(|arrival| !arrival.1).count();
    outcome.refused = refused as f64 / after.len() as f64;
    let let_through = after
        .iter()
        .filter(|arrival| arrival.1 && arrival.0 < end)
        .count();
    let tick = if limiter.step < 0.01 {
        (0.25 / limiter.per_second).clamp(0.0005, 0.01)
    } else {
        limiter.step / 10.0
    };
    let (mut could, mut now) = (0.0, begun);
    while now < end {
        while limiter.take(now + offset, keep) {
            could += 1.0;
        }
        now += tick;
    }
    outcome.used = let_through as f64 / (could - others).max(1.0);
}
