//! The tenant behind the lock: state, rules, limits, clock and logs, and how one request becomes one answer.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use http::header::DATE;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::account::Account;
use crate::auth::{self, Verified};
use crate::call::{Call, Inbound, Reply};
use crate::catalogue;
use crate::clock::{Clock, Millis};
use crate::cors::Cors;
use crate::entry::{EffectEntry, RequestEntry};
use crate::errors::{ApiError, Part};
use crate::events::{ApiCall, Event, What};
use crate::exchange::Late;
use crate::export::Job;
use crate::faults::Faults;
use crate::jwt::Claims;
use crate::limiter::{Limiter, Notice, Reading};
use crate::log::{Change, Effect, RecordedRequest};
use crate::oauth;
use crate::plan::Group;
use crate::provenance::{Behaviour, Rules};
use crate::ring::Ring;
use crate::routes::{self, Routed, Serve};
use crate::search::index::SearchIndex;
use crate::settings::Settings;
use crate::tenant::Tenant;

/// Everything that changes.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) settings: Arc<Settings>,
    pub(crate) tenant: Tenant,
    pub(crate) rules: Rules,
    pub(crate) clock: Clock,
    pub(crate) cors: Cors,
    pub(crate) faults: Faults,
    pub(crate) requests: Ring<RequestEntry>,
    pub(crate) effects: Ring<EffectEntry>,
    /// What `GET /logs` shows.
    pub(crate) events: Ring<Event>,
    pub(crate) rng: Rng,
    /// Requests that take effect after the next read of their user.
    pub(crate) after_read: Vec<Late>,
    /// How often the tenant was reset or restored: what arrived before is nothing to it.
    pub(crate) generation: u64,
    /// The ids of the client assertions that were used.
    pub(crate) spent_assertions: HashSet<String>,
    /// The exports that were ordered.
    pub(crate) exports: Vec<Job>,
    /// What a search knows, if that is not all there is.
    index: Option<SearchIndex>,
    limiter: Limiter,
    /// What the limiter wants told of the request that was counted last.
    noticed: Option<Notice>,
    verified: Verified,
    present: Present,
    /// The request whose changes are noted, by its number in the log.
    serving: Option<u64>,
}

/// The time of what is going on, written once for all that a request does.
#[derive(Debug)]
struct Present {
    at: Millis,
    /// As dates are written.
    date: Arc<str>,
    /// As the `Date` header is written.
    header: HeaderValue,
}

impl Present {
    fn new(at: Millis) -> Self {
        let header = HeaderValue::from_str(&at.http_date());
        Self {
            at,
            date: at.iso().into(),
            header: header.unwrap_or(HeaderValue::from_static("")),
        }
    }
}

/// Names a request between its arrival and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) seq: u64,
    pub(crate) generation: u64,
    pub(crate) routed: Option<Routed>,
}

/// A request that was let in: it is counted, and its token is good.
#[derive(Debug)]
pub(crate) struct Admitted {
    reading: Option<Reading>,
    way: Way,
}

/// What serves a request, and for whom.
#[derive(Debug)]
enum Way {
    Open(fn(&mut Engine, &Inbound, Millis) -> Reply),
    Scoped(
        fn(&mut Engine, &Call<'_>) -> Result<Reply, ApiError>,
        Arc<Claims>,
    ),
}

impl Engine {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let mut rules = Rules::new(settings.strict);
        for (behaviour, choice) in &settings.choices {
            rules.choose(*behaviour, choice);
        }
        let mut faults = Faults::default();
        for fault in &settings.faults {
            faults.inject(fault.clone());
        }
        Self {
            exports: Vec::new(),
            index: SearchIndex::new(&settings.tenant, settings.search_lag),
            tenant: settings.tenant.clone(),
            rules,
            clock: settings.clock,
            cors: settings.cors.clone(),
            faults,
            requests: Ring::new(settings.log_capacity),
            effects: Ring::new(settings.log_capacity),
            events: Ring::new(settings.log_capacity),
            rng: Rng::with_seed(settings.rng_seed),
            after_read: Vec::new(),
            generation: 0,
            limiter: Limiter::new(&settings.plan, settings.reset, settings.neighbour),
            noticed: None,
            spent_assertions: HashSet::new(),
            verified: Verified::default(),
            present: Present::new(Millis(0)),
            serving: None,
            settings,
        }
    }

    /// Starts afresh: state, rules, clock, faults, limits and logs as they were at the start.
    pub(crate) fn reset(&mut self) {
        let generation = self.generation + 1;
        *self = Self {
            generation,
            ..Self::new(Arc::clone(&self.settings))
        };
    }

    /// Notes that a request arrived.
    pub(crate) fn arrived(&mut self, inbound: &Inbound) -> Ticket {
        self.clock.request();
        self.look_at_clock();
        let routed = routes::find(&inbound.method, &inbound.path);
        let operation = routed.as_ref().map(|routed| routed.operation.id);
        let credentials = self.settings.log_credentials;
        let entry = RequestEntry::new(self.present.at, inbound, operation, credentials);
        let seq = self.requests.push(entry);
        Ticket {
            seq,
            generation: self.generation,
            routed,
        }
    }

    /// Serves a request; its changes are noted as its effects.
    pub(crate) fn serve(&mut self, ticket: &Ticket, inbound: &Inbound) -> Reply {
        self.noting_effects(ticket, |engine| {
            let admitted = engine.enter(ticket, inbound);
            engine.log_limit(inbound);
            let reply = match admitted {
                Ok(admitted) => engine.perform(ticket, &admitted, inbound),
                Err(reply) => *reply,
            };
            engine.finish(reply)
        })
    }

    /// Lets a request take effect that was let in earlier; what would be answered interests nobody.
    pub(crate) fn serve_late(&mut self, ticket: &Ticket, admitted: &Admitted, inbound: &Inbound) {
        self.look_at_clock();
        self.noting_effects(ticket, |engine| {
            engine.perform(ticket, admitted, inbound);
            engine.rules.end_of_answer();
        });
    }

    fn noting_effects<T>(&mut self, ticket: &Ticket, serve: impl FnOnce(&mut Self) -> T) -> T {
        self.serving = Some(ticket.seq);
        let reply = serve(self);
        self.serving = None;
        if let Some(index) = &mut self.index {
            index.note(self.present.at, &self.tenant);
        }
        self.tenant.forget_touched();
        reply
    }

    /// Puts other users and connections in the place of all there are; a search knows them at once.
    pub(crate) fn replace(&mut self, tenant: Tenant) {
        self.tenant = tenant;
        self.generation += 1;
        self.after_read.clear();
        self.set_search_lag(self.search_lag());
    }

    pub(crate) fn search_lag(&self) -> Duration {
        self.index.as_ref().map_or(Duration::ZERO, SearchIndex::lag)
    }

    /// From here on a search learns of changes so much later; what came before, it knows.
    pub(crate) fn set_search_lag(&mut self, lag: Duration) {
        self.index = SearchIndex::new(&self.tenant, lag);
    }

    /// The users that a search knows of, in order of creation.
    pub(crate) fn searchable(&mut self, now: Millis) -> Box<dyn Iterator<Item = &Account> + '_> {
        match &mut self.index {
            None => Box::new(self.tenant.accounts()),
            Some(index) => {
                index.catch_up(now);
                Box::new(index.accounts())
            }
        }
    }

    /// What the answer would be; nothing changes.
    pub(crate) fn preview(&mut self, ticket: &Ticket, inbound: &Inbound) -> Reply {
        let (limiter, rng) = (self.limiter.clone(), self.rng.clone());
        let (reply, _) = self.let_in(ticket, inbound, true);
        (self.limiter, self.rng, self.noticed) = (limiter, rng, None);
        reply
    }

    /// Lets a request in that takes effect later, if it may: it is counted, and its token checked, on arrival.
    ///
    /// Beside it comes what the answer would be, which is left empty unless it is `wanted`.
    pub(crate) fn let_in(
        &mut self,
        ticket: &Ticket,
        inbound: &Inbound,
        wanted: bool,
    ) -> (Reply, Option<Admitted>) {
        let admitted = match self.enter(ticket, inbound) {
            Ok(admitted) => admitted,
            Err(reply) => return (self.finish(*reply), None),
        };
        if !wanted {
            self.rules.end_of_answer();
            return (Reply::empty(StatusCode::OK), Some(admitted));
        }
        // A copy of a large tenant takes its time, and reading changes none.
        let tenant = (inbound.method != Method::GET).then(|| self.tenant.clone());
        let (rng, spent) = (self.rng.clone(), self.spent_assertions.clone());
        let reply = self.perform(ticket, &admitted, inbound);
        let reply = self.finish(reply);
        (self.rng, self.spent_assertions) = (rng, spent);
        if let Some(tenant) = tenant {
            self.tenant = tenant;
        }
        (reply, Some(admitted))
    }

    /// Takes the time once for all that a request does.
    fn look_at_clock(&mut self) {
        let now = self.clock.now();
        if self.present.at != now {
            self.present = Present::new(now);
        }
    }

    /// Notes changes as effects of the request being served.
    pub(crate) fn record(&mut self, changes: impl IntoIterator<Item = Change>) {
        let Some(request) = self.serving else { return };
        for change in changes {
            let at = self.present.at;
            self.effects.push(EffectEntry {
                at,
                request,
                change,
            });
        }
    }

    /// Writes into the tenant's log what the request being served did.
    pub(crate) fn log(&mut self, inbound: &Inbound, what: What) {
        if self.serving.is_some() {
            let event = Event::new(self.present.at, self.events.last(), inbound, what);
            self.events.push(event);
        }
    }

    /// Writes into the tenant's log what the limiter wants told.
    pub(crate) fn log_limit(&mut self, inbound: &Inbound) {
        let all = self.rules.quietly(Behaviour::LogLimit) == "every-refusal";
        let notice = self.noticed.take();
        if let Some(notice) = notice.filter(|notice| all || !notice.is_repeated) {
            let limit = What::limit(notice, inbound);
            let event = Event::new(self.present.at, self.events.last(), inbound, limit);
            self.events.push(event);
        }
    }

    pub(crate) fn recorded_requests(&self) -> Vec<RecordedRequest> {
        self.requests
            .iter()
            .map(|(seq, entry)| entry.spelt_out(seq))
            .collect()
    }

    pub(crate) fn recorded_effects(&self) -> Vec<Effect> {
        self.effects
            .iter()
            .map(|(seq, entry)| entry.spelt_out(seq))
            .collect()
    }

    /// An id of the form databases give.
    pub(crate) fn new_id(&mut self) -> String {
        (0..24)
            .map(|_| char::from(b"0123456789abcdef"[self.rng.usize(..16)]))
            .collect()
    }

    /// Lets a request in, or says why not (boxed, as answers are large).
    fn enter(&mut self, ticket: &Ticket, inbound: &Inbound) -> Result<Admitted, Box<Reply>> {
        self.look_at_clock();
        if let Some(answer) = self.cors.preflight(inbound, &mut self.rules) {
            return Err(answer.into());
        }
        self.admit(ticket.routed.as_ref(), inbound)
            .map_err(|error| {
                let reply = match error.from_token_endpoint {
                    true => oauth::plain(Reply::from(error)),
                    false => Reply::from(error).management(inbound),
                };
                self.cors.mark(reply, inbound, &mut self.rules).into()
            })
    }

    /// Does what a request asks for that was let in.
    fn perform(&mut self, ticket: &Ticket, admitted: &Admitted, inbound: &Inbound) -> Reply {
        let (now, reading) = (self.present.at, admitted.reading);
        let reply = match &admitted.way {
            Way::Open(handle) => with_reading(handle(self, inbound, now), reading),
            Way::Scoped(handle, claims) => {
                let segments = ticket.routed.as_ref().and_then(|it| it.segments.as_deref());
                let call = Call {
                    inbound,
                    segments: segments.unwrap_or_default(),
                    claims: Arc::clone(claims),
                    now,
                    date: Arc::clone(&self.present.date),
                };
                let reply = match handle(self, &call) {
                    Ok(reply) => with_reading(reply.management(inbound), reading),
                    Err(error) => Reply::from(error).management(inbound),
                };
                self.log_call(ticket, inbound, claims, &reply);
                reply
            }
        };
        self.cors.mark(reply, inbound, &mut self.rules)
    }

    /// Writes a call that changed something into the tenant's log.
    fn log_call(
        &mut self,
        ticket: &Ticket,
        inbound: &Inbound,
        claims: &Arc<Claims>,
        reply: &Reply,
    ) {
        let told = reply.status.is_success()
            || self.rules.quietly(Behaviour::LogRefused) == "fapi"
                && reply.status != StatusCode::NOT_IMPLEMENTED;
        let Some(routed) = &ticket.routed else { return };
        if told && inbound.method != Method::GET {
            let call = ApiCall::new(routed.operation.id, inbound, claims, reply);
            self.log(inbound, What::Call(call.into()));
        }
    }

    /// Says what an answer rests on, and when it was made.
    fn finish(&mut self, mut reply: Reply) -> Reply {
        if let Some(rules) = self.rules.end_of_answer() {
            reply = reply
                .with_static(HeaderName::from_static("x-sandbox-provenance"), "inferred")
                .with(HeaderName::from_static("x-sandbox-rules"), &rules);
        }
        reply.headers.insert(DATE, self.present.header.clone());
        reply
    }

    fn admit(&mut self, routed: Option<&Routed>, inbound: &Inbound) -> Result<Admitted, ApiError> {
        let now = self.present.at;
        let Some(routed) = routed else {
            return Err(not_served(&mut self.rules, inbound));
        };
        let group = routed.operation.group;
        let (scopes, handle) = match routed.operation.serve {
            Serve::Open(handle) => {
                return Ok(Admitted {
                    reading: self.count(group, now)?,
                    way: Way::Open(handle),
                });
            }
            Serve::Scoped(scopes, handle) => (scopes, handle),
        };
        let before_all_else = self.rules.quietly(Behaviour::LimitedRequests) == "all";
        let mut reading = if before_all_else {
            self.count(group, now)?
        } else {
            None
        };
        let claims = auth::authenticate(
            &inbound.headers,
            &inbound.base_url,
            now,
            &mut self.verified,
            &mut self.rules,
        )?;
        if !before_all_else {
            reading = self.count(group, now)?;
        }
        auth::authorize(&claims, scopes, routed.user_id())?;
        if routed.segments.is_none() {
            let problem = "the path is not UTF-8";
            return Err(ApiError::invalid(&mut self.rules, Part::Path, problem));
        }
        if let Some(known) = routed.operation.parameters {
            inbound.demand_known(known, &mut self.rules)?;
        }
        Ok(Admitted {
            reading,
            way: Way::Scoped(handle, claims),
        })
    }

    /// Counts a call against the limits; the error is the 429 of one that has to wait.
    fn count(&mut self, group: Group, now: Millis) -> Result<Option<Reading>, ApiError> {
        let group = match group {
            Group::Identities if self.settings.plan.has_groups() => {
                match self.rules.detail(Behaviour::IdentitiesBucket) {
                    "other" => Group::OtherManagement,
                    _ => Group::WriteUsers,
                }
            }
            group => group,
        };
        let Some(taken) = self.limiter.take(group, now, &mut self.rng) else {
            return Ok(None);
        };
        self.noticed = taken.notice;
        match taken.outcome {
            Ok(reading) => Ok(Some(reading)),
            Err(exhausted) => Err(exhausted.error(group, &mut self.rules)),
        }
    }
}

/// The headers were recorded on successes only.
fn with_reading(reply: Reply, reading: Option<Reading>) -> Reply {
    match reading {
        Some(reading) if reply.status.is_success() => reading.on(reply),
        _ => reply,
    }
}

fn not_served(rules: &mut Rules, inbound: &Inbound) -> ApiError {
    let (method, path) = (&inbound.method, &inbound.path);
    match catalogue::name(method.as_str(), path) {
        Some(name) => ApiError::not_served(format!("{name} ({method} {path})")),
        None => match rules.decide(Behaviour::UnknownPath) {
            Ok(_) => ApiError::not_found(),
            Err(only_inferred) => only_inferred,
        },
    }
}
