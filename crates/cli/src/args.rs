//! What was typed, each part judged alone: nothing here reads the environment, a file or a terminal.

pub(crate) mod jobs;

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{
    Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
    value_parser,
};
use clap_complete::Shell;
use jiff::Timestamp;
use unlink::{IdentityKey, ProviderName, UserId};
use unlink_sandbox::Plan;

use crate::{failure::Failure, io::Manner};

/// Unlinks secondary accounts on Auth0.
#[derive(Debug, Parser)]
#[command(name = "auth0-unlink", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Environment:
  AUTH0_DOMAIN                              the tenant, as in --domain
  AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET      the application to get an access token for
  AUTH0_AUDIENCE                            for which audience, if not https://DOMAIN/api/v2/
  AUTH0_API_TOKEN or AUTH0_ACCESS_TOKEN     an access token; goes before the application
  AUTH0_DRY_RUN                             true: as if --dry-run were always given
  HTTPS_PROXY, NO_PROXY                     the way to the tenant, and the hosts to reach without it
  TZ                                        the time zone of --until, if not this machine's
  USER, LOGNAME, USERNAME                   who runs a job, for its list of runs
  NO_COLOR, CLICOLOR, CLICOLOR_FORCE        colours

Exit codes:
  0 done, or nothing to do
  1 failed, or nothing changed; the message says what may have been
  2 usage
  3 partly done: unlinked but not deleted, or rows of a job that failed or were left alone
  4 credentials or scope
  5 no such user or identity, ambiguous, or the main identity
  6 declined, or not confirmed
  7 stopped by a cap of a job's run; there is more to do
  130 interrupted or out of time; the message names the command that goes on";

/// What every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Shared {
    /// The tenant: a host, or http://127.0.0.1:PORT for a local one
    #[arg(long, value_name = "DOMAIN", global = true, help_heading = "Tenant")]
    pub(crate) domain: Option<String>,
    /// Take the access token from a file, or from standard input for `-`
    #[arg(long, value_name = "FILE", global = true, help_heading = "Tenant")]
    pub(crate) token_file: Option<PathBuf>,
    /// Trust the certificates of this PEM file too
    #[arg(long, value_name = "FILE", global = true, help_heading = "Tenant")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Longest time for one look or change, its retries included [default: 60]
    #[arg(long, value_name = "SECONDS", global = true, help_heading = "Tenant", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Print one JSON document instead of text, and errors as one too
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// Say more on the way
    #[arg(
        short,
        long,
        global = true,
        help_heading = "Output",
        conflicts_with = "quiet"
    )]
    verbose: bool,
    /// Say nothing on the way
    #[arg(short, long, global = true, help_heading = "Output")]
    quiet: bool,
    /// Never ask
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) no_input: bool,
}

impl Shared {
    pub(crate) const fn manner(&self) -> Manner {
        Manner {
            json: self.json,
            quiet: self.quiet,
            verbose: self.verbose,
        }
    }

    /// The options that another run needs to reach the same tenant and to print in the same form.
    pub(crate) fn words(&self) -> Vec<String> {
        let file = |path: &PathBuf| path.to_string_lossy().into_owned();
        let options = [
            ("--domain", self.domain.clone()),
            ("--token-file", self.token_file.as_ref().map(file)),
            ("--ca-file", self.ca_file.as_ref().map(file)),
            (
                "--timeout",
                self.timeout.map(|time| time.as_secs_f64().to_string()),
            ),
        ];
        let given = options
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value?]));
        let json = self.json.then(|| "--json".to_owned());
        given.flatten().chain(json).collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Unlink(Unlink),
    Link(Link),
    Plan(jobs::Plan),
    Apply(jobs::Apply),
    Status(jobs::Status),
    Report(jobs::Report),
    Verify(jobs::Verify),
    Undo(jobs::Undo),
    Purge(jobs::Purge),
    /// Check the tenant, the token and its scopes, and say what to do about what is wrong
    Doctor,
    Sandbox(Sandbox),
    Demo(Demo),
    Completions(Completions),
    Man(Man),
}

/// Show a user's identities, the main one first
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// The whole id of the user, such as 'auth0|507f1f77bcf86cd799439020'
    pub(crate) user_id: UserId,
}

/// Take a linked identity off a user, which makes it a separate account again
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  auth0-unlink unlink 'auth0|507f1f77bcf86cd799439020' 'google-oauth2|115015401343387192604'")]
pub(crate) struct Unlink {
    #[command(flatten)]
    pub(crate) pair: Pair,
    #[command(flatten)]
    pub(crate) change: Change,
    /// Do not look first, for a token that may not read users; the outcome is known less well
    #[arg(long, conflicts_with = "delete")]
    pub(crate) no_read: bool,
    /// Then delete the separate account for good, if it is seen to be split off here and unused
    #[arg(long)]
    pub(crate) delete: bool,
    /// The identity was linked at this time and may be split off since, as an interrupted run says
    #[arg(long, value_name = "TIME", requires = "delete")]
    pub(crate) split_at: Option<Timestamp>,
    /// The connection that the identity was of, as an interrupted run says: an account of another one is left alone
    #[arg(long, value_name = "NAME", requires = "split_at")]
    pub(crate) connection: Option<String>,
}

/// Link an account to a user: the way back
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  auth0-unlink link 'auth0|507f1f77bcf86cd799439020' 'google-oauth2|115015401343387192604'")]
pub(crate) struct Link {
    #[command(flatten)]
    pub(crate) pair: Pair,
    #[command(flatten)]
    pub(crate) change: Change,
    /// The database that the account is in, by name or id, where its id alone is not enough
    #[arg(long, value_name = "NAME")]
    pub(crate) connection: Option<String>,
    /// Prove the account by an ID token of it, as a user's own token must; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "connection")]
    pub(crate) id_token_file: Option<PathBuf>,
}

/// How to go about a change.
#[derive(Debug, clap::Args)]
pub(crate) struct Change {
    /// Only read, and say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// A user and an identity.
#[derive(Debug, clap::Args)]
pub(crate) struct Pair {
    /// The whole id of the user, such as 'auth0|507f1f77bcf86cd799439020'
    pub(crate) user_id: UserId,
    /// The identity, such as 'google-oauth2|1234'; or its provider alone, with ID
    #[arg(value_name = "PROVIDER|ID")]
    identity: String,
    /// The identity's id at its provider
    #[arg(value_name = "ID")]
    id: Option<String>,
}

impl Pair {
    /// The identity, from one argument or two.
    pub(crate) fn key(&self) -> Result<IdentityKey, Failure> {
        let refused = |error: unlink::ParseIdError| Failure::usage(error.to_string());
        let Some(id) = &self.id else {
            return self.identity.parse().map_err(refused);
        };
        if self.identity.contains('|') {
            return Err(Failure::usage(
                "the identity is given twice: give PROVIDER|ID as one argument, or PROVIDER and ID as two",
            ));
        }
        // A `.` would not get through a path; the model's own words for it come from the one-argument form.
        if matches!(self.identity.as_str(), "" | "." | "..") {
            let key = format!("{}|{id}", self.identity);
            return key.parse().map_err(refused);
        }
        let provider: ProviderName = self.identity.parse().map_err(refused)?;
        Ok(IdentityKey::new(provider, id.parse().map_err(refused)?))
    }
}

/// Run a local tenant to try the other commands on
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It serves until it is interrupted, by Ctrl-C for instance, which a shell shows as exit code 130.

Example:
  auth0-unlink sandbox --users 1000 --linked 30% --plan free")]
pub(crate) struct Sandbox {
    /// The port to listen on [default: a free one]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// Listen on this address instead of 127.0.0.1: whoever reaches it can read and change all that is in the tenant
    #[arg(long, value_name = "IP")]
    pub(crate) listen: Option<IpAddr>,
    /// A further name the tenant answers to, and its certificate is good for
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Let web pages of this origin call the tenant, such as http://localhost:3000; may be given again
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Let searches learn of changes so much later, as at Auth0
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) search_lag: Option<Duration>,
    /// Let an export of users take so long, as at Auth0 [default: done when first asked for]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) export_duration: Option<Duration>,
    /// Start with the users of this file, a seed or a JSON export, instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Option<PathBuf>,
    /// Start with this many made-up users instead, 1000000 at most
    #[arg(long, value_name = "N", conflicts_with = "seed", value_parser = value_parser!(u32).range(..=1_000_000))]
    pub(crate) users: Option<u32>,
    /// How many of these have linked accounts [default: 30%]
    #[arg(long, value_name = "PCT%", requires = "users", value_parser = share)]
    pub(crate) linked: Option<f64>,
    /// Another number makes up other users and ids, and lets chance fall otherwise
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) rng_seed: u64,
    /// Limit the rate as Auth0 does on this plan
    #[arg(long, value_name = "NAME", default_value = "unlimited", value_parser = plan())]
    pub(crate) plan: Plan,
    /// What x-ratelimit-reset tells: when the limit is whole again, or when the next call is added
    #[arg(long, value_name = "WHEN", requires = "plan", default_value = "full")]
    pub(crate) reset_means: ResetMeans,
    /// Let another client take this share of the rate limit, at random
    #[arg(long, value_name = "PCT%", requires = "plan", value_parser = share)]
    pub(crate) neighbour: Option<f64>,
    /// Answer 501 where it is only inferred what Auth0 answers
    #[arg(long)]
    pub(crate) strict: bool,
    /// Speak https, with a certificate made for this run
    #[arg(long, requires = "ca_file_out")]
    pub(crate) tls: bool,
    /// Write the certificate to trust to this file, for --ca-file of the other commands
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_file_out: Option<PathBuf>,
    /// Let the tenant's clock stand still at this time, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) frozen_at: Option<Timestamp>,
}

/// What `x-ratelimit-reset` tells.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ResetMeans {
    // Remarks for users here would spread the whole help over more lines.
    Full,
    NextToken,
}

/// Unlink an account of a local tenant that is started for the purpose
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Start with the users of this file, a seed or a JSON export, instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Option<PathBuf>,
}

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  auth0-unlink completions bash > ~/.local/share/bash-completion/completions/auth0-unlink")]
pub(crate) struct Completions {
    /// The shell to print them for
    pub(crate) shell: Shell,
}

/// Print the manual page of this program, or of one of its commands
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  auth0-unlink man unlink > ~/.local/share/man/man1/auth0-unlink-unlink.1")]
pub(crate) struct Man {
    /// The command to print it for
    pub(crate) command: Option<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration
        .filter(|duration| !duration.is_zero() && duration.as_secs() <= 86_400)
        .ok_or_else(|| "give seconds, more than 0 and at most 86400".to_owned())
}

/// A share from 0 to 1, typed as a percentage; a whole number may go without the sign.
fn share(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = match text.strip_suffix('%') {
        Some(number) => number.parse().ok(),
        // Not 0.3, which may be meant as 30%.
        None => text.parse::<u8>().ok().map(f64::from),
    };
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "give a percentage from 0% to 100%, such as 30%".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    let problem = |_| "give a time of RFC 3339, such as 2026-01-31T12:00:00Z".to_owned();
    text.parse().map_err(problem)
}

fn plan() -> impl TypedValueParser<Value = Plan> {
    PossibleValuesParser::new(Plan::names())
        .try_map(|name| Plan::named(&name).ok_or("there is no such plan"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_fit_together() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    fn key(words: &[&str]) -> Result<String, String> {
        let typed = ["auth0-unlink", "unlink", "auth0|1"].iter().chain(words);
        let args = Args::try_parse_from(typed).map_err(|error| error.to_string())?;
        let Command::Unlink(unlink) = args.command else {
            return Err("another command".to_owned());
        };
        let key = unlink.pair.key().map_err(|failure| failure.to_string())?;
        Ok(format!("{} {}", key.provider(), key.user_id()))
    }

    #[test]
    fn an_identity_is_one_word_or_two() {
        for (words, provider_and_id) in [
            (&["google-oauth2|2"][..], "google-oauth2 2"),
            (&["google-oauth2", "2"], "google-oauth2 2"),
            (&["samlp|conn|a@b.c"], "samlp conn|a@b.c"),
            (&["samlp", "conn|a@b.c"], "samlp conn|a@b.c"),
            (&["auth0", "auth0|2"], "auth0 auth0|2"),
            (&["--yes", "newer", "2"], "newer 2"),
        ] {
            assert_eq!(key(words).as_deref(), Ok(provider_and_id), "{words:?}");
        }
    }

    #[test]
    fn what_names_no_identity_is_refused() {
        let refused = |words: &[&str]| key(words).unwrap_err();
        insta::assert_snapshot!(refused(&["google-oauth2"]), @"no `|` between provider and id: give both as one text, such as google-oauth2|1234 (in quotes, since a shell takes a bare | for a pipe)");
        insta::assert_snapshot!(refused(&[""]), @"no `|` between provider and id: give both as one text, such as google-oauth2|1234 (in quotes, since a shell takes a bare | for a pipe)");
        insta::assert_snapshot!(refused(&["google-oauth2|"]), @"nothing after the `|`: give provider and id as one text, such as google-oauth2|1234");
        insta::assert_snapshot!(refused(&["|2"]), @"nothing before the `|`: give provider and id as one text, such as google-oauth2|1234");
        insta::assert_snapshot!(refused(&["google-oauth2|.."]), @"`.` and `..` are no ids of an identity: give its `user_id`, the part after `provider|`");
        insta::assert_snapshot!(refused(&["google-oauth2", ""]), @"the identity's id is empty: give the `user_id` of the identity, the part after `provider|`");
        insta::assert_snapshot!(refused(&["google-oauth2", "."]), @"`.` and `..` are no ids of an identity: give its `user_id`, the part after `provider|`");
        insta::assert_snapshot!(refused(&["", "2"]), @"nothing before the `|`: give provider and id as one text, such as google-oauth2|1234");
        insta::assert_snapshot!(refused(&["..", "2"]), @"`.` and `..` are no providers: give provider and id as one text, such as google-oauth2|1234");
        insta::assert_snapshot!(refused(&["google-oauth2|2", "2"]), @"the identity is given twice: give PROVIDER|ID as one argument, or PROVIDER and ID as two");
    }

    #[test]
    fn a_timeout_is_a_time() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "nan", "inf", "1e300", "soon", "86401"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_a_percentage() {
        for (text, part) in [
            ("0%", 0.0),
            ("30%", 0.3),
            ("0.5%", 0.005),
            ("100%", 1.0),
            ("30", 0.3),
        ] {
            assert_eq!(share(text), Ok(part), "{text}");
        }
        for text in ["0.3", "101%", "101", "-1%", "nan%", "%", "", "half"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
