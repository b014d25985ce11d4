//! How limits show in answers: the headers of a success, and the 429.

use http::StatusCode;
use http::header::{HeaderName, RETRY_AFTER};
use serde_json::json;

use crate::call::Reply;
use crate::errors::ApiError;
use crate::limiter::{Exhausted, Reading};
use crate::plan::Group;
use crate::provenance::{Behaviour, Rules};

/// Status, code and message of a limit on everything.
pub(crate) const GLOBAL_MESSAGE: &str = "Global limit has been reached";

impl Reading {
    /// Adds the three headers.
    pub(crate) fn on(self, reply: Reply) -> Reply {
        reply
            .with(
                HeaderName::from_static("x-ratelimit-limit"),
                &self.limit.to_string(),
            )
            .with(
                HeaderName::from_static("x-ratelimit-remaining"),
                &self.remaining.to_string(),
            )
            .with(
                HeaderName::from_static("x-ratelimit-reset"),
                &self.reset.to_string(),
            )
    }
}

impl Exhausted {
    /// The 429.
    pub(crate) fn reply(self, group: Group, rules: &mut Rules) -> Reply {
        let message = self.group.map_or_else(
            || GLOBAL_MESSAGE.to_owned(),
            |(group, period)| format!("Global per {period} {group} group limit has been reached"),
        );
        let mut reply = too_many_requests(group, &message);
        if rules.detail(Behaviour::LimitHeadersOn429) == "present" {
            reply = self.reading.on(reply);
        }
        if rules.detail(Behaviour::RetryAfterOn429) == "present" {
            reply = reply.with(RETRY_AFTER, &self.retry_after.to_string());
        }
        reply
    }
}

/// A 429 without headers, as the API it is for words it.
pub(crate) fn too_many_requests(group: Group, message: &str) -> Reply {
    let status = StatusCode::TOO_MANY_REQUESTS;
    match group {
        Group::Token | Group::Keys => Reply::json(
            status,
            &json!({ "error": "too_many_requests", "error_description": message }),
        ),
        _ => Reply::from(ApiError::new(status, Some("too_many_requests"), message)),
    }
}
