//! The HTTP side of the tenant: guards the Host header, reads a request whole, sends what the tenant made of it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use serde_json::json;
use tower_service::Service as _;

use crate::call::{Inbound, Reply};
use crate::control;
use crate::delivery::Delivery;
use crate::engine::Engine;
use crate::exchange::{Exchange, Spoiled};
use crate::page;
use crate::wire::Cutter;

/// The Management API takes no body beyond this.
const BODY_LIMIT: usize = 1024 * 1024;

/// What the server, the connections and the handle share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) scheme: &'static str,
    /// The address it is bound to.
    pub(crate) ip: IpAddr,
    /// A further name the tenant answers to.
    pub(crate) domain: Option<String>,
    pub(crate) engine: Mutex<Engine>,
}

impl Shared {
    /// The tenant; a panic elsewhere does not take it down.
    pub(crate) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a Host header means this tenant, and not a page that reached it through a name of its own (DNS rebinding).
    fn knows_host(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let own_address = || {
            name.trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip == self.ip)
        };
        // Whoever opens the tenant to others knows neither the names nor the addresses they reach it by.
        (!self.ip.is_loopback() && !host.is_empty())
            || ["localhost", "127.0.0.1", "[::1]"].contains(&name)
            || self
                .domain
                .as_deref()
                .is_some_and(|domain| domain == host || domain == name)
            || own_address()
    }
}

/// The whole service: the controls are an axum router, all else goes to the tenant's own table of operations, which
/// needs the path as it was received.
#[derive(Clone, Debug)]
pub(crate) struct App {
    shared: Arc<Shared>,
    controls: Router,
    /// The other end of the connection.
    peer: IpAddr,
}

impl App {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let controls = control::router(&shared).with_state(Arc::clone(&shared));
        let peer = shared.ip;
        Self {
            shared,
            controls,
            peer,
        }
    }

    /// The same for the connections of one client.
    pub(crate) fn with_peer(self, peer: IpAddr) -> Self {
        Self { peer, ..self }
    }

    /// Answers one request of a connection that `cutter` can cut.
    pub(crate) async fn answer(
        self,
        request: Request<Incoming>,
        cutter: Arc<Cutter>,
    ) -> Result<Response, Infallible> {
        if !self.shared.knows_host(host(&request)) {
            let message = "this local tenant does not answer to that Host";
            return Ok(plain(StatusCode::MISDIRECTED_REQUEST, message));
        }
        let path = request.uri().path();
        if path.starts_with(control::PREFIX) || path == page::PATH {
            let mut controls = self.controls;
            return Box::pin(controls.call(request.map(Body::new))).await;
        }
        Ok(tenant(self.shared, request, self.peer, cutter).await)
    }
}

/// The tenant's address as the client of this request knows it.
pub(crate) fn base_url<B>(shared: &Shared, request: &Request<B>) -> String {
    format!("{}://{}", shared.scheme, host(request))
}

fn host<B>(request: &Request<B>) -> &str {
    match (request.uri().authority(), request.headers().get(HOST)) {
        (Some(authority), _) => authority.as_str(),
        (None, Some(host)) => host.to_str().unwrap_or_default(),
        (None, None) => "",
    }
}

async fn tenant(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    peer: IpAddr,
    cutter: Arc<Cutter>,
) -> Response {
    let base_url = base_url(&shared, &request);
    let (parts, body) = request.into_parts();
    let mut inbound = Inbound {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        method: parts.method,
        headers: parts.headers,
        body: Vec::new(),
        base_url,
        peer,
    };
    if !body.is_end_stream() {
        // Boxed, as is the delivery below, to keep what is the same for every request small.
        match Box::pin(whole(body)).await {
            Ok(body) => inbound.body = body,
            Err(refused) => {
                shared.engine().turned_away(&inbound, refused.status());
                return refused;
            }
        }
    }
    let exchange = shared.engine().receive(inbound);
    match exchange {
        Exchange {
            reply,
            spoiled: None,
        } => response(reply, Delivery::Whole),
        Exchange {
            reply,
            spoiled: Some(spoiled),
        } => Box::pin(deliver(shared, reply, *spoiled, cutter)).await,
    }
}

async fn whole(body: Incoming) -> Result<Vec<u8>, Response> {
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the Management API takes at most 1 MB",
        )),
        Err(_) => Err(plain(StatusCode::BAD_REQUEST, "the body could not be read")),
    }
}

async fn deliver(
    shared: Arc<Shared>,
    reply: Reply,
    spoiled: Spoiled,
    cutter: Arc<Cutter>,
) -> Response {
    if let Some((after, late)) = spoiled.late {
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            shared.engine().apply_late(&late);
        });
    }
    if !spoiled.delay.is_zero() {
        tokio::time::sleep(spoiled.delay).await;
    }
    match spoiled.delivery {
        Delivery::Nothing { reset } => {
            cutter.cut(reset);
            // Cutting ends this future together with its connection.
            std::future::pending().await
        }
        Delivery::Silence => std::future::pending().await,
        delivery => response(reply, delivery),
    }
}

fn response(reply: Reply, delivery: Delivery) -> Response {
    let mut response = Response::new(delivery.body(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// An answer of the server itself, before there is a tenant to speak of.
fn plain(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "statusCode": status.as_u16(),
        "error": status.canonical_reason().unwrap_or("Error"),
        "message": message,
    });
    response(Reply::json(status, &body), Delivery::Whole)
}
