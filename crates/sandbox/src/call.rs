//! One request and one answer, as the tenant's operations see them: no sockets, no futures.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, VARY, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::clock::Millis;
use crate::errors::ApiError;
use crate::jwt::Claims;
use crate::provenance::Behaviour;

/// A request with its whole body.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) method: Method,
    /// As received: nothing in it is decoded.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// `http://host:port`, as the client named the tenant.
    pub(crate) base_url: String,
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The entries of the provenance table that made the answer what it is.
    pub(crate) rests_on: Vec<Behaviour>,
}

impl Reply {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Vec::new(),
            rests_on: Vec::new(),
        }
    }

    /// JSON as the Management API sends it.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            ..Self::empty(status)
        }
        .with(CONTENT_TYPE, "application/json; charset=utf-8")
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn resting_on(mut self, behaviour: Behaviour) -> Self {
        self.rests_on.push(behaviour);
        self
    }

    /// The headers recorded on answers of the Management API.
    pub(crate) fn management(self) -> Self {
        self.with(CACHE_CONTROL, "no-cache")
            .with(VARY, "origin,accept-encoding")
            .with(http::header::X_CONTENT_TYPE_OPTIONS, "nosniff")
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        let mut reply = Self::json(error.status, &error.body());
        if let Some(challenge) = &error.challenge {
            reply = reply.with(WWW_AUTHENTICATE, challenge);
        }
        reply.rests_on.extend(error.rests_on);
        reply
    }
}

/// A request that was routed and let in: what an operation works from.
pub(crate) struct Call<'a> {
    pub(crate) inbound: &'a Inbound,
    /// The variable segments of the path, each decoded exactly once.
    pub(crate) segments: Vec<String>,
    pub(crate) claims: Claims,
    pub(crate) now: Millis,
}

impl Call<'_> {
    /// The variable segment at this position; the route promises there is one.
    pub(crate) fn segment(&self, position: usize) -> &str {
        self.segments.get(position).map_or("", String::as_str)
    }

    /// The last value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.inbound.query.as_deref().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| key == name)
            .last()
            .map(|(_, value)| value.into_owned())
    }
}

/// Decodes a path segment once.
pub(crate) fn decode_segment(raw: &str) -> Result<String, ApiError> {
    percent_decode_str(raw)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| {
            ApiError::bad_request(
                "invalid_uri",
                "Path validation error: the path is not UTF-8.",
            )
        })
}
