//! `verify`: what a fresh export shows of the identities that a job was to unlink.

use serde::Serialize;
use unlink_batch::{Verified, View};

use crate::{
    args,
    commands::{Run, jobs::Source},
    exit::Kind,
    failure::Failure,
    io::Io,
    json,
    text::{count, counted},
};

pub(in crate::commands) fn run(
    run: &Run<'_>,
    typed: &args::jobs::Verify,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let failed = |error: unlink_batch::Error| Failure::job_file(&error);
    let job = View::open(&typed.job).map_err(failed)?;
    let selection = typed.selected.selection();
    let verified = {
        let mut source = Source::open(run, &typed.from, io)?;
        let name = source.name.clone();
        job.verify(&name, &mut source.reader, &selection)
            .map_err(failed)?
    };
    let told = if io.is_json() {
        json::line(&Document {
            users: verified.users,
            left: verified.left,
            new: verified.new,
            accounts: verified.accounts,
            split_off: verified.split_off,
        })?
    } else {
        in_words(&verified)
    };
    io.result(&told)?;
    if verified.left + verified.new == 0 {
        return Ok(());
    }
    let message = format!(
        "{} of the selection: {} of the job, and {} that came after its plan",
        counted(
            verified.left + verified.new,
            "identity is still linked",
            "identities are still linked"
        ),
        count(verified.left),
        count(verified.new)
    );
    Err(Failure::new(Kind::StillLinked, message).hint("make a plan of this export, and apply that"))
}

fn in_words(verified: &Verified) -> String {
    format!(
        "The export has {users}.\n\
         Still linked, of the job:      {left}\n\
         Linked since, not in the job:  {new}\n\
         Accounts of their own:         {accounts}, of which the job split off {split}\n",
        users = counted(verified.users, "user", "users"),
        left = count(verified.left),
        new = count(verified.new),
        accounts = count(verified.accounts),
        split = count(verified.split_off),
    )
}

#[derive(Serialize)]
struct Document {
    users: u64,
    left: u64,
    new: u64,
    accounts: u64,
    split_off: u64,
}
