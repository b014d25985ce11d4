//! `cargo xtask tidy`: fails when a rule of the house that the sources can show is broken.

mod dependencies;
mod documents;
mod files;
mod headers;
mod paths;
mod powers;
mod source;
mod surface;
mod workspace;

use crate::failure::{Failure, Result};
use std::{fmt, path::Path};
use workspace::Workspace;

type Rule = fn(&Workspace) -> Vec<Violation>;

const RULES: &[Rule] = &[
    dependencies::only_allowed_members,
    dependencies::only_allowed_packages,
    dependencies::optional_stays_optional,
    dependencies::rust_version_is_the_lowest_possible,
    surface::public_items_name_listed_libraries,
    powers::only_where_granted,
    paths::no_path_is_formatted,
    headers::no_header_is_named,
    documents::every_dependency_has_a_reason,
    documents::every_link_leads_somewhere,
    documents::the_map_names_every_crate,
    files::every_source_says_its_purpose,
    files::no_source_is_too_long,
    files::every_crate_follows_the_workspace,
    files::nothing_else_at_the_top,
];

/// One breach, with its place and what to do about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    /// Counted from 1; 0 when the whole file is meant.
    line: usize,
    advice: String,
}

impl Violation {
    fn new(path: impl Into<String>, line: usize, advice: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line,
            advice: advice.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.advice),
            line => write!(f, "{}:{line}: {}", self.path, self.advice),
        }
    }
}

/// Applies every rule to the workspace at `root`; the failure lists all breaches.
pub(crate) fn run(root: &Path) -> Result<String> {
    let workspace = Workspace::read(root)?;
    let mut violations: Vec<Violation> = RULES.iter().flat_map(|rule| rule(&workspace)).collect();
    violations.sort();
    if violations.is_empty() {
        return Ok(format!("tidy: {} rules, no breach", RULES.len()));
    }
    let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
    Err(Failure::new(format!(
        "{}\n\ntidy: breaches: {}",
        lines.join("\n"),
        lines.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::{run, workspace::Workspace};
    use crate::failure::write;

    #[test]
    fn the_workspace_is_read_whole() {
        let workspace = Workspace::read(&crate::root()).unwrap();
        let paths: Vec<&str> = workspace
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        for path in [
            "Cargo.toml",
            "xtask/src/tidy.rs",
            ".ci/run",
            "docs/providers.md",
        ] {
            assert!(paths.contains(&path), "{path}");
        }
        assert!(
            !paths
                .iter()
                .any(|path| path.starts_with("target/") || path.starts_with(".git/"))
        );
        assert!(workspace.members().any(|member| member.name == "xtask"));
    }

    #[test]
    fn a_breach_fails_the_task_with_its_place() {
        let root = tempfile::tempdir().unwrap();
        let plant = |path: &str, text: &str| write(&root.path().join(path), text).unwrap();
        let manifest =
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n[workspace.lints]\n";
        plant("Cargo.toml", manifest);
        plant(
            "crates/unlink/Cargo.toml",
            "[package]\nname = \"unlink\"\nedition = \"2024\"\npublish = false\n[lints]\nworkspace = true\n",
        );
        plant("crates/unlink/src/lib.rs", "//! A purpose.\nuse std::fs;\n");
        plant(
            "Cargo.lock",
            "version = 4\n[[package]]\nname = \"unlink\"\nversion = \"0.0.0\"\n",
        );
        plant("docs/architecture.md", "`crates/unlink`\n");
        plant("docs/dependencies.md", "\n");
        insta::assert_snapshot!(run(root.path()).unwrap_err(), @"
        crates/unlink/src/lib.rs:2: `std::fs` is environment, files or standard streams, which this file may not touch: take text or a writer as an argument; the command line reads and prints

        tidy: breaches: 1
        ");
    }
}
