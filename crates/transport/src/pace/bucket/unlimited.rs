//! Pacing by 429 alone, where the tenant does not tell its limit: pure.

/// What is known of a limit that is not told.
#[derive(Debug)]
pub(super) struct Unlimited {
    /// Answers in a row that named none.
    answers: u32,
    /// Requests per second, once a 429 has shown that there is a limit all the same.
    rate: Option<f64>,
    next: f64,
    /// Answers, and 429s, since the first of them.
    count: f64,
    refused: u32,
    since: f64,
}

/// 429s before their rate is gone by: a single one is waited out.
const REFUSED: u32 = 3;

impl Default for Unlimited {
    fn default() -> Self {
        Self {
            answers: 0,
            rate: None,
            next: f64::NEG_INFINITY,
            count: 0.0,
            refused: 0,
            since: f64::NEG_INFINITY,
        }
    }
}

impl Unlimited {
    pub(super) const fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Whether nothing was answered yet.
    pub(super) const fn is_unseen(&self) -> bool {
        self.answers == 0 && self.rate.is_none()
    }

    pub(super) const fn next(&self) -> f64 {
        self.next
    }

    pub(super) fn sent(&mut self, now: f64) {
        if let Some(rate) = self.rate {
            self.next = self.next.max(now) + 1.0 / rate;
        }
    }

    /// An answer named no limit; returns how many did so in a row.
    pub(super) fn answered(&mut self, now: f64) -> u32 {
        self.answers = self.answers.saturating_add(1);
        if self.count == 0.0 {
            self.since = now;
        }
        self.count += 1.0;
        if let Some(rate) = &mut self.rate {
            // A fiftieth more with each second.
            *rate += 0.02;
        }
        self.answers
    }

    /// An answer named a limit.
    pub(super) fn limited(&mut self) {
        *self = Self::default();
    }

    /// There is no limit told any more; `rate` is what it was.
    pub(super) fn begin_at(&mut self, rate: Option<f64>) {
        self.rate = rate.map(|rate| 0.95 * rate);
    }

    /// There was a 429: slower from now on if it was not the first.
    pub(super) fn refused(&mut self, now: f64) {
        self.refused += 1;
        self.rate = match self.rate {
            None if self.refused < REFUSED => return,
            None => Some((0.9 * self.count / (now - self.since).max(0.5)).max(0.2)),
            Some(rate) => Some((0.8 * rate).max(0.2)),
        };
        (self.count, self.refused) = (0.0, 0);
    }
}
