//! `cargo xtask contract`: the official clients and a browser against the local tenant, and with an owner's leave a real one.

mod clients;
mod documented;
mod exchanges;
mod owner;
mod process;
mod record;
mod schema;
mod tenant;
mod verdicts;

use crate::failure::{Failure, Result, read, write};
use clients::{Client, Readiness, Target};
use exchanges::Exchanges;
use similar::TextDiff;
use std::path::{Path, PathBuf};
use tenant::Tenant;

pub(crate) use owner::{LEAVE, run_for_owner};

/// Where the clients' programs, their pinned packages and what they should see are.
const FOLDER: &str = "xtask/contract";

/// What to do with what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It has to be what is expected.
    Compare,
    /// It becomes what is expected.
    Keep,
    /// It has to be what is expected, and is recorded.
    Record,
}

/// Runs unless nothing that the clients look at has changed since the recorded run.
pub(crate) fn run_if_changed(root: &Path) -> Result<String> {
    match record::unchanged_since(root) {
        Some(commit) => Ok(format!(
            "contract: nothing to see has changed since {commit}"
        )),
        None => run(root, Seen::Compare),
    }
}

/// Runs every client against a fresh tenant of its own, and the lane for a real tenant against local ones; the report
/// lists what each saw.
pub(crate) fn run(root: &Path, seen: Seen) -> Result<String> {
    let cache = cache(root);
    let mut report = Vec::new();
    for client in Client::ALL {
        println!("==> {}", client.name());
        let program = match client.prepare(root, &cache)? {
            Readiness::Ready(program) => program,
            Readiness::Missing(what) if seen == Seen::Record => {
                return Err(Failure::new(format!("contract: {what}")));
            }
            Readiness::Missing(what) => {
                report.push(format!("{}: skipped: {what}", client.name()));
                continue;
            }
        };
        let exchanges = Exchanges::begin(&cache, client.name())?;
        let tenant = Tenant::start(root, &cache, None)?;
        let mut lines = program.run(&Target::local(&tenant, &exchanges))?;
        lines.push_str(&tenant.effect_lines()?);
        settle(root, client.expected(), &lines, seen)?;
        let mut told = format!("{}: {} lines", client.name(), lines.lines().count());
        if client.is_official() {
            let bodies = exchanges.check_all(root)?;
            let tenant = Tenant::start(root, &cache, None)?;
            documented::run(
                root,
                &cache,
                client,
                &program,
                &Target::local(&tenant, &exchanges),
            )?;
            told.push_str(&format!(
                ", {bodies} answers right key by key, the documented test passed"
            ));
        }
        report.push(told);
    }
    report.push(owner::rehearse(root, &cache, seen)?);
    if seen == Seen::Record {
        record::write_down(root, &report)?;
    }
    Ok(format!("contract: {}", report.join("; ")))
}

/// Shows what was seen, and compares it with what is expected or makes it that.
fn settle(root: &Path, file: &str, lines: &str, seen: Seen) -> Result<()> {
    print!("{lines}");
    let expected = root.join(FOLDER).join(file);
    match seen {
        Seen::Keep => write(&expected, lines),
        Seen::Compare | Seen::Record => compare(file, &read(&expected)?, lines),
    }
}

fn compare(file: &str, expected: &str, seen: &str) -> Result<()> {
    // Line endings are the checkout's business.
    let expected = expected.replace("\r\n", "\n");
    if expected == seen {
        return Ok(());
    }
    let file = format!("{FOLDER}/{file}");
    let diff = TextDiff::from_lines(expected.as_str(), seen)
        .unified_diff()
        .header(&file, "as seen")
        .to_string();
    Err(Failure::new(format!(
        "{diff}\ncontract: something else was seen. If that is right: cargo xtask contract --keep"
    )))
}

/// Where packages are installed: below the target folder, so that they are kept and never committed.
fn cache(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root.join("target"), |folder| root.join(folder));
    target.join("contract")
}

#[cfg(test)]
mod tests {
    use super::{Client, FOLDER, compare};
    use crate::failure::read;

    #[test]
    fn what_differs_is_shown_line_by_line() {
        assert!(compare("node.txt", "list: 200\n", "list: 200\n").is_ok());
        let failure = compare(
            "node.txt",
            "list: 200\nunlink: 200\n",
            "list: 200\nunlink: 404\n",
        );
        insta::assert_snapshot!(failure.unwrap_err(), @r"
        --- xtask/contract/node.txt
        +++ as seen
        @@ -1,2 +1,2 @@
         list: 200
        -unlink: 200
        +unlink: 404

        contract: something else was seen. If that is right: cargo xtask contract --keep
        ");
    }

    #[test]
    fn a_step_that_is_missing_is_a_difference() {
        assert!(compare("python.txt", "list: 200\nunlink: 200\n", "list: 200\n").is_err());
    }

    #[test]
    fn both_official_clients_are_to_see_the_same_answers() {
        let expected = |client: Client| read(&crate::root().join(FOLDER).join(client.expected()));
        let node = expected(Client::Node).unwrap();
        // The only difference: what each calls an error that the operation does not document.
        let python = expected(Client::Python)
            .unwrap()
            .replace(" ApiError ", " ManagementError ");
        assert_eq!(node, python);
    }
}
