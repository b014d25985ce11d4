//! Every operation Auth0 publishes, so that one which is not served can be named, and the table of both kinds.

use crate::provenance::{Extent, TABLE};
use crate::routes::{SERVED, Serve, variables};

/// Method, path and name of each operation of the Management API (and the best known of the Authentication API).
///
/// Source: <https://auth0.com/docs/api/management/v2>
const PUBLISHED: &str = include_str!("operations.tsv");

struct Published {
    method: &'static str,
    path: &'static str,
    id: &'static str,
}

fn published() -> impl Iterator<Item = Published> {
    PUBLISHED.lines().filter_map(|line| {
        let mut columns = line.split('\t');
        Some(Published {
            method: columns.next()?,
            path: columns.next()?,
            id: columns.next()?,
        })
    })
}

/// The name of the published operation that a request means.
pub(crate) fn name(method: &str, path: &str) -> Option<&'static str> {
    published()
        .find(|operation| operation.method == method && variables(operation.path, path).is_some())
        .map(|operation| operation.id)
}

/// Reference tables for the project's documentation (Markdown): operations served and not served, and the behaviours
/// that Auth0 does not document.
#[doc(hidden)]
#[must_use]
pub fn reference_markdown() -> String {
    let mut out = String::from("## Served\n\n| operation | name | scope |\n|---|---|---|\n");
    for operation in SERVED {
        let scopes = match operation.serve {
            Serve::Open(_) => "none".to_owned(),
            Serve::Scoped(scopes, _) => {
                let quoted: Vec<String> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
                quoted.join(" or ")
            }
        };
        let (method, path, id) = (&operation.method, operation.path, operation.id);
        row(
            &mut out,
            &[&format!("`{method} {path}`"), &format!("`{id}`"), &scopes],
        );
    }
    out.push_str(RULES_HEADING);
    for rule in TABLE {
        let choices: Vec<String> = rule
            .choices
            .iter()
            .map(|choice| format!("`{}` ({})", choice.name, choice.provenance))
            .collect();
        let decides = match rule.extent {
            Extent::Answer => "the answer",
            Extent::Detail => "a detail",
        };
        row(
            &mut out,
            &[
                &format!("`{}`", rule.name),
                rule.question,
                &choices.join(", "),
                decides,
            ],
        );
    }
    out.push_str(ABSENT_HEADING);
    let is_served = |one: &Published| {
        SERVED
            .iter()
            .any(|served| served.method == one.method && served.path == one.path)
    };
    for Published { method, path, id } in published().filter(|one| !is_served(one)) {
        row(
            &mut out,
            &[&format!("`{method} {path}`"), &format!("`{id}`")],
        );
    }
    out
}

const RULES_HEADING: &str = "
## What Auth0 does not document

The first choice is in force unless a test or a control says otherwise. An answer that rests on an inferred choice says
so: `x-sandbox-provenance: inferred`, and `x-sandbox-rules` names the rules. A strict tenant answers 501 where an
inferred choice decides the answer, leaves out a detail that can be left out, and marks an answer with one that cannot.

| rule | question | choices | decides |
|---|---|---|---|
";

const ABSENT_HEADING: &str = "
## Not served

These answer 501 and name themselves; any other path answers 404.

| operation | name |
|---|---|
";

fn row(out: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    out.push_str(&format!("| {} |\n", cells.join(" | ")));
}

#[cfg(test)]
mod tests {
    use super::{name, published};
    use crate::routes::SERVED;

    #[test]
    fn every_line_is_an_operation_and_every_served_management_operation_is_published() {
        assert_eq!(published().count(), super::PUBLISHED.lines().count());
        for operation in SERVED
            .iter()
            .filter(|operation| operation.path.starts_with("/api/v2/"))
        {
            let found = published().find(|one| one.id == operation.id).unwrap();
            assert_eq!(
                (found.method, found.path),
                (operation.method.as_str(), operation.path)
            );
        }
    }

    #[test]
    fn a_request_is_named() {
        assert_eq!(
            name("GET", "/api/v2/clients/abc"),
            Some("get_clients_by_id")
        );
        assert_eq!(name("GET", "/api/v2/nonsense"), None);
    }
}
