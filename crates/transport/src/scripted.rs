//! A round trip for tests: answers from a script, and remembers what it was asked.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;

use crate::round_trip::{BoxFuture, Delivery, RoundTrip, RoundTripError, RoundTripFailure};

/// Answers requests in the order of its script and records them; clones share both.
///
/// A request beyond the script's end is not sent, and its error says so.
///
/// ```no_run
/// use transport::{AccessToken, Client, Path, Request, ScriptedRoundTrip};
///
/// let script = ScriptedRoundTrip::new().lost().answer(200, "[]");
/// let client = Client::builder("example.auth0.com".parse()?, AccessToken::new("token")?)
///     .round_trip(script.clone())
///     .build()?;
/// // … use the client, then ask what it sent:
/// assert_eq!(script.requests().len(), 0);
/// # let _ = client;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct ScriptedRoundTrip(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    script: VecDeque<Line>,
    requests: Vec<http::Request<Bytes>>,
}

enum Line {
    Answer(http::Response<Bytes>),
    Fail(Delivery, RoundTripFailure),
    Hang,
}

impl ScriptedRoundTrip {
    /// An empty script.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer of this status and JSON body; a number that is no status becomes 500.
    #[must_use]
    pub fn answer(self, status: u16, body: impl Into<Bytes>) -> Self {
        self.answer_with(status, &[], body)
    }

    /// Adds an answer with headers; those that HTTP does not allow are left out.
    #[must_use]
    pub fn answer_with(
        self,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Self {
        let mut response = http::Response::new(body.into());
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
                response.headers_mut().append(name, value);
            }
        }
        self.line(Line::Answer(response))
    }

    /// Adds a request that is sent and whose answer is lost.
    #[must_use]
    pub fn lost(self) -> Self {
        self.line(Line::Fail(
            Delivery::MaybeSent,
            RoundTripFailure::Interrupted,
        ))
    }

    /// Adds a request for which there is no connection.
    #[must_use]
    pub fn not_sent(self) -> Self {
        self.line(Line::Fail(Delivery::NotSent, RoundTripFailure::Connect))
    }

    /// Adds a request that is never answered; the client's own timeout ends it.
    #[must_use]
    pub fn hang(self) -> Self {
        self.line(Line::Hang)
    }

    /// The requests so far, credentials included.
    #[must_use]
    pub fn requests(&self) -> Vec<http::Request<Bytes>> {
        self.state().requests.clone()
    }

    /// How much of the script is left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.state().script.len()
    }

    fn line(self, line: Line) -> Self {
        self.state().script.push_back(line);
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoundTrip for ScriptedRoundTrip {
    fn round_trip(
        &self,
        request: http::Request<Bytes>,
        _limit: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        let mut state = self.state();
        let line = state.script.pop_front();
        let beyond = format!(
            "the script has no answer for {} {}",
            request.method(),
            request.uri()
        );
        state.requests.push(request);
        Box::pin(async move {
            match line {
                Some(Line::Answer(response)) => Ok(response),
                Some(Line::Fail(delivery, failure)) => Err(RoundTripError::new(delivery, failure)),
                Some(Line::Hang) => std::future::pending().await,
                None => Err(
                    RoundTripError::new(Delivery::NotSent, RoundTripFailure::Connect)
                        .with_source(beyond),
                ),
            }
        })
    }
}

impl fmt::Debug for ScriptedRoundTrip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedRoundTrip")
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}
