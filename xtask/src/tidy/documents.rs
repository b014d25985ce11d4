//! The texts keep up with the tree: reasons for dependencies, links, the map.

use super::{
    Violation,
    workspace::{Workspace, line_of},
};

const REASONS: &str = "docs/dependencies.md";
const MAP: &str = "docs/architecture.md";

/// Every package in the workspace's list of dependencies has its reason written down.
pub(super) fn every_dependency_has_a_reason(workspace: &Workspace) -> Vec<Violation> {
    let manifest = workspace.text("Cargo.toml").unwrap_or_default();
    let reasons = workspace.text(REASONS).unwrap_or_default();
    let start = line_of(manifest, "[workspace.dependencies]");
    let entries = manifest
        .lines()
        .enumerate()
        .skip(start)
        .take_while(|(_, line)| start > 0 && !line.starts_with('['));
    let packages = entries.filter_map(|(index, line)| {
        let (name, value) = line.split_once('=')?;
        let is_ours = value.contains("path = ");
        (!is_ours && !line.starts_with('#')).then(|| (index + 1, name.trim()))
    });
    packages
        .filter(|(_, name)| !reasons.contains(&format!("`{name}`")))
        .map(|(line, name)| {
            Violation::new(
                "Cargo.toml",
                line,
                format!("`{name}` has no line in {REASONS}: say why it is there"),
            )
        })
        .collect()
}

/// Every relative link of a Markdown file leads to a file or folder of the tree.
pub(super) fn every_link_leads_somewhere(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in workspace
        .files
        .iter()
        .filter(|file| file.path.ends_with(".md"))
    {
        for (line, target) in links(&file.text) {
            let is_elsewhere = target.contains(':') || target.starts_with('#');
            let path = target.split('#').next().unwrap_or_default();
            let exists = resolved(&file.path, path).is_some_and(|path| exists(workspace, &path));
            if !is_elsewhere && !exists {
                let advice = format!("the link `{target}` leads nowhere: correct or remove it");
                violations.push(Violation::new(&file.path, line, advice));
            }
        }
    }
    violations
}

/// The map names the folder of every crate.
pub(super) fn the_map_names_every_crate(workspace: &Workspace) -> Vec<Violation> {
    let map = workspace.text(MAP).unwrap_or_default();
    workspace
        .members()
        .filter_map(|member| {
            let manifest = workspace.manifest(member);
            let folder = manifest.strip_suffix("/Cargo.toml")?;
            let is_named = map.match_indices(folder).any(|(at, _)| {
                !map[at + folder.len()..]
                    .starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
            });
            (!is_named).then(|| {
                Violation::new(MAP, 0, format!("does not name {folder}: add it to the map"))
            })
        })
        .collect()
}

/// The targets of the inline links outside code, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut is_fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        }
        if is_fenced {
            continue;
        }
        // Every second piece between backquotes is code.
        let prose: String = line.split('`').step_by(2).collect();
        for rest in prose.split("](").skip(1) {
            if let Some((target, _)) = rest.split_once(')') {
                // A title may follow the target.
                links.extend(
                    target
                        .split_whitespace()
                        .next()
                        .map(|target| (index + 1, target.to_owned())),
                );
            }
        }
    }
    links
}

/// The path from the root that `target` means in the file `from`; `None` outside the root.
fn resolved(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn exists(workspace: &Workspace, path: &str) -> bool {
    let folder = format!("{path}/");
    path.is_empty()
        || workspace
            .files
            .iter()
            .any(|file| file.path == path || file.path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::{
        super::workspace::fake, every_dependency_has_a_reason, every_link_leads_somewhere,
        the_map_names_every_crate,
    };

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let manifest = "[workspace]\nx = 1\n[workspace.dependencies]\nunlink = { path = \"crates/unlink\" }\n\n\
            # why = not\nhttp = \"1\"\nhttp-body = { version = \"1\" }\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
        let found = |reasons: &str| {
            every_dependency_has_a_reason(&fake::files(&[
                ("Cargo.toml", manifest),
                ("docs/dependencies.md", reasons),
            ]))
        };
        assert_eq!(found("`http`: types. `http-body`: bodies."), []);
        let missing = found("`http`: types.");
        assert_eq!(missing.len(), 1);
        insta::assert_snapshot!(missing[0], @"Cargo.toml:8: `http-body` has no line in docs/dependencies.md: say why it is there");
        assert_eq!(
            every_dependency_has_a_reason(&fake::files(&[("Cargo.toml", manifest)])).len(),
            2
        );
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let page = "# A\n[good](b.md) [top](../README.md#x) [folder](../crates/unlink) [web](https://a/b) [here](#a)\n\
            `[code](nowhere)`\n```\n[fenced](nowhere)\n```\n[titled](b.md \"B\") ![image](../.ci/run)\n";
        let found = |page: &str| {
            let files = [
                ("docs/a.md", page),
                ("docs/b.md", ""),
                ("README.md", ""),
                (".ci/run", ""),
                ("crates/unlink/x", ""),
            ];
            every_link_leads_somewhere(&fake::files(&files))
        };
        assert_eq!(found(page), []);
        for planted in [
            "[x](c.md)",
            "[x](../docs/c.md#d)",
            "[x](../../README.md)",
            "[x](../crates/unlin)",
            "![x](i.png)",
        ] {
            assert_eq!(found(planted).len(), 1, "{planted}");
        }
        insta::assert_snapshot!(found("\n[x](c.md)")[0], @"docs/a.md:2: the link `c.md` leads nowhere: correct or remove it");
    }

    #[test]
    fn a_crate_that_the_map_leaves_out_is_found() {
        let found = |map: &str| {
            let members: [(&str, &[&str]); 2] = [("unlink", &[]), ("web", &[])];
            the_map_names_every_crate(&fake::workspace(
                &members,
                &[],
                &[("docs/architecture.md", map)],
            ))
        };
        assert_eq!(found("`crates/unlink`, crates/web."), []);
        let missing = found("`crates/unlink-more`, crates/web");
        assert_eq!(missing.len(), 1);
        insta::assert_snapshot!(missing[0], @"docs/architecture.md: does not name crates/unlink: add it to the map");
    }
}
