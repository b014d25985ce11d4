//! Ctrl-C, and the signal that ends a service: both ask for an orderly end.

use std::io;
#[cfg(unix)]
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

#[cfg(unix)]
use signal_hook::{consts, flag::register_conditional_default};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether nobody listens: then an interrupt ends this program, as it does by default.
#[cfg(unix)]
static UNHEARD: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The interrupts from now on; while it lives they end nothing by themselves.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    typed: Signal,
    #[cfg(unix)]
    asked: Signal,
}

impl Interrupts {
    pub(crate) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        hear()?;
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

/// Takes the usual effect off interrupts, until [`Interrupts`] is dropped: tokio's listeners never go away.
#[cfg(unix)]
fn hear() -> io::Result<()> {
    if let Some(unheard) = UNHEARD.get() {
        unheard.store(false, Ordering::SeqCst);
        return Ok(());
    }
    let unheard = Arc::new(AtomicBool::new(false));
    for signal in [consts::SIGINT, consts::SIGTERM] {
        register_conditional_default(signal, Arc::clone(&unheard))?;
    }
    // Nothing else in this program listens at the same time.
    UNHEARD.get_or_init(|| unheard);
    Ok(())
}

#[cfg(unix)]
impl Drop for Interrupts {
    fn drop(&mut self) {
        if let Some(unheard) = UNHEARD.get() {
            unheard.store(true, Ordering::SeqCst);
        }
    }
}
