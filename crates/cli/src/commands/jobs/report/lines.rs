//! A job as a table for spreadsheets, and as lines of JSON.

use std::{borrow::Cow, io::Write};

use serde_json::{Value, json};
use unlink_batch::{Counts, Error, Row, Traffic, View};

use super::{Output, at, redact::Names};
use crate::commands::jobs::csv;

const COLUMNS: [&str; 15] = [
    "row",
    "user_id",
    "provider",
    "identity_user_id",
    "connection",
    "line",
    "outcome",
    "reason",
    "message",
    "advice",
    "at",
    "attempts",
    "undo_outcome",
    "undo_message",
    "undo_at",
];

/// A line for each row of the job.
pub(super) fn table(view: &View, names: &Names, to: &mut Output<impl Write>) -> Result<(), Error> {
    to.put(&csv::record(&COLUMNS));
    view.rows(|row| {
        let undone = row.undone.as_ref();
        let time = |time: Option<_>| time.map(at).unwrap_or_default();
        let cells: [Cow<'_, str>; 15] = [
            row.number.to_string().into(),
            names.user(&row.user_id),
            row.provider.as_str().into(),
            names.id(&row.identity_user_id),
            row.connection.as_deref().unwrap_or_default().into(),
            row.line.to_string().into(),
            outcome(&row).into(),
            row.reason.map_or("", |reason| reason.as_str()).into(),
            names.message(row.message.as_deref().unwrap_or_default(), &row),
            row.advice().unwrap_or_default().into(),
            time(row.at).into(),
            row.attempts.to_string().into(),
            undone
                .and_then(|undone| undone.outcome)
                .map_or("", |outcome| outcome.as_str())
                .into(),
            names.message(
                undone
                    .and_then(|undone| undone.message.as_deref())
                    .unwrap_or_default(),
                &row,
            ),
            time(undone.and_then(|undone| undone.at)).into(),
        ];
        to.put(&csv::record(
            &cells
                .each_ref()
                .map(|cell| csv::inert(cell))
                .each_ref()
                .map(|cell| &**cell),
        ));
        Ok(())
    })
}

/// What came of the row, or what is to come.
pub(super) fn outcome(row: &Row) -> &'static str {
    match row.outcome {
        _ if row.is_in_doubt => "unknown",
        Some(outcome) => outcome.as_str(),
        None => "pending",
    }
}

/// A line for the job, for each warning, each run, each slice of one and each row; `kind` says which.
pub(super) fn json(view: &View, names: &Names, to: &mut Output<impl Write>) -> Result<(), Error> {
    let mut line = |value: &Value| to.put(&format!("{value}\n"));
    let plan = view.plan();
    let status = view.status()?;
    line(&json!({
        "kind": "job",
        "id": plan.job,
        "tenant": plan.tenant,
        "action": plan.action.to_string(),
        "digest": plan.digest.to_string(),
        "version": plan.version,
        "planned_at": at(plan.made_at),
        "source": plan.source,
        "source_sha256": plan.source_digest.to_string(),
        "rows": plan.rows,
        "duplicates": plan.duplicates,
        "bad_lines": plan.bad,
        "main_identities": plan.main_identities,
        "without_verified_email": plan.without_email,
        "without_login": plan.without_login,
        "purged_at": plan.purged_at.map(at),
        "counts": counts(&status.counts),
        "linked_back": status.undone.linked_back,
        "redacted": names.are_redacted(),
    }));
    view.warnings(|user, warning| {
        line(&json!({
            "kind": "warning",
            "user_id": names.user(user),
            "warning": super::warning(warning),
            "advice": warning.advice(),
        }));
        Ok(())
    })?;
    for run in view.runs()? {
        line(&json!({
            "kind": "run",
            "run": run.number,
            "work": run.work.as_str(),
            "began": at(run.began),
            "ended": run.ended.map(at),
            "ending": run.ending,
            "client": run.client,
            "operator": run.operator,
            "options": super::options(&run.options),
            "answer": run.answer,
            "version": run.version,
            "traffic": traffic(&run.traffic),
        }));
    }
    for slice in view.timeline()? {
        line(&json!({
            "kind": "slice",
            "run": slice.run,
            "at": at(slice.at),
            "rows": slice.rows,
            "failures": slice.failures,
            "traffic": traffic(&slice.traffic),
        }));
    }
    view.rows(|row| {
        let message = row
            .message
            .as_deref()
            .map(|message| names.message(message, &row));
        let undone = row.undone.as_ref().map(|undone| {
            json!({
                "outcome": undone.outcome.map(|outcome| outcome.as_str()),
                "reason": undone.reason.map(|reason| reason.as_str()),
                "message": undone.message.as_deref().map(|message| names.message(message, &row)),
                "at": undone.at.map(at),
            })
        });
        line(&json!({
            "kind": "row",
            "row": row.number,
            "user_id": names.user(&row.user_id),
            "identity": {
                "provider": row.provider,
                "user_id": names.id(&row.identity_user_id),
                "connection": row.connection,
            },
            "line": row.line,
            "outcome": outcome(&row),
            "reason": row.reason.map(|reason| reason.as_str()),
            "message": message,
            "advice": row.advice(),
            "at": row.at.map(at),
            "run": row.run,
            "attempts": row.attempts,
            "undone": undone,
        }));
        Ok(())
    })
}

fn counts(counts: &Counts) -> Value {
    json!(crate::commands::jobs::summary::CountsDocument::of_job(
        counts
    ))
}

fn traffic(traffic: &Traffic) -> Value {
    json!(crate::commands::jobs::summary::TrafficDocument::new(
        traffic
    ))
}
