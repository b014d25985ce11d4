//! The commands that work on a job, one to a file, and what they share.

pub(super) mod apply;
mod csv;
mod export;
pub(super) mod plan;
mod progress;
pub(super) mod purge;
pub(super) mod report;
mod running;
mod source;
pub(super) mod status;
mod summary;
pub(super) mod undo;
pub(super) mod verify;

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use indicatif::ProgressStyle;
use jiff::{Timestamp, Zoned};
use unlink_batch::{Digest, ErrorKind, Job, Plan, Work};

use crate::{
    commands::{Run, Target},
    exit::Kind,
    failure::Failure,
    text::{printable, shell_word},
    until::{self, Until},
};

/// The name under which these commands are told to be run.
const PROGRAM: &str = env!("CARGO_BIN_NAME");

impl Run<'_> {
    /// The operating system's user, for a record of who did what: the name it goes by, which anyone may set, and its id.
    fn operator(&self) -> String {
        let names = ["USER", "LOGNAME", "USERNAME"];
        // A name that is no text is as good as none.
        let mut names = names
            .into_iter()
            .filter_map(|name| self.environment.text(name).ok()?);
        let name = names.next();
        #[cfg(unix)]
        {
            let uid = rustix::process::getuid().as_raw();
            name.map_or_else(
                || format!("uid {uid}"),
                |name| format!("{name} (uid {uid})"),
            )
        }
        #[cfg(not(unix))]
        name.unwrap_or("someone not named").to_owned()
    }

    /// The time to end at, as it was typed and is meant here and now.
    fn until(&self, typed: Option<Until>, target: &Target) -> Result<Option<Zoned>, Failure> {
        let Some(typed) = typed else {
            return Ok(None);
        };
        let wall = target.client.transport().time().wall();
        let now = Timestamp::try_from(SystemTime::UNIX_EPOCH + wall).map_err(|error| {
            Failure::new(Kind::Clock, "this machine's clock is off").because(&error)
        })?;
        typed
            .after(&now.to_zoned(until::zone(self.environment)?))
            .map(Some)
    }

    /// The option that ends another run when this one was to end, unless that is past.
    fn until_words(&self, until: Option<&Zoned>, target: &Target) -> Vec<String> {
        let wall = target.client.transport().time().wall();
        let still = until.filter(|until| {
            Timestamp::try_from(SystemTime::UNIX_EPOCH + wall)
                .is_ok_and(|now| now < until.timestamp())
        });
        still.map_or_else(Vec::new, |until| {
            vec!["--until".to_owned(), until::shown(until)]
        })
    }

    /// A command on a job to run next, at the same tenant and in the same form.
    fn next(&self, command: &str, job: &Path, options: &[String]) -> String {
        self.next_of(command, &[vec![file_word(job)], options.to_vec()].concat())
    }

    /// A command to run next, at the same tenant and in the same form.
    fn next_of(&self, command: &str, words: &[String]) -> String {
        let words = [words.to_vec(), self.shared.words()].concat();
        let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
        format!("{PROGRAM} {command} {}", words.join(" "))
    }
}

/// A file as a word that is not taken for an option: one whose name begins like one is below this directory.
fn file_word(path: &Path) -> String {
    let name = path.to_string_lossy();
    if name.starts_with('-') {
        format!("./{name}")
    } else {
        name.into_owned()
    }
}

/// Opens a job to work on it, and refuses before anything is asked what would be refused after it.
fn open(path: &Path, target: &Target, expected: Option<Digest>) -> Result<Job, Failure> {
    let job = Job::open(path).map_err(|error| Failure::job(&error, &target.tenant))?;
    let plan = job.plan();
    refuse_other_tenant(plan, target)?;
    let (kind, message) = if let Some(expected) =
        expected.filter(|expected| *expected != plan.digest)
    {
        let digest = plan.digest;
        let message =
            format!("the job's digest is {digest}, not {expected}: it is not what was looked at");
        (ErrorKind::Digest, message)
    } else {
        refuse_purged(plan)?;
        return Ok(job);
    };
    Err(Failure::new(Kind::Job(kind), message))
}

/// Keeps in the list of runs that someone was asked and did not agree; returns the failure that says so.
fn declined_in(job: &Job, target: &Target, run: &Run<'_>, work: Work, failure: Failure) -> Failure {
    if failure.kind() != Kind::Declined {
        return failure;
    }
    match job.declined(
        work,
        target.who.as_str(),
        &run.operator(),
        "not yes, at a terminal",
    ) {
        Ok(()) => failure,
        Err(error) => failure.because(&error),
    }
}

fn refuse_purged(plan: &Plan) -> Result<(), Failure> {
    if plan.purged_at.is_none() {
        return Ok(());
    }
    let message = "the job was purged: its rows were removed, and only counts are left";
    Err(Failure::new(Kind::Job(ErrorKind::Purged), message))
}

fn refuse_other_tenant(plan: &Plan, target: &Target) -> Result<(), Failure> {
    let tenant = target.tenant.authority();
    if tenant.as_str() == plan.tenant {
        return Ok(());
    }
    let message = format!("the job is for {}, not for {tenant}", plan.tenant);
    Err(Failure::new(Kind::Job(ErrorKind::OtherTenant), message))
}

/// A template of ours is one that can be read.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A name with something in place of what its job's file ends with.
fn beside(job: &Path, end: &str) -> PathBuf {
    job.with_extension(end)
}

/// A path as text for people.
fn path_text(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}
