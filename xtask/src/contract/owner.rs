//! `cargo xtask contract --tenant --i-own-this-tenant`: the suite against a tenant whose owner gave leave, with users of its own.

use super::{
    Seen,
    clients::{Client, Program, Readiness, Target},
    exchanges::Exchanges,
    process::{self, Pacing},
    settle,
    tenant::Tenant,
    verdicts,
};
use crate::failure::{Failure, Result};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    env,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

/// What is told before the first call, and when the flag is missing.
pub(crate) const LEAVE: &str = "\
contract --tenant asks the tenant that AUTH0_DOMAIN names. It makes about fifteen database users with addresses at example.com,
links, unlinks, updates and deletes them, orders one export whose file it does not read, and is refused on purpose a few dozen
times. It touches no user that it did not make, and deletes what it made however it ends. It needs AUTH0_CLIENT_ID and
AUTH0_CLIENT_SECRET, or AUTH0_API_TOKEN, with read:users create:users update:users delete:users read:connections, and
read:logs to look at the log; AUTH0_CONNECTION names another database than Username-Password-Authentication.
If the tenant is yours: cargo xtask contract --tenant --i-own-this-tenant";

/// A tenant as the programs are told of it.
struct Owned {
    /// One line of JSON.
    ready: String,
    /// The certificate to trust, if it is none that everyone trusts.
    ca_file: Option<PathBuf>,
    name: String,
    secrets: Vec<String>,
}

/// Runs the suite against the tenant that the environment names.
pub(crate) fn run_for_owner(root: &Path) -> Result<String> {
    let owned =
        Owned::from_environment(|name| env::var(name).ok().filter(|value| !value.is_empty()))?;
    let folder = super::cache(root).join("tenant");
    println!("{LEAVE}\n\n==> {}", owned.name);
    let run = Lane {
        root,
        folder: &folder,
        owned: &owned,
    }
    .run()?;
    print!("{}", run.lines());
    Ok(format!(
        "contract: {} rows confirmed, {} refuted, {} seen in part, {} open. What was seen, without secrets: {}",
        run.count("confirmed"),
        run.count("refuted"),
        run.count("partly"),
        run.count("open"),
        run.exchanges.file.display()
    ))
}

/// Runs the same against local tenants: as they are, with other choices of the table, and with one that breaks half-way.
pub(super) fn rehearse(root: &Path, cache: &Path, seen: Seen) -> Result<String> {
    for client in [Client::Node, Client::Python] {
        if let Readiness::Missing(what) = client.prepare(root, cache)? {
            return Ok(format!("tenant lane: skipped: {what}"));
        }
    }
    let folder = cache.join("rehearsal");
    guards_hold(root, cache, &folder)?;
    let (mut confirmed, mut refuted) = (0, 0);
    for (file, settings) in [
        ("tenant.txt", None),
        ("tenant-other.txt", Some(other_choices())),
    ] {
        println!("==> tenant lane, {file}");
        let tenant = Tenant::start(root, cache, settings.as_ref())?;
        let owned = Owned::local(&tenant)?;
        let lane = Lane {
            root,
            folder: &folder,
            owned: &owned,
        };
        let ran = lane.run()?;
        demand_nothing_left(&tenant.finish()?)?;
        settle(root, file, &ran.lines(), seen)?;
        if !ran.problems.is_empty() {
            let problems = ran.problems.join("; ");
            return Err(Failure::new(format!("contract: {problems}")));
        }
        confirmed += ran.count("confirmed");
        refuted += ran.count("refuted");
    }
    for (what, settings, makes_users) in [
        ("breaks half-way", breaks_half_way(), true),
        ("is none of Auth0's", is_no_tenant(), false),
    ] {
        println!("==> tenant lane, with one that {what}: what follows is meant");
        let tenant = Tenant::start(root, cache, Some(&settings))?;
        let owned = Owned::local(&tenant)?;
        let lane = Lane {
            root,
            folder: &folder,
            owned: &owned,
        };
        let ran = lane.run();
        let effects = tenant.finish()?;
        demand_nothing_left(&effects)?;
        if ran.is_ok() || effects.is_empty() == makes_users {
            let problem = format!("contract: a tenant that {what} went unnoticed");
            return Err(Failure::new(problem));
        }
    }
    Ok(format!(
        "tenant lane: {confirmed} rows confirmed and {refuted} refuted in two runs, nobody left behind in four"
    ))
}

/// Every row that can be refuted from outside, done otherwise; a plan that tells groups of calls apart.
fn other_choices() -> Value {
    json!({
        "plan": "essentials",
        // So that one limit is reached for certain.
        "faults": [{ "kind": { "too_many_requests": { "reset_in": 1 } }, "path": "/api/v2/no-such-thing", "times": 1 }],
        "choices": {
            "unlink-no-match": "404",
            "unlink-prefixed-id": "match",
            "unlink-auth0-prefix": "match",
            "unlink-wrong-provider": "404",
            "unknown-provider": "accept",
            "removed-provider": "400",
            "main-identity-error-code": "main_identity",
            "secondary-own-id": "primary",
            "split-off-attributes": "absent",
            "link-error-codes": "invalid_body",
            "link-unknown-secondary": "not-found",
            "link-account-with-identities": "409",
            "token-challenge": "absent",
            "malformed-user-id": "404",
            "create-error-codes": "invalid_body",
            "update-error-codes": "invalid_body",
            "unknown-parameter": "ignored",
            "update-unknown-key": "ignored",
            "log-user-deletion": "sapi-only",
            "log-refused-write": "fapi",
            "log-checkpoint": "400",
        },
    })
}

/// From the third link on, none succeeds; and the first attempts to clean up fail as well.
fn breaks_half_way() -> Value {
    let down = |method: &str, path: &str, skip: u32, times: u32| {
        json!({
            "kind": { "status": { "status": 500, "headers": { "retry-after": "1" }, "body": "" } },
            "method": method, "path": path, "skip": skip, "times": times,
        })
    };
    let (links, users) = ("/api/v2/users/*/identities", "/api/v2/users/*");
    json!({ "faults": [down("POST", links, 2, 1000), down("DELETE", users, 0, 2)] })
}

fn is_no_tenant() -> Value {
    json!({ "faults": [{ "kind": "html", "path": "/.well-known/openid-configuration" }] })
}

/// The programs' own tests: they send nothing that would touch what they did not make.
fn guards_hold(root: &Path, cache: &Path, folder: &Path) -> Result<()> {
    let exchanges = Exchanges::begin(folder, "guard")?;
    let ledger = folder.join("guard.ledger");
    let target = Target {
        ready: "{}",
        ca_file: None,
        exchanges: &exchanges.file,
        ledger: Some(&ledger),
    };
    for (client, script) in [
        (Client::Node, "exchanges.test.js"),
        (Client::Python, "test_exchanges.py"),
    ] {
        if let Readiness::Ready(program) = client.prepare(root, cache)? {
            program.run_script(script, &target, Pacing::Brisk)?;
        }
    }
    Ok(())
}

impl Owned {
    /// Reads who is meant; the error says what is missing.
    fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let needed = |name: &str| {
            variable(name)
                .ok_or_else(|| Failure::new(format!("contract: {name} is not set. {LEAVE}")))
        };
        let domain = needed("AUTH0_DOMAIN")?;
        let domain = domain
            .strip_prefix("https://")
            .unwrap_or(&domain)
            .trim_end_matches('/');
        if domain.contains(['/', '@', ' ']) {
            let problem = format!(
                "contract: AUTH0_DOMAIN is {domain}: a host is expected, spoken to by https"
            );
            return Err(Failure::new(problem));
        }
        let token = variable("AUTH0_API_TOKEN").or_else(|| variable("AUTH0_ACCESS_TOKEN"));
        let mut ready = json!({ "url": format!("https://{domain}"), "domain": domain });
        let secrets = match token {
            Some(token) => {
                ready["token"] = token.as_str().into();
                vec![token]
            }
            None => {
                ready["client_id"] = needed("AUTH0_CLIENT_ID")?.into();
                let secret = needed("AUTH0_CLIENT_SECRET")?;
                ready["client_secret"] = secret.as_str().into();
                vec![secret]
            }
        };
        if let Some(audience) = variable("AUTH0_AUDIENCE") {
            ready["audience"] = audience.into();
        }
        Ok(Self {
            ready: ready.to_string(),
            ca_file: None,
            name: domain.to_owned(),
            secrets,
        })
    }

    /// A local tenant, with nothing but what an owner's application has.
    fn local(tenant: &Tenant) -> Result<Self> {
        let ready: Value = serde_json::from_str(&tenant.ready).map_err(|error| {
            Failure::new(format!("the local tenant said {}: {error}", tenant.ready))
        })?;
        let text = |key: &str| ready[key].as_str().map(str::to_owned);
        let given = |name: &str| match name {
            "AUTH0_DOMAIN" => text("domain"),
            "AUTH0_CLIENT_ID" => text("client_id"),
            "AUTH0_CLIENT_SECRET" => text("client_secret"),
            _ => None,
        };
        Ok(Self {
            ca_file: Some(tenant.ca_file.clone()),
            name: "local".into(),
            ..Self::from_environment(given)?
        })
    }
}

/// One run against one tenant.
struct Lane<'a> {
    root: &'a Path,
    folder: &'a Path,
    owned: &'a Owned,
}

/// What a run saw.
struct Run {
    seen: String,
    verdicts: Vec<String>,
    /// What in successful answers is not as the schema says.
    problems: Vec<String>,
    exchanges: Exchanges,
}

impl Lane<'_> {
    fn run(&self) -> Result<Run> {
        let cache = super::cache(self.root);
        let Readiness::Ready(node) = Client::Node.prepare(self.root, &cache)? else {
            return Err(Failure::new(
                "contract: there is no node with npm on this machine",
            ));
        };
        let python = match Client::Python.prepare(self.root, &cache)? {
            Readiness::Ready(python) => Some(python),
            Readiness::Missing(what) => {
                println!("without the Python client: {what}");
                None
            }
        };
        let table = tenant_table(self.root)?;
        let exchanges = Exchanges::begin(self.folder, &self.owned.name.replace(':', "-"))?;
        let ledger = self
            .folder
            .join(format!("{}.ledger", self.owned.name.replace(':', "-")));
        let target = Target {
            ready: &self.owned.ready,
            ca_file: self.owned.ca_file.as_deref(),
            exchanges: &exchanges.file,
            ledger: Some(&ledger),
        };
        let caretaker = Caretaker::start(&node, &target)?;
        let ran = self.ask(&node, python.as_ref(), &target);
        let cleaned = caretaker.finish();
        let secrets: Vec<&str> = self.owned.secrets.iter().map(String::as_str).collect();
        exchanges.demand_no_secret(&secrets)?;
        let lines = match (ran, cleaned) {
            (Ok(lines), Ok(cleaned)) => lines + &cleaned,
            (Err(failure), Ok(cleaned)) => {
                return Err(Failure::new(format!("{failure}\n{cleaned}")));
            }
            (Ok(_), Err(failure)) => return Err(failure),
            (Err(failure), Err(other)) => return Err(Failure::new(format!("{failure}\n{other}"))),
        };
        let (seen, verdicts) = verdicts::judge(&table, &lines)?;
        let problems = exchanges.check(self.root)?.1.problems();
        Ok(Run {
            seen,
            verdicts,
            problems,
            exchanges,
        })
    }

    fn ask(&self, node: &Program, python: Option<&Program>, target: &Target<'_>) -> Result<String> {
        let mut lines = node.run_script("owner.js", target, Pacing::Patient)?;
        if let Some(python) = python {
            let suite = python.run_script("owner.py", target, Pacing::Patient)?;
            lines.extend(suite.lines().map(|line| format!("python {line}\n")));
        }
        Ok(lines)
    }
}

impl Run {
    fn lines(&self) -> String {
        let problems = self
            .problems
            .iter()
            .map(|problem| format!("answers: {problem}"));
        let all: Vec<String> = problems.chain(self.verdicts.iter().cloned()).collect();
        format!("{}{}\n", self.seen, all.join("\n"))
    }

    fn count(&self, verdict: &str) -> usize {
        let with = |line: &&String| line.split(' ').next() == Some(verdict);
        self.verdicts.iter().filter(with).count()
    }
}

/// The program that deletes what a run made, once its standard input ends: by its end, or by this program's, however it came.
struct Caretaker {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Caretaker {
    fn start(node: &Program, target: &Target<'_>) -> Result<Self> {
        let mut command = node.command("caretaker.js", target);
        let mut child = process::spawn(command.stdin(Stdio::piped()))?;
        let Some(stdout) = child.stdout.take() else {
            return Err(Failure::new("the caretaker has no output"));
        };
        let mut stdout = BufReader::new(stdout);
        let mut ready = String::new();
        let read = stdout.read_line(&mut ready);
        let caretaker = Self { child, stdout };
        match read {
            Ok(1..) if ready.starts_with("ready: ") => {
                if !ready.starts_with("ready: 0 ") {
                    print!("caretaker: {ready}");
                }
                Ok(caretaker)
            }
            _ => Err(Failure::new(
                "contract: this tenant cannot be looked after: what is above says why",
            )),
        }
    }

    /// Lets it clean up, and returns what it says.
    fn finish(mut self) -> Result<String> {
        drop(self.child.stdin.take());
        let mut said = String::new();
        let read = self.stdout.read_to_string(&mut said);
        read.map_err(|error| Failure::new(format!("the caretaker: {error}")))?;
        match self.child.wait() {
            Ok(status) if status.success() => Ok(said),
            _ => Err(Failure::new(format!(
                "contract: users of this run are left; run it again to delete them. {said}"
            ))),
        }
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends once it has cleaned up.
        let _ = self.child.wait();
    }
}

/// The local tenant's table, as JSON.
fn tenant_table(root: &Path) -> Result<String> {
    let mut command = Command::new("cargo");
    command.args([
        "run",
        "--quiet",
        "--package",
        "unlink-sandbox",
        "--example",
        "tenant",
        "--",
        "--table",
    ]);
    process::output(command.current_dir(root))
}

/// The users that a run left behind; an error if it touched one that it had not made.
fn left_behind(effects: &str) -> Result<BTreeMap<String, bool>> {
    let mut there: BTreeMap<String, bool> = BTreeMap::new();
    for line in effects.lines() {
        let effect: Value =
            serde_json::from_str(line).map_err(|error| Failure::new(format!("{error}: {line}")))?;
        let id = |key: &str| effect[key].as_str().unwrap_or_default().to_owned();
        match effect["type"].as_str() {
            Some("user.created") => {
                there.insert(id("user_id"), true);
            }
            Some("user.deleted") => match there.insert(id("user_id"), false) {
                Some(_) => {}
                None => {
                    return Err(Failure::new(format!(
                        "contract: it touched what it did not make: {line}"
                    )));
                }
            },
            _ => {
                for id in [id("user_id"), id("identity")]
                    .into_iter()
                    .filter(|id| !id.is_empty())
                {
                    if !there.contains_key(&id) {
                        return Err(Failure::new(format!(
                            "contract: it touched what it did not make: {line}"
                        )));
                    }
                }
            }
        }
    }
    there.retain(|_, is_there| *is_there);
    Ok(there)
}

fn demand_nothing_left(effects: &str) -> Result<()> {
    let left = left_behind(effects)?;
    match left.is_empty() {
        true => Ok(()),
        false => {
            let ids: Vec<&str> = left.keys().map(String::as_str).collect();
            Err(Failure::new(format!(
                "contract: it left behind {}",
                ids.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Owned, left_behind};

    fn owned(variables: &[(&str, &str)]) -> Result<Owned, String> {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Owned::from_environment(find).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_tenant_is_named_by_the_environment() {
        let by_secret = owned(&[
            ("AUTH0_DOMAIN", "https://x.auth0.com/"),
            ("AUTH0_CLIENT_ID", "id"),
            ("AUTH0_CLIENT_SECRET", "hush"),
        ])
        .unwrap();
        assert_eq!(
            by_secret.ready,
            r#"{"client_id":"id","client_secret":"hush","domain":"x.auth0.com","url":"https://x.auth0.com"}"#
        );
        assert_eq!(by_secret.secrets, ["hush"]);
        let by_token =
            owned(&[("AUTH0_DOMAIN", "x.auth0.com"), ("AUTH0_ACCESS_TOKEN", "t")]).unwrap();
        assert_eq!(
            by_token.ready,
            r#"{"domain":"x.auth0.com","token":"t","url":"https://x.auth0.com"}"#
        );
    }

    #[test]
    fn what_is_missing_or_no_host_is_told() {
        for (variables, told) in [
            (&[][..], "AUTH0_DOMAIN is not set"),
            (
                &[("AUTH0_DOMAIN", "x.auth0.com")],
                "AUTH0_CLIENT_ID is not set",
            ),
            (
                &[
                    ("AUTH0_DOMAIN", "http://x.auth0.com"),
                    ("AUTH0_API_TOKEN", "t"),
                ],
                "a host is expected",
            ),
            (
                &[
                    ("AUTH0_DOMAIN", "x.auth0.com/api"),
                    ("AUTH0_API_TOKEN", "t"),
                ],
                "a host is expected",
            ),
        ] {
            let failure = owned(variables).err().unwrap();
            assert!(failure.contains(told), "{failure}");
        }
    }

    #[test]
    fn who_is_left_or_was_not_made_by_the_run_is_found() {
        let made = r#"{"type":"user.created","user_id":"auth0|1"}"#;
        let gone = r#"{"type":"user.deleted","user_id":"auth0|1"}"#;
        let linked = r#"{"type":"identity.linked","user_id":"auth0|1","identity":"auth0|2"}"#;
        let of = |lines: &[&str]| {
            left_behind(&lines.join("\n")).map(|left| left.into_keys().collect::<Vec<_>>())
        };
        assert_eq!(of(&[made, gone]).unwrap(), Vec::<String>::new());
        assert_eq!(of(&[made]).unwrap(), ["auth0|1"]);
        assert_eq!(of(&[made, gone, made]).unwrap(), ["auth0|1"]);
        assert!(of(&[gone]).is_err());
        assert!(of(&[made, linked]).is_err());
    }
}
