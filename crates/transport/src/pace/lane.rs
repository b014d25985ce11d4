//! The requests that wait for one limit, and which limit a request is counted against.

use std::{collections::BTreeMap, task::Waker};

use http::Method;

use super::{Limit, Pacing, Priority, bucket::Bucket};
use crate::request::Request;

/// Requests that are counted against one limit.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) bucket: Bucket,
    pub(super) waiting: BTreeMap<Place, Option<Waker>>,
}

/// Where a request stands in its lane: the least is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(pub(super) Priority, pub(super) u64);

/// The kind of a request, by which it finds the limit that it is counted against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Route {
    method: Method,
    /// The path's beginning, which names no user.
    begin: String,
    segments: usize,
}

impl Route {
    pub(super) fn of(request: &Request) -> Self {
        let path = request.path().as_str();
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let begin = path.split('/').take(4).collect::<Vec<_>>().join("/");
        Self {
            method: request.method().clone(),
            begin,
            segments: path.split('/').count(),
        }
    }
}

impl Lane {
    pub(super) fn new(options: Pacing) -> Self {
        Self {
            bucket: Bucket::new(options.reserve),
            waiting: BTreeMap::new(),
        }
    }

    pub(super) fn limit(&self) -> Option<Limit> {
        Some(Limit {
            burst: self.bucket.limit()?,
            rate: self.bucket.rate(),
            left: self.bucket.left()?,
            reserved: self.bucket.reserved(),
            lowest: self.bucket.lowest()?,
        })
    }

    pub(super) fn first(&self) -> Option<Place> {
        self.waiting.first_key_value().map(|(first, _)| *first)
    }

    /// Wakes who is next, to look again.
    pub(super) fn wake_next(&mut self, woken: &mut Vec<Waker>) {
        if let Some(mut first) = self.waiting.first_entry()
            && let Some(waker) = first.get_mut().take()
        {
            woken.push(waker);
        }
    }

    /// Wakes all, so that those give up whose time is too short.
    pub(super) fn wake_all(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(self.waiting.values_mut().filter_map(Option::take));
    }
}
