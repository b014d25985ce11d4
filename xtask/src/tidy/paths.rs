//! A path is built from encoded segments, never formatted: an id with a `/` or `#` would name another operation.

use super::{Violation, workspace::Workspace};

const CALLERS: [&str; 5] = [
    "crates/transport/",
    "crates/unlink/",
    "crates/batch/",
    "crates/cli/",
    "crates/web/",
];

/// No string literal of a caller is a path of the API with something put into it.
pub(super) fn no_path_is_formatted(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, code) in workspace.product_sources() {
        if !CALLERS.iter().any(|caller| path.starts_with(caller)) {
            continue;
        }
        for literal in code
            .literals
            .iter()
            .filter(|literal| makes_a_path(&literal.text))
        {
            let advice = format!(
                "\"{}\" makes a path by formatting: push its segments onto transport's path type",
                literal.text
            );
            violations.push(Violation::new(path, literal.line, advice));
        }
    }
    violations
}

fn makes_a_path(literal: &str) -> bool {
    let text = literal.replace("{{", "").replace("}}", "");
    let path = if ["/", "api/", "users/"]
        .iter()
        .any(|start| text.starts_with(start))
    {
        Some(text.as_str())
    } else {
        text.split_once("/api/").map(|(_, path)| path)
    };
    path.is_some_and(|path| path.contains('{'))
}

#[cfg(test)]
mod tests {
    use super::{super::workspace::fake, no_path_is_formatted};

    #[test]
    fn a_formatted_path_is_found() {
        for code in [
            "format!(\"/api/v2/users/{id}\")",
            "format!(\n    \"/{}/identities\",\n    id)",
            "write!(f, \"https://{domain}/api/v2/users/{id}\")",
            "format!(r#\"/users/{id:?}\"#)",
            "format!(\"api/v2/users/{id}\")",
            "format!(\"users/{id}/identities\")",
        ] {
            for path in [
                "crates/transport/src/a.rs",
                "crates/unlink/src/a.rs",
                "crates/cli/src/a.rs",
            ] {
                assert_eq!(
                    no_path_is_formatted(&fake::files(&[(path, code)])).len(),
                    1,
                    "{path} {code}"
                );
            }
        }
        let planted = fake::files(&[("crates/unlink/src/a.rs", "\nformat!(\"/users/{id}\")")]);
        insta::assert_snapshot!(no_path_is_formatted(&planted)[0], @r#"crates/unlink/src/a.rs:2: "/users/{id}" makes a path by formatting: push its segments onto transport's path type"#);
    }

    #[test]
    fn other_text_with_slashes_is_not() {
        for code in [
            "format!(\"https://{domain}/api/v2/\")",
            "format!(\"{a}/{b}\")",
            "\"/api/v2/\"",
            "format!(\"/{{id}}\")",
            "// format!(\"/users/{id}\")",
            "#[cfg(test)] mod tests { fn f() { format!(\"/users/{id}\"); } }",
        ] {
            assert!(
                no_path_is_formatted(&fake::files(&[("crates/cli/src/a.rs", code)])).is_empty(),
                "{code}"
            );
        }
        let served = fake::files(&[(
            "crates/sandbox/src/routes.rs",
            "route(\"/api/v2/users/{id}\")",
        )]);
        assert!(no_path_is_formatted(&served).is_empty());
    }
}
