//! What was sent and what was left, second by second of the tenant's clock, and what that teaches: pure.

use super::{Bucket, Flight, Reading, count, estimate::Growth, number, plan::View, whole};

/// A second of the tenant's clock of which some requests may be unanswered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) number: i64,
    pub(super) counted: i64,
    /// When its first and last requests were sent.
    pub(super) first: f64,
    pub(super) last: f64,
    /// The most that was left by the first requests, and the least by the last.
    pub(super) most: f64,
    pub(super) least: Option<f64>,
    /// The same without those that were refused, and when the last was sent.
    pub(super) told: Option<(f64, f64)>,
    /// How many were sent after the last that told what was left.
    pub(super) untold: i64,
    pub(super) was_full: bool,
}

impl Open {
    /// What was left by the last, apart from what came in since the last that told it.
    fn left(&self) -> Option<f64> {
        self.least.map(|least| least - count(self.untold))
    }
}

/// The latest second of which every request is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) number: i64,
    pub(super) last: f64,
    pub(super) left: f64,
    /// How many had been counted by its end.
    pub(super) counted: i64,
}

/// Seconds of looking that tell what others take.
const OTHERS: f64 = 10.0;

impl Closed {
    /// What had come in by its end, apart from what was there in the beginning.
    #[expect(
        clippy::cast_precision_loss,
        reason = "no client sends so many requests"
    )]
    const fn filled(&self) -> f64 {
        self.left + self.counted as f64
    }
}

impl Bucket {
    pub(super) fn count(&mut self, flight: &Flight, date: Option<i64>, reading: Option<Reading>) {
        self.counted += 1;
        #[expect(clippy::cast_precision_loss, reason = "limits are not so large")]
        let left = reading.map(|reading| reading.remaining as f64);
        let was_full =
            reading.is_some_and(|reading| reading.remaining.saturating_add(1) >= reading.limit);
        self.note(flight, date.unwrap_or(flight.second), 1, left, was_full);
    }

    pub(super) fn note(
        &mut self,
        flight: &Flight,
        second: i64,
        counted: i64,
        left: Option<f64>,
        was_full: bool,
    ) {
        let at = self.open.partition_point(|open| open.number < second);
        let spread = self.spread;
        match self.open.get_mut(at).filter(|open| open.number == second) {
            Some(open) => {
                open.counted += counted;
                open.was_full |= was_full;
                if left.is_none() && flight.at > open.last {
                    open.untold += counted;
                }
                if let Some(left) = left {
                    if flight.at > open.last {
                        open.untold = 0;
                    }
                    if flight.at < open.first - spread {
                        open.most = left;
                    } else if flight.at < open.first + spread {
                        open.most = open.most.max(left);
                    }
                    open.least = match open.least {
                        Some(least) if flight.at < open.last - spread => Some(least),
                        Some(least) if flight.at <= open.last + spread => Some(least.min(left)),
                        _ => Some(left),
                    };
                    open.first = open.first.min(flight.at);
                    open.last = open.last.max(flight.at);
                    if counted > 0 {
                        open.told = match open.told {
                            Some((least, last)) if flight.at <= last + spread => {
                                let is_late = flight.at >= last - spread;
                                let least = if is_late { least.min(left) } else { least };
                                Some((least, last.max(flight.at)))
                            }
                            _ => Some((left, flight.at)),
                        };
                    }
                }
            }
            None => self.open.insert(
                at,
                Open {
                    number: second,
                    counted,
                    first: flight.at,
                    last: flight.at,
                    most: left.unwrap_or(0.0),
                    least: left,
                    told: left.filter(|_| counted > 0).map(|left| (left, flight.at)),
                    untold: 0,
                    was_full,
                },
            ),
        }
    }

    /// Closes the seconds that are over and of which every request is answered, and learns from each.
    pub(super) fn close(&mut self, now: f64) {
        let oldest = self
            .flights
            .iter()
            .flatten()
            .next()
            .map_or(i64::MAX, |flight| flight.second);
        let current = whole(self.clock.arrival(now));
        while let Some(open) = self.open.front().copied() {
            if open.number >= oldest.min(current) {
                break;
            }
            self.open.pop_front();
            self.settled += open.counted;
            match (self.closed, open.left()) {
                (None, None) => {}
                // A 429 tells what was left of a limit that is not known.
                _ if self.limit.is_none() => {}
                (Some(closed), Some(left)) if open.number > closed.number => {
                    let next = Closed {
                        number: open.number,
                        last: open.last,
                        left,
                        counted: self.settled,
                    };
                    self.closed = Some(next);
                    self.learn(closed, next, &open);
                }
                (None, Some(left)) => {
                    self.closed = Some(Closed {
                        number: open.number,
                        last: open.last,
                        left,
                        counted: self.settled,
                    });
                }
                (Some(closed), None) if open.number > closed.number => {
                    self.closed = Some(self.expected(closed, &open));
                }
                // Later than others of its second.
                (Some(mut closed), least) => {
                    if least.is_none() {
                        closed.left -= count(open.counted);
                    }
                    closed.counted = self.settled;
                    self.closed = Some(closed);
                }
            }
            let done = self.closed.map_or(open.number, |closed| closed.number);
            while self.sent.front().is_some_and(|sent| sent.0 <= done) {
                self.sent.pop_front();
            }
        }
    }

    /// What is taken to be left at the end of a second of which no answer told it.
    fn expected(&self, before: Closed, open: &Open) -> Closed {
        let ends = number(open.number + 1) - self.clock.arrival(0.0);
        let (rate, counted) = (self.estimate().rate(), count(open.counted));
        let limit = self.limit.unwrap_or(f64::INFINITY);
        let left = if self.view() == Some(View::Smooth) {
            (before.left + rate * (ends - before.last) - counted).min(limit)
        } else {
            let came = rate * number(open.number - before.number);
            (before.left + came).min(limit) - counted
        };
        Closed {
            number: open.number,
            last: ends,
            left: left.max(0.0),
            counted: self.settled,
        }
    }

    fn learn(&mut self, before: Closed, next: Closed, open: &Open) {
        let limit = self.limit.unwrap_or(f64::INFINITY);
        let seconds = number(next.number - before.number);
        let grown = next.filled() - before.filled();
        if seconds < 3.0 {
            self.peak = (self.peak * 0.99).max(grown / seconds.max(next.last - before.last));
        }
        let rate = self.estimate().rate();
        if open.counted >= 2 && rate > 0.0 {
            let (came, expected) = &mut self.within;
            *came += count(open.counted - 1) - (open.most - next.left);
            *expected += (rate * (open.last - open.first)).max(0.0);
            let most = (3.0 * rate).max(30.0);
            if *expected > most {
                *came *= most / *expected;
                *expected = most;
            }
        }
        self.ours += (count(next.counted - before.counted) / seconds - self.ours) / 3.0;
        let (taken, over) = &mut self.taken_by_others;
        let kept = (1.0 - 1.0 / OTHERS).powf(seconds);
        *taken *= kept;
        *over *= kept;
        // Unless the limit itself has just been lowered.
        if let Some((least, last)) = open.told.filter(|_| open.most <= limit) {
            *taken = (*taken + open.most - least - count(open.counted - 1)).max(0.0);
            *over += (last - open.first).max(0.0);
        }
        let is_smooth = self.view() == Some(View::Smooth);
        let taken = self.taken_between(before, next);
        let has_waited = std::mem::take(&mut self.has_waited);
        // A large bucket may have been full before anything waited.
        let is_full_as_expected = limit > 2.0 * rate && before.left + rate * seconds >= limit;
        let by_others = if self.is_shared() {
            self.others() * (self.clock.arrival(open.first) - number(open.number)).max(0.0)
        } else {
            0.0
        };
        let was_full =
            open.was_full || open.most + by_others + 2.0 * by_others.sqrt() + 1.0 >= limit;
        let growth = Growth {
            grown,
            over: seconds,
            is_cut: was_full && (before.left >= 1.0 || seconds > 1.0),
            waited: has_waited && (is_smooth || !is_full_as_expected),
            limit,
        };
        let stepwise = self.stepwise.add(Growth {
            grown: grown + taken,
            ..growth
        });
        let smooth = self.smooth.add(Growth {
            over: next.last - before.last,
            ..growth
        });
        let short = if is_smooth {
            smooth - 2.0 * rate * self.spread
        } else {
            stepwise
        };
        if short > 0.0 && taken <= 0.0 {
            self.margin = self.margin.max(short.min(self.room()));
        }
        // What a 429 beside others kept back is asked for again sooner.
        self.margin *= if self.is_shared() { 0.99 } else { 0.995 };
    }

    /// What others took between the last looks of two seconds, about, if it is refilled between seconds.
    fn taken_between(&self, before: Closed, next: Closed) -> f64 {
        if self.view() != Some(View::Stepwise) {
            return 0.0;
        }
        let into = |closed: Closed| {
            let into = self.clock.arrival(closed.last) - number(closed.number);
            into.clamp(0.0, 1.0)
        };
        let others = self.others();
        let rest = (others * (1.0 - into(before))).min(before.left.max(0.0));
        rest + others * (number(next.number - before.number) - 1.0 + into(next))
    }
}
