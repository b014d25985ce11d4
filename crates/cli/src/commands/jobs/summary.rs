//! How a run went and how its job stands, for both forms of output.

use std::{path::Path, time::SystemTime};

use jiff::Timestamp;
use serde::Serialize;
use unlink_batch::{Counts, Ending, Plan, Summary};

use crate::{
    failure::Failure,
    io::Paint,
    json,
    text::{self, count, span},
};

/// What is told at the end of a run.
pub(super) struct Told<'a> {
    pub(super) job: &'a Path,
    pub(super) ending: &'a Ending,
    /// Of this run.
    pub(super) run: &'a Counts,
    /// Of the whole job.
    pub(super) all: &'a Counts,
    pub(super) rows: u64,
    pub(super) summary: &'a Summary,
    /// The list of the rows that were not done.
    pub(super) failures: Option<&'a Path>,
}

#[derive(Serialize)]
struct SummaryDocument {
    ending: &'static str,
    job: String,
    rows: u64,
    run: CountsDocument,
    all: CountsDocument,
    attempts: u64,
    seconds: f64,
    failures_file: Option<String>,
}

/// How many rows ended how.
#[derive(Serialize)]
pub(super) struct CountsDocument {
    unlinked: u64,
    deleted: u64,
    not_deleted: u64,
    not_linked: u64,
    absent: u64,
    stale: u64,
    failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<u64>,
}

impl CountsDocument {
    /// Of a whole job.
    pub(super) const fn of_job(counts: &Counts) -> Self {
        Self {
            unknown: Some(counts.unknown),
            pending: Some(counts.pending),
            ..Self::of_run(counts)
        }
    }

    /// Of a run, to which what is still to be done does not belong.
    const fn of_run(counts: &Counts) -> Self {
        Self {
            unlinked: counts.unlinked,
            deleted: counts.deleted,
            not_deleted: counts.not_deleted,
            not_linked: counts.not_linked,
            absent: counts.absent,
            stale: counts.stale,
            failed: counts.failed,
            unknown: None,
            pending: None,
        }
    }
}

impl Told<'_> {
    pub(super) fn shown(&self, is_json: bool, paint: Paint) -> Result<String, Failure> {
        if is_json {
            return json::line(&SummaryDocument {
                ending: name(self.ending),
                job: self.job.to_string_lossy().into_owned(),
                rows: self.rows,
                run: CountsDocument::of_run(self.run),
                all: CountsDocument::of_job(self.all),
                attempts: self.summary.traffic.requests,
                seconds: self.summary.elapsed.as_secs_f64(),
                failures_file: self
                    .failures
                    .map(|path| path.to_string_lossy().into_owned()),
            });
        }
        let mut text = outcomes(&[("THIS RUN", self.run), ("THE JOB", self.all)], paint);
        text += &format!(
            "{} requests, in {}\n",
            count(self.summary.traffic.requests),
            span(self.summary.elapsed)
        );
        if let Some(path) = self.failures {
            text += &format!(
                "What failed or was left alone is in {}, a list that plan takes.\n",
                super::path_text(path)
            );
        }
        Ok(text)
    }
}

/// How a job stands, alone.
pub(super) fn stands(
    plan: &Plan,
    counts: &Counts,
    is_json: bool,
    paint: Paint,
) -> Result<String, Failure> {
    if is_json {
        #[derive(Serialize)]
        struct Document {
            ending: &'static str,
            rows: u64,
            all: CountsDocument,
        }
        return json::line(&Document {
            ending: "complete",
            rows: plan.rows,
            all: CountsDocument::of_job(counts),
        });
    }
    Ok(outcomes(&[("THE JOB", counts)], paint))
}

/// What the list of runs calls it.
const fn name(ending: &Ending) -> &'static str {
    match ending {
        Ending::Complete => "complete",
        Ending::Max => "max",
        Ending::MaxFailures => "max_failures",
        Ending::Canary => "canary",
        Ending::CanaryWrong(_) => "canary_wrong",
        Ending::Stopped => "stopped",
        Ending::Until => "until",
        Ending::Unreachable(_) => "unreachable",
        Ending::Refused(_) => "refused",
        _ => "other",
    }
}

/// One of the counts.
type Of = fn(&Counts) -> u64;

/// Each outcome that there was, with what it means, in a column for each of these counts.
pub(super) fn outcomes(columns: &[(&str, &Counts)], paint: Paint) -> String {
    const OUTCOMES: [(&str, &str, Of); 9] = [
        ("unlinked", "", |counts| counts.unlinked),
        ("deleted", "unlinked, and the account deleted", |counts| {
            counts.deleted
        }),
        (
            "not deleted",
            "unlinked, and the account is still there",
            |counts| counts.not_deleted,
        ),
        ("not linked", "it was not any more", |counts| {
            counts.not_linked
        }),
        (
            "absent",
            "it is not linked now; whether it was is not known",
            |counts| counts.absent,
        ),
        (
            "stale",
            "left alone: not what was planned any more",
            |counts| counts.stale,
        ),
        ("failed", "", |counts| counts.failed),
        (
            "unknown",
            "sent, and read first by the next run",
            |counts| counts.unknown,
        ),
        ("pending", "still to be done", |counts| counts.pending),
    ];
    let mut rows = Vec::new();
    for (name, meaning, of) in OUTCOMES {
        let of_job = matches!(name, "unknown" | "pending");
        let cell = |index: usize| match columns.get(index) {
            // What is still to be done is the job's.
            Some(_) if of_job && index + 1 < columns.len() => String::new(),
            Some((_, counts)) => count(of(counts)),
            None => String::new(),
        };
        if columns.iter().any(|(_, counts)| of(counts) > 0) || name == "unlinked" {
            let mut row = [name.to_owned(), cell(0), cell(1), meaning.to_owned()];
            if columns.len() == 1 {
                row.swap(2, 3);
            }
            rows.push(row);
        }
    }
    let mut header = ["OUTCOME", "", "", ""];
    for (index, (name, _)) in columns.iter().enumerate() {
        header[index + 1] = name;
    }
    let lines = text::table(header, &rows);
    let painted = lines.iter().enumerate().map(|(index, line)| match index {
        0 => paint.strong(line) + "\n",
        _ => format!("{line}\n"),
    });
    painted.collect()
}

/// A time in UTC, to the second.
pub(super) fn at(time: SystemTime) -> String {
    match Timestamp::try_from(time) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => "at an unknown time".to_owned(),
    }
}
