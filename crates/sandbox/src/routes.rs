//! The one table of operations: which are served, under which scopes, and how a path leads to one.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::call::{Call, Inbound, Reply};
use crate::clock::Millis;
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::plan::Group;
use crate::{
    connections, create_user, export, identities, logs, oauth, search, update_user, users,
};

/// Who may call an operation, and what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Serve {
    /// Anyone; this is not the Management API.
    Open(fn(&mut Engine, &Inbound, Millis) -> Reply),
    /// Whoever holds a bearer token with one of these scopes.
    Scoped(
        &'static [&'static str],
        fn(&mut Engine, &Call<'_>) -> Result<Reply, ApiError>,
    ),
}

/// An operation that the tenant serves.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Auth0's own name for it, where it has one.
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    /// The path below the tenant's address, with `{variables}`.
    pub(crate) path: &'static str,
    /// What it counts as for the rate limits.
    pub(crate) group: Group,
    /// The parameters of its query; one that is not among them is refused. None where no refusal is known.
    pub(crate) parameters: Option<&'static [&'static str]>,
    pub(crate) serve: Serve,
}

/// Every operation that is served.
pub(crate) static SERVED: &[Operation] = &[
    Operation {
        id: "oauth_token",
        method: Method::POST,
        path: "/oauth/token",
        group: Group::Token,
        parameters: None,
        serve: Serve::Open(oauth::token),
    },
    Operation {
        id: "jwks",
        method: Method::GET,
        path: "/.well-known/jwks.json",
        group: Group::Keys,
        parameters: None,
        serve: Serve::Open(oauth::jwks),
    },
    Operation {
        id: "openid_configuration",
        method: Method::GET,
        path: "/.well-known/openid-configuration",
        group: Group::Keys,
        parameters: None,
        serve: Serve::Open(oauth::openid_configuration),
    },
    Operation {
        id: "get_connections",
        method: Method::GET,
        path: "/api/v2/connections",
        group: Group::OtherManagement,
        parameters: Some(&[
            "fields",
            "from",
            "include_fields",
            "include_totals",
            "name",
            "page",
            "per_page",
            "strategy",
            "take",
        ]),
        serve: Serve::Scoped(&["read:connections"], connections::list),
    },
    Operation {
        id: "post_users-exports",
        method: Method::POST,
        path: "/api/v2/jobs/users-exports",
        group: Group::OtherManagement,
        parameters: None,
        serve: Serve::Scoped(&["read:users"], export::order),
    },
    Operation {
        id: "get_jobs_by_id",
        method: Method::GET,
        path: "/api/v2/jobs/{id}",
        group: Group::OtherManagement,
        parameters: None,
        serve: Serve::Scoped(&["create:users", "read:users"], export::job),
    },
    Operation {
        id: "users_export_file",
        method: Method::GET,
        path: "/exports/{file}",
        group: Group::Keys,
        parameters: None,
        serve: Serve::Open(export::download),
    },
    Operation {
        id: "get_logs",
        method: Method::GET,
        path: "/api/v2/logs",
        group: Group::OtherManagement,
        parameters: Some(&[
            "fields",
            "from",
            "include_fields",
            "include_totals",
            "page",
            "per_page",
            "q",
            "search",
            "sort",
            "take",
        ]),
        serve: Serve::Scoped(&["read:logs", "read:logs_users"], logs::list),
    },
    Operation {
        id: "get_logs_by_id",
        method: Method::GET,
        path: "/api/v2/logs/{id}",
        group: Group::OtherManagement,
        parameters: None,
        serve: Serve::Scoped(&["read:logs", "read:logs_users"], logs::get),
    },
    Operation {
        id: "get_users",
        method: Method::GET,
        path: "/api/v2/users",
        group: Group::ReadUsers,
        parameters: Some(&[
            "connection",
            "fields",
            "include_fields",
            "include_totals",
            "page",
            "per_page",
            "primary_order",
            "q",
            "search_engine",
            "sort",
        ]),
        serve: Serve::Scoped(&["read:users", "read:user_idp_tokens"], search::list),
    },
    Operation {
        id: "get_users-by-email",
        method: Method::GET,
        path: "/api/v2/users-by-email",
        group: Group::ReadUsers,
        parameters: Some(&["email", "fields", "include_fields"]),
        serve: Serve::Scoped(&["read:users"], users::by_email),
    },
    Operation {
        id: "get_users_by_id",
        method: Method::GET,
        path: "/api/v2/users/{id}",
        group: Group::ReadUsers,
        parameters: Some(&["fields", "include_fields"]),
        serve: Serve::Scoped(
            &["read:users", "read:current_user", "read:user_idp_tokens"],
            users::get,
        ),
    },
    Operation {
        id: "post_users",
        method: Method::POST,
        path: "/api/v2/users",
        group: Group::WriteUsers,
        parameters: None,
        serve: Serve::Scoped(&["create:users"], create_user::create),
    },
    Operation {
        id: "patch_users_by_id",
        method: Method::PATCH,
        path: "/api/v2/users/{id}",
        group: Group::WriteUsers,
        parameters: None,
        serve: Serve::Scoped(
            &[
                "update:users",
                "update:users_app_metadata",
                "update:current_user_metadata",
            ],
            update_user::update,
        ),
    },
    Operation {
        id: "delete_users_by_id",
        method: Method::DELETE,
        path: "/api/v2/users/{id}",
        group: Group::DeleteUsers,
        parameters: None,
        serve: Serve::Scoped(&["delete:users", "delete:current_user"], users::delete),
    },
    Operation {
        id: "post_identities",
        method: Method::POST,
        path: "/api/v2/users/{id}/identities",
        group: Group::Identities,
        parameters: None,
        serve: Serve::Scoped(
            &["update:users", "update:current_user_identities"],
            identities::link,
        ),
    },
    Operation {
        id: "delete_user_identity_by_user_id",
        method: Method::DELETE,
        path: "/api/v2/users/{id}/identities/{provider}/{user_id}",
        group: Group::Identities,
        parameters: None,
        serve: Serve::Scoped(
            &["update:users", "update:current_user_identities"],
            identities::unlink,
        ),
    },
];

/// The operation a request names.
#[derive(Clone, Debug)]
pub(crate) struct Routed {
    pub(crate) operation: &'static Operation,
    /// The variable segments of the path, each decoded exactly once; none if one of them is not UTF-8.
    pub(crate) segments: Option<Vec<String>>,
}

impl Routed {
    /// The id of the user the request acts on.
    pub(crate) fn user_id(&self) -> Option<&str> {
        let names_user = self.operation.path.contains("/users/{id}");
        let first = self.segments.as_ref().and_then(|segments| segments.first());
        first.filter(|_| names_user).map(String::as_str)
    }
}

/// The operation a request names, if any.
pub(crate) fn find(method: &Method, path: &str) -> Option<Routed> {
    SERVED
        .iter()
        .filter(|operation| operation.method == *method)
        .find_map(|operation| {
            let raw = variables(operation.path, path)?;
            let decode = |raw: &str| Some(percent_decode_str(raw).decode_utf8().ok()?.into_owned());
            Some(Routed {
                operation,
                segments: raw.map(decode).collect(),
            })
        })
}

/// The raw segments of `path` that stand where `pattern` has variables, if it fits; there are never more than three.
pub(crate) fn variables<'a>(
    pattern: &str,
    path: &'a str,
) -> Option<impl Iterator<Item = &'a str> + use<'a>> {
    let mut given = path.split('/');
    let (mut variables, mut count) = ([""; 3], 0);
    for expected in pattern.split('/') {
        let given = given.next()?;
        if !expected.starts_with('{') {
            if expected != given {
                return None;
            }
        } else if given.is_empty() {
            return None;
        } else {
            *variables.get_mut(count)? = given;
            count += 1;
        }
    }
    given
        .next()
        .is_none()
        .then(|| variables.into_iter().take(count))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::find;

    fn segments(path: &str) -> Option<Vec<String>> {
        find(&Method::DELETE, path)?.segments
    }

    #[test]
    fn each_segment_is_decoded_exactly_once() {
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
            let path = format!("/api/v2/users/{raw}/identities/oauth2/x");
            assert_eq!(segments(&path).unwrap(), [decoded, "oauth2", "x"]);
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
