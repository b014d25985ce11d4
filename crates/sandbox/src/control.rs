//! The controls under `/__sandbox/`: what a test in another process needs to steer and inspect the tenant.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::handler::Handler as _;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::ORIGIN;
use http::{Method, StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::app::{Shared, base_url};
use crate::clock::Millis;
use crate::cors;
use crate::engine::Engine;
use crate::fault::Fault;
use crate::oauth;
use crate::page;
use crate::provenance::{Behaviour, rule};
use crate::seed::Seed;

type Tenant = State<Arc<Shared>>;

/// Where the controls are.
pub(crate) const PREFIX: &str = "/__sandbox/";

/// All controls; what changes something is never a GET.
pub(crate) fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/__sandbox/health", get(health))
        .route("/__sandbox/reset", post(reset))
        .route(
            "/__sandbox/snapshot",
            // A snapshot of a large tenant goes back in whole, however large it is.
            get(snapshot).put(restore.layer(DefaultBodyLimit::disable())),
        )
        .route(
            "/__sandbox/faults",
            get(faults).post(inject).delete(clear_faults),
        )
        .route("/__sandbox/clock", get(clock).post(set_clock))
        .route("/__sandbox/rules", get(rules).post(choose))
        .route("/__sandbox/origins", get(origins).put(set_origins))
        .route("/__sandbox/search", get(search).put(set_search))
        .route("/__sandbox/tokens", post(token))
        .route("/__sandbox/requests", get(requests))
        .route("/__sandbox/effects", get(effects))
        .merge(page::router())
        .fallback(no_such_control)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(
            Arc::clone(shared),
            own_pages_only,
        ))
}

/// A body, or why there is none.
type Body = Result<Bytes, BytesRejection>;

/// A request that could not be read, or asks for what there is not.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

fn refused(problem: impl ToString) -> Refused {
    Refused(StatusCode::BAD_REQUEST, problem.to_string())
}

fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refused> {
    let body = body.map_err(|rejection| Refused(rejection.status(), rejection.body_text()))?;
    serde_json::from_slice(&body).map_err(|problem| {
        refused(format!(
            "the body is not what this control takes: {problem}"
        ))
    })
}

async fn no_such_control(uri: Uri) -> Refused {
    let problem = format!("there is no control {}", uri.path());
    Refused(StatusCode::NOT_FOUND, problem)
}

async fn no_such_method(method: Method, uri: Uri) -> Refused {
    let problem = format!("{} does not take {method}", uri.path());
    Refused(StatusCode::METHOD_NOT_ALLOWED, problem)
}

/// Keeps a web page of another origin from steering the tenant through its visitor's browser.
async fn own_pages_only(State(shared): Tenant, request: Request, next: Next) -> Response {
    let origin = request
        .headers()
        .get(ORIGIN)
        .map(|origin| origin.as_bytes().to_vec());
    if origin.is_some_and(|origin| origin != base_url(&shared, &request).as_bytes()) {
        let refused = Json(json!({ "error": "a page of another origin may not use the controls" }));
        return (StatusCode::FORBIDDEN, refused).into_response();
    }
    next.run(request).await
}

async fn health(State(shared): Tenant) -> Json<Value> {
    let engine = shared.engine();
    Json(json!({
        "status": "ok",
        "plan": engine.settings.plan.to_string(),
        "users": engine.tenant.accounts().count(),
    }))
}

async fn reset(State(shared): Tenant) -> StatusCode {
    shared.engine().reset();
    StatusCode::NO_CONTENT
}

async fn snapshot(State(shared): Tenant) -> Json<Value> {
    Json(shared.engine().tenant.to_json())
}

async fn restore(State(shared): Tenant, body: Body) -> Result<StatusCode, Refused> {
    let seed = Seed::from_value(read(body)?).map_err(refused)?;
    shared.engine().replace(seed.tenant);
    Ok(StatusCode::NO_CONTENT)
}

async fn faults(State(shared): Tenant) -> Json<Value> {
    Json(json!(shared.engine().faults.all()))
}

async fn inject(State(shared): Tenant, body: Body) -> Result<(StatusCode, Json<Value>), Refused> {
    let fault: Fault = read(body)?;
    if let Some(problem) = fault.problem() {
        return Err(refused(problem));
    }
    let id = shared.engine().faults.inject(fault);
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

async fn clear_faults(State(shared): Tenant) -> StatusCode {
    shared.engine().faults.clear();
    StatusCode::NO_CONTENT
}

/// What to do with the clock, in this order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    /// Stop at this time.
    freeze_at: Option<String>,
    /// Stop at the present time.
    #[serde(default)]
    freeze: bool,
    /// Stop at the present time, but for so many milliseconds with each request.
    step_ms: Option<u64>,
    /// Run on.
    #[serde(default)]
    resume: bool,
    /// Go forward.
    #[serde(default)]
    advance_ms: u64,
}

async fn clock(State(shared): Tenant) -> Json<Value> {
    Json(clock_json(&shared.engine()))
}

async fn set_clock(State(shared): Tenant, body: Body) -> Result<Json<Value>, Refused> {
    let change: ClockChange = read(body)?;
    let at = match &change.freeze_at {
        None => None,
        Some(text) => Some(Millis::parse(text).ok_or_else(|| refused("freeze_at is not a date"))?),
    };
    let mut engine = shared.engine();
    let mut clock = engine.clock;
    if change.freeze || at.is_some() {
        clock.freeze(at);
    }
    if let Some(step) = change.step_ms {
        clock.step(Duration::from_millis(step));
    }
    if change.resume {
        clock.resume();
    }
    clock.advance(Duration::from_millis(change.advance_ms));
    if change.advance_ms > 0 && clock.now() == Millis::LAST {
        return Err(refused("advance_ms leads beyond the year 9999"));
    }
    engine.clock = clock;
    Ok(Json(clock_json(&engine)))
}

fn clock_json(engine: &Engine) -> Value {
    json!({ "now": engine.clock.now().iso(), "frozen": engine.clock.is_frozen() })
}

async fn rules(State(shared): Tenant) -> Json<Value> {
    Json(
        shared
            .engine()
            .rules
            .in_force()
            .map(|(name, choice)| (name.to_owned(), Value::from(choice)))
            .collect(),
    )
}

async fn choose(State(shared): Tenant, body: Body) -> Result<StatusCode, Refused> {
    let choices: BTreeMap<String, String> = read(body)?;
    let mut engine = shared.engine();
    let mut rules = engine.rules.clone();
    for (name, choice) in choices {
        let Some(behaviour) = Behaviour::named(&name) else {
            return Err(refused(format!("there is no rule {name}")));
        };
        if !rules.choose(behaviour, &choice) {
            let known = rule(behaviour).choices.iter().map(|known| known.name);
            let known = known.collect::<Vec<_>>().join(", ");
            return Err(refused(format!(
                "rule {name} has no choice {choice}, but {known}"
            )));
        }
    }
    engine.rules = rules;
    Ok(StatusCode::NO_CONTENT)
}

async fn origins(State(shared): Tenant) -> Json<Value> {
    Json(json!(shared.engine().cors.origins))
}

async fn set_origins(State(shared): Tenant, body: Body) -> Result<StatusCode, Refused> {
    let origins: Vec<String> = read(body)?;
    if let Some(problem) = origins.iter().find_map(|origin| cors::problem(origin)) {
        return Err(refused(problem));
    }
    shared.engine().cors.origins = origins;
    Ok(StatusCode::NO_CONTENT)
}

/// How far behind a search is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchChange {
    lag_ms: u64,
}

async fn search(State(shared): Tenant) -> Json<Value> {
    let lag = shared.engine().search_lag().as_millis();
    Json(json!({ "lag_ms": u64::try_from(lag).unwrap_or(u64::MAX) }))
}

async fn set_search(State(shared): Tenant, body: Body) -> Result<StatusCode, Refused> {
    let change: SearchChange = read(body)?;
    let lag = Duration::from_millis(change.lag_ms);
    shared.engine().set_search_lag(lag);
    Ok(StatusCode::NO_CONTENT)
}

/// A token to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenWanted {
    #[serde(default)]
    scopes: Vec<String>,
    /// A user's own token; a machine's if left out.
    user_id: Option<String>,
    /// The user's ID token, as `link_with` takes it.
    #[serde(default)]
    id_token: bool,
    /// Seconds from now; as usual if left out.
    expires_in: Option<i64>,
}

async fn token(State(shared): Tenant, request: Request) -> Result<Json<Value>, Refused> {
    let base_url = base_url(&shared, &request);
    let wanted: TokenWanted = read(Bytes::from_request(request, &()).await)?;
    let engine = shared.engine();
    let (client, now) = (&engine.settings.client, engine.clock.now());
    let expires_at = |usual: i64| {
        let lifetime = wanted.expires_in.unwrap_or(usual);
        now.seconds().saturating_add(lifetime)
    };
    let scopes = &wanted.scopes;
    let token = match (&wanted.user_id, wanted.id_token) {
        (Some(_), true) if !scopes.is_empty() => {
            return Err(refused("an ID token has no scopes"));
        }
        (Some(user_id), true) => {
            let expires_at = expires_at(oauth::ID_TOKEN_LIFETIME);
            oauth::id_token(client, &base_url, user_id, now, expires_at)
        }
        (Some(user_id), false) => {
            let expires_at = expires_at(oauth::USER_TOKEN_LIFETIME);
            oauth::user_token(client, &base_url, user_id, scopes, now, expires_at)
        }
        (None, true) => return Err(refused("an ID token needs a user_id")),
        (None, false) => {
            let expires_at = expires_at(client.token_lifetime);
            oauth::machine_token(client, &base_url, scopes, expires_at)
        }
    };
    Ok(Json(json!({ "token": token })))
}

async fn requests(State(shared): Tenant) -> Json<Value> {
    let engine = shared.engine();
    Json(json!({ "dropped": engine.requests.dropped(), "entries": engine.recorded_requests() }))
}

async fn effects(State(shared): Tenant) -> Json<Value> {
    let engine = shared.engine();
    Json(json!({ "dropped": engine.effects.dropped(), "entries": engine.recorded_effects() }))
}
