//! `status`: how far a job is, also while another process works on it.

use serde::Serialize;
use unlink_batch::Status;

use crate::{
    args,
    commands::{
        Run,
        jobs::{
            path_text,
            summary::{CountsDocument, at, outcomes},
        },
    },
    failure::Failure,
    io::Io,
    json,
    text::{counted, printable},
};

pub(in crate::commands) fn run(
    _: &Run<'_>,
    typed: &args::jobs::Status,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let status = Status::read(&typed.job).map_err(|error| Failure::job_file(&error))?;
    let plan = &status.plan;
    let told = if io.is_json() {
        json::line(&Document {
            job: typed.job.to_string_lossy().into_owned(),
            id: &plan.job,
            tenant: &plan.tenant,
            action: plan.action.to_string(),
            digest: plan.digest.to_string(),
            planned_at: at(plan.made_at),
            rows: plan.rows,
            counts: CountsDocument::of_job(&status.counts),
            canary_waits: status.canary_waits,
        })?
    } else {
        let mut text = format!(
            "{}, for {}: {} {}, planned {} from {}.\nDigest {}\n\n",
            path_text(&typed.job),
            printable(&plan.tenant),
            plan.action,
            counted(plan.rows, "identity", "identities"),
            at(plan.made_at),
            printable(&plan.source),
            plan.digest,
        );
        text += &outcomes(&[("ROWS", &status.counts)], io.out_paint());
        if status.canary_waits {
            text +=
                "\nThe first rows are done, and the rest waits until someone has looked at them.\n";
        }
        text
    };
    io.result(&told)
}

#[derive(Serialize)]
struct Document<'a> {
    job: String,
    id: &'a str,
    tenant: &'a str,
    action: String,
    digest: String,
    planned_at: String,
    rows: u64,
    counts: CountsDocument,
    canary_waits: bool,
}
