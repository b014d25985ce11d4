//! What the rules look at: cargo's metadata and the text of every file.

use super::source::Code;
use crate::failure::{Failure, Result, read};
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    process::{Command, Stdio},
};

/// The workspace as plain data, so that a rule can be tried on one that does not exist.
pub(super) struct Workspace {
    pub(super) metadata: Metadata,
    pub(super) files: Vec<File>,
}

/// A file, by its path from the root with `/` between the names.
pub(super) struct File {
    pub(super) path: String,
    /// Empty unless the file is Rust, Markdown or TOML.
    pub(super) text: String,
}

/// The part of `cargo metadata` that the rules read.
#[derive(Deserialize)]
pub(super) struct Metadata {
    workspace_root: String,
    workspace_members: BTreeSet<String>,
    pub(super) packages: Vec<Package>,
    pub(super) resolve: Resolve,
}

#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) manifest_path: String,
    pub(super) rust_version: Option<String>,
    pub(super) publish: Option<Vec<String>>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) targets: Vec<Target>,
}

/// What cargo builds of a package.
#[derive(Deserialize)]
pub(super) struct Target {
    kind: Vec<String>,
    src_path: String,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(super) kind: Option<String>,
    pub(super) optional: bool,
    pub(super) uses_default_features: bool,
}

#[derive(Deserialize)]
pub(super) struct Resolve {
    pub(super) nodes: Vec<Node>,
}

#[derive(Deserialize)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) deps: Vec<Edge>,
}

#[derive(Deserialize)]
pub(super) struct Edge {
    pub(super) pkg: String,
    pub(super) dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
pub(super) struct EdgeKind {
    pub(super) kind: Option<String>,
}

impl Workspace {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        collect(root, "", &mut files)?;
        Ok(Self {
            metadata: metadata(root)?,
            files,
        })
    }

    /// The packages of this workspace.
    pub(super) fn members(&self) -> impl Iterator<Item = &Package> {
        let Metadata {
            packages,
            workspace_members,
            ..
        } = &self.metadata;
        packages
            .iter()
            .filter(|package| workspace_members.contains(&package.id))
    }

    /// The path of a member's manifest from the root.
    pub(super) fn manifest(&self, member: &Package) -> String {
        self.relative(&member.manifest_path)
    }

    fn relative(&self, path: &str) -> String {
        let path = path.replace('\\', "/");
        let root = self.metadata.workspace_root.replace('\\', "/");
        path.strip_prefix(&root)
            .unwrap_or(&path)
            .trim_start_matches('/')
            .to_owned()
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }

    /// The Rust files that are no tests, benches or examples, with what counts in them.
    pub(super) fn product_sources(&self) -> impl Iterator<Item = (&str, Code)> {
        self.product_files()
            .map(|file| (file.path.as_str(), Code::new(&file.text)))
    }

    /// The Rust files that are compiled for more than tests, benches or examples.
    ///
    /// Cargo's targets tell, since a module of the product may be called `tests` or `examples`: what lies beside the
    /// first file of a test is test code, unless it lies beside the first file of the product too.
    pub(super) fn product_files(&self) -> impl Iterator<Item = &File> {
        let targets = self.members().flat_map(|member| &member.targets);
        let (tests, products): (Vec<_>, Vec<_>) = targets
            .map(|target| {
                let path = self.relative(&target.src_path);
                (target.is_test(), target.is_alone(), path)
            })
            .partition(|(is_test, ..)| *is_test);
        let is_within = |path: &str, (_, is_alone, first): &(bool, bool, String)| {
            let folder = first.rfind('/').map_or("", |at| &first[..=at]);
            path == first || !is_alone && path.starts_with(folder)
        };
        self.files.iter().filter(move |file| {
            let is_in = |targets: &[_]| targets.iter().any(|target| is_within(&file.path, target));
            file.path.ends_with(".rs") && (!is_in(&tests) || is_in(&products))
        })
    }
}

impl Target {
    /// Tells whether it is built for tests, benches or examples only.
    fn is_test(&self) -> bool {
        let kinds = ["test", "bench", "example"];
        self.kind.iter().all(|kind| kinds.contains(&kind.as_str()))
    }

    /// Tells whether the files beside it are none of its own: a build script stands among the folders of all others.
    fn is_alone(&self) -> bool {
        self.kind.iter().any(|kind| kind == "custom-build")
    }
}

/// Returns the number of the first line of `text` that starts with `start`, counted from 1, else 0.
pub(super) fn line_of(text: &str, start: &str) -> usize {
    text.lines()
        .position(|line| line.starts_with(start))
        .map_or(0, |index| index + 1)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<()> {
    let unread = |error| Failure::new(format!("cannot read {}: {error}", folder.display()));
    let entries = fs::read_dir(folder).map_err(unread)?;
    let mut entries = entries.collect::<io::Result<Vec<_>>>().map_err(unread)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type().map_err(unread)?.is_dir() {
            if name != "target" && name != ".git" {
                collect(&entry.path(), &format!("{path}/"), files)?;
            }
            continue;
        }
        let is_text = [".rs", ".md", ".toml"]
            .iter()
            .any(|end| name.ends_with(end));
        let text = if is_text {
            read(&entry.path())?
        } else {
            String::new()
        };
        files.push(File { path, text });
    }
    Ok(())
}

fn metadata(root: &Path) -> Result<Metadata> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--all-features",
            "--locked",
        ])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("cannot run cargo metadata: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new(
            "cargo metadata failed; if Cargo.lock is out of date, build once and commit it",
        ));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::new(format!("cargo metadata is not what was expected: {error}")))
}

#[cfg(test)]
pub(super) mod fake {
    //! Workspaces that do not exist, for trying the rules.

    use super::{File, Metadata, Workspace};
    use serde_json::{Value, json};

    /// A workspace of files alone, in crates with a library, and tests, benches and examples where cargo looks for them.
    pub(in super::super) fn files(files: &[(&str, &str)]) -> Workspace {
        let mut crates: Vec<&str> = files
            .iter()
            .filter_map(|(path, _)| path.strip_prefix("crates/")?.split('/').next())
            .collect();
        crates.sort_unstable();
        crates.dedup();
        let members: Vec<(&str, &[&str])> =
            crates.into_iter().map(|name| (name, &[][..])).collect();
        workspace(&members, &[], files)
    }

    /// A workspace with members of these names and dependencies, and other packages that need these Rust versions.
    ///
    /// A dependency is written as in `hyper`, `dev:insta` or `optional:rustls`, and has no dependencies of its own
    /// unless it is named again as a member or package, in `name -> dependency` form.
    pub(in super::super) fn workspace(
        members: &[(&str, &[&str])],
        packages: &[(&str, &[&str], &str)],
        files: &[(&str, &str)],
    ) -> Workspace {
        let members_of_all = members
            .iter()
            .map(|(name, needs)| (*name, *needs, "1.88", true));
        let others = packages
            .iter()
            .map(|(name, needs, version)| (*name, *needs, *version, false));
        let all: Vec<_> = members_of_all.chain(others).collect();
        let metadata = json!({
            "workspace_root": "/w",
            "workspace_members": members.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            "packages": all.iter().map(|(name, needs, version, is_member)| json!({
                "id": name,
                "name": name,
                "manifest_path": format!("/w/crates/{name}/Cargo.toml"),
                "rust_version": version,
                "publish": is_member.then(Vec::<String>::new),
                "dependencies": needs.iter().map(|need| dependency(need)).collect::<Vec<_>>(),
                "targets": [
                    target(name, "lib", "src/lib.rs"),
                    target(name, "test", "tests/it/main.rs"),
                    target(name, "bench", "benches/speed.rs"),
                    target(name, "example", "examples/first.rs"),
                    target(name, "custom-build", "build.rs"),
                ],
            })).collect::<Vec<_>>(),
            "resolve": {"nodes": all.iter().map(|(name, needs, ..)| json!({
                "id": name,
                "deps": needs.iter().map(|need| edge(need)).collect::<Vec<_>>(),
            })).collect::<Vec<_>>()},
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Workspace {
            metadata,
            files: files.iter().map(file).collect(),
        }
    }

    fn target(name: &str, kind: &str, path: &str) -> Value {
        json!({"kind": [kind], "src_path": format!("/w/crates/{name}/{path}")})
    }

    fn split(need: &str) -> (&str, &str) {
        need.split_once(':').unwrap_or(("", need))
    }

    fn kind(need: &str) -> Value {
        let (how, _) = split(need);
        if ["dev", "build"].contains(&how) {
            json!(how)
        } else {
            Value::Null
        }
    }

    fn dependency(need: &str) -> Value {
        let (how, name) = split(need);
        json!({
            "name": name,
            "kind": kind(need),
            "optional": how == "optional",
            "uses_default_features": how != "bare",
        })
    }

    fn edge(need: &str) -> Value {
        json!({"pkg": split(need).1, "dep_kinds": [{"kind": kind(need)}]})
    }
}

#[cfg(test)]
mod tests {
    use super::fake;

    #[test]
    fn tests_are_told_by_their_target_and_not_by_their_name() {
        for (path, is_product) in [
            ("crates/a/src/tests.rs", true),
            ("crates/a/src/examples/first.rs", true),
            ("crates/a/src/tests/it/main.rs", true),
            ("crates/a/src/bin/more.rs", true),
            ("crates/a/build.rs", true),
            ("crates/a/tests/it/main.rs", false),
            ("crates/a/tests/it/deep/module.rs", false),
            ("crates/a/benches/speed.rs", false),
            ("crates/a/examples/first.rs", false),
            ("crates/a/elsewhere/file.rs", true),
            ("crates/a/README.md", false),
        ] {
            let workspace = fake::files(&[(path, "")]);
            assert_eq!(workspace.product_files().count() == 1, is_product, "{path}");
        }
    }
}
