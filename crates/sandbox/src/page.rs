//! The page at `/`: users and their identities, unlinked and linked by button, and what the tenant logged.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use crate::app::Shared;

/// Where the page is.
pub(crate) const PATH: &str = "/";

/// Nothing from elsewhere, and in nobody's frame: a click on it changes users.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and what it loads.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route(
            PATH,
            asset("text/html; charset=utf-8", include_str!("page/index.html")),
        )
        .route(
            "/__sandbox/page.js",
            asset(
                "text/javascript; charset=utf-8",
                include_str!("page/page.js"),
            ),
        )
        .route(
            "/__sandbox/page.css",
            asset("text/css; charset=utf-8", include_str!("page/page.css")),
        )
}

fn asset(kind: &'static str, text: &'static str) -> axum::routing::MethodRouter<Arc<Shared>> {
    get(async move || answer(kind, text))
}

fn answer(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
