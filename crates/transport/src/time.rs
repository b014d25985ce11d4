//! Time as a seam: a monotonic clock, the wall clock and sleep, so that tests pass time in.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, SystemTime},
};

use crate::round_trip::{BoxFuture, MaybeSendSync};

/// The clocks a client reads and the sleep it waits with.
pub trait Time: MaybeSendSync + 'static {
    /// Time since this clock's own start; never goes back.
    fn now(&self) -> Duration;

    /// Time since 1970-01-01 00:00 UTC, as far as this machine knows.
    fn wall(&self) -> Duration;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<()>;
}

/// The end of year 9999, after which HTTP has no dates.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// The wall clock as a point in time; `None` beyond what can be written as a date.
pub(crate) fn system_time(since_epoch: Duration) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH
        .checked_add(since_epoch)
        .filter(|_| since_epoch <= LAST_DATE)
}

/// How long it is until `at` by the wall clock; nothing where that has passed.
pub(crate) fn until(time: &dyn Time, at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .saturating_sub(time.wall())
}

/// Runs `future` for at most `limit`; `None` when the time was up first.
pub(crate) async fn within<F: Future>(
    time: &dyn Time,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut sleep = time.sleep(limit);
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        sleep.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// Tokio's clock; follows a paused one.
#[cfg(feature = "hyper")]
#[derive(Debug)]
pub(crate) struct TokioTime {
    start: std::sync::OnceLock<tokio::time::Instant>,
}

#[cfg(feature = "hyper")]
impl TokioTime {
    pub(crate) const fn new() -> Self {
        Self {
            start: std::sync::OnceLock::new(),
        }
    }
}

#[cfg(feature = "hyper")]
impl Time for TokioTime {
    fn now(&self) -> Duration {
        // Read first inside the runtime, where a paused clock is known; the client may be older than that.
        self.start.get_or_init(tokio::time::Instant::now).elapsed()
    }

    fn wall(&self) -> Duration {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
