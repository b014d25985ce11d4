//! How limits show in answers: the headers of a success, and the 429.

use http::StatusCode;
use http::header::{HeaderName, RETRY_AFTER};

use crate::call::Reply;
use crate::errors::ApiError;
use crate::limiter::{Exhausted, Notice, Reading};
use crate::plan::Group;
use crate::provenance::{Behaviour, Rules};

/// The message of a limit on everything.
const GLOBAL: &str = "Global limit has been reached";

/// The message of the token endpoint.
const CLIENT_QUOTA: &str = "Client quota exceeded";

impl Reading {
    /// Adds the three headers.
    pub(crate) fn on(self, reply: Reply) -> Reply {
        self.headers()
            .into_iter()
            .fold(reply, |reply, (name, value)| reply.with(name, &value))
    }

    pub(crate) fn headers(self) -> [(HeaderName, String); 3] {
        [
            (
                HeaderName::from_static("x-ratelimit-limit"),
                self.limit.to_string(),
            ),
            (
                HeaderName::from_static("x-ratelimit-remaining"),
                self.remaining.to_string(),
            ),
            (
                HeaderName::from_static("x-ratelimit-reset"),
                self.reset.to_string(),
            ),
        ]
    }
}

impl Notice {
    /// How the tenant's log words it.
    pub(crate) fn description(self) -> String {
        let limit = if self.is_global {
            "Global"
        } else {
            self.bucket
        };
        match self.is_warning {
            true => format!("{limit} limit is nearly reached"),
            false => format!("{limit} limit has been reached"),
        }
    }
}

impl Exhausted {
    /// The 429.
    pub(crate) fn error(self, group: Group, rules: &mut Rules) -> ApiError {
        let reading = rules.detail(Behaviour::LimitHeadersOn429) == "present";
        let retry_after = rules.detail(Behaviour::RetryAfterOn429) == "present";
        let error = too_many_requests(
            group,
            reading.then_some(self.reading),
            retry_after.then_some(self.retry_after),
        );
        if group == Group::Token {
            rules.detail(Behaviour::TokenLimit);
        }
        match self.group {
            None => error,
            Some((group, period)) => ApiError {
                message: format!("Global per {period} {group} group limit has been reached"),
                ..error
            },
        }
    }
}

/// A 429 as the API words it that is called, with these headers.
pub(crate) fn too_many_requests(
    group: Group,
    reading: Option<Reading>,
    retry_after: Option<i64>,
) -> ApiError {
    let reading = reading.into_iter().flat_map(Reading::headers);
    let retry_after = retry_after.map(|seconds| (RETRY_AFTER, seconds.to_string()));
    ApiError {
        headers: reading.chain(retry_after).collect(),
        from_token_endpoint: matches!(group, Group::Token | Group::Keys),
        ..ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            Some("too_many_requests"),
            if group == Group::Token {
                CLIENT_QUOTA
            } else {
                GLOBAL
            },
        )
    }
}
