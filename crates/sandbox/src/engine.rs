//! The tenant behind the lock: state, rules, clock and logs, and how one request becomes one answer.

use std::collections::BTreeMap;

use http::header::{AUTHORIZATION, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::auth::{self, Verified};
use crate::call::{Call, Inbound, Reply};
use crate::clock::{Clock, Millis};
use crate::errors::ApiError;
use crate::log::{Change, Effect, RecordedRequest, Ring};
use crate::provenance::{Provenance, Rules};
use crate::routes;
use crate::tenant::Tenant;

const LOG_CAP: usize = 10_000;

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

/// Everything that changes.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) tenant: Tenant,
    pub(crate) rules: Rules,
    pub(crate) clock: Clock,
    pub(crate) requests: Ring<RecordedRequest>,
    pub(crate) effects: Ring<Effect>,
    verified: Verified,
    /// The request being served, by its number in the log.
    serving: Option<u64>,
}

impl Engine {
    pub(crate) fn new(tenant: Tenant) -> Self {
        Self {
            tenant,
            rules: Rules::default(),
            clock: Clock::real(),
            requests: Ring::new(LOG_CAP),
            effects: Ring::new(LOG_CAP),
            verified: Verified::default(),
            serving: None,
        }
    }

    /// Notes that a request arrived; the number names it until it is answered.
    pub(crate) fn arrived(&mut self, inbound: &Inbound) -> u64 {
        let at = self.clock.now().iso();
        self.requests.push(|seq| RecordedRequest {
            seq,
            at,
            method: inbound.method.to_string(),
            path: inbound.path.clone(),
            query: inbound.query.clone(),
            headers: kept_headers(&inbound.headers),
            body: String::from_utf8_lossy(&inbound.body).into_owned(),
            status: None,
            operation: routes::find(&inbound.method, &inbound.path)
                .map(|(operation, _)| operation.id.to_owned()),
        })
    }

    /// Serves a request, and notes the status.
    pub(crate) fn serve(&mut self, seq: u64, inbound: &Inbound) -> Reply {
        let now = self.clock.now();
        self.serving = Some(seq);
        let reply = self.operate(inbound, now).unwrap_or_else(Reply::from);
        self.serving = None;
        let reply = self.finish(reply, now);
        if let Some(entry) = self.requests.get_mut(seq) {
            entry.status = Some(reply.status.as_u16());
        }
        reply
    }

    /// Notes changes as effects of the request being served.
    pub(crate) fn record(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            let (at, request) = (self.clock.now().iso(), self.serving);
            self.effects.push(|seq| Effect {
                seq,
                at,
                request,
                change,
            });
        }
    }

    fn operate(&mut self, inbound: &Inbound, now: Millis) -> Result<Reply, ApiError> {
        let Some((operation, segments)) = routes::find(&inbound.method, &inbound.path) else {
            return Err(not_served(inbound));
        };
        let claims =
            auth::authenticate(&inbound.headers, &inbound.base_url, now, &mut self.verified)?;
        let segments = segments?;
        let user_id = operation
            .path
            .contains("{id}")
            .then(|| segments.first())
            .flatten();
        auth::authorize(&claims, operation.scopes, user_id.map(String::as_str))?;
        (operation.handler)(
            self,
            &Call {
                inbound,
                segments,
                claims,
                now,
            },
        )
    }

    /// Adds what every answer carries.
    fn finish(&self, reply: Reply, now: Millis) -> Reply {
        let inferred = reply
            .rests_on
            .iter()
            .any(|behaviour| self.rules.provenance(*behaviour) == Provenance::Inferred);
        let reply = reply.management().with(DATE, &now.http_date());
        if inferred {
            reply.with(HeaderName::from_static("x-sandbox-provenance"), "inferred")
        } else {
            reply
        }
    }
}

fn not_served(inbound: &Inbound) -> ApiError {
    let message = format!(
        "{} {} is not served by this local tenant.",
        inbound.method, inbound.path
    );
    ApiError::new(StatusCode::NOT_IMPLEMENTED, Some("not_served"), message)
}

fn kept_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |name: &HeaderName, value: &HeaderValue| {
        if *name == AUTHORIZATION {
            "<redacted>".to_owned()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        }
    };
    headers
        .iter()
        .filter(|(name, _)| KEPT_HEADERS.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), text(name, value)))
        .collect()
}
