//! Ctrl-C, and the signal that ends a service: both ask for an orderly end.

use std::io;
#[cfg(unix)]
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

#[cfg(unix)]
use signal_hook::{
    SigId, consts,
    flag::{register, register_conditional_default},
    low_level::unregister,
};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

#[cfg(unix)]
const SIGNALS: [i32; 2] = [consts::SIGINT, consts::SIGTERM];

/// Whether nobody listens: then an interrupt ends this program, as it does by default.
#[cfg(unix)]
static UNHEARD: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The interrupts from now on; while it lives they end nothing by themselves.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    typed: Option<Signal>,
    #[cfg(unix)]
    asked: Option<Signal>,
}

impl Interrupts {
    pub(crate) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        hear()?;
        Ok(Self {
            #[cfg(unix)]
            typed: listener(consts::SIGINT)?,
            #[cfg(unix)]
            asked: listener(consts::SIGTERM)?,
        })
    }

    /// Returns at the next one.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            () = came(&mut self.typed) => {}
            () = came(&mut self.asked) => {}
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

#[cfg(unix)]
fn listener(number: i32) -> io::Result<Option<Signal>> {
    let is_heard = heard().contains(&number);
    is_heard
        .then(|| signal(SignalKind::from_raw(number)))
        .transpose()
}

#[cfg(unix)]
async fn came(listener: &mut Option<Signal>) {
    match listener {
        Some(listener) => drop(listener.recv().await),
        None => std::future::pending().await,
    }
}

/// All but those that whoever started this program does not want it to hear, as a shell does in a script for what it runs in
/// the background; where the system does not say so, all.
#[cfg(unix)]
fn heard() -> &'static [i32] {
    static HEARD: OnceLock<Vec<i32>> = OnceLock::new();
    HEARD.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let is_heard = |number: &i32| mask.unwrap_or_default() >> (number - 1) & 1 == 0;
        SIGNALS.into_iter().filter(is_heard).collect()
    })
}

/// Takes the usual effect off interrupts, until [`Interrupts`] is dropped: tokio's listeners never go away.
#[cfg(unix)]
fn hear() -> io::Result<()> {
    if let Some(unheard) = UNHEARD.get() {
        unheard.store(false, Ordering::SeqCst);
        return Ok(());
    }
    let unheard = Arc::new(AtomicBool::new(false));
    for signal in heard() {
        register_conditional_default(*signal, Arc::clone(&unheard))?;
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

/// Whether an interrupt came, for work that does not wait for anything; while it lives they end nothing by themselves.
pub(crate) struct Interrupted {
    #[cfg(unix)]
    came: Arc<AtomicBool>,
    #[cfg(unix)]
    watches: Vec<SigId>,
}

impl Interrupted {
    #[cfg(unix)]
    pub(crate) fn watch() -> io::Result<Self> {
        hear()?;
        let mut watching = Self {
            came: Arc::default(),
            watches: Vec::new(),
        };
        for signal in heard() {
            let watch = register(*signal, Arc::clone(&watching.came))?;
            watching.watches.push(watch);
        }
        Ok(watching)
    }

    #[cfg(unix)]
    pub(crate) fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }

    /// Elsewhere an interrupt ends the program.
    #[cfg(not(unix))]
    pub(crate) const fn watch() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub(crate) const fn came(&self) -> bool {
        false
    }
}

#[cfg(unix)]
impl Drop for Interrupted {
    fn drop(&mut self) {
        for watch in self.watches.drain(..) {
            unregister(watch);
        }
        if let Some(unheard) = UNHEARD.get() {
            unheard.store(true, Ordering::SeqCst);
        }
    }
}
