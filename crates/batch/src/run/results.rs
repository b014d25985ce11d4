//! What comes of the rows of a run: kept, counted, told, or tried again.

use std::time::SystemTime;

use tokio::time::Instant;
use unlink::UserId;

use super::{
    Ending, Progress, Step, Wait,
    engine::Engine,
    worker::{Finding, Given, Verdict, Worker, told, undeleted},
};
use crate::{
    check::CheckOutcome,
    error::{Error, ErrorKind},
    job::{Finished, Pending, Work},
    outcome::{Outcome, Reason, UndoOutcome},
};

/// How often a row is tried in one run before it is left for the next.
const TRIES: u32 = 3;
impl<W: Worker> Engine<W> {
    pub(super) fn finish(&mut self, given: Given) -> Result<(), Error> {
        let Given { mut row, verdict } = given;
        self.release(&row.user_id);
        match verdict {
            Verdict::Done(finding) => {
                self.outage.over();
                self.meter(Some(finding.step))?;
                self.record(row, finding)?;
            }
            Verdict::Later {
                error,
                counts,
                asked,
            } => {
                // Half of it done is no doubt: what is left begins with a read.
                row.is_doubtful |= error.may_have_been_applied() && !row.is_unlinked;
                row.tries += u32::from(counts);
                if row.tries >= TRIES {
                    self.outage.over();
                    self.meter(Some(self.failed()))?;
                    return self.leave(row, &error);
                }
                if counts {
                    self.ready.push_back(row);
                    return self.meter(None);
                }
                let now = Instant::now();
                if let Some(wait) = self.outage.met(now, asked) {
                    self.meter.hold_back(wait);
                    if let Some(on_wait) = &mut self.options.on_wait {
                        on_wait(&Wait {
                            until: SystemTime::now() + wait,
                            message: told(&error),
                        });
                    }
                }
                let is_patient = self.options.until.is_some()
                    || !self.outage.has_lasted(now, self.options.patience);
                // Last, so that another one finds out whether the tenant is back.
                self.ready.push_back(row);
                if !is_patient {
                    self.end(Ending::Unreachable(tenant(error)));
                }
                self.meter(None)?;
            }
            Verdict::Refused(error) => {
                self.ready.push_front(row);
                self.end(Ending::Refused(tenant(error)));
                self.meter(None)?;
            }
            Verdict::Half(half, rest) => {
                self.journal.finish(finished(row.number, &half))?;
                row.is_unlinked = true;
                row.is_half_done = true;
                row.is_deletion_unsure = half.reason == Some(Reason::Unsure);
                let rest = Given {
                    row,
                    verdict: *rest,
                };
                return self.finish(rest);
            }
            Verdict::Broken(error) => return Err(error),
        }
        Ok(())
    }

    /// Counts what was sent since the last look, and a row if one got a result.
    pub(super) fn meter(&mut self, step: Option<Step>) -> Result<(), Error> {
        let is_failure = |step| match step {
            Step::Applied(outcome) => outcome.is_failure(),
            step => step.is_failure(),
        };
        let row = step.map(is_failure);
        let slices = self.meter.look(SystemTime::now(), self.worker.pace(), row);
        for slice in slices {
            self.journal.slice(slice)?;
        }
        Ok(())
    }

    /// The next row of a user whose row is done goes first.
    fn release(&mut self, user: &UserId) {
        self.busy.remove(user);
        if let Some(held) = self.held.get_mut(user) {
            if let Some(row) = held.pop_front() {
                self.ready.push_front(row);
            }
            if held.is_empty() {
                self.held.remove(user);
            }
        }
    }

    /// A row that does not work for now: the next run tries it again.
    fn leave(&mut self, row: Pending, error: &unlink::Error) -> Result<(), Error> {
        if row.is_doubtful {
            // Its intent stays, so that it is read first.
            self.done += 1;
            match self.worker.kind() {
                Work::Undo => self.undone.unknown += 1,
                _ => self.counts.unknown += 1,
            }
            self.count_failure();
            return Ok(());
        }
        let (step, reason) = if row.is_unlinked {
            (Step::Applied(Outcome::NotDeleted), undeleted(&row, error))
        } else {
            (self.failed(), Reason::Unavailable)
        };
        let finding = Finding {
            is_open: true,
            ..Finding::because(step, reason, told(error))
        };
        self.record(row, finding)
    }

    fn failed(&self) -> Step {
        match self.worker.kind() {
            Work::Apply => Step::Applied(Outcome::Failed),
            Work::Undo => Step::Undone(UndoOutcome::Failed),
            Work::Check => Step::Checked(CheckOutcome::Failed),
        }
    }

    fn record(&mut self, row: Pending, finding: Finding) -> Result<(), Error> {
        self.done += 1;
        match finding.step {
            Step::Applied(outcome) => self.counts.add(outcome, 1),
            Step::Undone(outcome) => self.undone.add(outcome, 1),
            Step::Checked(outcome) => self.checked.add(outcome),
        }
        // What a read showed was written by whoever read it.
        if !matches!(finding.step, Step::Checked(_)) {
            self.journal.finish(finished(row.number, &finding))?;
        }
        if let Some(on_result) = &mut self.options.on_result {
            on_result(&Progress {
                row: row.number.unsigned_abs(),
                user_id: row.user_id.clone(),
                identity: row.identity.clone(),
                connection: row.linked.as_ref().and_then(|seen| seen.connection.clone()),
                step: finding.step,
                reason: finding.reason,
                message: finding.message,
                warning: finding.warning,
                attempts: finding.attempts,
                counts: self.counts,
                undone: self.undone,
                checked: self.checked,
            });
        }
        if self.canary.is_some() {
            self.sample.push((row, finding.step));
        }
        if finding.step.is_failure() {
            self.count_failure();
        }
        Ok(())
    }

    fn count_failure(&mut self) {
        self.failures += 1;
        if self.failures >= self.options.max_failures {
            self.end(Ending::MaxFailures);
        }
    }
}

fn finished(number: i64, finding: &Finding) -> Finished {
    Finished {
        number,
        outcome: finding.step.as_str(),
        is_open: finding.is_open,
        attempts: finding.attempts,
        reason: finding.reason,
        message: finding.message.clone(),
        warning: finding.warning.clone(),
        answered_at: finding.answered_at,
    }
}

fn tenant(error: unlink::Error) -> Error {
    Error::new(ErrorKind::Tenant, "the tenant does not do it").with_source(error)
}
