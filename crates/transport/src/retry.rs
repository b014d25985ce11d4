//! What to do next, decided from what came back: pure, so that every case is a row in a table of tests.

use std::time::Duration;

/// Shortest time left in which sending still makes sense.
pub(crate) const SHORTEST_ATTEMPT: Duration = Duration::from_millis(50);
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);
/// The wait after a first 429 that asks for none at all, as the reset header does, which counts whole seconds.
const FIRST_LIMIT_WAIT: Duration = Duration::from_millis(200);
/// At most so much is added to a wait that was asked for.
const LIMIT_SPREAD: Duration = Duration::from_millis(100);

/// How a request whose answer was lost is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settling {
    /// It changes nothing: send it again.
    Repeat,
    /// Send the probe and read what happened.
    Probe,
    /// It cannot be: say that the outcome is unknown.
    Never,
}

/// What came back, as far as the next step depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// No byte was sent.
    NotSent,
    /// It may have been applied: no answer, a 5xx, a 408, a redirect, or not the documented answer.
    Unknown,
    /// 429, with the wait it asked for.
    RateLimited(Option<Duration>),
    /// 401; whether the token source can give another token.
    Unauthorized { renewable: bool },
    /// Any other 4xx: the tenant read the request and did not do it.
    Refused,
    /// The probe shows that nothing has happened so far.
    Unchanged,
    /// What is waited for is not there so far.
    NotYet,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Wait, then send the request.
    Send(Duration),
    /// Wait, then send the probe.
    Probe(Duration),
    /// Report the failure of the last request.
    Fail,
    /// Report a rate limit that outlasts the deadline by asking for this wait.
    FailRateLimited(Duration),
    /// Report that the outcome is unknown.
    Unknown,
    /// Report that it is, and that the rate limit which keeps it from being settled asks for this wait.
    UnknownRateLimited(Duration),
}

impl Step {
    /// Leaves the wait before it to somebody else; returns it.
    pub(crate) const fn take_wait(&mut self) -> Duration {
        match self {
            Self::Send(wait) | Self::Probe(wait) => std::mem::replace(wait, Duration::ZERO),
            Self::FailRateLimited(wait) | Self::UnknownRateLimited(wait) => *wait,
            Self::Fail | Self::Unknown => Duration::ZERO,
        }
    }
}

/// The bounds one call keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) settling: Settling,
    /// How often the request is sent at most; 429 and a renewed token do not count. What may have been applied
    /// is settled for as long as the deadline lasts.
    pub(crate) attempts: u32,
    /// Time at the end of the deadline in which only probes are sent.
    pub(crate) kept_for_probe: Duration,
    /// Whether it may be sent again where the probe is not allowed.
    pub(crate) unread: bool,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    bounds: Bounds,
    probing: bool,
    counted: u32,
    waits: u32,
    /// 429 answers that asked for no wait at all.
    empty_waits: u32,
    /// Some request may have been applied, or may yet be.
    maybe_applied: bool,
    renewed: bool,
    probe_refused: bool,
    refused: bool,
}

impl Progress {
    pub(crate) const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            probing: false,
            counted: 0,
            waits: 0,
            empty_waits: 0,
            maybe_applied: false,
            renewed: false,
            probe_refused: false,
            refused: false,
        }
    }

    /// Whether a request of this call may have been applied, or may yet be.
    pub(crate) const fn maybe_applied(&self) -> bool {
        self.maybe_applied
    }

    /// Whether the probe was refused, so that only another answer to the request can tell.
    pub(crate) const fn probe_refused(&self) -> bool {
        self.probe_refused
    }

    /// How long the request itself may take when `left` is left of the deadline.
    pub(crate) fn time_to_send(&self, left: Duration) -> Option<Duration> {
        let kept = if self.bounds.settling == Settling::Probe {
            self.bounds.kept_for_probe
        } else {
            Duration::ZERO
        };
        left.checked_sub(kept)
            .filter(|time| *time >= SHORTEST_ATTEMPT)
    }

    /// Takes in what came back and says what to do; `jitter` is a random number from 0 to 1.
    pub(crate) fn next(&mut self, event: Event, left: Duration, jitter: f64) -> Step {
        if self.probing {
            self.after_probe(event, left, jitter)
        } else {
            self.after_request(event, left, jitter)
        }
    }

    fn after_request(&mut self, event: Event, left: Duration, jitter: f64) -> Step {
        match event {
            Event::NotSent => {
                self.counted += 1;
                // A pooled connection that had ended says nothing about the next one.
                let wait = if self.counted == 1 {
                    Duration::ZERO
                } else {
                    self.backoff(jitter)
                };
                self.send_again(wait, left)
            }
            Event::RateLimited(asked) => {
                self.renewed = false;
                let wait = self.limit_wait(asked, jitter);
                // Sent again it is only after a read, so another one now would tell nothing new.
                self.send_after(wait, left)
                    .unwrap_or(self.limited_out(wait))
            }
            Event::Unauthorized { renewable } => self.after_unauthorized(renewable, left),
            Event::Unknown => {
                self.counted += 1;
                match self.bounds.settling {
                    Settling::Repeat => {
                        let wait = self.backoff(jitter);
                        self.send_again(wait, left)
                    }
                    Settling::Probe => {
                        self.maybe_applied = true;
                        if self.probe_refused {
                            let wait = self.backoff(jitter);
                            self.send_again(wait, left)
                        } else {
                            self.probe_or_unknown(Duration::ZERO, left)
                        }
                    }
                    Settling::Never => {
                        self.maybe_applied = true;
                        Step::Unknown
                    }
                }
            }
            // Not the answer to the lost request before it: only a reading tells about that one.
            Event::Refused if self.maybe_applied => {
                self.refused = true;
                self.probe_or_unknown(Duration::ZERO, left)
            }
            Event::NotYet => {
                let wait = self.backoff(jitter);
                self.send_after(wait, left).unwrap_or(Step::Fail)
            }
            Event::Refused | Event::Unchanged => Step::Fail,
        }
    }

    fn after_probe(&mut self, event: Event, left: Duration, jitter: f64) -> Step {
        match event {
            Event::Unchanged => {
                self.renewed = false;
                if self.refused {
                    return Step::Fail;
                }
                let wait = self.backoff(jitter);
                self.send_after(wait, left).unwrap_or(Step::Unknown)
            }
            Event::NotSent | Event::Unknown | Event::NotYet => {
                let wait = self.backoff(jitter);
                self.probe_or_unknown(wait, left)
            }
            Event::RateLimited(asked) => {
                self.renewed = false;
                let wait = self.limit_wait(asked, jitter);
                match self.probe_or_unknown(wait, left) {
                    Step::Unknown => self.limited_out(wait),
                    step => step,
                }
            }
            Event::Unauthorized { renewable } => self.after_unauthorized(renewable, left),
            Event::Refused => {
                // The probe is not allowed: the next answer to the request itself is the reading.
                self.probe_refused = true;
                if self.refused || !self.bounds.unread {
                    return Step::Unknown;
                }
                let wait = self.backoff(jitter);
                self.send_after(wait, left).unwrap_or(Step::Unknown)
            }
        }
    }

    fn after_unauthorized(&mut self, renewable: bool, left: Duration) -> Step {
        if renewable && !self.renewed {
            self.renewed = true;
            return if self.probing {
                self.probe_or_unknown(Duration::ZERO, left)
            } else {
                self.send_after(Duration::ZERO, left).unwrap_or(self.end())
            };
        }
        self.end()
    }

    /// The end where nothing more can be sent: what may have been applied may also be delayed on its way still.
    pub(crate) const fn end(&self) -> Step {
        if self.maybe_applied {
            Step::Unknown
        } else {
            Step::Fail
        }
    }

    /// The end where the tenant asks for a longer wait than there is time.
    const fn limited_out(&self, wait: Duration) -> Step {
        if self.maybe_applied {
            Step::UnknownRateLimited(wait)
        } else {
            Step::FailRateLimited(wait)
        }
    }

    /// Sends again where attempts and time allow, else ends with what is known.
    fn send_again(&mut self, wait: Duration, left: Duration) -> Step {
        let allowed = self.maybe_applied || self.counted < self.bounds.attempts;
        match self.send_after(wait, left) {
            Some(step) if allowed => step,
            _ => self.end(),
        }
    }

    fn send_after(&mut self, wait: Duration, left: Duration) -> Option<Step> {
        self.time_to_send(left.checked_sub(wait)?)?;
        self.probing = false;
        Some(Step::Send(wait))
    }

    fn probe_or_unknown(&mut self, wait: Duration, left: Duration) -> Step {
        let time_left = left
            .checked_sub(wait)
            .is_some_and(|left| left >= SHORTEST_ATTEMPT);
        if self.bounds.settling == Settling::Probe && !self.probe_refused && time_left {
            self.probing = true;
            return Step::Probe(wait);
        }
        Step::Unknown
    }

    fn backoff(&mut self, jitter: f64) -> Duration {
        self.waits += 1;
        growing(FIRST_BACKOFF, self.waits, jitter)
    }

    /// The wait asked for, a little more so that callers do not wake together, or backoff.
    ///
    /// Who asks for none again and again is left alone for longer and longer.
    fn limit_wait(&mut self, asked: Option<Duration>, jitter: f64) -> Duration {
        match asked {
            Some(Duration::ZERO) => {
                self.empty_waits += 1;
                growing(FIRST_LIMIT_WAIT, self.empty_waits, jitter)
            }
            Some(asked) => asked.saturating_add(LIMIT_SPREAD.mul_f64(jitter.clamp(0.0, 1.0))),
            None => self.backoff(jitter),
        }
    }
}

/// The wait of this number, from one on: doubled with each, capped, and jittered down to half.
fn growing(first: Duration, number: u32, jitter: f64) -> Duration {
    let full = first.saturating_mul(1 << (number.saturating_sub(1)).min(16));
    full.min(LONGEST_BACKOFF)
        .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const NOW: Duration = Duration::ZERO;
    const UNKNOWN: Event = Event::Unknown;

    fn limited(wait: u64) -> Event {
        Event::RateLimited(Some(seconds(wait)))
    }

    /// Feeds events, each with the seconds left when it arrives, and collects the steps; jitter at its largest.
    fn steps(settling: Settling, events: &[(Event, u64)]) -> Vec<Step> {
        let mut progress = Progress::new(Bounds {
            settling,
            attempts: 3,
            kept_for_probe: seconds(10),
            unread: true,
        });
        events
            .iter()
            .map(|(event, left)| progress.next(*event, seconds(*left), 1.0))
            .collect()
    }

    const BACKOFF: [Duration; 4] = [
        Duration::from_millis(250),
        Duration::from_millis(500),
        seconds(1),
        seconds(2),
    ];

    #[test]
    fn what_changes_nothing_is_sent_again_while_attempts_and_time_last() {
        use Settling::Repeat;
        let send = Step::Send;
        for (events, expected) in [
            (
                vec![(UNKNOWN, 50), (UNKNOWN, 40), (UNKNOWN, 30)],
                vec![send(BACKOFF[0]), send(BACKOFF[1]), Step::Fail],
            ),
            (
                vec![(Event::NotSent, 50), (Event::NotSent, 40)],
                vec![send(NOW), send(BACKOFF[0])],
            ),
            (vec![(UNKNOWN, 0)], vec![Step::Fail]),
            (vec![(Event::Refused, 50)], vec![Step::Fail]),
            // What is not there yet is asked for as long as there is time, whatever the number.
            (
                vec![
                    (Event::NotYet, 50),
                    (Event::NotYet, 49),
                    (Event::NotYet, 48),
                    (Event::NotYet, 47),
                    (Event::NotYet, 1),
                ],
                vec![
                    send(BACKOFF[0]),
                    send(BACKOFF[1]),
                    send(BACKOFF[2]),
                    send(BACKOFF[3]),
                    Step::Fail,
                ],
            ),
        ] {
            assert_eq!(steps(Repeat, &events), expected, "{events:?}");
        }
    }

    #[test]
    fn waiting_out_a_limit_uses_up_no_attempt_but_fits_the_deadline() {
        let extra = LIMIT_SPREAD;
        for settling in [Settling::Repeat, Settling::Probe, Settling::Never] {
            let many = [(limited(2), 59); 20];
            assert_eq!(steps(settling, &many), [Step::Send(seconds(2) + extra); 20]);
            assert_eq!(
                steps(settling, &[(limited(90), 59)]),
                [Step::FailRateLimited(seconds(90) + extra)]
            );
            assert_eq!(
                steps(settling, &[(limited(0), 59)]),
                [Step::Send(FIRST_LIMIT_WAIT)]
            );
            assert_eq!(
                steps(settling, &[(Event::RateLimited(None), 59)]),
                [Step::Send(BACKOFF[0])]
            );
            let longest = Event::RateLimited(Some(Duration::MAX));
            assert_eq!(
                steps(settling, &[(longest, 59)]),
                [Step::FailRateLimited(Duration::MAX)]
            );
        }
        // The time kept for the probe is not spent on waiting.
        assert_eq!(
            steps(Settling::Probe, &[(limited(5), 12)]),
            [Step::FailRateLimited(seconds(5) + extra)]
        );
        assert_eq!(
            steps(Settling::Repeat, &[(limited(5), 12)]),
            [Step::Send(seconds(5) + extra)]
        );
    }

    #[test]
    fn a_limit_that_asks_for_no_wait_again_and_again_is_waited_out_for_longer_and_longer() {
        let many = [(limited(0), 59); 10];
        let millis = [200, 400, 800, 1600, 3200, 6400, 8000, 8000, 8000, 8000];
        let send = |millis| Step::Send(Duration::from_millis(millis));
        assert_eq!(steps(Settling::Repeat, &many), millis.map(send));
        // It still fits the deadline, and backoff for other reasons grows by itself.
        let events = [
            (limited(0), 59),
            (UNKNOWN, 58),
            (limited(0), 57),
            (limited(0), 0),
        ];
        let expected = [
            send(200),
            Step::Send(BACKOFF[0]),
            send(400),
            Step::FailRateLimited(Duration::from_millis(800)),
        ];
        assert_eq!(steps(Settling::Repeat, &events), expected);
        // A read that is limited grows it, too.
        let events = [(UNKNOWN, 59), (limited(0), 58), (limited(0), 57)];
        let probe = |millis| Step::Probe(Duration::from_millis(millis));
        assert_eq!(
            steps(Settling::Probe, &events),
            [probe(0), probe(200), probe(400)]
        );
        // The jitter halves it at most.
        assert_eq!(growing(FIRST_LIMIT_WAIT, 2, 0.0), FIRST_LIMIT_WAIT);
    }

    #[test]
    fn a_limit_that_outlasts_the_deadline_leaves_the_outcome_unknown_and_says_when() {
        let until = |seconds_| Step::UnknownRateLimited(seconds(seconds_) + LIMIT_SPREAD);
        let probe = Step::Probe(NOW);
        let send = Step::Send(BACKOFF[0]);
        for (events, expected) in [
            // On the read that was to settle it, and on the request sent again after one.
            (
                vec![(UNKNOWN, 59), (limited(90), 58)],
                vec![probe, until(90)],
            ),
            (
                vec![(UNKNOWN, 59), (Event::Unchanged, 58), (limited(90), 57)],
                vec![probe, send, until(90)],
            ),
            // Not in the time that is kept for the read.
            (
                vec![(UNKNOWN, 59), (Event::Unchanged, 58), (limited(5), 12)],
                vec![probe, send, until(5)],
            ),
            // A read that is not allowed, and one after a refusal.
            (
                vec![(UNKNOWN, 59), (Event::Refused, 58), (limited(90), 57)],
                vec![probe, send, until(90)],
            ),
            (
                vec![
                    (UNKNOWN, 59),
                    (Event::Unchanged, 58),
                    (Event::Refused, 57),
                    (limited(90), 56),
                ],
                vec![probe, send, probe, until(90)],
            ),
            // A wait that fits is waited out.
            (
                vec![(UNKNOWN, 59), (limited(3), 58)],
                vec![probe, Step::Probe(seconds(3) + LIMIT_SPREAD)],
            ),
        ] {
            assert_eq!(steps(Settling::Probe, &events), expected, "{events:?}");
        }
    }

    #[test]
    fn a_lost_answer_is_read_before_anything_is_sent_again() {
        use Settling::Probe;
        let send = Step::Send;
        let probe = Step::Probe;
        let unchanged = Event::Unchanged;
        for (events, expected) in [
            // Still there: once more, whatever the number, for as long as there is time.
            (
                vec![
                    (UNKNOWN, 59),
                    (unchanged, 58),
                    (UNKNOWN, 57),
                    (unchanged, 56),
                    (UNKNOWN, 55),
                    (unchanged, 54),
                    (UNKNOWN, 12),
                    (unchanged, 11),
                ],
                vec![
                    probe(NOW),
                    send(BACKOFF[0]),
                    probe(NOW),
                    send(BACKOFF[1]),
                    probe(NOW),
                    send(BACKOFF[2]),
                    probe(NOW),
                    Step::Unknown,
                ],
            ),
            // The probe's own failures are repeated for as long as there is time.
            (
                vec![
                    (UNKNOWN, 59),
                    (UNKNOWN, 58),
                    (Event::NotSent, 57),
                    (limited(3), 56),
                    (UNKNOWN, 0),
                ],
                vec![
                    probe(NOW),
                    probe(BACKOFF[0]),
                    probe(BACKOFF[1]),
                    probe(seconds(3) + LIMIT_SPREAD),
                    Step::Unknown,
                ],
            ),
            // The probe is not allowed: the next answer to the request is the reading.
            (
                vec![
                    (UNKNOWN, 59),
                    (Event::Refused, 58),
                    (UNKNOWN, 57),
                    (UNKNOWN, 10),
                ],
                vec![
                    probe(NOW),
                    send(BACKOFF[0]),
                    send(BACKOFF[1]),
                    Step::Unknown,
                ],
            ),
            // A refusal after a lost answer is not the answer to the lost one.
            (
                vec![
                    (UNKNOWN, 59),
                    (unchanged, 58),
                    (Event::Refused, 57),
                    (unchanged, 56),
                ],
                vec![probe(NOW), send(BACKOFF[0]), probe(NOW), Step::Fail],
            ),
            (
                vec![(UNKNOWN, 59), (Event::Refused, 58), (Event::Refused, 57)],
                vec![probe(NOW), send(BACKOFF[0]), Step::Unknown],
            ),
            (
                vec![
                    (UNKNOWN, 59),
                    (unchanged, 58),
                    (Event::Refused, 57),
                    (Event::Refused, 56),
                ],
                vec![probe(NOW), send(BACKOFF[0]), probe(NOW), Step::Unknown],
            ),
            // Once it may have been applied, time is what bounds it, and not a number.
            (
                vec![
                    (UNKNOWN, 59),
                    (Event::Refused, 58),
                    (UNKNOWN, 57),
                    (UNKNOWN, 56),
                    (UNKNOWN, 55),
                ],
                vec![
                    probe(NOW),
                    send(BACKOFF[0]),
                    send(BACKOFF[1]),
                    send(BACKOFF[2]),
                    send(BACKOFF[3]),
                ],
            ),
            // No time to send again: nothing happened so far, but the request may be on its way still.
            (
                vec![(UNKNOWN, 59), (unchanged, 9)],
                vec![probe(NOW), Step::Unknown],
            ),
            // A refusal at first is final, and nothing was applied.
            (vec![(Event::Refused, 59)], vec![Step::Fail]),
            // A connection that never came about.
            (
                vec![
                    (Event::NotSent, 59),
                    (Event::NotSent, 58),
                    (Event::NotSent, 57),
                ],
                vec![send(NOW), send(BACKOFF[0]), Step::Fail],
            ),
        ] {
            assert_eq!(steps(Probe, &events), expected, "{events:?}");
        }
    }

    #[test]
    fn nothing_is_begun_that_no_time_is_left_for() {
        let bounds = |settling| Bounds {
            settling,
            attempts: 3,
            kept_for_probe: seconds(10),
            unread: true,
        };
        let short = SHORTEST_ATTEMPT - Duration::from_nanos(1);
        let kept = seconds(10);
        for (settling, left, time) in [
            (Settling::Repeat, SHORTEST_ATTEMPT, Some(SHORTEST_ATTEMPT)),
            (Settling::Repeat, short, None),
            (Settling::Never, kept, Some(kept)),
            (Settling::Probe, kept, None),
            (Settling::Probe, kept + short, None),
            (
                Settling::Probe,
                kept + SHORTEST_ATTEMPT,
                Some(SHORTEST_ATTEMPT),
            ),
        ] {
            let progress = Progress::new(bounds(settling));
            assert_eq!(progress.time_to_send(left), time, "{settling:?} {left:?}");
        }
        for (left, step) in [(SHORTEST_ATTEMPT, Step::Probe(NOW)), (short, Step::Unknown)] {
            let mut progress = Progress::new(bounds(Settling::Probe));
            assert_eq!(progress.next(UNKNOWN, left, 1.0), step, "{left:?}");
        }
    }

    #[test]
    fn without_a_probe_a_lost_answer_stays_unknown() {
        assert_eq!(steps(Settling::Never, &[(UNKNOWN, 59)]), [Step::Unknown]);
        assert_eq!(
            steps(Settling::Never, &[(Event::NotSent, 59)]),
            [Step::Send(NOW)]
        );
    }

    #[test]
    fn a_token_is_renewed_once() {
        let renewable = Event::Unauthorized { renewable: true };
        let fixed = Event::Unauthorized { renewable: false };
        for settling in [Settling::Repeat, Settling::Probe, Settling::Never] {
            assert_eq!(
                steps(settling, &[(renewable, 59), (renewable, 58)]),
                [Step::Send(NOW), Step::Fail]
            );
            assert_eq!(steps(settling, &[(fixed, 59)]), [Step::Fail]);
        }
        // One that served in between, and another that is refused, is renewed again.
        let between = [
            (renewable, 59),
            (limited(1), 58),
            (renewable, 57),
            (renewable, 56),
        ];
        assert_eq!(
            steps(Settling::Repeat, &between)[2..],
            [Step::Send(NOW), Step::Fail]
        );
        let probing = [(UNKNOWN, 59), (renewable, 58), (renewable, 57)];
        let probe = Step::Probe(NOW);
        assert_eq!(
            steps(Settling::Probe, &probing),
            [probe, probe, Step::Unknown]
        );
        for (between, next) in [(limited(1), probe), (Event::Unchanged, Step::Send(NOW))] {
            let events = [
                (UNKNOWN, 59),
                (renewable, 58),
                (between, 57),
                (renewable, 56),
                (renewable, 55),
            ];
            let steps = steps(Settling::Probe, &events);
            assert_eq!(steps[3..], [next, Step::Unknown], "{between:?}");
        }
    }

    #[test]
    fn whether_it_may_have_been_applied_is_remembered() {
        let mut progress = Progress::new(Bounds {
            settling: Settling::Probe,
            attempts: 3,
            kept_for_probe: seconds(10),
            unread: true,
        });
        progress.next(Event::NotSent, seconds(59), 0.0);
        progress.next(limited(1), seconds(59), 0.0);
        assert!(!progress.maybe_applied());
        progress.next(UNKNOWN, seconds(59), 0.0);
        assert!(progress.maybe_applied());
        progress.next(Event::Unchanged, seconds(59), 0.0);
        assert!(
            progress.maybe_applied(),
            "it may still be delayed on the way"
        );
    }

    #[test]
    fn backoff_grows_to_its_cap_and_jitter_halves_it_at_most() {
        let mut progress = Progress::new(Bounds {
            settling: Settling::Repeat,
            attempts: 3,
            kept_for_probe: NOW,
            unread: true,
        });
        let waits: Vec<_> = (0..40).map(|_| progress.backoff(1.0)).collect();
        assert_eq!(waits[..4], BACKOFF);
        assert_eq!(waits[39], LONGEST_BACKOFF);
        assert_eq!(progress.backoff(0.0), LONGEST_BACKOFF / 2);
    }
}
