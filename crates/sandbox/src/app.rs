//! The HTTP side of the tenant: reads a request whole, guards the Host header, hands it to the tenant.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use http::header::HOST;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::json;

use crate::call::{Inbound, Reply};
use crate::engine::Engine;

/// The Management API takes no body beyond this.
const BODY_LIMIT: usize = 1024 * 1024;

/// What the server, the connections and the handle share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) scheme: &'static str,
    /// A further name the tenant answers to.
    pub(crate) domain: Option<String>,
    pub(crate) engine: Mutex<Engine>,
}

impl Shared {
    /// The tenant; a panic elsewhere does not take it down.
    pub(crate) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a Host header means this tenant and not a page that was tricked into calling it.
    fn knows_host(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        ["localhost", "127.0.0.1", "[::1]"].contains(&name)
            || self
                .domain
                .as_deref()
                .is_some_and(|domain| domain == host || domain == name)
    }
}

/// The whole service.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(tenant).with_state(shared)
}

async fn tenant(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let host = match (parts.uri.authority(), parts.headers.get(HOST)) {
        (Some(authority), _) => authority.as_str(),
        (None, Some(host)) => host.to_str().unwrap_or_default(),
        (None, None) => "",
    };
    if !shared.knows_host(host) {
        return plain(
            StatusCode::MISDIRECTED_REQUEST,
            "this local tenant does not answer to that Host",
        );
    }
    let base_url = format!("{}://{host}", shared.scheme);
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => {
            return plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the Management API takes at most 1 MB",
            );
        }
        Err(_) => return plain(StatusCode::BAD_REQUEST, "the body could not be read"),
    };
    let inbound = Inbound {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        method: parts.method,
        headers: parts.headers,
        body,
        base_url,
    };
    let reply = {
        let mut engine = shared.engine();
        let ticket = engine.arrived(&inbound);
        engine.serve(&ticket, &inbound)
    };
    response(reply)
}

fn response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// An answer of the server itself, before there is a tenant to speak of.
fn plain(status: StatusCode, message: &str) -> Response<Body> {
    let body = json!({
        "statusCode": status.as_u16(),
        "error": status.canonical_reason().unwrap_or("Error"),
        "message": message,
    });
    response(Reply::json(status, &body))
}
