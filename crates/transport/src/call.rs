//! The one loop: send, read what came back, decide, and settle what stayed unknown, under one deadline.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tracing::{Instrument as _, field::Empty};

use crate::{
    client::{Channel, Credentials},
    error::{Answer, Error, ErrorKind},
    operation::{Answered, Operation, Settled, SettledBy},
    pace::{Ended, Turn},
    rate_limit,
    request::Response,
    retry::{Bounds, Event, Progress, SHORTEST_ATTEMPT, Settling, Step},
    round_trip::{Delivery, RoundTripError, RoundTripFailure},
    time,
    token::{AccessToken, TokenSource},
};

/// Beyond an attempt's limit, for round trips that keep it themselves and know more when they do.
const GRACE: Duration = Duration::from_millis(100);

/// Runs one operation to its end or to `ends`, a time of the channel's clock.
pub(crate) async fn run<O: Operation>(
    channel: &Channel,
    credentials: Option<&Credentials>,
    operation: &O,
    ends: Duration,
) -> Result<Answered<O::Output>, Error> {
    let span = tracing::debug_span!(
        "auth0",
        operation = operation.name(),
        attempt = Empty,
        status = Empty,
        wait_ms = Empty,
    );
    let mut waited = Duration::ZERO;
    let outcome = send_and_settle(channel, credentials, operation, ends, &mut waited)
        .instrument(span.clone())
        .await;
    // Once and at the end, so that a line that is written then shows the call as a whole.
    let (attempt, status) = match &outcome {
        Ok(done) => (done.attempts, Some(done.response.status())),
        Err(error) => (error.attempts(), error.answer().map(Answer::status)),
    };
    span.record("attempt", attempt);
    span.record("status", status.map(|status| status.as_u16()));
    span.record("wait_ms", millis(waited));
    let _entered = span.enter();
    match &outcome {
        Ok(done) => tracing::debug!(settled_by = ?done.settled_by, "done"),
        Err(error) => tracing::debug!(
            kind = ?error.kind(),
            may_have_been_applied = error.may_have_been_applied(),
            "failed"
        ),
    }
    outcome
}

async fn send_and_settle<O: Operation>(
    channel: &Channel,
    credentials: Option<&Credentials>,
    operation: &O,
    ends: Duration,
    waited: &mut Duration,
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
    let caller = channel.pacer().caller(limits.priority);
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
            (Step::UnknownRateLimited(wait), _) => {
                let at = time::system_time(clock.wall().saturating_add(wait));
                let failure = unknown(latest_failure.unwrap_or(request_failure));
                return Err(failure.retry_at_time(at).after(attempts, true));
            }
            (Step::Unknown | Step::Probe(_), _) => {
                let failure = latest_failure.unwrap_or(request_failure);
                let failure = match probe {
                    None => unknown_as(failure, "no reading can tell"),
                    Some(_) if progress.probe_refused() => {
                        unknown_as(failure, "the reading that would tell is not allowed")
                    }
                    Some(_) => unknown(failure),
                };
                return Err(failure.after(attempts, true));
            }
        };
        let probing = matches!(step, Step::Probe(_));
        if !wait.is_zero() {
            clock.sleep(wait).await;
            *waited = waited.saturating_add(wait);
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
                // What a request did only a read can tell, and that needs a token: trouble that may pass is waited out.
                Err(error) if progress.maybe_applied() && error.may_pass() => {
                    let event = match error.retry_at() {
                        Some(at) => Event::RateLimited(Some(time::until(clock, at))),
                        None => Event::NotSent,
                    };
                    step = progress.next(event, left(), fastrand::f64());
                    trace(attempts, probing, event, &error, step);
                    latest_failure = Some(error);
                    continue;
                }
                Err(error) => return Err(ended(error, attempts, progress.maybe_applied())),
            },
            _ => None,
        };
        // Getting a token takes its time, too.
        let Some(time_left) = time_left(&progress) else {
            step = progress.end();
            continue;
        };
        let authorization = token.as_ref().map(AccessToken::header).transpose();
        let authorization =
            authorization.map_err(|error| ended(error, attempts, progress.maybe_applied()))?;
        let fresh_body = match probing {
            true => None,
            false => operation
                .fresh_body()
                .map_err(|error| ended(error, attempts, progress.maybe_applied()))?,
        };
        let turn = match credentials {
            Some(_) if request.is_authorized() => {
                let begun = clock.now();
                let latest = begun.saturating_add(time_left.saturating_sub(SHORTEST_ATTEMPT));
                let turn = channel.pacer().turn(clock, caller, request, latest).await;
                *waited = waited.saturating_add(clock.now().saturating_sub(begun));
                match turn {
                    Ok(turn) => Some(turn),
                    Err(at) => {
                        let at = clock.wall().saturating_add(at.saturating_sub(clock.now()));
                        let failure = latest_failure.unwrap_or(request_failure);
                        let failure = no_turn(failure, progress.maybe_applied());
                        let failure = failure.retry_at_time(time::system_time(at));
                        return Err(failure.after(attempts, progress.maybe_applied()));
                    }
                }
            }
            _ => None,
        };
        // So does waiting for a turn.
        let time_left = match probing {
            true => left(),
            false => progress.time_to_send(left()).unwrap_or(SHORTEST_ATTEMPT),
        };
        if !probing {
            attempts += 1;
        }
        let limit = time_left.min(limits.attempt);
        let extra = credentials.map(|credentials| &credentials.headers);
        let mut http = channel.prepare(request, extra, authorization);
        if let Some(body) = fresh_body {
            *http.body_mut() = body;
        }
        let response = attempt(channel, http, limit).await;
        let refused = turn.and_then(|turn| tell(turn, clock.now(), &response));

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
                let failure = Error::from_answer(&response);
                let event = match response.status().as_u16() {
                    401 => Event::Unauthorized {
                        renewable: renewable(tokens, token.as_ref()),
                    },
                    429 => Event::RateLimited(rate_limit::requested_wait(response.headers())),
                    408 => Event::Unknown,
                    404 if failure.kind() == ErrorKind::Decode => Event::Unknown,
                    // A probe that is refused for another reason than its scope tells nothing.
                    400..=499 if probing && !lacks_scope(&response) => Event::Unknown,
                    400..=499 => Event::Refused,
                    _ => Event::Unknown,
                };
                // A request for a token is refused with other statuses, too.
                let suspicious = match event {
                    Event::Unauthorized { .. } => true,
                    Event::Refused => !request.is_authorized(),
                    _ => false,
                };
                (
                    event,
                    if suspicious {
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
        trace(attempts, probing, event, &failure, step);
        if let Some((turn, response)) = refused {
            // The wait is everybody's, and one request finds out whether it was enough.
            turn.end(clock.now(), &Ended::Limited(&response, step.take_wait()));
        }
        latest_failure = Some(failure);
    }
}

/// Tells the pacer how a request ended; what was answered 429 is told when it is decided how long to wait.
fn tell(
    turn: Turn,
    now: Duration,
    response: &Result<Response, RoundTripError>,
) -> Option<(Turn, Response)> {
    let ended = match response {
        Ok(response) if response.status() == 429 => return Some((turn, response.clone())),
        Ok(response) => Ended::Answered(response),
        Err(error) if error.delivery() == Delivery::NotSent => Ended::NotSent,
        Err(_) => Ended::Unknown,
    };
    turn.end(now, &ended);
    None
}

/// The end of a request whose turn would come too late.
fn no_turn(failure: Error, maybe_applied: bool) -> Error {
    if maybe_applied {
        unknown(failure)
    } else if failure.kind() == ErrorKind::RateLimited {
        failure
    } else {
        let message = "the rate limit, or the rate that was set, does not let the request be sent before the deadline";
        Error::new(ErrorKind::RateLimited, message)
    }
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

fn trace(attempt: u32, probing: bool, outcome: Event, failure: &Error, next: Step) {
    let (next, wait) = match next {
        Step::Send(wait) => ("send", Some(wait)),
        Step::Probe(wait) => ("probe", Some(wait)),
        Step::Fail | Step::FailRateLimited(_) => ("fail", None),
        Step::Unknown | Step::UnknownRateLimited(_) => ("report unknown", None),
    };
    tracing::debug!(
        attempt,
        probing,
        ?outcome,
        kind = ?failure.kind(),
        status = failure.answer().map(|answer| answer.status().as_u16()),
        next,
        wait_ms = wait.map(millis),
        "not done"
    );
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

/// The end by something other than an answer.
fn ended(error: Error, attempts: u32, maybe_applied: bool) -> Error {
    if maybe_applied {
        unknown(error).after(attempts, true)
    } else {
        error.after(attempts, false)
    }
}

fn unknown(source: Error) -> Error {
    unknown_as(source, "no reading settled it before the deadline")
}

fn unknown_as(source: Error, why: &str) -> Error {
    let message = format!("the request may have been applied, and {why}");
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
        None => {
            let cause = Error::new(
                ErrorKind::Timeout,
                "the deadline passed before there was one",
            );
            Err(Error::new(ErrorKind::Token, "no access token").with_source(cause))
        }
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
