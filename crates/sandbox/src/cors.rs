//! Which web pages may call the tenant: preflights answered, answers marked as readable.
//!
//! Origins are those of the application's [settings](https://auth0.com/docs/get-started/applications/set-up-cors).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN,
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use crate::call::{Inbound, Reply};
use crate::provenance::{Behaviour, Rules};

/// What a page may send beside what every page may.
const ALLOWED_HEADERS: [&str; 4] = [
    "authorization",
    "content-type",
    "auth0-client",
    "x-correlation-id",
];

/// Sent by browsers without asking, or harmless.
const SAFE_HEADERS: [&str; 4] = [
    "accept",
    "accept-language",
    "content-language",
    "if-none-match",
];

/// Why this is no origin as a browser writes it, if so: it would never be that of a page.
pub(crate) fn problem(origin: &str) -> Option<String> {
    let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|one| is_plain(one) || b"+-.".contains(&one))
            && is_host(host)
    });
    (!is_origin).then(|| {
        format!("{origin:?} is no origin: one is written like http://localhost:3000, in small letters, without a path")
    })
}

/// Whether this is a host, or host and port, as browsers write them.
pub(crate) fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|one| is_plain(one) || b"-._:[]".contains(&one))
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// The pages that may call, and what they may read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors {
    /// Scheme, host and port, as browsers write them.
    pub(crate) origins: Vec<String>,
    /// The headers a page may read; none unless told otherwise, as none is known of the real one.
    pub(crate) exposed: Vec<String>,
}

impl Cors {
    /// The answer to a preflight, if that is what this is.
    pub(crate) fn preflight(&self, inbound: &Inbound, rules: &mut Rules) -> Option<Reply> {
        let headers = &inbound.headers;
        let origin = text(headers, &ORIGIN)?;
        if inbound.method != Method::OPTIONS || rules.quietly(Behaviour::Cors) == "absent" {
            return None;
        }
        rules.detail(Behaviour::Cors);
        let Some(method) = text(headers, &ACCESS_CONTROL_REQUEST_METHOD) else {
            return Some(refused("Missing Access-Control-Request-Method header"));
        };
        if !self.allows(origin) {
            return Some(refused("Origin not allowed"));
        }
        let asked = text(headers, &ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let mut asked = asked
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let is_known = |name: &str| {
            let mut known = ALLOWED_HEADERS.iter().chain(&SAFE_HEADERS);
            known.any(|known| known.eq_ignore_ascii_case(name))
        };
        if !asked.all(is_known) {
            return Some(refused("Some headers are not allowed"));
        }
        let reply = Reply::empty(StatusCode::NO_CONTENT)
            .with(ACCESS_CONTROL_ALLOW_ORIGIN, origin)
            .with(ACCESS_CONTROL_ALLOW_METHODS, method)
            .with(ACCESS_CONTROL_ALLOW_HEADERS, &ALLOWED_HEADERS.join(","))
            .with_static(ACCESS_CONTROL_MAX_AGE, "86400");
        Some(reply)
    }

    /// Marks an answer as one that the page which asked may read, if it may.
    pub(crate) fn mark(&self, reply: Reply, inbound: &Inbound, rules: &mut Rules) -> Reply {
        let origin = text(&inbound.headers, &ORIGIN).filter(|origin| self.allows(origin));
        let Some(origin) = origin.filter(|_| rules.quietly(Behaviour::Cors) != "absent") else {
            return reply;
        };
        rules.detail(Behaviour::Cors);
        let reply = reply.with(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        match self.exposed.is_empty() {
            true => reply,
            false => reply.with(ACCESS_CONTROL_EXPOSE_HEADERS, &self.exposed.join(",")),
        }
    }

    fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == origin)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Recorded of a header that was not allowed: a success without the header that a browser looks for.
fn refused(problem: &str) -> Reply {
    let body = json!({ "message": format!("CORS error: {problem}") });
    Reply::json(StatusCode::OK, &body)
}
