//! Every operation Auth0 publishes, so that one which is not served can be named, and the table of both kinds.

use std::fmt::Write as _;

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

/// The operations that are served and those that are not, as the project's documentation lists them (Markdown).
#[must_use]
pub fn operations_markdown() -> String {
    let mut served = String::new();
    for operation in SERVED {
        let scopes = match operation.serve {
            Serve::Open(_) => "none".to_owned(),
            Serve::Scoped(scopes, _) => scopes
                .iter()
                .map(|scope| format!("`{scope}`"))
                .collect::<Vec<_>>()
                .join(" or "),
        };
        let (method, path, id) = (&operation.method, operation.path, operation.id);
        // Writing to a String cannot fail.
        let _ = writeln!(served, "| `{method} {path}` | `{id}` | {scopes} |");
    }
    let is_served = |one: &Published| {
        SERVED
            .iter()
            .any(|served| served.method == one.method && served.path == one.path)
    };
    let mut absent = String::new();
    for Published { method, path, id } in published().filter(|one| !is_served(one)) {
        let _ = writeln!(absent, "| `{method} {path}` | `{id}` |");
    }
    format!(
        "## Served\n\n| operation | name | scope |\n|---|---|---|\n{served}\n## Not served\n\nThese answer 501 and name themselves.\n\n| operation | name |\n|---|---|\n{absent}"
    )
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
