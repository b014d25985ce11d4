//! The one table of operations: which are served, under which scopes, and how a path leads to one.

use http::Method;

use crate::call::{Call, Reply, decode_segment};
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::{identities, users};

/// What an operation does with a call that was let in.
pub(crate) type Handler = fn(&mut Engine, &Call<'_>) -> Result<Reply, ApiError>;

/// An operation of the Management API that the tenant serves.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Auth0's own name for it.
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    /// The path below the tenant's address, with `{variables}`.
    pub(crate) path: &'static str,
    /// Any one of these is enough.
    pub(crate) scopes: &'static [&'static str],
    pub(crate) handler: Handler,
}

/// Every operation of the Management API that is served.
pub(crate) static SERVED: &[Operation] = &[
    Operation {
        id: "get_users_by_id",
        method: Method::GET,
        path: "/api/v2/users/{id}",
        scopes: &["read:users", "read:current_user", "read:user_idp_tokens"],
        handler: users::get,
    },
    Operation {
        id: "delete_users_by_id",
        method: Method::DELETE,
        path: "/api/v2/users/{id}",
        scopes: &["delete:users", "delete:current_user"],
        handler: users::delete,
    },
    Operation {
        id: "delete_user_identity_by_user_id",
        method: Method::DELETE,
        path: "/api/v2/users/{id}/identities/{provider}/{user_id}",
        scopes: &["update:users", "update:current_user_identities"],
        handler: identities::unlink,
    },
];

impl Operation {
    /// The variable segments of `path`, decoded, if this operation is what the path names.
    fn matches(&self, path: &str) -> Option<Result<Vec<String>, ApiError>> {
        let mut segments = Vec::new();
        let mut raw = path.split('/');
        for expected in self.path.split('/') {
            let given = raw.next()?;
            if expected.starts_with('{') {
                if given.is_empty() {
                    return None;
                }
                segments.push(decode_segment(given));
            } else if expected != given {
                return None;
            }
        }
        match raw.next() {
            None => Some(segments.into_iter().collect()),
            Some(_) => None,
        }
    }
}

/// The operation a request names, with its variable segments; none if it names none.
pub(crate) fn find(
    method: &Method,
    path: &str,
) -> Option<(&'static Operation, Result<Vec<String>, ApiError>)> {
    SERVED
        .iter()
        .filter(|operation| operation.method == *method)
        .find_map(|operation| {
            operation
                .matches(path)
                .map(|segments| (operation, segments))
        })
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::find;

    fn segments(path: &str) -> Option<Vec<String>> {
        find(&Method::DELETE, path).map(|(_, segments)| segments.unwrap())
    }

    #[test]
    fn each_segment_is_decoded_exactly_once() {
        let unlink = |id: &str| segments(&format!("/api/v2/users/{id}/identities/oauth2/x"));
        let table = [
            ("auth0|1", "auth0|1"),
            ("auth0%7C1", "auth0|1"),
            ("auth0%7C1%2F2", "auth0|1/2"),
            ("auth0%7C1%23", "auth0|1#"),
            ("oauth2%7Csiwe%7Ceip155%253A5", "oauth2|siwe|eip155%3A5"),
            ("auth0%7C1+2", "auth0|1+2"),
            ("auth0%7C%C3%A9", "auth0|é"),
        ];
        for (raw, decoded) in table {
            let found = unlink(raw).unwrap();
            assert_eq!(found, [decoded, "oauth2", "x"]);
        }
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/api/v2/users/",
            "/api/v2/users/a/",
            "/api/v2/users/a/b",
            "/users/a",
            "/",
        ] {
            assert_eq!(segments(path), None, "{path}");
        }
    }
}
