//! `status`: how far a job is, how fast, and what went wrong last, also while another process works on it.

use std::time::Duration;

use serde::Serialize;
use unlink_batch::{Job, Row, Run as JobRun, Status, View};

use crate::{
    args,
    commands::{
        Run,
        jobs::{
            path_text,
            summary::{CountsDocument, TrafficDocument, UndoneDocument, at, outcomes},
            undo,
        },
    },
    failure::Failure,
    io::{Io, Paint},
    json,
    text::{count, counted, printable, span, waited},
};

/// How many of the last errors are shown.
const LAST: u32 = 5;

pub(in crate::commands) fn run(
    _: &Run<'_>,
    typed: &args::jobs::Status,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let failed = |error: unlink_batch::Error| Failure::job_file(&error);
    let is_worked_on = Job::is_worked_on(&typed.job).map_err(failed)?;
    let view = View::open(&typed.job).map_err(failed)?;
    let status = view.status().map_err(failed)?;
    let last = view.last_failures(LAST).map_err(failed)?;
    let name = path_text(&typed.job);
    let now = Now {
        is_going_on: is_worked_on
            && status
                .last_run
                .as_ref()
                .is_some_and(|run| run.ended.is_none()),
        status,
    };
    let told = if io.is_json() {
        json::line(&document(&name, &now, &last))?
    } else {
        in_words(&name, &now, &last, io.out_paint())
    };
    io.result(&told)
}

/// How a job stands, and whether its last run goes on.
struct Now {
    is_going_on: bool,
    status: Status,
}

/// How long the rest takes at the rate of now; nothing unless a run goes on.
fn time_left(now: &Now) -> Option<Duration> {
    let status = &now.status;
    let rate = status.rate.filter(|rate| *rate > 0.0 && now.is_going_on)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a time for people, in round units"
    )]
    let seconds = (status.counts.pending + status.counts.unknown) as f64 / rate;
    Duration::try_from_secs_f64(seconds).ok()
}

fn in_words(name: &str, now: &Now, last: &[Row], paint: Paint) -> String {
    let status = &now.status;
    let plan = &status.plan;
    let mut text = format!(
        "{name}, for {}: {} {}, planned {} from {}.\nDigest {}\n\n",
        printable(&plan.tenant),
        plan.action,
        counted(plan.rows, "identity", "identities"),
        at(plan.made_at),
        printable(&plan.source),
        plan.digest,
    );
    text += &outcomes(&[("ROWS", &status.counts)], paint);
    let undone = &status.undone;
    if undone.linked_back + undone.already_linked + undone.skipped + undone.failed + undone.unknown
        > 0
    {
        text += "\n";
        text += &undo::outcomes(&[("UNDONE", undone)], paint);
    }
    if let Some(purged) = plan.purged_at {
        text += &format!(
            "\nThe ids of people were removed from it on {}; nothing can be applied or undone.\n",
            at(purged)
        );
    }
    if status.canary_waits {
        text += "\nThe first rows are done, and the rest waits until someone has looked at them.\n";
    }
    if let Some(run) = &status.last_run {
        text += &format!("\n{}\n", last_run(run, now.is_going_on));
    }
    if let (Some(rate), true) = (status.rate, now.is_going_on) {
        text += &format!("{rate:.1} rows a second");
        if let Some(left) = time_left(now) {
            text += &format!(", about {} left", span(left));
        }
        text += "\n";
    }
    if !last.is_empty() {
        text += "\nThe last rows that someone has to look at:\n";
    }
    for row in last {
        text += &format!(
            "{}  {} {}|{}: {}{}\n",
            row.number,
            printable(&row.user_id),
            printable(&row.provider),
            printable(&row.identity_user_id),
            row.outcome.map_or("unknown", |outcome| outcome.as_str()),
            row.message
                .as_deref()
                .map(|why| format!(", {}", printable(why)))
                .unwrap_or_default(),
        );
        text.extend(row.advice().map(|advice| format!("   {advice}\n")));
    }
    text
}

fn last_run(run: &JobRun, is_going_on: bool) -> String {
    let mut told = format!(
        "Run {} ({}) began {}",
        run.number,
        run.work.as_str(),
        at(run.began)
    );
    match (&run.ending, run.ended) {
        (Some(ending), Some(ended)) => {
            told += &format!(" and ended {}: {}.", at(ended), printable(ending))
        }
        _ if is_going_on => told += " and goes on.",
        _ => told += " and was cut off: what it may have sent is read by the next one.",
    }
    let traffic = &run.traffic;
    told += &format!(
        " {}, {} refused (429), {} waited.",
        counted(traffic.requests, "request", "requests"),
        count(traffic.refused),
        waited(traffic.waited)
    );
    told
}

fn document<'a>(name: &'a str, now: &'a Now, last: &'a [Row]) -> impl Serialize + use<'a> {
    let status = &now.status;
    let plan = &status.plan;
    Document {
        job: name,
        id: &plan.job,
        tenant: &plan.tenant,
        action: plan.action.to_string(),
        digest: plan.digest.to_string(),
        planned_at: at(plan.made_at),
        rows: plan.rows,
        counts: CountsDocument::of_job(&status.counts),
        undone: UndoneDocument::new(&status.undone),
        canary_waits: status.canary_waits,
        purged_at: plan.purged_at.map(at),
        rows_per_second: status.rate,
        seconds_left: time_left(now).map(|left| left.as_secs()),
        last_run: status.last_run.as_ref().map(|run| RunDocument {
            run: run.number,
            work: run.work.as_str(),
            began: at(run.began),
            is_going_on: now.is_going_on,
            ended: run.ended.map(at),
            ending: run.ending.as_deref(),
            traffic: TrafficDocument::new(&run.traffic),
        }),
        last_failures: last.iter().map(FailureDocument::new).collect(),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    job: &'a str,
    id: &'a str,
    tenant: &'a str,
    action: String,
    digest: String,
    planned_at: String,
    rows: u64,
    counts: CountsDocument,
    undone: UndoneDocument,
    canary_waits: bool,
    purged_at: Option<String>,
    rows_per_second: Option<f64>,
    seconds_left: Option<u64>,
    last_run: Option<RunDocument<'a>>,
    last_failures: Vec<FailureDocument<'a>>,
}

#[derive(Serialize)]
struct RunDocument<'a> {
    run: u64,
    work: &'a str,
    began: String,
    is_going_on: bool,
    ended: Option<String>,
    ending: Option<&'a str>,
    traffic: TrafficDocument,
}

#[derive(Serialize)]
struct FailureDocument<'a> {
    row: u64,
    user_id: &'a str,
    provider: &'a str,
    identity_user_id: &'a str,
    outcome: Option<&'a str>,
    reason: Option<&'a str>,
    message: Option<&'a str>,
    advice: Option<&'a str>,
}

impl<'a> FailureDocument<'a> {
    fn new(row: &'a Row) -> Self {
        Self {
            row: row.number,
            user_id: &row.user_id,
            provider: &row.provider,
            identity_user_id: &row.identity_user_id,
            outcome: row.outcome.map(|outcome| outcome.as_str()),
            reason: row.reason.map(|reason| reason.as_str()),
            message: row.message.as_deref(),
            advice: row.advice(),
        }
    }
}
