//! One request from arrival to what will be sent, faults included.

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, DATE, HeaderName, LOCATION};

use crate::call::{Inbound, Reply};
use crate::delivery::Delivery;
use crate::engine::{Admitted, Engine, Ticket};
use crate::errors::ApiError;
use crate::fault::{Apply, Fault, Kind};
use crate::limit_reply::too_many_requests;
use crate::limiter::Reading;
use crate::plan::Group;

/// What a captive portal or a proxy might show.
const PAGE: &str = "<!doctype html><title>Welcome</title><p>Please sign in to the network.</p>";

/// What is to be sent, and what a fault does to it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) reply: Reply,
    pub(crate) spoiled: Option<Box<Spoiled>>,
}

/// How an answer is sent that a fault has struck, and what is still to happen.
#[derive(Debug)]
pub(crate) struct Spoiled {
    pub(crate) delivery: Delivery,
    pub(crate) delay: Duration,
    /// A request that takes effect later, and after how long.
    pub(crate) late: Option<(Duration, Late)>,
}

/// A request that was let in and counted on arrival, but has not taken effect.
#[derive(Debug)]
pub(crate) struct Late {
    ticket: Ticket,
    inbound: Inbound,
    admitted: Admitted,
}

impl Engine {
    /// Takes a request in and says what becomes of it.
    pub(crate) fn receive(&mut self, inbound: Inbound) -> Exchange {
        let ticket = self.arrived(&inbound);
        let fault = self
            .faults
            .strike(&inbound, ticket.routed.as_ref(), &mut self.rng);
        let Some(fault) = fault else {
            let reply = self.serve(&ticket, &inbound);
            self.note(&ticket, Some(&reply), None);
            self.apply_after_read(&ticket, Some(&reply));
            return Exchange {
                reply,
                spoiled: None,
            };
        };
        let spoils = fault.kind().spoils_answer();
        let (real, admitted) = match fault.when_applied() {
            Apply::Now => (self.serve(&ticket, &inbound), None),
            Apply::Never if spoils => (self.preview(&ticket, &inbound), None),
            Apply::Never => (Reply::empty(StatusCode::OK), None),
            Apply::AfterMs(_) | Apply::AfterNextRead => self.let_in(&ticket, &inbound, spoils),
        };
        self.log_limit(&inbound);
        let reply = self.spoil(&fault, real, &ticket, &inbound);
        let (delivery, delay) = delivery(fault.kind(), &reply);
        let silent = matches!(delivery, Delivery::Nothing { .. } | Delivery::Silence);
        let sent = (!silent).then_some(&reply);
        self.note(&ticket, sent, Some(&fault));
        self.apply_after_read(&ticket, sent);
        let late = admitted.map(|admitted| Late {
            ticket,
            inbound,
            admitted,
        });
        let late = match (fault.when_applied(), late) {
            (Apply::AfterMs(ms), Some(late)) => Some((Duration::from_millis(ms), late)),
            (_, late) => {
                self.after_read.extend(late);
                None
            }
        };
        let spoiled = Some(Box::new(Spoiled {
            delivery,
            delay,
            late,
        }));
        Exchange { reply, spoiled }
    }

    /// Notes a request that was refused before it was there as a whole.
    pub(crate) fn turned_away(&mut self, inbound: &Inbound, status: StatusCode) {
        let ticket = self.arrived(inbound);
        self.note(&ticket, Some(&Reply::empty(status)), None);
    }

    /// Lets a request take effect that arrived earlier; its answer interests nobody any more.
    pub(crate) fn apply_late(&mut self, late: &Late) {
        if late.ticket.generation == self.generation {
            self.serve_late(&late.ticket, &late.admitted, &late.inbound);
        }
    }

    /// What waits for a read of its user takes effect if this was one, and its answer told what there was.
    fn apply_after_read(&mut self, read: &Ticket, sent: Option<&Reply>) {
        let told =
            |reply: &Reply| reply.status.is_success() || reply.status == StatusCode::NOT_FOUND;
        if !sent.is_some_and(told) {
            return;
        }
        let Some(routed) = read
            .routed
            .as_ref()
            .filter(|routed| routed.operation.id == "get_users_by_id")
        else {
            return;
        };
        let user_id = routed.user_id();
        let same_user = |late: &mut Late| {
            late.ticket
                .routed
                .as_ref()
                .and_then(|routed| routed.user_id())
                == user_id
        };
        let due: Vec<Late> = self.after_read.extract_if(.., same_user).collect();
        for late in due {
            self.apply_late(&late);
        }
    }

    fn note(&mut self, ticket: &Ticket, sent: Option<&Reply>, fault: Option<&Fault>) {
        if let Some(entry) = self.requests.get_mut(ticket.seq) {
            entry.status = sent.map(|reply| reply.status.as_u16());
            entry.fault = fault.map(|fault| fault.kind().name());
        }
    }

    /// What a fault makes of the real answer to a request.
    fn spoil(&mut self, fault: &Fault, real: Reply, ticket: &Ticket, inbound: &Inbound) -> Reply {
        let now = self.clock.now();
        let own = match fault.kind() {
            Kind::ContentType { value } => return real.with(CONTENT_TYPE, value),
            Kind::SkewDate { seconds } => {
                return real.with(DATE, &now.plus_seconds(*seconds).http_date());
            }
            Kind::Status {
                status,
                headers,
                body,
            } => {
                let status =
                    StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let empty = Reply {
                    body: body.clone().into_bytes(),
                    ..Reply::empty(status)
                };
                headers.iter().fold(empty, |reply, (name, value)| {
                    match name.parse::<HeaderName>() {
                        Ok(name) => reply.with(name, value),
                        Err(_) => reply,
                    }
                })
            }
            Kind::Html => {
                let reply = Reply {
                    body: PAGE.into(),
                    ..Reply::empty(StatusCode::OK)
                };
                reply.with_static(CONTENT_TYPE, "text/html; charset=utf-8")
            }
            Kind::Redirect { location, status } => {
                let status = status.and_then(|status| StatusCode::from_u16(status).ok());
                Reply::empty(status.unwrap_or(StatusCode::TEMPORARY_REDIRECT))
                    .with(LOCATION, location)
            }
            Kind::ExpiredToken => {
                let error = ApiError::expired_token(&mut self.rules);
                // The fault ordered this answer: nothing about it is inferred.
                self.rules.end_of_answer();
                Reply::from(error).management(inbound)
            }
            Kind::TooManyRequests {
                retry_after,
                reset_in,
            } => {
                let group = ticket
                    .routed
                    .as_ref()
                    .map_or(Group::OtherManagement, |routed| routed.operation.group);
                let reading = reset_in.map(|seconds| Reading {
                    limit: 2,
                    remaining: 0,
                    reset: now.seconds().saturating_add(seconds),
                });
                let retry_after =
                    retry_after.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
                Reply::from(too_many_requests(group, reading, retry_after)).management(inbound)
            }
            _ => return real,
        };
        own.with(DATE, &now.http_date())
    }
}

/// How an answer is sent that this has struck, and how much later.
fn delivery(kind: &Kind, reply: &Reply) -> (Delivery, Duration) {
    let no_body = reply.body.is_empty();
    let delivery = match *kind {
        Kind::Drop => Delivery::Nothing { reset: false },
        Kind::Reset => Delivery::Nothing { reset: true },
        Kind::Delay { ms } => return (Delivery::Whole, Duration::from_millis(ms)),
        Kind::Truncate { .. } if no_body => Delivery::Nothing { reset: false },
        Kind::Truncate { after } => Delivery::Truncated { after },
        Kind::Stall { .. } if no_body => Delivery::Silence,
        Kind::Stall { after } => Delivery::Stalled { after },
        Kind::Trickle { bytes, every_ms } => Delivery::Trickled {
            bytes,
            every: Duration::from_millis(every_ms),
        },
        Kind::Endless => Delivery::Endless,
        _ => Delivery::Whole,
    };
    (delivery, Duration::ZERO)
}
