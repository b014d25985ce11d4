//! Who may depend on whom, and what the dependencies ask of the compiler.

use super::{
    Violation,
    workspace::{Package, Workspace, line_of},
};
use std::collections::{BTreeMap, BTreeSet};

/// The members each member may depend on.
const MEMBERS: &[(&str, &[&str])] = &[
    ("identity-model", &[]),
    ("transport", &[]),
    ("unlink", &["identity-model", "transport"]),
    ("unlink-batch", &["unlink"]),
    ("unlink-sandbox", &[]),
    ("unlink-cli", &["unlink", "unlink-batch", "unlink-sandbox"]),
    ("unlink-web", &["identity-model", "transport", "unlink"]),
    ("xtask", &[]),
];

/// The witness, and the members whose tests may call it.
const WITNESS: (&str, &[&str]) = (
    "unlink-sandbox",
    &[
        "transport",
        "unlink",
        "unlink-batch",
        "unlink-cli",
        "unlink-web",
    ],
);

/// Members that may depend directly on these packages alone.
const PACKAGES: &[(&str, &[&str])] = &[
    (
        "identity-model",
        &["serde", "serde_core", "serde_json", "strum", "zeroize"],
    ),
    // Thin, and without anything that a browser has not: see also those that must stay out of it.
    (
        "unlink",
        &[
            "identity-model",
            "jiff",
            "serde_json",
            "tracing",
            "transport",
        ],
    ),
];

/// Packages that must stay out of these members, directly or not, in their smallest form.
const ABSENT: &[(&str, &[&str])] = &[
    ("identity-model", &["http", "hyper", "tokio"]),
    (
        "transport",
        &["hyper", "hyper-util", "hyper-rustls", "rustls"],
    ),
    (
        "unlink",
        &["hyper", "hyper-util", "hyper-rustls", "rustls", "tokio"],
    ),
];

/// Dependencies that must be asked for without their default features.
const WITHOUT_DEFAULTS: &[(&str, &str)] = &[
    ("unlink", "transport"),
    ("unlink-web", "transport"),
    ("unlink-web", "unlink"),
];

/// Members depend on each other as the map says.
pub(super) fn only_allowed_members(workspace: &Workspace) -> Vec<Violation> {
    let members: BTreeSet<&str> = workspace
        .members()
        .map(|member| member.name.as_str())
        .collect();
    let mut violations = Vec::new();
    for member in workspace.members() {
        let Some((_, allowed)) = MEMBERS.iter().find(|(name, _)| *name == member.name) else {
            let advice = format!(
                "`{}` has no row in the dependency table of `cargo xtask tidy`: add one",
                member.name
            );
            violations.push(Violation::new(workspace.manifest(member), 0, advice));
            continue;
        };
        for dependency in member
            .dependencies
            .iter()
            .filter(|to| members.contains(to.name.as_str()))
        {
            let to = dependency.name.as_str();
            let is_witness = dependency.kind.as_deref() == Some("dev")
                && to == WITNESS.0
                && WITNESS.1.contains(&member.name.as_str());
            // Cargo lets only tests depend on their own crate: it is how they ask for a feature of it.
            let is_itself = to == member.name;
            if !allowed.contains(&to) && !is_witness && !is_itself {
                violations.push(breach(
                    workspace,
                    member,
                    to,
                    &format!("may not depend on `{to}`: {}", list(allowed)),
                ));
            }
        }
    }
    violations
}

/// Members with a short list of packages keep to it, and packages that must be absent are.
pub(super) fn only_allowed_packages(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in workspace.members() {
        let normal = || member.dependencies.iter().filter(|to| to.kind.is_none());
        if let Some((_, allowed)) = PACKAGES.iter().find(|(name, _)| *name == member.name) {
            for to in normal().filter(|to| !allowed.contains(&to.name.as_str())) {
                let advice = format!("may not depend on `{}`: {}", to.name, list(allowed));
                violations.push(breach(workspace, member, &to.name, &advice));
            }
        }
        if let Some((_, absent)) = ABSENT.iter().find(|(name, _)| *name == member.name) {
            for (direct, found) in reached(workspace, member) {
                if absent.contains(&found) {
                    let how = if direct == found {
                        String::new()
                    } else {
                        format!(" through `{direct}`")
                    };
                    let advice = format!(
                        "must not need `{found}`{how} in its smallest form: drop it or make it optional"
                    );
                    violations.push(breach(workspace, member, direct, &advice));
                }
            }
        }
    }
    violations
}

/// A member that offers a smaller form asks for the smaller form of what it builds on.
pub(super) fn optional_stays_optional(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in workspace.members() {
        for to in member
            .dependencies
            .iter()
            .filter(|to| to.kind.is_none() && to.uses_default_features)
        {
            if WITHOUT_DEFAULTS.contains(&(member.name.as_str(), to.name.as_str())) {
                let advice = format!("must ask for `{}` with `default-features = false`", to.name);
                violations.push(breach(workspace, member, &to.name, &advice));
            }
        }
    }
    violations
}

/// The workspace declares the Rust version that its most demanding dependency needs: no higher, no lower.
pub(super) fn rust_version_is_the_lowest_possible(workspace: &Workspace) -> Vec<Violation> {
    let members: BTreeSet<&str> = workspace
        .members()
        .map(|member| member.id.as_str())
        .collect();
    let resolved: BTreeSet<&str> = workspace
        .metadata
        .resolve
        .nodes
        .iter()
        .map(|node| node.id.as_str())
        .collect();
    let needed = workspace
        .metadata
        .packages
        .iter()
        .filter(|package| {
            resolved.contains(package.id.as_str()) && !members.contains(package.id.as_str())
        })
        .filter_map(|package| Some((version(package.rust_version.as_deref()?), package)))
        .max_by(|a, b| a.0.cmp(&b.0));
    let Some((needed, demanding)) = needed else {
        return Vec::new();
    };
    let line = workspace
        .text("Cargo.toml")
        .map_or(0, |text| line_of(text, "rust-version"));
    // The members inherit it, so the first that differs speaks for all.
    let differs = |member: &&Package| member.rust_version.as_deref().map(version) != Some(needed);
    let breach = |member: &Package| {
        let declared = member.rust_version.as_deref().unwrap_or("none");
        let wanted = demanding.rust_version.as_deref().unwrap_or_default();
        let advice = format!(
            "`{}` has rust-version {declared}, but the highest among the dependencies is {wanted}, of `{}`: declare that",
            member.name, demanding.name
        );
        Violation::new("Cargo.toml", line, advice)
    };
    workspace
        .members()
        .find(differs)
        .map(breach)
        .into_iter()
        .collect()
}

impl Package {
    fn requires(&self, name: &str) -> bool {
        self.dependencies
            .iter()
            .any(|to| to.kind.is_none() && !to.optional && to.name == name)
    }
}

/// Every package that `member` needs without its optional dependencies, with the direct dependency it comes through.
fn reached<'a>(workspace: &'a Workspace, member: &'a Package) -> BTreeSet<(&'a str, &'a str)> {
    let names: BTreeMap<&str, &str> = workspace
        .metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package.name.as_str()))
        .collect();
    let name = &|id: &str| names.get(id).copied().unwrap_or_default();
    let next = |id: &'a str| {
        let node = workspace
            .metadata
            .resolve
            .nodes
            .iter()
            .find(|node| node.id == id);
        let edges = node.into_iter().flat_map(|node| &node.deps);
        // The smallest form of our own; of others, the form that was resolved.
        let ours = workspace.members().find(|member| member.id == id);
        edges
            .filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none()))
            .map(|edge| edge.pkg.as_str())
            .filter(move |to| ours.is_none_or(|member| member.requires(name(to))))
    };
    let mut reached = BTreeSet::new();
    for direct in next(&member.id) {
        let mut seen = BTreeSet::from([direct]);
        let mut open = vec![direct];
        while let Some(id) = open.pop() {
            open.extend(next(id).filter(|id| seen.insert(id)));
        }
        reached.extend(seen.into_iter().map(|id| (name(direct), name(id))));
    }
    reached
}

fn version(text: &str) -> [u64; 3] {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

fn breach(workspace: &Workspace, member: &Package, to: &str, advice: &str) -> Violation {
    let manifest = workspace.manifest(member);
    let line = workspace
        .text(&manifest)
        .map_or(0, |text| line_of(text, to));
    Violation::new(manifest, line, format!("`{}` {advice}", member.name))
}

fn list(allowed: &[&str]) -> String {
    if allowed.is_empty() {
        "it has none of these".to_owned()
    } else {
        format!("only on {}", allowed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Violation, workspace::fake},
        only_allowed_members, only_allowed_packages, optional_stays_optional,
        rust_version_is_the_lowest_possible,
    };

    /// What the dependency rules say of members written as `(name, needs)`, with packages written alike.
    fn found(members: &[(&str, &[&str])], packages: &[(&str, &[&str])]) -> Vec<String> {
        let packages: Vec<_> = packages
            .iter()
            .map(|(name, needs)| (*name, *needs, "1.0"))
            .collect();
        let workspace = fake::workspace(members, &packages, &[]);
        let rules = [
            only_allowed_members,
            only_allowed_packages,
            optional_stays_optional,
        ];
        rules
            .iter()
            .flat_map(|rule| rule(&workspace))
            .map(|violation| violation.to_string())
            .collect()
    }

    #[test]
    fn the_house_as_drawn_is_tidy() {
        let members: [(&str, &[&str]); 7] = [
            (
                "identity-model",
                &["serde", "serde_json", "strum", "zeroize", "dev:insta"],
            ),
            (
                "transport",
                &[
                    "http",
                    "optional:hyper",
                    "optional:rustls",
                    "dev:transport",
                    "dev:unlink-sandbox",
                ],
            ),
            (
                "unlink",
                &["identity-model", "bare:transport", "dev:unlink-sandbox"],
            ),
            ("unlink-batch", &["unlink", "dev:unlink-sandbox"]),
            ("unlink-sandbox", &["axum"]),
            ("unlink-cli", &["unlink", "unlink-batch", "unlink-sandbox"]),
            ("xtask", &["serde_json"]),
        ];
        let packages: [(&str, &[&str]); 6] = [
            ("axum", &["hyper"]),
            ("hyper", &["http", "tokio"]),
            ("http", &[]),
            ("serde", &["build:hyper", "dev:tokio"]),
            ("rustls", &[]),
            ("tokio", &[]),
        ];
        assert_eq!(found(&members, &packages), [""; 0]);
    }

    #[test]
    fn a_dependency_against_the_map_is_found() {
        for (member, needs) in [
            ("identity-model", "transport"),
            ("identity-model", "dev:unlink-sandbox"),
            ("transport", "identity-model"),
            ("transport", "unlink-sandbox"),
            ("transport", "build:unlink-sandbox"),
            ("unlink", "unlink-batch"),
            ("unlink-batch", "transport"),
            ("unlink-cli", "transport"),
            ("unlink-sandbox", "identity-model"),
            ("unlink-sandbox", "dev:unlink"),
            ("xtask", "identity-model"),
        ] {
            let target = needs.rsplit(':').next().unwrap();
            let found = found(&[(member, &[needs]), (target, &[])], &[]);
            assert!(
                found
                    .iter()
                    .any(|line| line.contains(&format!("`{member}` may not depend on `{target}`"))),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_member_that_is_not_on_the_map_is_found() {
        insta::assert_snapshot!(found(&[("newcomer", &[])], &[]).join("\n"), @"crates/newcomer/Cargo.toml: `newcomer` has no row in the dependency table of `cargo xtask tidy`: add one");
    }

    #[test]
    fn a_package_that_must_stay_out_is_found_however_it_comes() {
        let packages: [(&str, &[&str]); 3] =
            [("itoa", &["hyper"]), ("hyper", &[]), ("rustls", &[])];
        insta::assert_snapshot!(found(&[("identity-model", &["itoa"])], &packages).join("\n"), @"
        crates/identity-model/Cargo.toml: `identity-model` may not depend on `itoa`: only on serde, serde_core, serde_json, strum, zeroize
        crates/identity-model/Cargo.toml: `identity-model` must not need `hyper` through `itoa` in its smallest form: drop it or make it optional
        ");
        insta::assert_snapshot!(found(&[("transport", &["rustls", "itoa"])], &packages).join("\n"), @"
        crates/transport/Cargo.toml: `transport` must not need `hyper` through `itoa` in its smallest form: drop it or make it optional
        crates/transport/Cargo.toml: `transport` must not need `rustls` in its smallest form: drop it or make it optional
        ");
        insta::assert_snapshot!(found(&[("transport", &[]), ("unlink", &["transport"])], &[]).join("\n"), @"crates/unlink/Cargo.toml: `unlink` must ask for `transport` with `default-features = false`");
    }

    #[test]
    fn the_facade_has_neither_the_http_library_nor_the_runtime() {
        let packages: [(&str, &[&str]); 5] = [
            ("hyper", &[]),
            ("rustls", &[]),
            ("tokio", &[]),
            ("jiff", &["tokio"]),
            ("tracing", &[]),
        ];
        for package in ["hyper", "rustls", "tokio"] {
            for needs in [package.to_owned(), format!("optional:{package}")] {
                let found = found(&[("unlink", &[&needs])], &packages);
                let said = format!("`unlink` may not depend on `{package}`: only on ");
                assert!(found[0].contains(&said), "{needs} {found:?}");
            }
        }
        insta::assert_snapshot!(found(&[("unlink", &["jiff"])], &packages).join("\n"), @"crates/unlink/Cargo.toml: `unlink` must not need `tokio` through `jiff` in its smallest form: drop it or make it optional");
        let transport: [(&str, &[&str]); 2] = [
            ("unlink", &["bare:transport", "tracing"]),
            ("transport", &["optional:tokio"]),
        ];
        assert_eq!(found(&transport, &packages), [""; 0]);
    }

    #[test]
    fn a_breach_points_at_the_line_of_the_manifest() {
        let manifest = (
            "crates/xtask/Cargo.toml",
            "[dependencies]\nserde = \"1\"\nunlink = \"1\"\n",
        );
        let workspace =
            fake::workspace(&[("xtask", &["unlink"]), ("unlink", &[])], &[], &[manifest]);
        insta::assert_snapshot!(only_allowed_members(&workspace)[0], @"crates/xtask/Cargo.toml:3: `xtask` may not depend on `unlink`: it has none of these");
    }

    fn rust_version(packages: &[(&str, &[&str], &str)]) -> Vec<Violation> {
        let root = (
            "Cargo.toml",
            "[workspace.package]\nrust-version = \"1.88\"\n",
        );
        rust_version_is_the_lowest_possible(&fake::workspace(
            &[("xtask", &["a"])],
            packages,
            &[root],
        ))
    }

    #[test]
    fn the_declared_rust_version_is_that_of_the_most_demanding_dependency() {
        assert!(rust_version(&[("a", &[], "1.88.0"), ("b", &[], "1.9")]).is_empty());
        assert!(rust_version(&[]).is_empty());
        insta::assert_snapshot!(rust_version(&[("a", &[], "1.85"), ("b", &[], "1.9")])[0], @"Cargo.toml:2: `xtask` has rust-version 1.88, but the highest among the dependencies is 1.85, of `a`: declare that");
        insta::assert_snapshot!(rust_version(&[("a", &[], "1.85"), ("b", &[], "1.90.1")])[0], @"Cargo.toml:2: `xtask` has rust-version 1.88, but the highest among the dependencies is 1.90.1, of `b`: declare that");
    }
}
