//! One request and one answer, as the tenant's operations see them: no sockets, no futures.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::Millis;
use crate::errors::{ApiError, Part};
use crate::jwt::Claims;
use crate::provenance::{Behaviour, Rules};
use crate::view::Fields;

const JSON: &str = "application/json; charset=utf-8";

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
    /// The address it came from.
    pub(crate) peer: IpAddr,
}

impl Inbound {
    /// The body as an object, from JSON or a form.
    pub(crate) fn object(&self, rules: &mut Rules) -> Result<Map<String, Value>, ApiError> {
        if self.is_form() {
            let fields = form_urlencoded::parse(&self.body);
            return Ok(fields
                .map(|(key, value)| (key.into_owned(), value.into_owned().into()))
                .collect());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(ApiError::invalid(rules, Part::Body, "Expected type object")),
            Err(_) => Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                None,
                "Invalid request payload JSON format",
            )),
        }
    }

    pub(crate) fn is_form(&self) -> bool {
        let content_type = self.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        content_type.is_some_and(|value| value.starts_with(b"application/x-www-form-urlencoded"))
    }

    /// The values of a query parameter, in order.
    pub(crate) fn query_all(&self, name: &str) -> Vec<String> {
        let query = self.query.as_deref().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    /// The last value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.query_all(name).pop()
    }

    /// Refuses a query with parameters that are not known.
    pub(crate) fn demand_known(&self, known: &[&str], rules: &mut Rules) -> Result<(), ApiError> {
        let query = self.query.as_deref().unwrap_or_default();
        let given = form_urlencoded::parse(query.as_bytes()).map(|(key, _)| key);
        let unknown: BTreeSet<_> = given.filter(|key| !known.contains(&&**key)).collect();
        if unknown.is_empty() || rules.decide(Behaviour::UnknownParameter)? == "ignored" {
            return Ok(());
        }
        let unknown: Vec<&str> = unknown.iter().map(AsRef::as_ref).collect();
        let problem = format!("Additional properties not allowed: {}", unknown.join(","));
        Err(ApiError::invalid(rules, Part::Query, problem))
    }

    /// A query parameter that is true or false.
    pub(crate) fn query_bool(
        &self,
        rules: &mut Rules,
        name: &str,
    ) -> Result<Option<bool>, ApiError> {
        match self.query(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => {
                let problem = "Expected type boolean";
                Err(ApiError::invalid_value(rules, Part::Query, problem, name))
            }
        }
    }

    /// A query parameter that is a number between these bounds.
    pub(crate) fn query_number(
        &self,
        rules: &mut Rules,
        name: &str,
        least: usize,
        most: usize,
    ) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.query(name) else {
            return Ok(None);
        };
        let problem = match text.parse::<usize>() {
            Ok(number) if number < least => {
                format!("Value {number} is less than minimum {least}")
            }
            Ok(number) if number > most => {
                format!("Value {number} is greater than maximum {most}")
            }
            Ok(number) => return Ok(Some(number)),
            Err(_) => "Expected type integer".to_owned(),
        };
        Err(ApiError::invalid_value(rules, Part::Query, problem, name))
    }
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// JSON as the Management API sends it.
    pub(crate) fn json(status: StatusCode, body: &(impl Serialize + ?Sized)) -> Self {
        Self {
            body: written(body),
            ..Self::empty(status)
        }
        .with_static(CONTENT_TYPE, JSON)
    }

    pub(crate) fn with_static(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The headers recorded on every answer of the Management API, the empty ones included.
    pub(crate) fn management(self, inbound: &Inbound) -> Self {
        let reply = self
            .with_static(CONTENT_TYPE, JSON)
            .with_static(CACHE_CONTROL, "no-cache")
            .with_static(VARY, "origin,accept-encoding")
            .with_static(X_CONTENT_TYPE_OPTIONS, "nosniff");
        // Browsers ignore it over http; over https it would pin localhost to https for a year.
        if inbound.base_url.starts_with("http:") {
            return reply.with_static(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
        reply
    }
}

fn written(body: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => bytes,
        // What is sent has text keys throughout, so writing it cannot fail.
        Err(_) => Vec::new(),
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        let reply = Self::json(error.status, &error.body());
        let headers = error.headers.into_iter();
        headers.fold(reply, |reply, (name, value)| reply.with(name, &value))
    }
}

/// A request that was routed and let in: what an operation works from.
pub(crate) struct Call<'a> {
    pub(crate) inbound: &'a Inbound,
    /// The variable segments of the path, each decoded exactly once.
    pub(crate) segments: &'a [String],
    pub(crate) claims: Arc<Claims>,
    pub(crate) now: Millis,
    /// The same, as dates are written.
    pub(crate) date: Arc<str>,
}

impl Call<'_> {
    /// The variable segment at this position; the route promises there is one.
    pub(crate) fn segment(&self, position: usize) -> &str {
        self.segments.get(position).map_or("", String::as_str)
    }

    /// Whether this caller sees the tokens of identity providers.
    pub(crate) fn sees_idp_tokens(&self) -> bool {
        self.claims.has("read:user_idp_tokens")
    }
}

/// Reads the `fields` and `include_fields` parameters.
pub(crate) fn fields(inbound: &Inbound, rules: &mut Rules) -> Result<Fields, ApiError> {
    let names = |fields: String| {
        fields
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect()
    };
    Ok(Fields {
        named: inbound
            .query("fields")
            .filter(|fields| !fields.is_empty())
            .map(names),
        excluded: inbound.query_bool(rules, "include_fields")? == Some(false),
    })
}
