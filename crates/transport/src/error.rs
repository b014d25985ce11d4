//! One error type: what kind, what the tenant said, what may have happened.

use std::{borrow::Cow, error::Error as StdError, fmt, iter, sync::Arc, time::SystemTime};

use http::StatusCode;

use crate::{
    hint::Hint,
    rate_limit::RateLimit,
    request::Response,
    round_trip::{Delivery, RoundTripError, RoundTripFailure},
};

/// As much of a refusal's body as an error keeps.
const KEPT_BODY: usize = 16 * 1024;
/// As much of the tenant's own words as a message repeats.
const SHOWN_WORDS: usize = 300;

/// Why a call failed, and whether it can have changed something all the same.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    answer: Option<Answer>,
    attempts: u32,
    may_have_been_applied: bool,
    retry_at: Option<SystemTime>,
    foreign_issuer: Option<String>,
    clock_ahead: i64,
}

/// A clock that is off by less has never been a token's or a wait's trouble.
const TOLERATED_SKEW: i64 = 30;

/// What failed, for a caller to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's input cannot be sent; nothing was.
    Input,
    /// No connection to the tenant.
    Connect,
    /// No whole answer in time.
    Timeout,
    /// The connection ended before the answer was whole, or the answer was too large.
    Interrupted,
    /// There is no token to be had; [`source`](StdError::source) says why.
    Token,
    /// The tenant does not accept the token (401).
    Unauthorized,
    /// The token may not do this (403); see [`Error::missing_scopes`].
    Forbidden,
    /// The tenant knows no such thing (404, in its own words).
    NotFound,
    /// It exists already (409).
    Conflict,
    /// Too many requests (429), and waiting would outlast the deadline; see [`Error::retry_at`].
    RateLimited,
    /// The tenant refuses the request for another reason (other 4xx).
    Rejected,
    /// The tenant, or something before it, cannot answer now (408, 5xx).
    Unavailable,
    /// The answer is not what the tenant's documentation describes (a redirect, a page, other JSON), so it may be the
    /// word of something before it.
    Decode,
    /// The request may have been applied, and no reading settled it: there is none that could, it is not allowed, or none
    /// came through before the deadline or a limit that outlasts it; see [`Error::retry_at`].
    OutcomeUnknown,
}

impl Error {
    /// An error of this kind, for sources and round trips of the caller's own.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            source: None,
            answer: None,
            attempts: 0,
            may_have_been_applied: false,
            retry_at: None,
            foreign_issuer: None,
            clock_ahead: 0,
        }))
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source: Box<dyn StdError + Send + Sync> = source.into();
        self.change(|inner| inner.source = Some(source.into()))
    }

    fn change(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    pub(crate) fn after(self, attempts: u32, may_have_been_applied: bool) -> Self {
        self.change(|inner| {
            inner.attempts = attempts;
            inner.may_have_been_applied = may_have_been_applied;
        })
    }

    /// Adds what is known beside the failure itself.
    pub(crate) fn noting(self, note: &str) -> Self {
        self.change(|inner| inner.message = format!("{}; {note}", inner.message).into())
    }

    pub(crate) fn retry_at_time(self, at: Option<SystemTime>) -> Self {
        self.change(|inner| inner.retry_at = at)
    }

    /// The error for an answer that is no success.
    pub(crate) fn from_answer(response: &Response) -> Self {
        let status = response.status();
        let answer = Answer::new(response);
        let kind = match status.as_u16() {
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 if answer.is_documented() => ErrorKind::NotFound,
            404 => ErrorKind::Decode,
            409 => ErrorKind::Conflict,
            429 => ErrorKind::RateLimited,
            408 | 500..=599 => ErrorKind::Unavailable,
            400..=499 => ErrorKind::Rejected,
            _ => ErrorKind::Decode,
        };
        let note = if status.is_redirection() {
            "; redirects are not followed"
        } else if status == 404 && kind == ErrorKind::Decode {
            ", but not in its own words"
        } else {
            ""
        };
        Self::new(kind, format!("the tenant answered {answer}{note}"))
            .change(|inner| inner.answer = Some(answer))
    }

    /// Notes what may be why a token was not accepted.
    pub(crate) fn suspecting(self, foreign_issuer: Option<String>, clock_ahead: i64) -> Self {
        self.change(|inner| {
            inner.foreign_issuer = foreign_issuer;
            inner.clock_ahead = clock_ahead;
        })
    }

    /// The error for a 2xx answer that is not the documented one.
    pub(crate) fn undocumented(response: &Response, source: DecodeError) -> Self {
        let answer = Answer::new(response);
        let message = format!(
            "the tenant's answer ({}) is not the documented one",
            answer.status()
        );
        Self::new(ErrorKind::Decode, message)
            .with_source(source.0)
            .change(|inner| inner.answer = Some(answer))
    }

    /// The error for a request that got no whole answer.
    pub(crate) fn no_answer(error: RoundTripError) -> Self {
        let kind = match error.failure() {
            RoundTripFailure::Connect | RoundTripFailure::Untrusted => ErrorKind::Connect,
            RoundTripFailure::Timeout => ErrorKind::Timeout,
            RoundTripFailure::Interrupted | RoundTripFailure::BodyTooLarge => {
                ErrorKind::Interrupted
            }
        };
        let message = match error.delivery() {
            Delivery::NotSent => "the request was not sent",
            Delivery::MaybeSent => "the request was sent, but its answer did not arrive",
        };
        Self::new(kind, message).with_source(error)
    }

    /// What failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the tenant answered last, where it did: to this request, to the read that was to settle it, or to the
    /// request for its token.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.told(|inner| inner.answer.as_ref())
    }

    /// How often the request was sent, or tried to be.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the request can have changed something, or still can when it is delayed on the way.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        self.0.may_have_been_applied
    }

    /// When the tenant would take the request, where a limit that outlasts the deadline ended the call: for
    /// [`ErrorKind::RateLimited`], for [`ErrorKind::Token`] where the limit is the token endpoint's, and for
    /// [`ErrorKind::OutcomeUnknown`] where it kept the outcome from being settled. `None` where that cannot be
    /// told.
    #[must_use]
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.told(|inner| inner.retry_at)
    }

    /// The first that this error or its causes know of something.
    fn told<'a, T: 'a>(&'a self, ask: impl Fn(&'a Inner) -> Option<T>) -> Option<T> {
        iter::successors(Some(self), |error| error.beneath()).find_map(|error| ask(&error.0))
    }

    /// The failure that led to this one, where that was a call, too.
    fn beneath(&self) -> Option<&Self> {
        self.0.source.as_ref()?.downcast_ref()
    }

    /// Whether the same may well succeed a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self.kind() {
            // Of a source that does not say why there is no token, nobody knows.
            ErrorKind::Token => self.beneath().is_none_or(Self::may_pass),
            ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::Interrupted
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::Decode => true,
            _ => false,
        }
    }

    /// The scopes one of which the token lacks, where the [`answer`](Self::answer) is a 403; empty where the tenant named none.
    #[must_use]
    pub fn missing_scopes(&self) -> Vec<&str> {
        let named = self
            .answer()
            .filter(|answer| answer.error_code() == Some("insufficient_scope"));
        let list = named
            .and_then(Answer::message)
            .and_then(|message| message.split_once("any of:"));
        list.map(|(_, scopes)| {
            scopes
                .split([',', ' '])
                .filter(|scope| !scope.is_empty())
                .collect()
        })
        .unwrap_or_default()
    }

    /// What a person can do about it, as this error and its causes tell, the most useful first; empty where nothing is
    /// known.
    #[must_use]
    pub fn hints(&self) -> Vec<Hint> {
        let scopes: Vec<_> = self
            .missing_scopes()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let ahead = |inner: &Inner| Some(inner.clock_ahead).filter(|by| by.abs() > TOLERATED_SKEW);
        let issuer = self.told(|inner| inner.foreign_issuer.clone());
        let is_untrusted = iter::successors(self.source(), |&cause| cause.source())
            .filter_map(|cause| cause.downcast_ref::<RoundTripError>())
            .any(|cause| cause.failure() == RoundTripFailure::Untrusted);
        [
            is_untrusted.then_some(Hint::UntrustedCertificate),
            (!scopes.is_empty()).then_some(Hint::MissingScopes(scopes)),
            issuer.map(Hint::ForeignToken),
            self.told(ahead).map(Hint::ClockOff),
            self.retry_at().map(Hint::RetryAt),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("attempts", &self.0.attempts)
            .field("may_have_been_applied", &self.0.may_have_been_applied)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Why an answer is not the documented one.
#[derive(Debug)]
pub struct DecodeError(Box<dyn StdError + Send + Sync>);

impl DecodeError {
    /// Takes serde_json's error by its place only, since its message may quote the text there.
    #[must_use]
    pub fn json(error: &serde_json::Error) -> Self {
        let place = format!("line {}, column {}", error.line(), error.column());
        Self::new(if error.is_data() {
            format!("not the documented JSON ({place})")
        } else {
            format!("not JSON ({place})")
        })
    }

    /// Takes the cause, which must not quote the body.
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for DecodeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// What the tenant said when it did not do what was asked.
#[derive(Clone, Debug)]
pub struct Answer {
    response: Response,
    said: Option<Said>,
}

/// The members of Auth0's error document that help a person.
#[derive(Clone)]
struct Said {
    error: Option<String>,
    message: Option<String>,
    error_code: Option<String>,
    status_code: Option<u64>,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Said")
            .field("error", &self.error)
            .field("error_code", &self.error_code)
            .finish_non_exhaustive()
    }
}

impl Answer {
    fn new(response: &Response) -> Self {
        let response = response.capped(KEPT_BODY);
        let document: Option<serde_json::Value> =
            serde_json::from_slice(response.body().expose()).ok();
        let said = document
            .as_ref()
            .and_then(serde_json::Value::as_object)
            .map(|document| {
                let text = |key: &str| {
                    document
                        .get(key)
                        .and_then(|value| value.as_str())
                        .map(str::to_owned)
                };
                // The token endpoint has its code in `error`, and says it in `error_description`.
                let description = text("error_description");
                Said {
                    error_code: if description.is_some() {
                        text("error")
                    } else {
                        text("errorCode")
                    },
                    error: text("error"),
                    message: description.or_else(|| text("message")),
                    status_code: document
                        .get("statusCode")
                        .and_then(serde_json::Value::as_u64),
                }
            });
        Self { response, said }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// `error` of the tenant's error document, such as `Forbidden`.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.said.as_ref()?.error.as_deref()
    }

    /// `message` of the tenant's error document, or `error_description` of its token endpoint's.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.said.as_ref()?.message.as_deref()
    }

    /// `errorCode` of the tenant's error document, such as `insufficient_scope`, or `error` of its token
    /// endpoint's, such as `access_denied`; often absent.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.said.as_ref()?.error_code.as_deref()
    }

    /// Whether the body was a JSON object.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.said.is_some()
    }

    /// Whether it is an error document as the tenant writes them, and not the page of something before it.
    fn is_documented(&self) -> bool {
        let own = |said: &Said| said.status_code == Some(self.status().as_u16().into());
        self.said
            .as_ref()
            .is_some_and(|said| said.error_code.is_some() || own(said))
    }

    /// The rate limit it named.
    #[must_use]
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.response.rate_limit()
    }

    /// All of it, the body cut to 16 KiB.
    #[must_use]
    pub const fn response(&self) -> &Response {
        &self.response
    }
}

/// Status and the tenant's own words, on one line.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status().as_u16())?;
        if let Some(reason) = self.status().canonical_reason() {
            write!(f, " {reason}")?;
        }
        if let Some(message) = self.message().or_else(|| self.error()) {
            let line = message
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c });
            write!(f, ": {}", line.take(SHOWN_WORDS).collect::<String>())?;
        }
        if let Some(code) = self.error_code() {
            write!(
                f,
                " ({})",
                code.chars()
                    .filter(|c| !c.is_control())
                    .take(64)
                    .collect::<String>()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(status: u16, body: &'static str) -> Error {
        let mut response = http::Response::new(Bytes::from_static(body.as_bytes()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
            .headers_mut()
            .insert("x-ratelimit-limit", http::HeaderValue::from_static("10"));
        response
            .headers_mut()
            .insert("x-ratelimit-remaining", http::HeaderValue::from_static("0"));
        response
            .headers_mut()
            .insert("x-ratelimit-reset", http::HeaderValue::from_static("5"));
        Error::from_answer(&response.into())
    }

    #[test]
    fn every_answer_keeps_its_status_and_body() {
        for (status, body, kind, json) in [
            (
                502,
                "<html>bad gateway</html>",
                ErrorKind::Unavailable,
                false,
            ),
            (408, "", ErrorKind::Unavailable, false),
            (401, "", ErrorKind::Unauthorized, false),
            (403, r#"{"error":"Forbidden"}"#, ErrorKind::Forbidden, true),
            (404, r#"{"statusCode":404}"#, ErrorKind::NotFound, true),
            (404, r#"{"errorCode":"x"}"#, ErrorKind::NotFound, true),
            (404, r#"{"error":"Not Found"}"#, ErrorKind::Decode, true),
            (404, "<html>not found</html>", ErrorKind::Decode, false),
            (409, "{}", ErrorKind::Conflict, true),
            (429, "[]", ErrorKind::RateLimited, false),
            (400, "{}", ErrorKind::Rejected, true),
            (302, "", ErrorKind::Decode, false),
        ] {
            let error = answer(status, body);
            assert_eq!(error.kind(), kind);
            let said = error.answer().unwrap();
            assert_eq!(said.status().as_u16(), status);
            assert_eq!(said.response().body().expose(), body.as_bytes());
            assert_eq!(said.is_json(), json);
            assert_eq!(said.rate_limit().map(|r| r.limit), Some(10));
        }
    }

    #[test]
    fn the_tenants_words_are_repeated_on_one_line() {
        let error = answer(
            403,
            r#"{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: update:users,update:current_user_identities","errorCode":"insufficient_scope"}"#,
        );
        insta::assert_snapshot!(error, @"the tenant answered 403 Forbidden: Insufficient scope, expected any of: update:users,update:current_user_identities (insufficient_scope)");
        assert_eq!(
            error.missing_scopes(),
            ["update:users", "update:current_user_identities"]
        );
        insta::assert_snapshot!(answer(404, r#"{"statusCode":404,"error":"Not Found","message":"The user\ndoes not exist.","errorCode":"inexistent_user"}"#), @"the tenant answered 404 Not Found: The user does not exist. (inexistent_user)");
        insta::assert_snapshot!(answer(401, r#"{"error":"access_denied","error_description":"Unauthorized"}"#), @"the tenant answered 401 Unauthorized: Unauthorized (access_denied)");
        insta::assert_snapshot!(answer(502, "<html>planted</html>"), @"the tenant answered 502 Bad Gateway");
        assert_eq!(
            answer(403, r#"{"message":"expected any of: x"}"#).missing_scopes(),
            [""; 0]
        );
    }

    #[test]
    fn a_long_body_is_cut() {
        let body: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
        assert_eq!(
            answer(500, body)
                .answer()
                .unwrap()
                .response()
                .body()
                .expose()
                .len(),
            KEPT_BODY
        );
    }
}
