//! What every file, crate and the top level look like.

use super::{
    Violation,
    workspace::{Workspace, line_of},
};
use std::collections::BTreeSet;

/// A file that has grown beyond this has more than one purpose.
const LONGEST_SOURCE: usize = 500;

/// The visible top level.
const TOP: [&str; 8] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "crates",
    "docs",
    "xtask",
];

/// Every Rust file starts by saying what it is for.
pub(super) fn every_source_says_its_purpose(workspace: &Workspace) -> Vec<Violation> {
    let sources = workspace
        .product_files()
        .filter(|file| !is_generated(&file.path));
    let silent = sources.filter(|file| !file.text.starts_with("//! "));
    silent
        .map(|file| {
            Violation::new(
                &file.path,
                1,
                "starts without `//!` and its purpose in a line: write it",
            )
        })
        .collect()
}

/// No product source is too long to have one purpose.
pub(super) fn no_source_is_too_long(workspace: &Workspace) -> Vec<Violation> {
    let long = workspace
        .product_sources()
        .filter(|(path, code)| !is_generated(path) && code.lines > LONGEST_SOURCE);
    long.map(|(path, code)| {
        let advice = format!(
            "has {} lines without its tests, more than {LONGEST_SOURCE}: split it by purpose",
            code.lines
        );
        Violation::new(path, 0, advice)
    })
    .collect()
}

/// Every crate takes over the workspace's lints and stays off the public registry.
pub(super) fn every_crate_follows_the_workspace(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in workspace.members() {
        let path = workspace.manifest(member);
        let manifest = workspace.text(&path).unwrap_or_default();
        if member
            .publish
            .as_ref()
            .is_none_or(|registries| !registries.is_empty())
        {
            let line = line_of(manifest, "publish");
            violations.push(Violation::new(
                &path,
                line,
                "can be published: write `publish.workspace = true`",
            ));
        }
        let line = line_of(manifest, "[lints]");
        if line == 0 || manifest.lines().nth(line) != Some("workspace = true") {
            violations.push(Violation::new(
                &path,
                line,
                "has lints of its own: write `[lints]` and `workspace = true`",
            ));
        }
    }
    violations
}

/// The visible top level holds what the map says and nothing else.
pub(super) fn nothing_else_at_the_top(workspace: &Workspace) -> Vec<Violation> {
    let top: BTreeSet<&str> = workspace
        .files
        .iter()
        .filter_map(|file| file.path.split('/').next())
        .collect();
    let foreign = top
        .into_iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(name));
    foreign
        .map(|name| {
            Violation::new(
                name,
                0,
                "is not part of the top level: texts live in docs/, code in crates/",
            )
        })
        .collect()
}

fn is_generated(path: &str) -> bool {
    path.contains("/generated/")
}

#[cfg(test)]
mod tests {
    use super::{
        super::workspace::fake, every_crate_follows_the_workspace, every_source_says_its_purpose,
        no_source_is_too_long, nothing_else_at_the_top,
    };

    #[test]
    fn a_source_without_a_purpose_is_found() {
        let found =
            |path: &str, text: &str| every_source_says_its_purpose(&fake::files(&[(path, text)]));
        assert_eq!(found("crates/a/src/lib.rs", "//! Reads.\n"), []);
        assert_eq!(found("crates/a/src/generated/b.rs", "// Made by x\n"), []);
        assert_eq!(found("crates/a/tests/it/b.rs", "use a;\n"), []);
        for silent in ["", "use a;\n", "\n//! Late.\n", "//!\n", "// Not a doc.\n"] {
            assert_eq!(found("crates/a/src/b.rs", silent).len(), 1, "{silent:?}");
        }
        insta::assert_snapshot!(found("crates/a/src/b.rs", "")[0], @"crates/a/src/b.rs:1: starts without `//!` and its purpose in a line: write it");
    }

    #[test]
    fn a_source_that_is_too_long_is_found() {
        let found = |path: &str, text: &str| no_source_is_too_long(&fake::files(&[(path, text)]));
        let long = "x\n".repeat(501);
        assert_eq!(found("crates/a/src/b.rs", &"x\n".repeat(500)), []);
        assert_eq!(
            found(
                "crates/a/src/b.rs",
                &format!("x\n#[cfg(test)]\nmod tests {{\n{long}}}\n")
            ),
            []
        );
        assert_eq!(found("crates/a/src/generated/b.rs", &long), []);
        assert_eq!(found("crates/a/tests/it/b.rs", &long), []);
        insta::assert_snapshot!(found("crates/a/src/b.rs", &long)[0], @"crates/a/src/b.rs: has 501 lines without its tests, more than 500: split it by purpose");
    }

    #[test]
    fn a_crate_that_goes_its_own_way_is_found() {
        let found = |manifest: &str| {
            let file = ("crates/xtask/Cargo.toml", manifest);
            every_crate_follows_the_workspace(&fake::workspace(&[("xtask", &[])], &[], &[file]))
        };
        assert_eq!(found("[package]\n\n[lints]\nworkspace = true\n"), []);
        for own in [
            "",
            "[lints]\n",
            "[lints.rust]\nunsafe_code = \"allow\"\n",
            "[lints]\nrust = 1\nworkspace = true\n",
        ] {
            assert_eq!(found(own).len(), 1, "{own:?}");
        }
        insta::assert_snapshot!(found("\n[lints]\n")[0], @"crates/xtask/Cargo.toml:2: has lints of its own: write `[lints]` and `workspace = true`");
    }

    #[test]
    fn a_crate_that_can_be_published_is_found() {
        let file = (
            "crates/xtask/Cargo.toml",
            "[package]\npublish = true\n[lints]\nworkspace = true\n",
        );
        let mut workspace = fake::workspace(&[("xtask", &[])], &[], &[file]);
        for publish in [None, Some(vec!["elsewhere".to_owned()])] {
            workspace.metadata.packages[0].publish = publish;
            assert_eq!(every_crate_follows_the_workspace(&workspace).len(), 1);
        }
        insta::assert_snapshot!(every_crate_follows_the_workspace(&workspace)[0], @"crates/xtask/Cargo.toml:2: can be published: write `publish.workspace = true`");
    }

    #[test]
    fn a_stranger_at_the_top_level_is_found() {
        let found = |path: &str| nothing_else_at_the_top(&fake::files(&[(path, "")]));
        for known in [
            "Cargo.lock",
            "README.md",
            "docs/a.md",
            ".gitignore",
            ".github/workflows/ci.yml",
            "crates/a/b",
        ] {
            assert_eq!(found(known), []);
        }
        for stranger in ["CHANGELOG.md", "rust-toolchain.toml", "src/lib.rs"] {
            assert_eq!(found(stranger).len(), 1);
        }
        insta::assert_snapshot!(found("rust-toolchain.toml")[0], @"rust-toolchain.toml: is not part of the top level: texts live in docs/, code in crates/");
    }
}
