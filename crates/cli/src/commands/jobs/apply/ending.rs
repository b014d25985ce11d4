//! How a run of a job ended: what it is called, and the command that goes on from there.

use std::path::PathBuf;

use unlink_batch::{Counts, Ending, Summary};

use super::{Applying, Left};
use crate::{
    args::jobs::Read,
    commands::jobs::summary::{failed, skipped},
    exit::Kind,
    failure::Failure,
    text::counted,
};

impl Applying<'_> {
    /// Whether the run was all it should be; a failure that says how it ended, and how to go on, if not.
    pub(super) fn judge(&self, summary: &Summary, left: &Left) -> Result<(), Failure> {
        let counts = &left.counts;
        let on = |kind, message: String| {
            Err(Failure::new(kind, message).gone_on_by("go on with", self.go_on(&[])))
        };
        let rows = counted(left.rows(), "row is", "rows are");
        match &summary.ending {
            Ending::Complete if counts.unknown > 0 => on(
                Kind::PartlyDone,
                format!(
                    "of {} it is not known whether it was done; the next run reads first",
                    counted(counts.unknown, "row", "rows")
                ),
            ),
            Ending::Complete => Self::complete(counts),
            // The last row was done when the run was to end.
            Ending::Max | Ending::MaxFailures | Ending::Until | Ending::Stopped
                if left.is_nothing() =>
            {
                Self::complete(counts)
            }
            Ending::Max => on(
                Kind::Capped,
                format!("as many rows are done as --max lets a run do; {rows} left"),
            ),
            Ending::MaxFailures => on(
                Kind::Capped,
                format!("too many rows failed for this run to go on (--max-failures); {rows} left"),
            ),
            Ending::Canary => Err(self.gate()),
            Ending::CanaryWrong(problem) => Err(Failure::new(
                Kind::CanaryWrong,
                format!("the first rows did not come out as they should: {problem}"),
            )
            .hint("look at their accounts before anything else; --canary-ok goes on all the same")),
            Ending::Until => on(
                Kind::Interrupted,
                format!("the time was up (--until); {rows} left"),
            ),
            Ending::Stopped => on(Kind::Interrupted, format!("interrupted; {rows} left")),
            Ending::Unreachable(error) | Ending::Refused(error) => Err(self
                .failed(error)
                .gone_on_by("once the cause is gone, go on with", self.go_on(&[]))),
            _ => on(Kind::Interrupted, format!("stopped; {rows} left")),
        }
    }

    /// Whether a job without anything left to do is done.
    pub(super) fn complete(counts: &Counts) -> Result<(), Failure> {
        let not_done = failed(counts) + skipped(counts);
        if not_done == 0 {
            return Ok(());
        }
        let message = format!("not all was done: {} failed or left alone", {
            counted(not_done, "row", "rows")
        });
        // What was unlinked and not deleted is half done.
        let kind = match counts.finished() - skipped(counts) + counts.not_deleted {
            0 => Kind::NothingDone,
            _ => Kind::PartlyDone,
        };
        Err(Failure::new(kind, message))
    }

    /// The first rows wait to be looked at.
    pub(super) fn gate(&self) -> Failure {
        let message =
            "the first rows are done, and the rest waits until someone has looked at them";
        let kind = Kind::Job(unlink_batch::ErrorKind::CanaryWaits);
        Failure::new(kind, message).gone_on_by(
            "look at their accounts; if they are right, go on with",
            self.go_on(&["--canary-ok"]),
        )
    }

    /// The command that goes on from here.
    pub(super) fn go_on(&self, more: &[&str]) -> String {
        let typed = self.typed;
        let mut options = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            options.extend(
                value
                    .map(|value| [name.to_owned(), value])
                    .into_iter()
                    .flatten(),
            );
        };
        add("--expect", typed.expect.map(|digest| digest.to_string()));
        add("--confirm-tenant", typed.confirm_tenant.clone());
        add(
            "--read",
            match typed.read {
                Read::Auto => None,
                Read::Always => Some("always".to_owned()),
                Read::Never => Some("never".to_owned()),
            },
        );
        let file = |path: &PathBuf| path.to_string_lossy().into_owned();
        add("--failures", typed.failures.as_ref().map(file));
        options.extend(typed.caps.words());
        options.extend(self.run.until_words(self.until.as_ref(), &self.target));
        options.extend(typed.speed.words());
        // A canary that was cut short is still to come; nothing but a look goes past one.
        if let Some(rows) = typed.gate.canary
            && more.is_empty()
            && !self.is_canary_right
        {
            options.extend(["--canary".to_owned(), rows.to_string()]);
        }
        options.extend(more.iter().map(|word| (*word).to_owned()));
        options.extend(typed.change.yes.then(|| "--yes".to_owned()));
        self.run.next("apply", &typed.job, &options)
    }
}
