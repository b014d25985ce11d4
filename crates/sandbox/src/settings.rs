//! What a tenant was started with; a reset goes back to it.

use crate::oauth::Client;
use crate::tenant::Tenant;

/// Everything a fresh start needs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) tenant: Tenant,
    pub(crate) client: Client,
    /// Refuse answers that rest on an inference.
    pub(crate) strict: bool,
    /// How many entries each log keeps.
    pub(crate) log_capacity: usize,
}
