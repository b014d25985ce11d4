//! What a log keeps of a request and of a change: small, as there are many; spelt out when somebody looks.

use http::Method;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::call::Inbound;
use crate::clock::Millis;
use crate::log::{Change, Effect, RecordedRequest};
use crate::redact;

/// The headers of a request that are worth keeping.
const KEPT_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "auth0-client",
    "authorization",
    "content-type",
    "host",
    "origin",
    "user-agent",
    "x-correlation-id",
];

/// A request in the log.
#[derive(Debug)]
pub(crate) struct RequestEntry {
    at: Millis,
    method: Method,
    path: Box<str>,
    query: Option<Box<str>>,
    headers: Vec<(&'static str, Box<str>)>,
    body: Box<str>,
    pub(crate) status: Option<u16>,
    pub(crate) fault: Option<&'static str>,
    operation: Option<&'static str>,
}

impl RequestEntry {
    /// Takes down a request; its credentials only if told to.
    pub(crate) fn new(
        at: Millis,
        inbound: &Inbound,
        operation: Option<&'static str>,
        credentials: bool,
    ) -> Self {
        let text =
            |name: &HeaderName, value: &HeaderValue| match credentials || *name != AUTHORIZATION {
                true => String::from_utf8_lossy(value.as_bytes()).into(),
                false => redact::REDACTED.into(),
            };
        let kept = inbound.headers.iter().filter_map(|(name, value)| {
            let kept = KEPT_HEADERS.iter().find(|kept| name == **kept)?;
            Some((*kept, text(name, value)))
        });
        let body = match credentials {
            true => String::from_utf8_lossy(&inbound.body).into(),
            false => redact::body(inbound).into(),
        };
        Self {
            at,
            method: inbound.method.clone(),
            path: inbound.path.as_str().into(),
            query: inbound.query.as_deref().map(Into::into),
            headers: kept.collect(),
            body,
            status: None,
            fault: None,
            operation,
        }
    }

    pub(crate) fn spelt_out(&self, seq: u64) -> RecordedRequest {
        let header = |(name, value): &(&str, Box<str>)| ((*name).to_owned(), value.to_string());
        RecordedRequest {
            seq,
            at: self.at.iso(),
            method: self.method.to_string(),
            path: self.path.to_string(),
            query: self.query.as_deref().map(str::to_owned),
            headers: self.headers.iter().map(header).collect(),
            body: self.body.to_string(),
            status: self.status,
            fault: self.fault.map(str::to_owned),
            operation: self.operation.map(str::to_owned),
        }
    }
}

/// A change in the log.
#[derive(Debug)]
pub(crate) struct EffectEntry {
    pub(crate) at: Millis,
    pub(crate) request: u64,
    pub(crate) change: Change,
}

impl EffectEntry {
    pub(crate) fn spelt_out(&self, seq: u64) -> Effect {
        Effect {
            seq,
            at: self.at.iso(),
            request: self.request,
            change: self.change.clone(),
        }
    }
}
