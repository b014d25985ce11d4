//! Contributor tasks, run as `cargo xtask TASK`: parses the arguments and dispatches.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a contributor task talks to its terminal"
)]

mod ci;
mod codegen;
mod contract;
mod failure;
mod tidy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

const USAGE: &str = "\
usage: cargo xtask TASK

  codegen                    write the provider enum and table from xtask/spec/identity-providers.json
  codegen --check            fail when what is written differs from what codegen would write
  codegen --from-openapi FILE --date YYYY-MM-DD
                             update the spec list from Auth0's Management API OpenAPI document of that date
  tidy                       fail when a rule of the house that the sources can show is broken
  contract                   let the official clients (npm, PyPI) and a browser use the local tenant, and compare what they see
  contract --if-changed      the same, unless nothing they look at has changed since the recorded run
  contract --keep            what they see becomes what they should see
  contract --record          compare, and record the commit in docs/contract.md
  contract --tenant --i-own-this-tenant
                             ask the tenant that AUTH0_DOMAIN names what the local one only assumes, with users of its own
  ci                         everything a change must pass: format, generated files, tidy, tests, lints, docs, demo,
                             and the contract if something it looks at changed";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let root = root();
    let done = match args.as_slice() {
        ["codegen"] => codegen::write(&root),
        ["codegen", "--check"] => codegen::check(&root),
        ["codegen", "--from-openapi", file, "--date", date] => {
            codegen::update_from_openapi(&root, Path::new(file), date)
        }
        ["tidy"] => tidy::run(&root),
        ["contract"] => contract::run(&root, contract::Seen::Compare),
        ["contract", "--if-changed"] => contract::run_if_changed(&root),
        ["contract", "--record"] => contract::run(&root, contract::Seen::Record),
        ["contract", "--keep"] => contract::run(&root, contract::Seen::Keep),
        ["contract", "--tenant", "--i-own-this-tenant"] => contract::run_for_owner(&root),
        ["contract", "--tenant"] => {
            eprintln!("{}", contract::LEAVE);
            return ExitCode::from(2);
        }
        ["ci"] => ci::run(&root),
        ["help" | "--help" | "-h"] => Ok(USAGE.to_owned()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the workspace this binary was built from, so a task can be started from any folder.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}
