//! `verify`: what a fresh export shows of the identities that a job was to unlink.

use std::path::Path;

use serde::Serialize;
use unlink_batch::{Selection, Verified, View};

use crate::{
    args,
    commands::{
        Run,
        jobs::{export, refuse_other_tenant, refuse_purged, source::Source},
    },
    exit::Kind,
    failure::Failure,
    io::Io,
    json,
    text::{count, counted, shown},
};

pub(in crate::commands) async fn run(
    run: &Run<'_>,
    typed: &args::jobs::Verify,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let failed = |error: unlink_batch::Error| Failure::job_file(&error);
    let view = View::open(&typed.job).map_err(failed)?;
    refuse_purged(view.plan())?;
    // What was selected then, unless something else is asked about now.
    let selection = match typed.selected.selection() {
        typed if typed.is_empty() => view.plan().selection.clone(),
        typed => typed,
    };
    let verified = match &typed.from {
        Some(from) => {
            let mut source = Source::open(run, from, io)?;
            let name = source.name.clone();
            view.verify(&name, &mut source, &selection)
        }
        None => {
            let target = run.target(io)?;
            refuse_other_tenant(view.plan(), &target)?;
            let folder = typed.job.parent().unwrap_or(Path::new(""));
            let export = export::fetched(&target, folder, false, io).await?;
            view.verify(&export.name(), export, &selection)
        }
    };
    let verified = verified.map_err(failed)?;
    // A job of a list says nothing of identities that are not in it.
    let beyond = (!selection.is_empty()).then_some(&verified);
    let told = if io.is_json() {
        json::line(&Document {
            selection: beyond.map(|_| selection.to_string()),
            users: verified.users,
            left: verified.left,
            linked_back: verified.linked_back,
            new: beyond.map(|verified| verified.new),
            accounts: beyond.map(|verified| verified.accounts),
            split_off: beyond.map(|verified| verified.split_off),
        })?
    } else {
        in_words(&verified, beyond.map(|_| &selection))
    };
    io.result(&told)?;
    let new = beyond.map_or(0, |verified| verified.new);
    if verified.left + new == 0 {
        return Ok(());
    }
    let message = format!(
        "{}: {} of the job, and {} that came after its plan",
        counted(
            verified.left + new,
            "identity is still linked",
            "identities are still linked"
        ),
        count(verified.left),
        count(new)
    );
    let counts = view.status().map_err(failed)?.counts;
    let hint = if counts.pending + counts.unknown > 0 {
        "the job is not done: apply it again first"
    } else if verified.left + new == verified.linked_back {
        "undo linked them back, and nothing else of the job is linked"
    } else if typed.from.is_some() {
        "make a plan of this export, and apply that"
    } else {
        "make another plan by plan --export, and apply that"
    };
    Err(Failure::new(Kind::StillLinked, message).hint(hint))
}

fn in_words(verified: &Verified, selection: Option<&Selection>) -> String {
    let mut text = format!(
        "The export has {users}.\n\
         Still linked, of the job:      {left}",
        users = counted(verified.users, "user", "users"),
        left = count(verified.left),
    );
    if verified.linked_back > 0 {
        text += &format!(
            ", of which undo linked {} back",
            count(verified.linked_back)
        );
    }
    text += "\n";
    if let Some(selection) = selection {
        text += &format!(
            "Linked since, not in the job:  {new}\n\
             Accounts of their own:         {accounts}, of which the job split off {split}\n\
             Looked at:                     {selection}\n",
            new = count(verified.new),
            accounts = count(verified.accounts),
            split = count(verified.split_off),
            selection = shown(selection),
        );
    }
    text
}

#[derive(Serialize)]
struct Document {
    selection: Option<String>,
    users: u64,
    left: u64,
    linked_back: u64,
    new: Option<u64>,
    accounts: Option<u64>,
    split_off: Option<u64>,
}
