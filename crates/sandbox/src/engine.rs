//! The tenant behind the lock: state, rules, clock and logs, and how one request becomes one answer.

use std::sync::Arc;

use http::header::DATE;
use http::{HeaderName, StatusCode};

use crate::auth::{self, Verified};
use crate::call::{Call, Inbound, Reply};
use crate::clock::{Clock, Millis};
use crate::errors::{ApiError, Part};
use crate::log::{Change, Effect, RecordedRequest, Ring};
use crate::provenance::Rules;
use crate::routes::{self, Routed, Serve};
use crate::settings::Settings;
use crate::tenant::Tenant;

/// Everything that changes.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) settings: Arc<Settings>,
    pub(crate) tenant: Tenant,
    pub(crate) rules: Rules,
    pub(crate) clock: Clock,
    pub(crate) requests: Ring<RecordedRequest>,
    pub(crate) effects: Ring<Effect>,
    verified: Verified,
    /// The request being served, by its number in the log.
    serving: Option<u64>,
}

/// Names a request between its arrival and its answer.
#[derive(Debug)]
pub(crate) struct Ticket {
    seq: u64,
    routed: Option<Routed>,
}

impl Engine {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            tenant: settings.tenant.clone(),
            rules: Rules::new(settings.strict),
            clock: Clock::real(),
            requests: Ring::new(settings.log_capacity),
            effects: Ring::new(settings.log_capacity),
            verified: Verified::default(),
            serving: None,
            settings,
        }
    }

    /// Notes that a request arrived.
    pub(crate) fn arrived(&mut self, inbound: &Inbound) -> Ticket {
        let at = self.clock.now().iso();
        let routed = routes::find(&inbound.method, &inbound.path);
        let operation = routed.as_ref().map(|routed| routed.operation.id);
        let seq = self
            .requests
            .push(|seq| RecordedRequest::new(seq, at, inbound, operation));
        Ticket { seq, routed }
    }

    /// Serves a request, and notes the status.
    pub(crate) fn serve(&mut self, ticket: &Ticket, inbound: &Inbound) -> Reply {
        let now = self.clock.now();
        self.serving = Some(ticket.seq);
        let reply = self.operate(ticket.routed.as_ref(), inbound, now);
        self.serving = None;
        let inferred = self.rules.rested_on_inference();
        let mut reply = reply
            .unwrap_or_else(|error| Reply::from(error).management())
            .with(DATE, &now.http_date());
        if inferred {
            reply = reply.with(HeaderName::from_static("x-sandbox-provenance"), "inferred");
        }
        if let Some(entry) = self.requests.get_mut(ticket.seq) {
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

    fn operate(
        &mut self,
        routed: Option<&Routed>,
        inbound: &Inbound,
        now: Millis,
    ) -> Result<Reply, ApiError> {
        let Some(routed) = routed else {
            return Err(not_served(inbound));
        };
        let (scopes, handle) = match routed.operation.serve {
            Serve::Open(handle) => return Ok(handle(self, inbound, now)),
            Serve::Scoped(scopes, handle) => (scopes, handle),
        };
        let claims = auth::authenticate(
            &inbound.headers,
            &inbound.base_url,
            now,
            &mut self.verified,
            &mut self.rules,
        )?;
        auth::authorize(&claims, scopes, routed.user_id())?;
        let Some(segments) = routed.segments.clone() else {
            let problem = "the path is not UTF-8";
            return Err(ApiError::invalid(&mut self.rules, Part::Path, problem));
        };
        let call = Call {
            inbound,
            segments,
            claims,
            now,
        };
        handle(self, &call).map(Reply::management)
    }
}

fn not_served(inbound: &Inbound) -> ApiError {
    let message = format!(
        "{} {} is not served by this local tenant.",
        inbound.method, inbound.path
    );
    ApiError::new(StatusCode::NOT_IMPLEMENTED, Some("not_served"), message)
}
