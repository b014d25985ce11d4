//! A fault a test can order: what goes wrong, for which requests, how often.

use std::collections::BTreeMap;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use serde::{Deserialize, Serialize};

use crate::call::Inbound;
use crate::routes::Routed;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Kind {
    /// The connection is closed without an answer.
    Drop,
    /// The connection is reset without an answer.
    Reset,
    /// This status is answered, and nothing else is done.
    Status {
        /// The status, from 200 to 599.
        status: u16,
        /// Headers of the answer.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// Body of the answer.
        #[serde(default)]
        body: String,
    },
    /// A page of HTML is answered with status 200, as a captive portal or a proxy does.
    Html,
    /// Another address is named, with status 307 if none is given.
    Redirect {
        /// Where to.
        location: String,
        /// A status from 300 to 399.
        #[serde(default)]
        status: Option<u16>,
    },
    /// The token is said to have expired (401).
    ExpiredToken,
    /// The rate limit is said to be reached (429).
    TooManyRequests {
        /// `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
        /// `x-ratelimit-reset`, in seconds from now; with it come the other two headers.
        #[serde(default)]
        reset_in: Option<i64>,
    },
    /// The answer comes this much later.
    Delay {
        /// Milliseconds of real time.
        ms: u64,
    },
    /// The answer breaks off after this many bytes of its body.
    Truncate {
        /// Bytes.
        after: usize,
    },
    /// The answer stops after this many bytes of its body, and the connection stays open.
    Stall {
        /// Bytes.
        after: usize,
    },
    /// The body comes in small pieces.
    Trickle {
        /// Bytes in a piece.
        bytes: usize,
        /// Milliseconds of real time between pieces.
        every_ms: u64,
    },
    /// The body never ends: blanks follow it for ever.
    Endless,
    /// The answer carries another content type.
    ContentType {
        /// Its value.
        value: String,
    },
    /// The `Date` header is off by this much.
    SkewDate {
        /// Seconds; negative for the past.
        seconds: i64,
    },
}

impl Kind {
    /// Whether there is a real answer that it spoils, rather than none or one of its own.
    pub(crate) const fn spoils_answer(&self) -> bool {
        matches!(
            self,
            Self::Delay { .. }
                | Self::Truncate { .. }
                | Self::Stall { .. }
                | Self::Trickle { .. }
                | Self::Endless
                | Self::ContentType { .. }
                | Self::SkewDate { .. }
        )
    }

    /// Its name, as in JSON.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::Status { .. } => "status",
            Self::Html => "html",
            Self::Redirect { .. } => "redirect",
            Self::ExpiredToken => "expired_token",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Delay { .. } => "delay",
            Self::Truncate { .. } => "truncate",
            Self::Stall { .. } => "stall",
            Self::Trickle { .. } => "trickle",
            Self::Endless => "endless",
            Self::ContentType { .. } => "content_type",
            Self::SkewDate { .. } => "skew_date",
        }
    }
}

impl Kind {
    /// What could not be sent as it is said.
    fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Status { status, .. } if !(200..600).contains(status) => {
                Some("status must be from 200 to 599")
            }
            Self::Status { status, body, .. } if NO_BODY.contains(status) && !body.is_empty() => {
                Some("an answer with status 204, 205 or 304 has no body")
            }
            Self::Status { headers, .. } => headers.iter().find_map(|(name, value)| {
                let name = name.parse::<HeaderName>();
                if name.as_ref().is_ok_and(|name| FRAMING.contains(name)) {
                    Some("headers that say where the body ends or what becomes of the connection are the server's")
                } else if name.is_err() {
                    Some("the name of a header is none")
                } else {
                    unsendable(value).then_some("the value of a header cannot be sent")
                }
            }),
            Self::Redirect {
                status: Some(status),
                ..
            } if !(300..400).contains(status) => {
                Some("the status of a redirect must be from 300 to 399")
            }
            Self::Redirect { location, .. } if unsendable(location) => {
                Some("location cannot be sent in a header")
            }
            Self::ContentType { value } if unsendable(value) => {
                Some("the content type cannot be sent in a header")
            }
            Self::TooManyRequests {
                reset_in: Some(seconds),
                ..
            }
            | Self::SkewDate { seconds } if seconds.unsigned_abs() > FAR => {
                Some("a time must be within a thousand million seconds of now")
            }
            _ => None,
        }
    }
}

/// Seconds: about thirty years.
const FAR: u64 = 1_000_000_000;

const NO_BODY: [u16; 3] = [204, 205, 304];

/// What the server has to say itself, as it knows what it sends.
const FRAMING: [HeaderName; 3] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];

fn unsendable(value: &str) -> bool {
    HeaderValue::from_str(value).is_err()
}

/// Whether and when the request that was struck takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Apply {
    /// On arrival, before any answer.
    Now,
    /// Not at all.
    Never,
    /// This many milliseconds of real time after arrival.
    AfterMs(u64),
    /// Right after the next `GET /users/{id}` of the same user was answered.
    AfterNextRead,
}

/// A fault: what goes wrong, for which requests, how often.
///
/// ```
/// use unlink_sandbox::{Apply, Fault, Kind, Sandbox};
///
/// let sandbox = Sandbox::start()?;
/// let unlinks = "/api/v2/users/*/identities/*/*";
/// // The first unlink is done, but its answer is lost.
/// sandbox.inject(Fault::new(Kind::Drop).apply(Apply::Now).method("DELETE").path(unlinks).times(1));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apply: Option<Apply>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default)]
    pub(crate) skip: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
}

impl Fault {
    /// This goes wrong with every request, until more is said.
    ///
    /// A request whose real answer is only spoiled takes effect; one that is answered by the fault itself, or not at
    /// all, does not. [`apply`](Self::apply) says otherwise.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            apply: None,
            method: None,
            path: None,
            user: None,
            skip: 0,
            times: None,
            probability: None,
        }
    }

    /// Whether and when a struck request takes effect.
    #[must_use]
    pub const fn apply(mut self, apply: Apply) -> Self {
        self.apply = Some(apply);
        self
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Only requests whose raw path fits: `*` and `{name}` stand for one segment, a final `**` for the rest.
    #[must_use]
    pub fn path(mut self, pattern: impl Into<String>) -> Self {
        self.path = Some(pattern.into());
        self
    }

    /// Only requests that act on the user with this id.
    #[must_use]
    pub fn user(mut self, user_id: impl Into<String>) -> Self {
        self.user = Some(user_id.into());
        self
    }

    /// Let this many fitting requests pass first.
    #[must_use]
    pub const fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Strike this often, then no more.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Strike a fitting request with this probability, drawn from the tenant's seeded generator.
    #[must_use]
    pub const fn probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    pub(crate) const fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(crate) fn when_applied(&self) -> Apply {
        let usual = if self.kind.spoils_answer() {
            Apply::Now
        } else {
            Apply::Never
        };
        self.apply.unwrap_or(usual)
    }

    /// What is wrong with the fault itself.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Some("probability must be from 0 to 1");
        }
        if self.times == Some(0) {
            return Some("times must be 1 or more");
        }
        let path = self.path.as_deref();
        if path.is_some_and(|path| !path.starts_with('/')) {
            return Some("path must begin with /, as that of a request does");
        }
        let waits = self.apply == Some(Apply::AfterNextRead);
        if waits && path.is_some_and(|path| !can_name_user(path)) {
            return Some("after_next_read needs requests that name a user in their path");
        }
        self.kind.problem()
    }

    pub(crate) fn fits(&self, inbound: &Inbound, routed: Option<&Routed>) -> bool {
        let method = self.method.as_ref();
        let user = self.user.as_deref();
        method.is_none_or(|method| inbound.method.as_str().eq_ignore_ascii_case(method))
            && self
                .path
                .as_ref()
                .is_none_or(|pattern| fits_path(pattern, &inbound.path))
            && (user.is_none() || user == routed.and_then(Routed::user_id))
    }
}

/// Whether a request that fits the pattern may be one to `/api/v2/users/{id}` or below.
fn can_name_user(pattern: &str) -> bool {
    let mut given = ["", "api", "v2", "users"].iter();
    for expected in pattern.split('/') {
        let wild = expected == "*" || expected.starts_with('{');
        match given.next() {
            _ if expected == "**" => return true,
            None => return true,
            Some(segment) if wild || *segment == expected => {}
            Some(_) => return false,
        }
    }
    false
}

fn fits_path(pattern: &str, path: &str) -> bool {
    let mut given = path.split('/');
    for expected in pattern.split('/') {
        if expected == "**" {
            return true;
        }
        let wild = expected == "*" || expected.starts_with('{');
        match given.next() {
            Some(segment) if wild || segment == expected => {}
            _ => return false,
        }
    }
    given.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::{Apply, Fault, Kind, fits_path};

    #[test]
    fn path_patterns_fit_whole_segments() {
        let table = [
            ("/api/v2/users/*", "/api/v2/users/a%2Fb", true),
            ("/api/v2/users/{id}", "/api/v2/users/a", true),
            ("/api/v2/users/*", "/api/v2/users/a/identities", false),
            ("/api/v2/users/**", "/api/v2/users/a/identities", true),
            ("/api/v2/users/auth0%7C1", "/api/v2/users/auth0%7C1", true),
            ("/api", "/api/v2", false),
        ];
        for (pattern, path, fits) in table {
            assert_eq!(fits_path(pattern, path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn a_fault_reads_from_json_strictly() {
        let json = r#"{ "kind": { "truncate": { "after": 3 } }, "apply": { "after_ms": 5 }, "method": "DELETE", "times": 2 }"#;
        let fault: Fault = serde_json::from_str(json).unwrap();
        let expected = Fault::new(Kind::Truncate { after: 3 })
            .apply(Apply::AfterMs(5))
            .method("DELETE")
            .times(2);
        assert_eq!(fault, expected);
        assert_eq!(
            serde_json::from_str::<Fault>(r#"{ "kind": "drop" }"#).unwrap(),
            Fault::new(Kind::Drop)
        );
        assert!(serde_json::from_str::<Fault>(r#"{ "kind": "drop", "time": 1 }"#).is_err());
        assert!(
            serde_json::from_str::<Fault>(r#"{ "kind": { "stall": { "after": 1, "for": 2 } } }"#)
                .is_err()
        );
        assert!(Fault::new(Kind::Drop).probability(1.5).problem().is_some());
    }

    #[test]
    fn what_cannot_be_done_as_said_is_refused() {
        let status = |status: u16, name: &str, value: &str| Kind::Status {
            status,
            headers: [(name.to_owned(), value.to_owned())].into(),
            body: "text".into(),
        };
        let location = |location: &str| Kind::Redirect {
            location: location.into(),
            status: None,
        };
        let reset_in = |seconds: i64| Kind::TooManyRequests {
            retry_after: None,
            reset_in: Some(seconds),
        };
        let typed = |value: &str| Kind::ContentType {
            value: value.into(),
        };
        let table = [
            (status(200, "x-own", "1"), true),
            (status(700, "x-own", "1"), false),
            (status(204, "x-own", "1"), false),
            (status(200, "x own", "1"), false),
            (status(200, "", "1"), false),
            (status(200, "x-own", "1\r\nx-other: 2"), false),
            (status(200, "Content-Length", "3"), false),
            (status(200, "transfer-encoding", "chunked"), false),
            (location("/elsewhere"), true),
            (location("/else\nwhere"), false),
            (typed("text/plain"), true),
            (typed("text/\nplain"), false),
            (reset_in(-5), true),
            (reset_in(i64::MAX), false),
            (reset_in(i64::MIN), false),
            (Kind::SkewDate { seconds: i64::MIN }, false),
            (Kind::SkewDate { seconds: -600 }, true),
        ];
        for (kind, good) in table {
            let fault = Fault::new(kind);
            assert_eq!(fault.problem().is_none(), good, "{fault:?}");
        }
    }

    #[test]
    fn only_requests_that_name_a_user_can_wait_for_its_next_read() {
        let table = [
            ("/api/v2/users/*", true),
            ("/api/v2/users/auth0%7C1/identities/*/*", true),
            ("/api/**", true),
            ("/{a}/*/*/*/*", true),
            ("/api/v2/users", false),
            ("/oauth/token", false),
            ("/api/v2/connections/x", false),
        ];
        for (path, good) in table {
            let fault = Fault::new(Kind::Drop).path(path);
            assert_eq!(fault.problem(), None, "{path}");
            let waiting = fault.apply(Apply::AfterNextRead);
            assert_eq!(waiting.problem().is_none(), good, "{path}");
        }
    }
}
