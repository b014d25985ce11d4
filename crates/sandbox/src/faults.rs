//! The faults in force, and which of them strikes a request.

use std::fmt;

use fastrand::Rng;
use serde::Serialize;

use crate::call::Inbound;
use crate::fault::Fault;
use crate::routes::Routed;

/// Names a fault that was injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct FaultId(u64);

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A fault that was injected, and how often it struck.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Injected {
    /// Its name.
    pub id: FaultId,
    /// The fault.
    pub fault: Fault,
    /// How many requests fitted so far.
    pub fitted: u64,
    /// How many it struck so far.
    pub struck: u64,
}

/// All faults of a tenant; the first that strikes a request is the only one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    injected: Vec<Injected>,
    next: u64,
}

impl Faults {
    pub(crate) fn inject(&mut self, fault: Fault) -> FaultId {
        let id = FaultId(self.next);
        self.next += 1;
        self.injected.push(Injected {
            id,
            fault,
            fitted: 0,
            struck: 0,
        });
        id
    }

    pub(crate) fn clear(&mut self) {
        self.injected.clear();
    }

    pub(crate) fn all(&self) -> &[Injected] {
        &self.injected
    }

    /// The fault that strikes this request, if any.
    pub(crate) fn strike(
        &mut self,
        inbound: &Inbound,
        routed: Option<&Routed>,
        rng: &mut Rng,
    ) -> Option<Fault> {
        let fitting = self
            .injected
            .iter_mut()
            .filter(|one| one.fault.fits(inbound, routed));
        for one in fitting {
            one.fitted += 1;
            let spent = one.fault.times.is_some_and(|times| one.struck >= times);
            let lucky = one
                .fault
                .probability
                .is_some_and(|probability| rng.f64() >= probability);
            if one.fitted > one.fault.skip && !spent && !lucky {
                one.struck += 1;
                return Some(one.fault.clone());
            }
        }
        None
    }
}
