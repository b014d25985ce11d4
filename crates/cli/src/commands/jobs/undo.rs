//! `undo`: say what comes back and what cannot, ask, link back, and say how it ended.

use jiff::Zoned;
use serde::Serialize;
use unlink_batch::{Ending, Job, RowRanges, Stop, Summary, Undo, UndoCounts, UndoPreview, Work};

use crate::{
    args::jobs,
    commands::{
        Run, Target,
        jobs::{
            declined_in, open,
            running::{self, Showing, drive},
            summary::{self, Sent, TrafficDocument, UndoneDocument},
        },
    },
    confirm::{Consent, consent},
    exit::Kind,
    failure::Failure,
    io::{Io, Paint},
    json,
    text::{self, count, counted},
    until,
};

pub(in crate::commands) async fn run(
    run: &Run<'_>,
    typed: &jobs::Undo,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let dry_run = run.is_dry(typed.change.dry_run)?;
    let target = run.paced(typed.speed.pacing()?, io)?;
    let undoing = Undoing {
        run,
        typed,
        until: run.until(typed.caps.until, &target)?,
        rows: typed.rows.clone().unwrap_or_else(RowRanges::all),
        target,
    };
    let job = open(&typed.job, &undoing.target, typed.expect)?;
    let preview = job.view().undo_preview(&undoing.rows);
    let preview = preview.map_err(|error| undoing.failed(&error))?;
    let plan = undoing.plan(&job, &preview);
    if dry_run {
        let rows = preview.to_link.min(typed.caps.max);
        return summary::dry_run(job.plan(), rows, &plan, io);
    }
    if preview.to_link == 0 {
        io.say(&plan);
        return undoing.nothing_to_do(&preview, io);
    }
    let answer = match consent(typed.change.yes, &plan, run.typed, io) {
        Ok(Consent::Given) => "--yes",
        Ok(Consent::Asked) => "yes, at a terminal",
        Err(failure) => {
            return Err(declined_in(&job, &undoing.target, run, Work::Undo, failure));
        }
    };
    undoing.undo(job, &preview, answer, io).await
}

struct Undoing<'a> {
    run: &'a Run<'a>,
    typed: &'a jobs::Undo,
    target: Target,
    until: Option<Zoned>,
    rows: RowRanges,
}

#[derive(Serialize)]
struct SummaryDocument {
    ending: &'static str,
    job: String,
    run: UndoneDocument,
    all: UndoneDocument,
    traffic: TrafficDocument,
    seconds: f64,
}

impl Undoing<'_> {
    fn failed(&self, error: &unlink_batch::Error) -> Failure {
        Failure::job(error, &self.target.tenant)
    }

    /// What will happen, and what cannot be had back.
    fn plan(&self, job: &Job, preview: &UndoPreview) -> String {
        let rows = match &self.typed.rows {
            None => "all rows".to_owned(),
            Some(rows) => format!("rows {rows}"),
        };
        let mut text = format!(
            "At {tenant}, undo {rows} of {job}: {link}.\nDigest {digest}",
            tenant = self.target.tenant,
            job = super::path_text(&self.typed.job),
            link = match preview.to_link {
                0 => "there is nothing to link back".to_owned(),
                number => format!(
                    "link {} back, the last first",
                    counted(number, "identity", "identities")
                ),
            },
            digest = job.plan().digest,
        );
        if preview.to_link > self.typed.caps.max {
            text += &format!("\nThis run does {} of them.", count(self.typed.caps.max));
        }
        for (number, one, several) in [
            (
                preview.linked_back,
                "row is linked back already.",
                "rows are linked back already.",
            ),
            (
                preview.not_changed,
                "row was not changed by this job, or is not known to have been, and is left alone.",
                "rows were not changed by this job, or are not known to have been, and are left alone.",
            ),
            (
                preview.again,
                "row was skipped or failed before, and is tried again.",
                "rows were skipped or failed before, and are tried again.",
            ),
        ] {
            if number > 0 {
                text += &format!("\n{}", counted(number, one, several));
            }
        }
        let caveats = preview.caveats();
        if !caveats.is_empty() {
            text += "\nBefore you go on:";
        }
        text.extend(caveats.iter().map(|caveat| format!("\n- {caveat}")));
        if self.typed.even_if_used {
            text += "\n- Accounts that have metadata, logins or identities of their own by now are linked too (--even-if-used).";
        }
        if let Some(until) = &self.until {
            text += &format!("\nNo row is begun after {}.", until::shown(until));
        }
        text
    }

    fn nothing_to_do(&self, preview: &UndoPreview, io: &mut Io<'_>) -> Result<(), Failure> {
        if io.is_json() {
            io.result(&json::line(&serde_json::json!({
                "ending": "complete",
                "job": self.typed.job.to_string_lossy(),
                "linked_back": preview.linked_back,
                "deleted": preview.deleted,
                "not_changed": preview.not_changed,
            }))?)?;
        }
        Ok(())
    }

    async fn undo(
        &self,
        job: Job,
        preview: &UndoPreview,
        answer: &str,
        io: &mut Io<'_>,
    ) -> Result<(), Failure> {
        let caps = &self.typed.caps;
        let (on_result, on_wait, news) = running::news();
        let mut options = Undo::default()
            .expect(job.plan().digest)
            .by(&self.target.who, self.run.operator())
            .answer(answer)
            .rows(self.rows.clone())
            .max(caps.max)
            .max_failures(caps.max_failures)
            .concurrency(self.typed.speed.concurrency)
            .on_result(on_result)
            .on_wait(on_wait);
        if self.typed.even_if_used {
            options = options.even_if_used();
        }
        if let Some(until) = &self.until {
            options = options.until(until.timestamp().into());
        }
        let (stopper, stop) = Stop::new();
        let client = self.target.client.transport();
        let before = client.pace();
        let rows = preview.to_link.min(caps.max);
        let running = job.undo(&self.target.client, options, stop);
        let showing = Showing { rows, prints: true };
        let ran = drive(running, news, stopper, client, showing, io).await?;
        let summary = ran.ended.map_err(|error| self.failed(&error))?;
        let sent = Sent::since(&before, &client.pace(), summary.elapsed);
        if let Some(failure) = ran.broken {
            return Err(failure
                .stopped_midway()
                .gone_on_by("go on with", self.go_on()));
        }
        let after = open(&self.typed.job, &self.target, self.typed.expect)?;
        let status = after.view().status().map_err(|error| self.failed(&error))?;
        let left = after.view().undo_preview(&self.rows);
        let left = left.map_err(|error| self.failed(&error))?;
        io.result(&self.told(&summary, sent, &status.undone, io)?)?;
        self.judge(&summary, &left)
    }

    fn told(
        &self,
        summary: &Summary,
        sent: Sent,
        all: &UndoCounts,
        io: &Io<'_>,
    ) -> Result<String, Failure> {
        if io.is_json() {
            return json::line(&SummaryDocument {
                ending: summary.ending.as_str(),
                job: self.typed.job.to_string_lossy().into_owned(),
                run: UndoneDocument::new(&summary.undone),
                all: UndoneDocument::new(all),
                traffic: sent.document(),
                seconds: summary.elapsed.as_secs_f64(),
            });
        }
        Ok(outcomes(
            &[("THIS RUN", &summary.undone), ("THE JOB", all)],
            io.out_paint(),
        ) + &sent.line())
    }

    fn judge(&self, summary: &Summary, left: &UndoPreview) -> Result<(), Failure> {
        let undone = &summary.undone;
        let on = |kind, message: String| {
            Err(Failure::new(kind, message).gone_on_by("go on with", self.go_on()))
        };
        let rows = counted(left.to_link, "row is", "rows are");
        match &summary.ending {
            Ending::Complete if undone.unknown > 0 => on(
                Kind::PartlyDone,
                format!(
                    "of {} it is not known whether it was linked back; the next run reads first",
                    counted(undone.unknown, "row", "rows")
                ),
            ),
            Ending::Complete if undone.skipped + undone.failed > 0 => {
                let kind = match undone.linked_back + undone.already_linked {
                    0 => Kind::NothingDone,
                    _ => Kind::PartlyDone,
                };
                let message = format!(
                    "not all came back: {} left alone, {} failed; the report says why and what to do",
                    counted(undone.skipped, "row was", "rows were"),
                    count(undone.failed)
                );
                Err(Failure::new(kind, message))
            }
            Ending::Complete => Ok(()),
            Ending::Max => on(
                Kind::Capped,
                format!("as many rows are done as --max lets a run do; {rows} not linked back"),
            ),
            Ending::MaxFailures => on(
                Kind::Capped,
                format!(
                    "too many rows failed for this run to go on (--max-failures); {rows} not linked back"
                ),
            ),
            Ending::Until => on(
                Kind::Interrupted,
                format!("the time was up (--until); {rows} not linked back"),
            ),
            Ending::Unreachable(error) | Ending::Refused(error) => Err(self
                .failed(error)
                .gone_on_by("once the cause is gone, go on with", self.go_on())),
            _ => on(
                Kind::Interrupted,
                format!("interrupted; {rows} not linked back"),
            ),
        }
    }

    /// The command that goes on from here.
    fn go_on(&self) -> String {
        let typed = self.typed;
        let mut options = Vec::new();
        if let Some(rows) = &typed.rows {
            options.extend(["--rows".to_owned(), rows.to_string()]);
        }
        options.extend(typed.even_if_used.then(|| "--even-if-used".to_owned()));
        if let Some(digest) = typed.expect {
            options.extend(["--expect".to_owned(), digest.to_string()]);
        }
        options.extend(typed.caps.words());
        options.extend(self.run.until_words(self.until.as_ref(), &self.target));
        options.extend(typed.speed.words());
        options.extend(typed.change.yes.then(|| "--yes".to_owned()));
        self.run.next("undo", &typed.job, &options)
    }
}

/// Each outcome that there was, in a column for each of these counts.
pub(super) fn outcomes(columns: &[(&str, &UndoCounts)], paint: Paint) -> String {
    type Of = fn(&UndoCounts) -> u64;
    const OUTCOMES: [(&str, Of); 5] = [
        ("linked back", |counts| counts.linked_back),
        ("already linked", |counts| counts.already_linked),
        ("skipped", |counts| counts.skipped),
        ("failed", |counts| counts.failed),
        ("unknown", |counts| counts.unknown),
    ];
    let cell = |index: usize, of: Of| {
        columns
            .get(index)
            .map(|(_, counts)| count(of(counts)))
            .unwrap_or_default()
    };
    let there = OUTCOMES.into_iter().filter(|(name, of)| {
        *name == "linked back" || columns.iter().any(|(_, counts)| of(counts) > 0)
    });
    let rows: Vec<_> = there
        .map(|(name, of)| [name.to_owned(), cell(0, of), cell(1, of)])
        .collect();
    let name = |index: usize| columns.get(index).map_or("", |(name, _)| name);
    let lines = text::table(["OUTCOME", name(0), name(1)], &rows);
    let painted = lines.iter().enumerate().map(|(index, line)| match index {
        0 => paint.strong(line) + "\n",
        _ => format!("{line}\n"),
    });
    painted.collect()
}
