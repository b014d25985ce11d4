//! What was typed for the commands that work on a job: many unlinkings in one file.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{ValueEnum, value_parser};
use unlink::{
    IdentityKey, ProviderName,
    transport::{self, Pacing, Reserve},
};
use unlink_batch::{Columns, Digest, RowRanges, Selection};

use super::Change;
use crate::{failure::Failure, until::Until};

/// Write a job: what to unlink, from a list or an export of users; changes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A list is CSV with the columns user_id, provider and identity_user_id, or one JSON object a line with these keys, or with \
user_id and identity. An export of users is Auth0's, as JSON or CSV, and needs to be selected from. Either may be gzipped. \
An export shows what its users look like; the users of a list are read, which changes nothing, unless --offline is given. \
Reading that was interrupted is gone on with by plan --check -o JOB.

Examples:
  auth0-unlink plan --export --connection old-saml -o job.db
  auth0-unlink plan --from users.json.gz --connection old-saml -o job.db
  auth0-unlink plan --from list.csv -o job.db")]
pub(crate) struct Plan {
    /// The list or the export; `-` for standard input
    #[arg(long, value_name = "FILE", required_unless_present_any = ["check", "export"])]
    pub(crate) from: Option<PathBuf>,
    /// Order an export of all users from the tenant instead, wait for it, and plan from that
    #[arg(long, conflicts_with_all = ["from", "offline"])]
    pub(crate) export: bool,
    /// Write the job to this file, which must not be there yet
    #[arg(short, long, value_name = "JOB")]
    pub(crate) output: PathBuf,
    /// Read the users that the source does not show, and which connections the tenant has; without --from, of a job that is there
    #[arg(long)]
    pub(crate) check: bool,
    /// Read no users, also of a list: nothing is sent
    #[arg(long, conflicts_with = "check")]
    pub(crate) offline: bool,
    /// Keep profiles and metadata in the job, as the export or the reading shows them
    #[arg(long)]
    pub(crate) keep_profiles: bool,
    /// Delete the accounts that appear, too; it is part of what is reviewed, and apply cannot change it
    #[arg(long)]
    pub(crate) delete: bool,
    /// Leave bad lines out, and write them with the reasons to this file, which must not be there yet, as lines of JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) skip_bad: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) selected: Selected,
    #[command(flatten)]
    pub(crate) columns: Named,
    #[command(flatten)]
    pub(crate) speed: Speed,
}

/// Which identities of an export are meant: those that every condition holds for.
#[derive(Debug, clap::Args)]
#[command(
    next_help_heading = "Selection from an export (each may be repeated; all kinds must hold)"
)]
pub(crate) struct Selected {
    /// Identities of this connection
    #[arg(long, value_name = "NAME")]
    connection: Vec<String>,
    /// Identities of this provider
    #[arg(long, value_name = "NAME")]
    provider: Vec<ProviderName>,
    /// This identity
    #[arg(long, value_name = "PROVIDER|ID")]
    identity: Vec<IdentityKey>,
    /// Identities with an e-mail address that is not the user's own
    #[arg(long)]
    where_email_differs: bool,
}

impl Selected {
    pub(crate) fn connections(&self) -> &[String] {
        &self.connection
    }

    pub(crate) fn selection(&self) -> Selection {
        let selection = Selection::default();
        let selection = self
            .connection
            .iter()
            .fold(selection, Selection::connection);
        let selection = self.provider.iter().fold(selection, Selection::provider);
        let selection = self.identity.iter().fold(selection, Selection::identity);
        if self.where_email_differs {
            return selection.where_email_differs();
        }
        selection
    }
}

/// What the columns of a list are called.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Columns of a list in CSV")]
pub(crate) struct Named {
    /// The column of the user's id
    #[arg(long, value_name = "NAME", default_value = "user_id")]
    user_id_column: String,
    /// The column of the identity's provider
    #[arg(long, value_name = "NAME", default_value = "provider")]
    provider_column: String,
    /// The column of the identity's id at its provider
    #[arg(long, value_name = "NAME", default_value = "identity_user_id")]
    identity_column: String,
}

impl Named {
    pub(crate) fn columns(&self) -> Columns {
        Columns::default()
            .user_id(&self.user_id_column)
            .provider(&self.provider_column)
            .identity_user_id(&self.identity_column)
    }
}

/// Do what a job says, until it is done or a cap is reached; run it again to go on
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ctrl-C ends a run when what is in flight has ended; a second one ends it at once. Either way, and after a kill or a crash, \
the same command goes on: what was sent and not answered is read first.

Example:
  auth0-unlink apply job.db --expect DIGEST --max 8000 --canary 3")]
pub(crate) struct Apply {
    /// The job
    pub(crate) job: PathBuf,
    #[command(flatten)]
    pub(crate) change: Change,
    /// Apply the job only if this is its digest, as plan and report print it
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) expect: Option<Digest>,
    /// Agree to a job that deletes, by the tenant's name
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm_tenant: Option<String>,
    /// Write the rows that someone has to look at to this list, which plan takes [default: the job's name with .failures.jsonl for its ending]
    #[arg(long, value_name = "FILE")]
    pub(crate) failures: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) caps: Caps,
    #[command(flatten)]
    pub(crate) gate: Gate,
    /// Read users before the call: always, never, or where no export of the last day shows them or the job deletes
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Way of working"
    )]
    pub(crate) read: Read,
    #[command(flatten)]
    pub(crate) speed: Speed,
}

/// When a run ends before its job is done.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Caps")]
pub(crate) struct Caps {
    /// Do this many rows at most
    #[arg(long, value_name = "N", default_value_t = MAX, value_parser = value_parser!(u64).range(1..))]
    pub(crate) max: u64,
    /// End after this many failed rows
    #[arg(long, value_name = "N", default_value_t = MAX_FAILURES, value_parser = value_parser!(u64).range(1..))]
    pub(crate) max_failures: u64,
    /// Begin no row after this time: 06:00, 2026-01-31T06:00, or with an offset as in 2026-01-31T06:00+01:00
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Until>,
}

impl Caps {
    /// The caps in numbers that another run needs to be capped alike.
    pub(crate) fn words(&self) -> Vec<String> {
        let number = |name: &str, number: u64, usual: u64| {
            let words = [name.to_owned(), number.to_string()];
            (number != usual).then_some(words).into_iter().flatten()
        };
        number("--max", self.max, MAX)
            .chain(number("--max-failures", self.max_failures, MAX_FAILURES))
            .collect()
    }
}

const MAX: u64 = 1_000;
const MAX_FAILURES: u64 = 10;

/// The first rows, to be looked at before the rest is done.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Canary")]
pub(crate) struct Gate {
    /// Do this many rows first, read both accounts of each, and stop to be looked at; --yes does not go past that
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..), conflicts_with = "canary_ok")]
    pub(crate) canary: Option<u64>,
    /// The rows of the canary were looked at and are right
    #[arg(long)]
    pub(crate) canary_ok: bool,
}

/// How fast a run goes about it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Way of working")]
pub(crate) struct Speed {
    /// Work on this many rows at once, or read so many users; rows of one user never are worked on together
    #[arg(long, value_name = "N", default_value = "16", value_parser = concurrency)]
    pub(crate) concurrency: NonZeroUsize,
    /// Send this many requests a second at most, whatever the tenant's rate limit
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Leave this share of the tenant's rate limit, or so many requests of it, to others, such as its own logins
    #[arg(long, value_name = "PCT%|N", default_value = RESERVE, value_parser = reserve)]
    pub(crate) reserve: Leave,
}

impl Speed {
    /// How much of the tenant's rate limit is used.
    pub(crate) fn pacing(&self) -> Result<Pacing, Failure> {
        let refused = |error: transport::Error| Failure::usage(error.to_string());
        let pacing = Pacing::default().reserve(self.reserve.reserve);
        match self.rate {
            Some(rate) => pacing.rate(rate).map_err(refused),
            None => Ok(pacing),
        }
    }

    /// The options that another run needs to be as fast.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |name: &str, value: String| words.extend([name.to_owned(), value]);
        if self.concurrency.get() != AT_ONCE {
            add("--concurrency", self.concurrency.to_string());
        }
        if let Some(rate) = self.rate {
            add("--rate", rate.to_string());
        }
        if self.reserve.typed != RESERVE {
            add("--reserve", self.reserve.typed.clone());
        }
        words
    }
}

/// What is left to the tenant's own logins where nothing else is said.
pub(crate) const RESERVE: &str = "10%";

/// How many requests of a limit of this size jobs leave to others where nothing else is said.
pub(crate) fn usual_reserve(limit: f64) -> f64 {
    reserve(RESERVE).map_or(0.0, |usual| usual.reserve.of(limit))
}

/// What is left to others, as it was typed, and what it means.
#[derive(Clone, Debug)]
pub(crate) struct Leave {
    typed: String,
    pub(crate) reserve: Reserve,
}

const AT_ONCE: usize = 16;

/// When users are read before the call.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Read {
    Auto,
    Always,
    Never,
}

/// Show how far a job is, also while it is applied
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// The job
    pub(crate) job: PathBuf,
}

/// Compare a job with an export made after it: what is left, what is new of what was selected
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  auth0-unlink verify job.db --export")]
pub(crate) struct Verify {
    /// The job
    pub(crate) job: PathBuf,
    /// An export of users that was made after the job; `-` for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "export")]
    pub(crate) from: Option<PathBuf>,
    /// Order an export of all users from the tenant instead, and wait for it
    #[arg(long, conflicts_with = "from")]
    pub(crate) export: bool,
    #[command(flatten)]
    pub(crate) selected: Selected,
}

/// Write a job as a page, a table or lines of JSON, for whoever agrees to it or looks at it afterwards
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  auth0-unlink report job.db -o job.html
  auth0-unlink report job.db -o job.csv --redact")]
pub(crate) struct Report {
    /// The job
    pub(crate) job: PathBuf,
    /// Write it to this file: .html for a page, .csv for a table, .jsonl for lines of JSON
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Hash ids and e-mail addresses, by a key that is kept nowhere
    #[arg(long)]
    pub(crate) redact: bool,
}

/// Link back what a job unlinked, the last row first, as far as nothing is lost by it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only rows that this job is proven to have unlinked are linked back, each after a look at both accounts. Interrupts, kills \
and caps are as with apply: the same command goes on.

Example:
  auth0-unlink undo job.db --rows 3,7-9")]
pub(crate) struct Undo {
    /// The job
    pub(crate) job: PathBuf,
    #[command(flatten)]
    pub(crate) change: Change,
    /// Link these rows back only, by the numbers that the report gives them
    #[arg(long, value_name = "ROWS", value_parser = rows)]
    pub(crate) rows: Option<RowRanges>,
    /// Link back accounts, too, that have metadata, logins or identities of their own by now: these are lost
    #[arg(long)]
    pub(crate) even_if_used: bool,
    /// Undo the job only if this is its digest
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) expect: Option<Digest>,
    #[command(flatten)]
    pub(crate) caps: Caps,
    #[command(flatten)]
    pub(crate) speed: Speed,
}

/// Remove the ids of people from a job that is done with; counts, digests and the list of runs stay
#[derive(Debug, clap::Args)]
pub(crate) struct Purge {
    /// The job
    pub(crate) job: PathBuf,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Purge a job, too, of which rows are still to be done or settled
    #[arg(long)]
    pub(crate) even_if_unfinished: bool,
}

fn rows(text: &str) -> Result<RowRanges, String> {
    text.parse()
        .map_err(|error: unlink_batch::Error| error.to_string())
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse()
        .map_err(|_| "a digest is 64 hexadecimal digits, as plan and report print it".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "give requests a second, more than 0".to_owned())
}

pub(crate) fn reserve(text: &str) -> Result<Leave, String> {
    let reserve = match text.strip_suffix('%') {
        Some(percent) => {
            let percent: Option<f64> = percent.parse().ok();
            percent.and_then(|percent| Reserve::percent(percent).ok())
        }
        None => text.parse().ok().map(Reserve::requests),
    };
    let reserve = reserve.ok_or_else(|| {
        "give a share such as 20%, less than 100% as something has to be left for this, or a number of requests such as 5"
            .to_owned()
    })?;
    Ok(Leave {
        typed: text.to_owned(),
        reserve,
    })
}

fn concurrency(text: &str) -> Result<NonZeroUsize, String> {
    let number: Option<NonZeroUsize> = text.parse().ok();
    number
        .filter(|number| number.get() <= MOST_AT_ONCE)
        .ok_or_else(|| format!("give a number from 1 to {MOST_AT_ONCE}"))
}

/// More connections than that no tenant's rate limit can fill.
const MOST_AT_ONCE: usize = 512;
