//! Error answers of the Management API, in the wording that was recorded or documented.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use crate::provenance::{Behaviour, Rule, Rules};

/// Which part of a request does not fit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Path,
    Query,
    Body,
}

/// What the messages add to the name of a value, as far as it was seen.
const DESCRIPTIONS: &[(&str, &str)] = &[
    ("id", "The user_id of the user to retrieve"),
    ("per_page", "Number of results per page. Defaults to 50"),
];

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) code: Option<&'static str>,
    /// Headers beside the usual ones.
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// It is the token endpoint that answers, whose errors have another form.
    pub(crate) from_token_endpoint: bool,
    /// 401s repeat their message under `attributes`.
    pub(crate) attributes: bool,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: Option<&'static str>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            message: message.into(),
            code,
            headers: Vec::new(),
            from_token_endpoint: false,
            attributes: false,
        }
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some(code), message)
    }

    pub(crate) fn no_such_user() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Some("inexistent_user"),
            "The user does not exist.",
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, None, "Not Found")
    }

    /// What the real one does and this one does not.
    pub(crate) fn not_served(what: impl std::fmt::Display) -> Self {
        let message = format!("{what} is not served by this local tenant.");
        Self::new(StatusCode::NOT_IMPLEMENTED, Some("not_served"), message)
    }

    pub(crate) fn no_such_log(rules: &mut Rules) -> Self {
        rules.detail(Behaviour::LogErrorCode);
        Self::new(StatusCode::NOT_FOUND, None, "Log not found.")
    }

    pub(crate) fn missing_authentication() -> Self {
        Self {
            headers: vec![(WWW_AUTHENTICATE, "Bearer".into())],
            ..Self::new(StatusCode::UNAUTHORIZED, None, "Missing authentication")
        }
    }

    pub(crate) fn bad_token(rules: &mut Rules, message: impl Into<String>) -> Self {
        let message = message.into();
        let headers = match rules.detail(Behaviour::TokenChallenge) {
            "absent" => Vec::new(),
            _ => vec![(WWW_AUTHENTICATE, format!("Bearer error=\"{message}\""))],
        };
        Self {
            headers,
            attributes: true,
            ..Self::new(StatusCode::UNAUTHORIZED, None, message)
        }
    }

    pub(crate) fn expired_token(rules: &mut Rules) -> Self {
        Self::bad_token(
            rules,
            "Expired token received for JSON Web Token validation",
        )
    }

    /// Refuses an answer that no recording and no document backs.
    pub(crate) fn only_inferred(rule: &Rule) -> Self {
        let message = format!(
            "How Auth0 behaves here is only inferred ({}): {}",
            rule.name, rule.question
        );
        Self::new(StatusCode::NOT_IMPLEMENTED, Some("only_inferred"), message)
    }

    /// A path, query or body that does not fit as a whole.
    pub(crate) fn invalid(rules: &mut Rules, part: Part, problem: impl std::fmt::Display) -> Self {
        Self::validation(rules, part, &format!("'{problem}'"))
    }

    /// A value that does not fit.
    pub(crate) fn invalid_value(
        rules: &mut Rules,
        part: Part,
        problem: impl std::fmt::Display,
        name: &str,
    ) -> Self {
        let described = DESCRIPTIONS.iter().find(|(known, _)| *known == name);
        let description = described.map_or_else(String::new, |(_, text)| format!(" ({text})"));
        Self::validation(
            rules,
            part,
            &format!("'{problem}' on property {name}{description}"),
        )
    }

    fn validation(rules: &mut Rules, part: Part, problem: &str) -> Self {
        if let Err(only_inferred) = rules.decide(Behaviour::ValidationWording) {
            return only_inferred;
        }
        let (code, name) = match part {
            Part::Path => ("invalid_uri", "Path"),
            Part::Query => ("invalid_query_string", "Query"),
            Part::Body => ("invalid_body", "Payload"),
        };
        Self::bad_request(code, format!("{name} validation error: {problem}."))
    }

    pub(crate) fn insufficient_scope(expected: &[&str]) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            Some("insufficient_scope"),
            format!(
                "Insufficient scope, expected any of: {}",
                expected.join(",")
            ),
        )
    }

    pub(crate) fn not_the_subject() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            Some("unowned_resource"),
            "User to be acted on does not match subject in bearer token.",
        )
    }

    pub(crate) fn body(&self) -> Value {
        if self.from_token_endpoint {
            return json!({ "error": self.code, "error_description": self.message });
        }
        let mut body = json!({
            "statusCode": self.status.as_u16(),
            "error": self.status.canonical_reason().unwrap_or("Error"),
            "message": self.message,
        });
        if let Some(code) = self.code {
            body["errorCode"] = code.into();
        }
        if self.attributes {
            body["attributes"] = json!({ "error": self.message });
        }
        body
    }
}
