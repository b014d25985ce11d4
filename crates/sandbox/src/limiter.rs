//! The rate limiter: buckets that are emptied by calls and refilled by time, which is passed in.

use fastrand::Rng;

use crate::clock::Millis;
use crate::plan::{BucketSpec, Group, Model, Per, Plan, Reset};

/// A token is this many units, so that a limit per minute adds whole units each millisecond.
const TOKEN: i64 = 60_000;

/// The buckets of one tenant.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    buckets: Vec<Bucket>,
    reset: Reset,
    /// The share of the refill that another client takes, from 0 to 1.
    neighbour: f64,
}

#[derive(Clone, Debug)]
struct Bucket {
    spec: BucketSpec,
    /// In units; full at first.
    level: i64,
    /// Up to when the refill is counted; none before the first call.
    counted: Option<Millis>,
    /// What the neighbour is about to take: it calls, as everyone does, with whole tokens.
    wanted: i64,
    /// When a warning was given, if most of it has been used ever since.
    warned: Option<Millis>,
    /// The last call was refused.
    is_exceeded: bool,
}

/// What the rate-limit headers of an answer say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) limit: u32,
    pub(crate) remaining: i64,
    /// Unix seconds.
    pub(crate) reset: i64,
}

/// What the tenant's log tells of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Most of it is used; else a call was refused.
    pub(crate) is_warning: bool,
    /// A call was refused since the last one that passed.
    pub(crate) is_repeated: bool,
    pub(crate) bucket: &'static str,
    /// It is the limit on everything.
    pub(crate) is_global: bool,
    pub(crate) size: u32,
}

/// What became of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) outcome: Result<Reading, Exhausted>,
    pub(crate) notice: Option<Notice>,
}

/// A call that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted {
    pub(crate) reading: Reading,
    /// The limit's name and period, as the message gives them; none for the limit on everything.
    pub(crate) group: Option<(&'static str, &'static str)>,
    /// Seconds until a call can pass.
    pub(crate) retry_after: i64,
}

impl Limiter {
    pub(crate) fn new(plan: &Plan, reset: Reset, neighbour: f64) -> Self {
        let bucket = |spec: &BucketSpec| Bucket {
            level: i64::from(spec.burst) * TOKEN,
            spec: spec.clone(),
            counted: None,
            wanted: 0,
            warned: None,
            is_exceeded: false,
        };
        Self {
            buckets: plan.buckets.iter().map(bucket).collect(),
            reset,
            neighbour: neighbour.clamp(0.0, 1.0),
        }
    }

    /// Counts a call; none if nothing limits it. A call that has to wait takes nothing.
    pub(crate) fn take(&mut self, group: Group, now: Millis, rng: &mut Rng) -> Option<Taken> {
        let Self {
            buckets,
            reset,
            neighbour,
        } = self;
        let bucket = buckets
            .iter_mut()
            .find(|bucket| bucket.spec.counts.contains(&group))?;
        bucket.refill(now, *neighbour, rng);
        if bucket.level >= TOKEN {
            bucket.level -= TOKEN;
            bucket.is_exceeded = false;
            return Some(Taken {
                outcome: Ok(bucket.reading(now, *reset)),
                notice: bucket.warning(now),
            });
        }
        let is_repeated = std::mem::replace(&mut bucket.is_exceeded, true);
        let missing = bucket.time_of(TOKEN - bucket.level, now);
        let period = match bucket.spec.per {
            Per::Second => "second",
            Per::Minute => "minute",
        };
        let exhausted = Exhausted {
            reading: bucket.reading(now, *reset),
            group: bucket.spec.group.map(|group| (group, period)),
            retry_after: (up_to_second(missing) - now.seconds()).max(1),
        };
        Some(Taken {
            outcome: Err(exhausted),
            notice: Some(bucket.notice(false, is_repeated)),
        })
    }
}

impl Bucket {
    const fn full(&self) -> i64 {
        self.spec.burst as i64 * TOKEN
    }

    /// The notice that most of it is used: when that begins, and once a minute while it lasts.
    fn warning(&mut self, now: Millis) -> Option<Notice> {
        let used = self.full() - self.level;
        if used * 5 < self.full() * 4 {
            self.warned = None;
            return None;
        }
        if self
            .warned
            .is_some_and(|warned| now < warned.plus_seconds(60))
        {
            return None;
        }
        self.warned = Some(now);
        Some(self.notice(true, false))
    }

    fn notice(&self, is_warning: bool, is_repeated: bool) -> Notice {
        Notice {
            is_warning,
            is_repeated,
            bucket: self.spec.group.unwrap_or("global"),
            is_global: self.spec.group.is_none(),
            size: self.spec.burst,
        }
    }

    /// Units added per millisecond of waiting.
    const fn rate(&self) -> i64 {
        let per_millisecond = match self.spec.per {
            Per::Second => TOKEN / 1000,
            Per::Minute => 1,
        };
        self.spec.sustained as i64 * per_millisecond
    }

    /// How often the bucket is refilled, in milliseconds.
    const fn step(&self) -> i64 {
        match (self.spec.model, self.spec.per) {
            (Model::Continuous, _) => 1,
            (Model::EverySecond, _) | (Model::FixedWindow, Per::Second) => 1000,
            (Model::FixedWindow, Per::Minute) => 60_000,
        }
    }

    fn refill(&mut self, now: Millis, neighbour: f64, rng: &mut Rng) {
        let since = self.counted.replace(now).unwrap_or(now);
        let steps = now.0.div_euclid(self.step()) - since.0.div_euclid(self.step());
        // A clock that was set back adds nothing.
        let added = steps
            .max(0)
            .saturating_mul(self.step())
            .saturating_mul(self.rate());
        let level = self.level.saturating_add(added);
        if neighbour > 0.0 {
            // On average its share of what comes in, and as unevenly spread as a stranger's calls are.
            let wanted = (added as f64 * neighbour * 2.0 * rng.f64()) as i64;
            self.wanted = self.wanted.saturating_add(wanted);
        }
        // Before what is too much runs over: a bucket that nobody else uses still fills.
        let taken = self.wanted.min(level) / TOKEN * TOKEN;
        self.wanted -= taken;
        self.level = (level - taken).clamp(0, self.full());
    }

    fn reading(&self, now: Millis, reset: Reset) -> Reading {
        let at = match reset {
            Reset::Full => self.time_of(self.full() - self.level, now),
            Reset::NextToken => self.time_of(TOKEN - self.level % TOKEN, now),
        };
        Reading {
            limit: self.spec.burst,
            remaining: self.level / TOKEN,
            reset: up_to_second(at),
        }
    }

    /// When this many units more will have been added.
    const fn time_of(&self, units: i64, now: Millis) -> Millis {
        if units <= 0 {
            return now;
        }
        let step = self.step();
        let steps = (units + self.rate() * step - 1) / (self.rate() * step);
        Millis((now.0.div_euclid(step) + steps) * step)
    }
}

/// The first whole second that is not before this.
const fn up_to_second(at: Millis) -> i64 {
    -(-at.0).div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::{Exhausted, Limiter, Reading};
    use crate::clock::Millis;
    use crate::plan::{Group, Model, Plan, Reset};

    const START: i64 = 1_600_000_000_000;

    fn take(limiter: &mut Limiter, group: Group, at: i64) -> Result<Reading, Exhausted> {
        limiter
            .take(group, Millis(START + at), &mut Rng::with_seed(1))
            .unwrap()
            .outcome
    }

    fn reset(reading: Reading) -> i64 {
        reading.reset - START / 1000
    }

    #[test]
    fn the_recorded_readings_come_out() {
        // Recorded: limit 10 at 2 per second; 8, 6, 4 and 1 left went with +2, +3, +4 and +6 seconds on the clock.
        let plan = Plan::named("enterprise-non-production").unwrap();
        let mut limiter = Limiter::new(&plan, Reset::Full, 0.0);
        let mut seen = Vec::new();
        for _ in 0..9 {
            let reading = take(&mut limiter, Group::ReadUsers, 600).unwrap();
            assert_eq!(reading.limit, 10);
            seen.push((reading.remaining, reset(reading)));
        }
        for recorded in [(8, 2), (6, 3), (4, 4), (1, 6)] {
            assert!(seen.contains(&recorded), "{recorded:?} in {seen:?}");
        }
    }

    #[test]
    fn an_empty_bucket_refuses_until_a_token_has_come() {
        let mut limiter = Limiter::new(&Plan::named("free").unwrap(), Reset::Full, 0.0);
        take(&mut limiter, Group::ReadUsers, 0).unwrap();
        take(&mut limiter, Group::Identities, 0).unwrap();
        let refused = take(&mut limiter, Group::WriteUsers, 0).unwrap_err();
        assert_eq!(
            (
                refused.group,
                refused.retry_after,
                refused.reading.remaining
            ),
            (None, 1, 0)
        );
        assert!(take(&mut limiter, Group::ReadUsers, 499).is_err());
        assert!(take(&mut limiter, Group::ReadUsers, 500).is_ok());
        // The token endpoint has a bucket of its own.
        assert!(take(&mut limiter, Group::Token, 500).is_ok());
    }

    #[test]
    fn the_models_differ_in_when_tokens_come() {
        let table = [
            (Model::Continuous, 500),
            (Model::EverySecond, 1000),
            (Model::FixedWindow, 1000),
        ];
        for (model, first) in table {
            let plan = Plan::custom(1, 2).model(model);
            let mut limiter = Limiter::new(&plan, Reset::Full, 0.0);
            take(&mut limiter, Group::ReadUsers, 0).unwrap();
            assert!(
                take(&mut limiter, Group::ReadUsers, first - 1).is_err(),
                "{model:?}"
            );
            assert!(
                take(&mut limiter, Group::ReadUsers, first).is_ok(),
                "{model:?}"
            );
        }
    }

    #[test]
    fn limits_per_minute_come_by_the_second_or_by_the_minute() {
        let essentials = Plan::named("essentials").unwrap();
        let emptied = |plan: &Plan| {
            let mut limiter = Limiter::new(plan, Reset::Full, 0.0);
            for _ in 0..20 {
                take(&mut limiter, Group::WriteUsers, 0).unwrap();
            }
            limiter
        };
        let refused = take(&mut emptied(&essentials), Group::WriteUsers, 0).unwrap_err();
        assert_eq!(refused.group, Some(("users_write", "minute")));
        assert_eq!(reset(refused.reading), 6);
        // 200 a minute are 3.3 a second.
        assert_eq!(
            take(&mut emptied(&essentials), Group::WriteUsers, 1000)
                .unwrap()
                .remaining,
            2
        );
        let mut window = emptied(&essentials.model(Model::FixedWindow));
        // 1,600,000,000 is 40 s into a minute.
        assert!(take(&mut window, Group::WriteUsers, 19_999).is_err());
        assert_eq!(
            take(&mut window, Group::WriteUsers, 20_000)
                .unwrap()
                .remaining,
            19
        );
    }

    #[test]
    fn reset_can_mean_the_next_token() {
        let plan = Plan::named("enterprise-non-production").unwrap();
        let mut limiter = Limiter::new(&plan, Reset::NextToken, 0.0);
        for _ in 0..8 {
            take(&mut limiter, Group::ReadUsers, 0).unwrap();
        }
        assert_eq!(reset(take(&mut limiter, Group::ReadUsers, 0).unwrap()), 1);
    }

    #[test]
    fn a_neighbour_takes_about_its_share() {
        let plan = Plan::custom(100, 100);
        let mut limiter = Limiter::new(&plan, Reset::Full, 0.5);
        let mut rng = Rng::with_seed(7);
        let mut passed = 0;
        for tick in 0..10_000 {
            let at = Millis(START + tick * 10);
            if limiter
                .take(Group::ReadUsers, at, &mut rng)
                .unwrap()
                .outcome
                .is_ok()
            {
                passed += 1;
            }
        }
        // 100 s at 100 a second, of which half: about 5,000.
        assert!((4_800..5_400).contains(&passed), "{passed}");
    }

    #[test]
    fn a_neighbour_leaves_room_in_a_bucket_of_one() {
        let mut limiter = Limiter::new(&Plan::custom(1, 1), Reset::Full, 0.5);
        let mut rng = Rng::with_seed(7);
        let mut passed = |seconds: i64, every: i64| {
            let times = (0..1000).map(|tick| Millis(START + (seconds + tick * every) * 1000));
            let takes = times.map(|at| limiter.take(Group::ReadUsers, at, &mut rng).unwrap());
            takes.filter(|taken| taken.outcome.is_ok()).count()
        };
        // Of 1,000 tokens about half; after a long pause nearly always one.
        let (each_second, each_minute) = (passed(0, 1), passed(1000, 60));
        assert!((470..530).contains(&each_second), "{each_second}");
        assert!(each_minute > 950, "{each_minute}");
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_away() {
        let mut limiter = Limiter::new(&Plan::custom(1, 1), Reset::Full, 0.0);
        take(&mut limiter, Group::ReadUsers, 5_000).unwrap();
        assert!(take(&mut limiter, Group::ReadUsers, 0).is_err());
        assert!(take(&mut limiter, Group::ReadUsers, 999).is_err());
        assert!(take(&mut limiter, Group::ReadUsers, 1_000).is_ok());
    }

    #[test]
    fn a_limit_is_told_of_when_most_of_it_is_used_and_when_it_is_exceeded() {
        let mut limiter = Limiter::new(&Plan::custom(10, 1), Reset::Full, 0.0);
        let mut notices = |calls: usize, at: i64| -> Vec<(usize, bool, bool)> {
            let mut rng = Rng::with_seed(1);
            let take = |call| {
                let taken = limiter.take(Group::ReadUsers, Millis(START + at), &mut rng);
                let notice = taken.unwrap().notice?;
                assert_eq!((notice.bucket, notice.size), ("global", 10));
                Some((call, notice.is_warning, notice.is_repeated))
            };
            (1..=calls).filter_map(take).collect()
        };
        let refused = |call, is_repeated| (call, false, is_repeated);
        // With the eighth of ten, and when the eleventh and twelfth are refused.
        assert_eq!(
            notices(12, 0),
            [(8, true, false), refused(11, false), refused(12, true)]
        );
        // Again once a call has passed, but no second warning within the minute.
        assert_eq!(notices(2, 1_000), [refused(2, false)]);
        assert_eq!(notices(1, 2_000), []);
        // It has recovered, and is used up anew.
        assert_eq!(notices(8, 20_000), [(8, true, false)]);
        assert_eq!(notices(1, 21_000), []);
    }
}
