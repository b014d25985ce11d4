//! How fast a bucket fills, from what was left in it and what was taken: pure.

/// Seconds that count; more than that ago says less than what came after.
const MEMORY: f64 = 60.0;
/// Seconds after which a figure is more than a guess.
const SETTLED: f64 = 3.0;
/// How far sums may be off before the rate must have changed, beside noise: each reading is cut to whole requests.
const ROUNDING: f64 = 1.3;

/// What came in between two looks at a bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    /// Requests' worth that came in.
    pub(super) grown: f64,
    /// Seconds between the looks.
    pub(super) over: f64,
    /// The bucket was full meanwhile, so that not all of it was seen.
    pub(super) is_cut: bool,
    /// Requests waited for their turn meanwhile.
    pub(super) waited: bool,
    /// What fits in the bucket.
    pub(super) limit: f64,
}

/// An estimate of the rate, by one view of how seconds are counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Estimate {
    grown: f64,
    over: f64,
    /// Looks since sums of the excess, and of the lack, were last level.
    runs: [Run; 2],
    /// Variance of a second that the rate does not explain: others use the bucket too.
    noise: f64,
    /// Cut looks in a row.
    cuts: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Run {
    odd: f64,
    grown: f64,
    over: f64,
}

impl Estimate {
    /// Requests per second.
    pub(super) fn rate(&self) -> f64 {
        if self.over > 0.0 {
            (self.grown / self.over).max(0.0)
        } else {
            0.0
        }
    }

    /// Seconds the rate was seen over.
    pub(super) const fn weight(&self) -> f64 {
        self.over
    }

    pub(super) const fn is_settled(&self) -> bool {
        self.over >= SETTLED
    }

    pub(super) const fn noise(&self) -> f64 {
        self.noise
    }

    /// Takes in what came in; returns how much less that was than it should have been, beyond rounding.
    pub(super) fn add(&mut self, growth: Growth) -> f64 {
        let Growth { grown, over, .. } = growth;
        let rate = self.rate();
        let odd = grown - rate * over;
        if growth.is_cut && odd < 0.0 {
            if growth.waited {
                self.raise(growth.limit);
            }
            return 0.0;
        }
        self.cuts = 0;
        let was_settled = self.is_settled();
        self.grown += grown;
        self.over += over;
        let has_changed = rate > 0.0 && self.follow(odd, grown, over);
        if rate > 0.0 {
            let unexplained = (odd * odd - 1.0).max(0.0).min(rate * rate);
            self.noise += (unexplained / over.max(0.3) - self.noise) * 0.1;
        }
        let most = MEMORY.max(MEMORY / rate.max(0.01));
        if self.over > most {
            self.grown *= most / self.over;
            self.over = most;
        }
        if was_settled && !has_changed {
            -odd - 1.0
        } else {
            0.0
        }
    }

    /// It was full while requests waited: more comes in than was thought.
    fn raise(&mut self, limit: f64) {
        self.cuts += 1;
        let more = if self.cuts > 2 {
            let kept = (2.0 / self.over).min(1.0);
            self.grown *= kept;
            self.over *= kept;
            1.5
        } else {
            1.35
        };
        // No bucket is known that fills from empty in less than a second.
        self.grown = (self.grown * more).min((limit * self.over).max(self.grown));
    }

    /// Sees whether the latest looks are too far off for chance, and goes by them alone then.
    fn follow(&mut self, odd: f64, grown: f64, over: f64) -> bool {
        for (index, sign) in [1.0, -1.0].into_iter().enumerate() {
            let run = &mut self.runs[index];
            *run = if run.odd + sign * odd <= 0.0 {
                Run::default()
            } else {
                Run {
                    odd: run.odd + sign * odd,
                    grown: run.grown + grown,
                    over: run.over + over,
                }
            };
            let chance = ROUNDING + 3.0 * (self.noise * run.over).sqrt();
            if run.odd > chance && run.over < self.over && run.over > 0.7 {
                (self.grown, self.over) = (run.grown, run.over);
                self.runs = [Run::default(); 2];
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(estimate: &mut Estimate, grown: f64) -> f64 {
        estimate.add(Growth {
            grown,
            over: 1.0,
            is_cut: false,
            waited: true,
            limit: 50.0,
        })
    }

    #[test]
    fn rounding_averages_out() {
        let mut estimate = Estimate::default();
        for grown in [8.0, 8.0, 9.0, 8.0, 8.0, 9.0] {
            assert!(seen(&mut estimate, grown) <= 0.0);
        }
        assert!((estimate.rate() - 8.333).abs() < 0.01, "{estimate:?}");
        assert!(estimate.noise() < 0.01, "{estimate:?}");
    }

    #[test]
    fn a_change_is_followed_and_no_lack() {
        let mut estimate = Estimate::default();
        for _ in 0..30 {
            seen(&mut estimate, 50.0);
        }
        let short: Vec<_> = (0..3).map(|_| seen(&mut estimate, 10.0)).collect();
        assert!((estimate.rate() - 10.0).abs() < 0.1, "{estimate:?}");
        assert!(short.iter().all(|short| *short <= 0.0), "{short:?}");
    }

    #[test]
    fn what_a_full_bucket_lost_lowers_nothing_and_raises_where_requests_wait() {
        let cut = |waited| Growth {
            grown: 1.0,
            over: 1.0,
            is_cut: true,
            waited,
            limit: 50.0,
        };
        let mut estimate = Estimate::default();
        for _ in 0..10 {
            seen(&mut estimate, 10.0);
        }
        estimate.add(cut(false));
        assert!((estimate.rate() - 10.0).abs() < 1e-9);
        for _ in 0..20 {
            estimate.add(cut(true));
        }
        assert!((estimate.rate() - 50.0).abs() < 1e-9, "{estimate:?}");
    }

    #[test]
    fn others_are_noise_and_not_a_change_each_second() {
        let mut estimate = Estimate::default();
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..60 {
            seen(&mut estimate, 25.0 + f64::from(random.i32(-8..=8)));
        }
        assert!((20.0..30.0).contains(&estimate.rate()), "{estimate:?}");
        assert!(estimate.noise() > 5.0, "{estimate:?}");
    }
}
