//! `purge`: the ids of people leave a job that is done with.

use serde::Serialize;
use unlink_batch::Job;

use crate::{
    args,
    commands::{
        Run,
        jobs::{beside, path_text},
    },
    confirm::consent,
    failure::Failure,
    io::Io,
    json,
    text::counted,
};

pub(in crate::commands) fn run(
    run: &Run<'_>,
    typed: &args::jobs::Purge,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let failed = |error: unlink_batch::Error| Failure::job_file(&error);
    if run.is_dry(false)? {
        return Err(Failure::usage(
            "AUTH0_DRY_RUN is set, and purging cannot be tried without doing it",
        ));
    }
    let job = Job::open(&typed.job).map_err(failed)?;
    let name = path_text(&typed.job);
    let plan = format!(
        "Remove the rows of {name} ({}), and with them the ids of people, for good: nothing of it can be applied or undone \
         any more. Counts, digests and the list of runs stay.",
        counted(job.plan().rows, "identity", "identities")
    );
    consent(typed.yes, &plan, run.typed, io)?;
    let purged = job.purge(typed.even_if_unfinished).map_err(|error| {
        let failure = failed(error);
        match typed.even_if_unfinished {
            false
                if matches!(
                    failure.kind(),
                    crate::exit::Kind::Job(unlink_batch::ErrorKind::NotFinished)
                ) =>
            {
                failure.hint("apply it to its end first, or give --even-if-unfinished")
            }
            _ => failure,
        }
    })?;
    let failures = beside(&typed.job, "failures.jsonl");
    let kept = purged.kept_beside.iter().map(|path| path_text(path));
    let still: Vec<String> = kept
        .chain(failures.exists().then(|| path_text(&failures)))
        .collect();
    let told = if io.is_json() {
        json::line(&Document {
            job: name,
            rows: purged.rows,
            users: purged.users,
            still_with_ids: &still,
        })?
    } else {
        let mut text = format!(
            "Removed {} of {} from {name}.\n",
            counted(purged.rows, "row", "rows"),
            counted(purged.users, "user", "users")
        );
        for path in &still {
            text += &format!("{path} still holds ids of people: remove it too.\n");
        }
        text + "Reports that were made without --redact hold them as well, and so does the source.\n"
    };
    io.result(&told)
}

#[derive(Serialize)]
struct Document<'a> {
    job: String,
    rows: u64,
    users: u64,
    /// Files beside the job that hold ids of people too.
    still_with_ids: &'a [String],
}
