//! Requests described without sending them, and the answers they get.

use std::{fmt, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::{
    path::Path,
    rate_limit::{self, RateLimit},
    tenant::Tenant,
};

/// A request to a tenant: method, path and body, without host and credentials.
///
/// ```
/// use transport::{Path, Request, Tenant};
///
/// let request = Request::delete(Path::new(["api", "v2", "users", "auth0|1"])?);
/// let tenant: Tenant = "example.eu.auth0.com".parse()?;
/// let http = request.to_http(&tenant);
/// assert_eq!(http.uri(), "https://example.eu.auth0.com/api/v2/users/auth0%7C1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Request {
    method: Method,
    path: Path,
    body: Option<(HeaderValue, Bytes)>,
    authorized: bool,
}

impl Request {
    /// A GET, which changes nothing and may be repeated.
    #[must_use]
    pub const fn get(path: Path) -> Self {
        Self {
            method: Method::GET,
            path,
            body: None,
            authorized: true,
        }
    }

    /// A DELETE without a body.
    #[must_use]
    pub const fn delete(path: Path) -> Self {
        Self {
            method: Method::DELETE,
            path,
            body: None,
            authorized: true,
        }
    }

    /// A POST of a JSON document.
    #[must_use]
    pub const fn post_json(path: Path, json: Bytes) -> Self {
        let json_type = HeaderValue::from_static("application/json");
        Self {
            method: Method::POST,
            path,
            body: Some((json_type, json)),
            authorized: true,
        }
    }

    /// The same request, to be sent without a token.
    #[must_use]
    pub const fn without_token(mut self) -> Self {
        self.authorized = false;
        self
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The encoded path.
    #[must_use]
    pub const fn path(&self) -> &Path {
        &self.path
    }

    /// Whether sending it can change something at the tenant.
    #[must_use]
    pub fn changes_state(&self) -> bool {
        !self.method.is_safe()
    }

    pub(crate) const fn is_authorized(&self) -> bool {
        self.authorized
    }

    /// The whole request but for credentials, for any HTTP client.
    #[must_use]
    pub fn to_http(&self, tenant: &Tenant) -> http::Request<Bytes> {
        let mut request = http::Request::new(Bytes::new());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri(tenant);
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some((content_type, body)) = &self.body {
            headers.insert(header::CONTENT_TYPE, content_type.clone());
            *request.body_mut() = body.clone();
        }
        request
    }

    fn uri(&self, tenant: &Tenant) -> http::Uri {
        let built = http::Uri::builder()
            .scheme(tenant.scheme().clone())
            .authority(tenant.authority().clone())
            .path_and_query(self.path.as_str())
            .build();
        debug_assert!(
            built.is_ok(),
            "a Path is made of characters and a length that a URI can hold"
        );
        built.unwrap_or_default()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path.as_str())
            .field(
                "body",
                &self.body.as_ref().map(|(_, bytes)| Body(bytes.clone())),
            )
            .finish_non_exhaustive()
    }
}

/// A whole answer: status, headers and body.
#[derive(Clone)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

impl Response {
    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, which may hold tokens and personal data.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// When the tenant sent this answer, by its own clock and to the second.
    #[must_use]
    pub fn date(&self) -> Option<SystemTime> {
        rate_limit::date(&self.headers)
    }

    /// The same in whole seconds since 1970.
    pub(crate) fn unix_date(&self) -> Option<i64> {
        let since = self.date()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }

    /// The rate limit the tenant named in this answer, if it did.
    #[must_use]
    pub fn rate_limit(&self) -> Option<RateLimit> {
        RateLimit::from_headers(&self.headers)
    }
}

impl From<http::Response<Bytes>> for Response {
    fn from(response: http::Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: Body(body),
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Header values stay out too: set-cookie and others are credentials.
        f.debug_struct("Response")
            .field("status", &self.status)
            .field(
                "headers",
                &self
                    .headers
                    .keys()
                    .map(|name| name.as_str())
                    .collect::<Vec<_>>(),
            )
            .field("body", &self.body)
            .finish()
    }
}

/// The bytes of an answer; shown by their number only.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(Bytes);

impl Body {
    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A copy of at most `limit` bytes.
    pub(crate) fn capped(&self, limit: usize) -> Self {
        if self.0.len() <= limit {
            self.clone()
        } else {
            Self(Bytes::copy_from_slice(&self.0[..limit]))
        }
    }
}

impl Response {
    /// The same answer with at most `limit` bytes of its body.
    pub(crate) fn capped(&self, limit: usize) -> Self {
        Self {
            status: self.status,
            headers: self.headers.clone(),
            body: self.body.capped(limit),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_described_without_sending_it() {
        let tenant: Tenant = "example.eu.auth0.com".parse().unwrap();
        let path = Path::new([
            "api",
            "v2",
            "users",
            "auth0|1#",
            "identities",
            "oauth2",
            "a/b",
        ])
        .unwrap();
        insta::assert_debug_snapshot!(Request::delete(path).to_http(&tenant), @r#"
        Request {
            method: DELETE,
            uri: https://example.eu.auth0.com/api/v2/users/auth0%7C1%23/identities/oauth2/a%2Fb,
            version: HTTP/1.1,
            headers: {
                "accept": "application/json",
            },
            body: b"",
        }
        "#);
        let path = Path::new(["api", "v2", "users", "auth0|1"])
            .unwrap()
            .query("fields", "identities")
            .unwrap();
        insta::assert_debug_snapshot!(Request::get(path).to_http(&tenant), @r#"
        Request {
            method: GET,
            uri: https://example.eu.auth0.com/api/v2/users/auth0%7C1?fields=identities,
            version: HTTP/1.1,
            headers: {
                "accept": "application/json",
            },
            body: b"",
        }
        "#);
        let path = Path::new(["api", "v2", "users", "auth0|1", "identities"]).unwrap();
        let request = Request::post_json(path, Bytes::from_static(b"{\"link_with\":\"secret\"}"));
        insta::assert_debug_snapshot!(request, @r#"
        Request {
            method: POST,
            path: "/api/v2/users/auth0%7C1/identities",
            body: Some(
                [22 bytes],
            ),
            ..
        }
        "#);
        insta::assert_debug_snapshot!(request.to_http(&tenant), @r#"
        Request {
            method: POST,
            uri: https://example.eu.auth0.com/api/v2/users/auth0%7C1/identities,
            version: HTTP/1.1,
            headers: {
                "accept": "application/json",
                "content-type": "application/json",
            },
            body: b"{\"link_with\":\"secret\"}",
        }
        "#);
    }

    #[test]
    fn debug_of_an_answer_shows_no_value() {
        let mut http = http::Response::new(Bytes::from_static(b"secret-body"));
        http.headers_mut()
            .insert("set-cookie", HeaderValue::from_static("secret-cookie"));
        let shown = format!("{:?}", Response::from(http));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
