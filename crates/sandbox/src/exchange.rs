//! One request from arrival to what will be sent, faults included.

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, DATE, HeaderName, LOCATION, RETRY_AFTER};

use crate::call::{Inbound, Reply};
use crate::delivery::Delivery;
use crate::engine::{Engine, Ticket};
use crate::errors::ApiError;
use crate::faults::{Apply, Fault, Kind};
use crate::limit_reply::{GLOBAL_MESSAGE, too_many_requests};
use crate::limiter::Reading;
use crate::plan::Group;

/// What is to be sent, how, and what is still to happen.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) reply: Reply,
    pub(crate) delivery: Delivery,
    pub(crate) delay: Duration,
    /// A request that takes effect later, and after how long.
    pub(crate) late: Option<(Duration, Late)>,
}

/// A request that has arrived but not taken effect.
#[derive(Debug)]
pub(crate) struct Late {
    ticket: Ticket,
    inbound: Inbound,
}

impl Exchange {
    const fn plain(reply: Reply) -> Self {
        Self {
            reply,
            delivery: Delivery::Whole,
            delay: Duration::ZERO,
            late: None,
        }
    }
}

impl Engine {
    /// Takes a request in and says what becomes of it.
    pub(crate) fn receive(&mut self, inbound: Inbound) -> Exchange {
        let ticket = self.arrived(&inbound);
        let fault = self
            .faults
            .strike(&inbound, ticket.routed.as_ref(), &mut self.rng);
        let exchange = match &fault {
            None => Exchange::plain(self.serve(&ticket, &inbound)),
            Some(fault) => self.spoil(fault, &ticket, &inbound),
        };
        self.note(&ticket, &exchange, fault.as_ref());
        self.apply_after_read(&ticket);
        match fault.as_ref().map(Fault::when_applied) {
            Some(Apply::AfterMs(ms)) => {
                let late = (Duration::from_millis(ms), Late { ticket, inbound });
                Exchange {
                    late: Some(late),
                    ..exchange
                }
            }
            Some(Apply::AfterNextRead) => {
                self.after_read.push(Late { ticket, inbound });
                exchange
            }
            _ => exchange,
        }
    }

    /// Lets a request take effect that arrived earlier; its answer interests nobody any more.
    pub(crate) fn apply_late(&mut self, late: &Late) {
        if late.ticket.generation == self.generation {
            self.serve(&late.ticket, &late.inbound);
        }
    }

    fn apply_after_read(&mut self, read: &Ticket) {
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

    fn note(&mut self, ticket: &Ticket, exchange: &Exchange, fault: Option<&Fault>) {
        let silent = matches!(
            exchange.delivery,
            Delivery::Nothing { .. } | Delivery::Silence
        );
        if let Some(entry) = self.requests.get_mut(ticket.seq) {
            entry.status = (!silent).then_some(exchange.reply.status.as_u16());
            entry.fault = fault.map(|fault| fault.kind().name().to_owned());
        }
    }

    /// What a fault makes of a request.
    fn spoil(&mut self, fault: &Fault, ticket: &Ticket, inbound: &Inbound) -> Exchange {
        let real = match fault.when_applied() {
            Apply::Now => self.serve(ticket, inbound),
            _ if fault.kind().spoils_answer() => self.preview(ticket, inbound),
            _ => Reply::empty(StatusCode::OK),
        };
        let now = self.clock.now();
        let dated = |reply: Reply| reply.with(DATE, &now.http_date());
        let sent = |delivery: Delivery, reply: Reply| Exchange {
            delivery,
            ..Exchange::plain(reply)
        };
        match fault.kind() {
            Kind::Drop => sent(Delivery::Nothing { reset: false }, real),
            Kind::Reset => sent(Delivery::Nothing { reset: true }, real),
            Kind::Status {
                status,
                headers,
                body,
            } => {
                let status =
                    StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut reply = Reply {
                    body: body.clone().into_bytes(),
                    ..Reply::empty(status)
                };
                for (name, value) in headers {
                    if let Ok(name) = name.parse::<HeaderName>() {
                        reply = reply.with(name, value);
                    }
                }
                Exchange::plain(dated(reply))
            }
            Kind::Html => {
                let page =
                    "<!doctype html><title>Welcome</title><p>Please sign in to the network.</p>";
                let reply = Reply {
                    body: page.into(),
                    ..Reply::empty(StatusCode::OK)
                };
                Exchange::plain(dated(reply.with(CONTENT_TYPE, "text/html; charset=utf-8")))
            }
            Kind::Redirect { location, status } => {
                let status = status.and_then(|status| StatusCode::from_u16(status).ok());
                let reply = Reply::empty(status.unwrap_or(StatusCode::TEMPORARY_REDIRECT));
                Exchange::plain(dated(reply.with(LOCATION, location)))
            }
            Kind::ExpiredToken => {
                let error = ApiError::expired_token(&mut self.rules);
                // The fault ordered this answer: nothing about it is inferred.
                self.rules.end_of_answer();
                Exchange::plain(dated(Reply::from(error).management(inbound)))
            }
            Kind::TooManyRequests {
                retry_after,
                reset_in,
            } => {
                let group = ticket
                    .routed
                    .as_ref()
                    .map_or(Group::OtherManagement, |routed| routed.operation.group);
                let mut reply = too_many_requests(group, GLOBAL_MESSAGE).management(inbound);
                if let Some(seconds) = reset_in {
                    let reset = now.seconds() + seconds;
                    reply = Reading {
                        limit: 2,
                        remaining: 0,
                        reset,
                    }
                    .on(reply);
                }
                if let Some(seconds) = retry_after {
                    reply = reply.with(RETRY_AFTER, &seconds.to_string());
                }
                Exchange::plain(dated(reply))
            }
            Kind::Delay { ms } => Exchange {
                delay: Duration::from_millis(*ms),
                ..Exchange::plain(real)
            },
            Kind::Truncate { .. } if real.body.is_empty() => {
                sent(Delivery::Nothing { reset: false }, real)
            }
            Kind::Truncate { after } => sent(Delivery::Truncated { after: *after }, real),
            Kind::Stall { .. } if real.body.is_empty() => sent(Delivery::Silence, real),
            Kind::Stall { after } => sent(Delivery::Stalled { after: *after }, real),
            Kind::Trickle { bytes, every_ms } => {
                let every = Duration::from_millis(*every_ms);
                sent(
                    Delivery::Trickled {
                        bytes: *bytes,
                        every,
                    },
                    real,
                )
            }
            Kind::Endless => sent(Delivery::Endless, real),
            Kind::ContentType { value } => Exchange::plain(real.with(CONTENT_TYPE, value)),
            Kind::SkewDate { seconds } => {
                Exchange::plain(real.with(DATE, &now.plus_seconds(*seconds).http_date()))
            }
        }
    }
}
