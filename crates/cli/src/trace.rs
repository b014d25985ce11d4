//! `--verbose`: each request of our own crates as a line on standard error.

use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::io::Paint;

/// Writes the traces of this run to standard error; ids of `email` and `sms` users are hashed in them.
pub(crate) fn to_stderr(paint: Paint) {
    // The libraries below say more than a user asked for.
    let ours = Targets::new().with_targets([
        ("transport", LevelFilter::DEBUG),
        ("unlink", LevelFilter::DEBUG),
    ]);
    let lines = fmt::layer()
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(paint.0)
        .with_writer(std::io::stderr)
        .with_filter(ours);
    // Fails only where there is a subscriber already, and then that one tells.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
