//! What a tenant was started with; a reset goes back to it.

use std::time::Duration;

use crate::clock::Clock;
use crate::cors::Cors;
use crate::fault::Fault;
use crate::oauth::Client;
use crate::plan::{Plan, Reset};
use crate::provenance::Behaviour;
use crate::seed::Seed;
use crate::tenant::Tenant;

/// Everything a fresh start needs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) tenant: Tenant,
    pub(crate) client: Client,
    /// Refuse answers that rest on an inference.
    pub(crate) strict: bool,
    /// Choices other than the first of the provenance table.
    pub(crate) choices: Vec<(Behaviour, String)>,
    pub(crate) clock: Clock,
    /// How long an export takes.
    pub(crate) export_duration: Duration,
    /// How long after a change a search knows of it.
    pub(crate) search_lag: Duration,
    pub(crate) cors: Cors,
    pub(crate) faults: Vec<Fault>,
    pub(crate) plan: Plan,
    pub(crate) reset: Reset,
    /// The share of the rate limit that another client takes.
    pub(crate) neighbour: f64,
    pub(crate) rng_seed: u64,
    /// How many entries each log keeps.
    pub(crate) log_capacity: usize,
    /// Log credentials as they came.
    pub(crate) log_credentials: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenant: Seed::fixture().tenant,
            client: Client::default(),
            strict: false,
            choices: Vec::new(),
            clock: Clock::real(),
            export_duration: Duration::ZERO,
            search_lag: Duration::ZERO,
            cors: Cors::default(),
            faults: Vec::new(),
            plan: Plan::unlimited(),
            reset: Reset::default(),
            neighbour: 0.0,
            rng_seed: 0,
            log_capacity: 100_000,
            log_credentials: false,
        }
    }
}
