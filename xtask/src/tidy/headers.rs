//! Headers are transport's: the facade names none, in a literal or otherwise.

use super::{Violation, workspace::Workspace};

/// Names, and starts of names, that no text of the facade has for another reason.
const NAMES: [&str; 12] = [
    "authorization",
    "cookie",
    "date",
    "etag",
    "expect",
    "forwarded",
    "host",
    "location",
    "origin",
    "referer",
    "server",
    "vary",
];
const STARTS: [&str; 11] = [
    "accept",
    "auth0-",
    "cache-",
    "content-",
    "if-",
    "proxy-",
    "retry-",
    "set-cookie",
    "traceparent",
    "user-agent",
    "x-",
];

/// No string literal of the facade is the name of a header.
pub(super) fn no_header_is_named(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, code) in workspace.product_sources() {
        if !path.starts_with("crates/unlink/") {
            continue;
        }
        for literal in code
            .literals
            .iter()
            .filter(|literal| is_header(&literal.text))
        {
            let advice = format!(
                "\"{}\" names a header, and headers are transport's: let it set or read that one",
                literal.text
            );
            violations.push(Violation::new(path, literal.line, advice));
        }
    }
    violations
}

fn is_header(literal: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name = literal.to_ascii_lowercase();
    name.chars().all(is_name)
        && (NAMES.contains(&name.as_str()) || STARTS.iter().any(|start| name.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::{super::workspace::fake, no_header_is_named};

    #[test]
    fn a_header_in_a_literal_is_found_in_the_facade() {
        for name in [
            "Authorization",
            "content-type",
            "Retry-After",
            "x-ratelimit-reset",
            "DATE",
        ] {
            let code = format!("\nlet name = \"{name}\";");
            for (path, count) in [
                ("crates/unlink/src/a.rs", 1),
                ("crates/unlink/tests/it/a.rs", 0),
                ("crates/transport/src/a.rs", 0),
            ] {
                let found = no_header_is_named(&fake::files(&[(path, &code)]));
                assert_eq!(found.len(), count, "{path} {name}");
            }
        }
        let planted = fake::files(&[("crates/unlink/src/a.rs", "\na.get(\"date\")")]);
        insta::assert_snapshot!(no_header_is_named(&planted)[0], @r#"crates/unlink/src/a.rs:2: "date" names a header, and headers are transport's: let it set or read that one"#);
    }

    #[test]
    fn other_words_are_none() {
        for text in [
            "google-oauth2",
            "accepted by the tenant",
            "identities",
            "link identity",
            "last_login",
        ] {
            let code = format!("let x = \"{text}\";");
            assert_eq!(
                no_header_is_named(&fake::files(&[("crates/unlink/src/a.rs", &code)])),
                []
            );
        }
    }
}
