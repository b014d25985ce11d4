//! Which commit the contract was last held against, and whether anything it looks at has changed since.

use super::{FOLDER, process};
use crate::failure::{Failure, Result, read, write};
use std::{path::Path, process::Command};

const RECORD: &str = "docs/contract.md";

/// What a change has to touch for the clients to see anything else.
const LOOKED_AT: [&str; 5] = [
    "crates/sandbox",
    FOLDER,
    super::documented::PAGE,
    "xtask/src/contract",
    "xtask/src/contract.rs",
];

const BEFORE_COMMIT: &str = "At commit `";

/// The recorded commit, if all that matters is as it was then.
pub(super) fn unchanged_since(root: &Path) -> Option<String> {
    let record = read(&root.join(RECORD)).ok()?;
    let commit = commit(&record)?.to_owned();
    // Without git, or in a clone that lacks the commit, there is no telling.
    let changed = git(root, &["diff", "--name-only", &commit, "--"], true).ok()?;
    changed.trim().is_empty().then_some(commit)
}

/// Writes what a run saw at the present commit.
pub(super) fn write_down(root: &Path, report: &[String]) -> Result<()> {
    if !git(root, &["status", "--porcelain", "--"], true)?.is_empty() {
        return Err(Failure::new(
            "contract: commit first what is to be recorded",
        ));
    }
    let head = git(
        root,
        &["log", "-1", "--format=%h of %cs", "--abbrev=12"],
        false,
    )?;
    let Some((commit, date)) = head.trim().split_once(" of ") else {
        return Err(Failure::new(format!("git log said {head}")));
    };
    let seen: String = report.iter().map(|line| format!("- {line}\n")).collect();
    write(&root.join(RECORD), &text(commit, date, &seen))
}

fn text(commit: &str, date: &str, seen: &str) -> String {
    format!(
        "<!-- Made by `cargo xtask contract --record`; do not edit. -->\n\
         # The contract, last held\n\n\
         {BEFORE_COMMIT}{commit}` ({date}) others used the local tenant and saw, line by line, what\n\
         `xtask/contract/` says they should; the lines of each end with what the tenant really changed.\n\n\
         {seen}\n\
         `cargo xtask contract --if-changed` has nothing to do until something they look at changes.\n"
    )
}

fn commit(record: &str) -> Option<&str> {
    let (_, rest) = record.split_once(BEFORE_COMMIT)?;
    let (commit, _) = rest.split_once('`')?;
    let is_hash = !commit.is_empty() && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(commit)
}

fn git(root: &Path, arguments: &[&str], only_looked_at: bool) -> Result<String> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(root);
    if only_looked_at {
        command.args(LOOKED_AT);
    }
    process::output(&mut command)
}

#[cfg(test)]
mod tests {
    use super::{Path, RECORD, commit, git, text, unchanged_since, write_down};
    use crate::failure::write;

    #[test]
    fn the_commit_is_read_back_from_the_record() {
        assert_eq!(commit(&text("0a1b", "2026-01-02", "- x\n")), Some("0a1b"));
        assert_eq!(commit(&text("--output=x", "2026-01-02", "")), None);
        assert_eq!(commit("no record"), None);
    }

    fn commit_all(root: &Path) {
        git(root, &["add", "."], false).unwrap();
        let who = ["-c", "user.name=x", "-c", "user.email=x@example.com"];
        let arguments = [&who[..], &["commit", "--quiet", "--no-gpg-sign", "-m", "x"]].concat();
        git(root, &arguments, false).unwrap();
    }

    #[test]
    fn only_a_change_of_what_it_looks_at_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let edit = |path: &str, text: &str| write(&root.join(path), text).unwrap();
        git(root, &["init", "--quiet"], false).unwrap();
        for path in [
            "crates/sandbox/x",
            "xtask/contract/x",
            "xtask/src/contract/x",
            "xtask/src/contract.rs",
        ] {
            edit(path, "1");
        }
        commit_all(root);
        assert_eq!(unchanged_since(root), None, "nothing is recorded yet");
        write_down(root, &["node: 3 lines".into()]).unwrap();
        assert!(unchanged_since(root).is_some());
        edit("README.md", "other");
        commit_all(root);
        assert!(unchanged_since(root).is_some());
        edit("crates/sandbox/x", "2");
        assert_eq!(unchanged_since(root), None);
        assert!(write_down(root, &[]).is_err(), "a record is of a commit");
        commit_all(root);
        assert_eq!(unchanged_since(root), None);
        edit(RECORD, &text("ffffffffffff", "2026-01-02", ""));
        assert_eq!(unchanged_since(root), None, "an unknown commit");
    }
}
