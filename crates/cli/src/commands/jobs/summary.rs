//! How a run went and how its job stands, for both forms of output.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use serde::Serialize;
use unlink::transport::Pace;
use unlink_batch::{Counts, Plan, Summary, Traffic, UndoCounts};

use crate::{
    failure::Failure,
    io::{Io, Paint},
    json,
    text::{self, count, counted, span, waited},
};

/// What is told at the end of a run.
pub(super) struct Told<'a> {
    pub(super) job: &'a Path,
    pub(super) summary: &'a Summary,
    pub(super) sent: Sent,
    /// Of the whole job.
    pub(super) all: &'a Counts,
    pub(super) rows: u64,
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
    traffic: TrafficDocument,
    seconds: f64,
    failures_file: Option<String>,
}

/// What a run sent.
#[derive(Clone, Copy, Serialize)]
pub(super) struct TrafficDocument {
    requests: u64,
    /// With 429.
    refused: u64,
    waited_seconds: f64,
    lowest_remaining: Option<u64>,
}

impl TrafficDocument {
    pub(super) const fn new(traffic: &Traffic) -> Self {
        Self {
            requests: traffic.requests,
            refused: traffic.refused,
            waited_seconds: traffic.waited.as_secs_f64(),
            lowest_remaining: traffic.lowest_remaining,
        }
    }
}

/// How many rows were linked back, or not.
#[derive(Serialize)]
pub(super) struct UndoneDocument {
    linked_back: u64,
    already_linked: u64,
    skipped: u64,
    failed: u64,
    unknown: u64,
}

impl UndoneDocument {
    pub(super) const fn new(counts: &UndoCounts) -> Self {
        Self {
            linked_back: counts.linked_back,
            already_linked: counts.already_linked,
            skipped: counts.skipped,
            failed: counts.failed,
            unknown: counts.unknown,
        }
    }
}

/// What a command sent for a run, as its client counts it: every attempt, and every wait for the rate limit.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    traffic: TrafficDocument,
    elapsed: Duration,
}

impl Sent {
    /// What was sent since `before`, in a run that took `elapsed`.
    pub(super) fn since(before: &Pace, now: &Pace, elapsed: Duration) -> Self {
        Self {
            traffic: TrafficDocument {
                requests: now.sent.saturating_sub(before.sent),
                refused: now.refused.saturating_sub(before.refused),
                waited_seconds: now.waited.saturating_sub(before.waited).as_secs_f64(),
                lowest_remaining: now.limits.iter().map(|limit| limit.lowest).min(),
            },
            elapsed,
        }
    }

    pub(super) const fn document(self) -> TrafficDocument {
        self.traffic
    }

    /// It in a line.
    pub(super) fn line(self) -> String {
        let Self { traffic, elapsed } = self;
        let mut text = format!(
            "{} in {}",
            counted(traffic.requests, "request", "requests"),
            span(elapsed)
        );
        if traffic.refused > 0 {
            text += &format!(
                ", {} refused for the rate limit (429)",
                count(traffic.refused)
            );
        }
        // Less is the way every request takes.
        let for_turns = Duration::try_from_secs_f64(traffic.waited_seconds).unwrap_or_default();
        if for_turns >= Duration::from_secs(1) {
            text += &format!(", waiting {} in all for their turns", waited(for_turns));
        }
        if let Some(lowest) = traffic.lowest_remaining {
            text += &format!(
                "; the tenant's rate limit had {} left at the lowest",
                count(lowest)
            );
        }
        text + "\n"
    }
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
                ending: self.summary.ending.as_str(),
                job: self.job.to_string_lossy().into_owned(),
                rows: self.rows,
                run: CountsDocument::of_run(&self.summary.counts),
                all: CountsDocument::of_job(self.all),
                traffic: self.sent.document(),
                seconds: self.summary.elapsed.as_secs_f64(),
                failures_file: self
                    .failures
                    .map(|path| path.to_string_lossy().into_owned()),
            });
        }
        let mut text = outcomes(
            &[("THIS RUN", &self.summary.counts), ("THE JOB", self.all)],
            paint,
        );
        text += &self.sent.line();
        if let Some(path) = self.failures {
            text += &format!(
                "What failed or was left alone is in {}, a list that plan takes.\n",
                super::path_text(path)
            );
        }
        Ok(text)
    }
}

/// What a run would do, which sends nothing.
pub(super) fn dry_run(
    plan: &Plan,
    rows: u64,
    in_words: &str,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Document<'a> {
        ending: &'static str,
        tenant: &'a str,
        action: String,
        digest: String,
        /// Those that the run would do.
        rows: u64,
    }
    let told = if io.is_json() {
        json::line(&Document {
            ending: "dry_run",
            tenant: &plan.tenant,
            action: plan.action.to_string(),
            digest: plan.digest.to_string(),
            rows,
        })?
    } else {
        format!("Dry run, nothing was changed and nothing was sent.\n{in_words}\n")
    };
    io.result(&told)
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
            "may have been sent; the next run reads first",
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

/// Rows that were left alone.
pub(super) const fn skipped(counts: &Counts) -> u64 {
    counts.stale
}

/// Rows that failed, in their first half or in their second.
pub(super) const fn failed(counts: &Counts) -> u64 {
    counts.failed + counts.not_deleted
}

/// A time in UTC, to the second.
pub(super) fn at(time: SystemTime) -> String {
    match Timestamp::try_from(time) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => "at an unknown time".to_owned(),
    }
}
