//! What a 429 closes, until one request finds out that it is open again: pure.

/// What a 429 closes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub(super) until: f64,
    /// When the request was sent that was refused.
    pub(super) refused_at: f64,
    /// Requests that were sent after it, and let through or refused as well.
    pub(super) passed: u32,
    pub(super) refused: u32,
    /// When a request was sent to find out whether it opens.
    pub(super) probed_at: Option<f64>,
}

impl Gate {
    /// Whether that request alone was refused, so that no other has to find out.
    pub(super) const fn is_disproved(&self) -> bool {
        self.passed > self.refused
    }
}
