//! The one loop: send, read what came back, decide, and settle what stayed unknown, under one deadline.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tracing::Instrument as _;

use crate::{
    client::{Channel, Credentials},
    error::{DecodeError, Error, ErrorKind},
    rate_limit,
    request::{Request, Response},
    retry::{Bounds, Event, Progress, Settling, Step},
    round_trip::{Delivery, MaybeSendSync, RoundTripError, RoundTripFailure},
    time,
    token::{AccessToken, TokenSource},
};

/// Beyond an attempt's limit, for round trips that keep it themselves and know more when they do.
const GRACE: Duration = Duration::from_millis(100);

/// One thing to do at the tenant: its request, how its answer reads, and how a lost answer is settled.
///
/// ```
/// use transport::{DecodeError, Operation, Path, PathError, Request, Response};
///
/// /// Counts the tenant's connections.
/// struct CountConnections(Request);
///
/// impl CountConnections {
///     fn new() -> Result<Self, PathError> {
///         Ok(Self(Request::get(Path::new(["api", "v2", "connections"])?)))
///     }
/// }
///
/// impl Operation for CountConnections {
///     type Output = usize;
///
///     fn request(&self) -> &Request {
///         &self.0
///     }
///
///     fn decode(&self, response: &Response) -> Result<usize, DecodeError> {
///         let list: Vec<serde_json::Value> =
///             serde_json::from_slice(response.body().expose()).map_err(|error| DecodeError::json(&error))?;
///         Ok(list.len())
///     }
/// }
/// ```
pub trait Operation: MaybeSendSync {
    /// What the operation gives its caller.
    type Output;

    /// What the operation is called in traces.
    fn name(&self) -> &'static str {
        "request"
    }

    /// The request, the same at each attempt.
    fn request(&self) -> &Request;

    /// Completes the request anew at each attempt, for what may be sent once only.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being sent; the call ends with it.
    fn renew(&self, request: &mut http::Request<Bytes>) -> Result<(), Error> {
        let _ = request;
        Ok(())
    }

    /// Reads a 2xx answer to the request.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is not the documented answer; whether the request was applied is then open.
    fn decode(&self, response: &Response) -> Result<Self::Output, DecodeError>;

    /// Whether sending it twice does no harm; so a read by default, and nothing else.
    fn is_repeatable(&self) -> bool {
        !self.request().changes_state()
    }

    /// Whether an answer to a read means that what is waited for is not there yet: then it is read again,
    /// for as long as the deadline allows.
    fn is_not_yet(&self, response: &Response) -> bool {
        let _ = response;
        false
    }

    /// The read that shows whether a request without an answer was applied, if there is one.
    fn probe(&self) -> Option<&Request> {
        None
    }

    /// Whether the request must not be sent again unless a probe has shown that nothing has happened.
    fn needs_a_read(&self) -> bool {
        false
    }

    /// Reads a 2xx or 404 answer to the probe.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is not the documented answer.
    fn settle(&self, probe: &Response) -> Result<Settled<Self::Output>, DecodeError> {
        let _ = probe;
        Err(DecodeError::new("this operation has no probe"))
    }
}

/// What a probe shows.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the loop needs a way on from each")]
pub enum Settled<T> {
    /// The request has been applied.
    Done(T),
    /// It has not, so far.
    Unchanged,
    /// What it was to act on does not exist.
    Missing,
}

/// How the outcome of a call is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettledBy {
    /// The request was answered.
    Answer,
    /// An earlier attempt's answer was lost, and the answer to a later one shows the state.
    LaterAnswer,
    /// The answer was lost, and a read afterwards shows the state.
    Probe,
}

/// A call's result and how it came about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answered<T> {
    /// What the operation read from the answer or the probe.
    pub output: T,
    /// How the outcome is known.
    pub settled_by: SettledBy,
    /// How often the request was sent, or tried to be.
    pub attempts: u32,
    /// The answer, or the probe's.
    pub response: Response,
}

impl<T> Answered<T> {
    /// Takes the output out, and keeps how it came about.
    pub fn split(self) -> (T, Answered<()>) {
        let Self {
            output,
            settled_by,
            attempts,
            response,
        } = self;
        (
            output,
            Answered {
                output: (),
                settled_by,
                attempts,
                response,
            },
        )
    }
}

/// Runs one operation to its end or to `ends`, a time of the channel's clock.
pub(crate) async fn run<O: Operation>(
    channel: &Channel,
    credentials: Option<&Credentials>,
    operation: &O,
    ends: Duration,
) -> Result<Answered<O::Output>, Error> {
    let span = tracing::debug_span!("auth0", operation = operation.name());
    let outcome = send_and_settle(channel, credentials, operation, ends)
        .instrument(span.clone())
        .await;
    if let Ok(done) = &outcome {
        let _entered = span.enter();
        tracing::debug!(
            attempts = done.attempts,
            settled_by = ?done.settled_by,
            status = done.response.status().as_u16(),
            "done"
        );
    }
    outcome
}

async fn send_and_settle<O: Operation>(
    channel: &Channel,
    credentials: Option<&Credentials>,
    operation: &O,
    ends: Duration,
) -> Result<Answered<O::Output>, Error> {
    let tokens = credentials.map(|credentials| &credentials.tokens);
    let clock = channel.time();
    let limits = channel.limits();
    let left = || ends.saturating_sub(clock.now());
    let probe = operation.probe();
    let mut progress = Progress::new(Bounds {
        settling: match probe {
            _ if operation.is_repeatable() => Settling::Repeat,
            Some(_) => Settling::Probe,
            None => Settling::Never,
        },
        attempts: limits.attempts,
        kept_for_probe: limits.kept_for_probe(),
        unread: !operation.needs_a_read(),
    });
    let mut attempts = 0;
    let mut request_failure = Error::new(
        ErrorKind::Timeout,
        "the deadline passed before the request was sent",
    );
    let mut latest_failure = None;
    let mut step = Step::Send(Duration::ZERO);
    loop {
        let (request, wait) = match (step, probe) {
            (Step::Send(wait), _) => (operation.request(), wait),
            (Step::Probe(wait), Some(probe)) => (probe, wait),
            (Step::Fail, _) => {
                return Err(request_failure.after(attempts, progress.maybe_applied()));
            }
            (Step::FailRateLimited(wait), _) => {
                let at = time::system_time(clock.wall().saturating_add(wait));
                return Err(request_failure
                    .retry_at_time(at)
                    .after(attempts, progress.maybe_applied()));
            }
            (Step::Unknown | Step::Probe(_), _) => {
                return Err(
                    unknown(latest_failure.unwrap_or(request_failure)).after(attempts, true)
                );
            }
        };
        let probing = matches!(step, Step::Probe(_));
        if !wait.is_zero() {
            clock.sleep(wait).await;
        }
        let time_left = |progress: &Progress| {
            let left = if probing {
                Some(left())
            } else {
                progress.time_to_send(left())
            };
            left.filter(|left| !left.is_zero())
        };
        let Some(for_token) = time_left(&progress) else {
            step = progress.end();
            continue;
        };
        let token = match (tokens, request.is_authorized()) {
            (Some(tokens), true) => match token(channel, tokens, for_token).await {
                Ok(token) => Some(token),
                Err(error) if progress.maybe_applied() => {
                    return Err(unknown(error).after(attempts, true));
                }
                Err(error) => return Err(error.after(attempts, false)),
            },
            _ => None,
        };
        // Getting a token takes its time, too.
        let Some(time_left) = time_left(&progress) else {
            step = progress.end();
            continue;
        };
        let authorization = token.as_ref().map(AccessToken::header).transpose()?;
        if !probing {
            attempts += 1;
        }
        let limit = time_left.min(limits.attempt);
        let extra = credentials.map(|credentials| &credentials.headers);
        let mut http = channel.prepare(request, extra, authorization);
        if !probing {
            operation.renew(&mut http)?;
        }
        let response = attempt(channel, http, limit).await;

        let (event, failure) = match response {
            Err(error) => {
                let event = match error.delivery() {
                    Delivery::NotSent => Event::NotSent,
                    Delivery::MaybeSent => Event::Unknown,
                };
                (event, Error::no_answer(error))
            }
            Ok(response)
                if probing && (response.status().is_success() || response.status() == 404) =>
            {
                match operation.settle(&response) {
                    Ok(Settled::Done(output)) => {
                        return Ok(Answered {
                            output,
                            settled_by: SettledBy::Probe,
                            attempts,
                            response,
                        });
                    }
                    Ok(Settled::Unchanged) => {
                        request_failure =
                            request_failure.noting("a reading afterwards showed nothing changed");
                        (Event::Unchanged, request_failure.clone())
                    }
                    Ok(Settled::Missing) => {
                        return Err(Error::from_answer(&response).after(attempts, true));
                    }
                    Err(error) => (Event::Unknown, Error::undocumented(&response, error)),
                }
            }
            Ok(response)
                if !probing && operation.is_repeatable() && operation.is_not_yet(&response) =>
            {
                (
                    Event::NotYet,
                    Error::from_answer(&response).noting("what is waited for is not there yet"),
                )
            }
            Ok(response) if response.status().is_success() => match operation.decode(&response) {
                Ok(output) => {
                    let settled_by = if progress.maybe_applied() {
                        SettledBy::LaterAnswer
                    } else {
                        SettledBy::Answer
                    };
                    return Ok(Answered {
                        output,
                        settled_by,
                        attempts,
                        response,
                    });
                }
                Err(error) => (Event::Unknown, Error::undocumented(&response, error)),
            },
            Ok(response) => {
                let event = match response.status().as_u16() {
                    401 => Event::Unauthorized {
                        renewable: renewable(tokens, token.as_ref()),
                    },
                    429 => Event::RateLimited(rate_limit::requested_wait(response.headers())),
                    408 => Event::Unknown,
                    // A probe that is refused for another reason than its scope tells nothing.
                    400..=499 if probing && !lacks_scope(&response) => Event::Unknown,
                    400..=499 => Event::Refused,
                    _ => Event::Unknown,
                };
                let failure = Error::from_answer(&response);
                let unauthorized = response.status() == 401;
                (
                    event,
                    if unauthorized {
                        suspect(channel, token.as_ref(), &response, failure)
                    } else {
                        failure
                    },
                )
            }
        };
        if !probing {
            request_failure = failure.clone();
        }
        step = progress.next(event, left(), fastrand::f64());
        tracing::debug!(
            attempt = attempts,
            probing,
            outcome = ?event,
            kind = ?failure.kind(),
            status = failure.answer().map(|answer| answer.status().as_u16()),
            next = ?step,
            "not done"
        );
        latest_failure = Some(failure);
    }
}

/// Looks for why a token was not accepted: another tenant's, or a clock that is off.
fn suspect(
    channel: &Channel,
    token: Option<&AccessToken>,
    response: &Response,
    failure: Error,
) -> Error {
    let tenant = channel.tenant().to_string();
    let foreign = token
        .and_then(AccessToken::issuer)
        .filter(|issuer| issuer.trim_end_matches('/') != tenant);
    let seconds = |since_epoch: Duration| i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    let tenants = response
        .date()
        .and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
    let ahead = tenants.map_or(0, |theirs| {
        seconds(channel.time().wall()).saturating_sub(seconds(theirs))
    });
    failure.suspecting(foreign, ahead)
}

fn lacks_scope(response: &Response) -> bool {
    !Error::from_answer(response).missing_scopes().is_empty()
}

fn unknown(source: Error) -> Error {
    let message =
        "the request may have been applied, and no reading settled it before the deadline";
    Error::new(ErrorKind::OutcomeUnknown, message).with_source(source)
}

async fn token(
    channel: &Channel,
    tokens: &Arc<dyn TokenSource>,
    limit: Duration,
) -> Result<AccessToken, Error> {
    match time::within(channel.time(), limit, tokens.token(channel)).await {
        Some(Ok(token)) => Ok(token),
        Some(Err(error)) if error.kind() == ErrorKind::Token => Err(error),
        Some(Err(error)) => Err(Error::new(ErrorKind::Token, "no access token").with_source(error)),
        None => Err(Error::new(
            ErrorKind::Token,
            "no access token within the deadline",
        )),
    }
}

fn renewable(tokens: Option<&Arc<dyn TokenSource>>, token: Option<&AccessToken>) -> bool {
    matches!((tokens, token), (Some(tokens), Some(token)) if tokens.refused(token))
}

async fn attempt(
    channel: &Channel,
    request: http::Request<Bytes>,
    limit: Duration,
) -> Result<Response, RoundTripError> {
    let answer = channel.round_trip().round_trip(request, limit);
    match time::within(channel.time(), limit.saturating_add(GRACE), answer).await {
        Some(answer) => answer.map(Response::from),
        None => Err(RoundTripError::new(
            Delivery::MaybeSent,
            RoundTripFailure::Timeout,
        )),
    }
}
