//! What is shown while a job is applied: a bar at a terminal, a line now and then elsewhere, and results as they come.

use std::{collections::VecDeque, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use unlink::transport::Pace;
use unlink_batch::{Outcome, Progress, Step, UndoOutcome, Wait};

use crate::{
    commands::jobs::style,
    failure::Failure,
    io::Io,
    json::{self, IdentityDocument},
    text::{count, counted, printable, span},
};

/// How often a bar is drawn anew, whatever happens.
const DRAWN_EVERY: Duration = Duration::from_millis(500);
/// How often a line is written where there is no bar.
const SAID_EVERY: Duration = Duration::from_secs(5);
/// The rate is that of the last so many looks.
const LOOKS: usize = 20;
/// After this long without a result it is said that there is none.
const QUIET: Duration = Duration::from_secs(5);

/// A wait for the rate limit that is more than a step.
const WORTH_SAYING: Duration = Duration::from_secs(2);

/// How many results are kept, to be looked at.
const FIRST: usize = 50;

/// What came of a row, as a line of JSON.
#[derive(Serialize)]
struct ResultDocument<'a> {
    row: u64,
    user_id: &'a unlink::UserId,
    identity: IdentityDocument<'a>,
    outcome: &'a str,
    reason: Option<&'a str>,
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'a str>,
}

/// How far a run is.
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    prints: bool,
    /// The rows that this run does at most.
    rows: u64,
    done: u64,
    skipped: u64,
    failed: u64,
    waits: Option<Wait>,
    /// When how many rows had a result; the oldest first.
    looks: VecDeque<(Duration, u64)>,
    last_result: Duration,
    first: Vec<(u64, [String; 3])>,
}

impl Shown {
    /// Begins at `now`, by the clock that all later times are of.
    ///
    /// Results are printed for those who want documents, unless these are of something on the way.
    pub(super) fn new(rows: u64, prints: bool, now: Duration, io: &Io<'_>) -> Self {
        let bar = io.has_moving_parts().then(|| {
            let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr());
            bar.with_style(style("{bar:24} {pos}/{len} {msg}"))
        });
        // A terminal that cannot move its cursor gets lines.
        let bar = bar.filter(|bar| !bar.is_hidden());
        Self {
            bar,
            prints: prints && io.is_json(),
            rows,
            done: 0,
            skipped: 0,
            failed: 0,
            waits: None,
            looks: VecDeque::from([(now, 0)]),
            last_result: now,
            first: Vec::new(),
        }
    }

    /// How long until the next [`look`](Self::look).
    pub(super) const fn look_every(&self) -> Duration {
        if self.bar.is_some() {
            DRAWN_EVERY
        } else {
            SAID_EVERY
        }
    }

    /// Takes what came of a row.
    pub(super) fn result(
        &mut self,
        result: &Progress,
        now: Duration,
        io: &mut Io<'_>,
    ) -> Result<(), Failure> {
        match result.step {
            step if step.is_failure() => self.failed += 1,
            Step::Applied(Outcome::Stale) | Step::Undone(UndoOutcome::Skipped) => self.skipped += 1,
            _ => self.done += 1,
        }
        self.waits = None;
        self.last_result = now;
        if self.first.len() < FIRST {
            let outcome = result.step.as_str().to_owned();
            let (user, identity) = (result.user_id.to_string(), result.identity.to_string());
            self.first.push((result.row, [user, identity, outcome]));
        }
        if self.prints {
            return io.result(&json::line(&ResultDocument {
                row: result.row,
                user_id: &result.user_id,
                identity: IdentityDocument::new(&result.identity, result.connection.as_deref()),
                outcome: result.step.as_str(),
                reason: result.reason.map(|reason| reason.as_str()),
                message: result.message.as_deref(),
                warning: result.warning.as_deref(),
            })?);
        }
        Ok(())
    }

    /// Takes that the tenant is waited for.
    pub(super) fn waits(&mut self, wait: Wait, pace: &Pace, now: Duration, io: &mut Io<'_>) {
        self.waits = Some(wait);
        if self.bar.is_some() {
            self.look(pace, now, io);
        }
    }

    /// Rows that have a result.
    const fn results(&self) -> u64 {
        self.done + self.skipped + self.failed
    }

    /// Shows how far it is.
    pub(super) fn look(&mut self, pace: &Pace, now: Duration, io: &mut Io<'_>) {
        let done = self.results();
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((now, done));
        let told = self.in_words(pace, now);
        match &self.bar {
            Some(bar) => {
                bar.set_position(done);
                bar.set_message(told);
            }
            None => io.say(&format!(
                "{} of {} rows, {told}",
                count(done),
                count(self.rows)
            )),
        }
    }

    /// Says a line without disturbing the bar.
    pub(super) fn say(&self, line: &str, io: &mut Io<'_>) {
        match &self.bar {
            Some(bar) => bar.suspend(|| io.say(line)),
            None => io.say(line),
        }
    }

    /// Leaves the place to what is said next, and returns the first results, by the numbers of their rows: that, user,
    /// identity and outcome.
    pub(super) fn end(mut self) -> Vec<[String; 4]> {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        self.first.sort_unstable();
        let first = self.first.into_iter();
        first
            .map(|(row, [user, identity, outcome])| [row.to_string(), user, identity, outcome])
            .collect()
    }

    fn in_words(&self, pace: &Pace, now: Duration) -> String {
        let mut told = format!(
            "{} done, {} skipped, {} failed",
            count(self.done),
            count(self.skipped),
            count(self.failed),
        );
        if let Some(limit) = pace.limits.first() {
            told += &format!(
                ", {:.0} of {:.0} left of the rate limit",
                limit.left, limit.burst
            );
            let rate = limit.rate.map(|rate| format!("{rate:.1} more a second"));
            let reserved =
                (limit.reserved > 0.0).then(|| format!("{:.0} for others", limit.reserved));
            let more: Vec<_> = rate.into_iter().chain(reserved).collect();
            if !more.is_empty() {
                told += &format!(" ({})", more.join(", "));
            }
        }
        let silence = now.saturating_sub(self.last_result);
        let rate = self.rate();
        if let Some(wait) = &self.waits {
            told += &format!(", waiting for the tenant: {}", printable(&wait.message));
        } else if let Some(next) = pace.next.filter(|next| *next >= WORTH_SAYING) {
            told += &format!(
                ", {} waiting, the next for {}",
                counted(pace.waiting as u64, "request", "requests"),
                span(next)
            );
        } else if silence >= QUIET {
            told += &format!(", no result for {}", span(silence));
        } else if rate > 0.0 {
            let left = self.rows.saturating_sub(self.results());
            told += &format!(", {rate:.1} a second");
            #[expect(
                clippy::cast_precision_loss,
                reason = "a time for people, in round units"
            )]
            let seconds = left as f64 / rate;
            if let Ok(left) = Duration::try_from_secs_f64(seconds) {
                told += &format!(", about {} left", span(left));
            }
        }
        told
    }

    /// Results a second, over the last looks.
    fn rate(&self) -> f64 {
        let (Some((from, before)), Some((to, after))) = (self.looks.front(), self.looks.back())
        else {
            return 0.0;
        };
        let seconds = to.saturating_sub(*from).as_secs_f64();
        if seconds <= 0.0 {
            return 0.0;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rate for people, to a decimal"
        )]
        let results = (after - before) as f64;
        results / seconds
    }
}
