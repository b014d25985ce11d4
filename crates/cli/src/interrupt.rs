//! Ctrl-C, and the signal that ends a service: both ask for an orderly end.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The interrupts from now on; while it lives they end nothing by themselves.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    typed: Signal,
    #[cfg(unix)]
    asked: Signal,
}

impl Interrupts {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            typed: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            asked: signal(SignalKind::terminate())?,
        })
    }

    /// Returns at the next one.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.typed.recv() => {}
            _ = self.asked.recv() => {}
        }
    }

    /// Returns at the next one.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
