//! `--verbose`: each request of our own crates as a line on standard error.

use std::io::{self, Write};

use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::text::printable;

/// Writes the traces of this run to standard error; ids of `email` and `sms` users are hashed in them.
pub(crate) fn to_stderr() {
    // The libraries below say more than a user asked for.
    let ours = Targets::new().with_targets([
        ("transport", LevelFilter::DEBUG),
        ("unlink", LevelFilter::DEBUG),
    ]);
    let lines = fmt::layer()
        .without_time()
        .with_level(false)
        .with_target(false)
        // Colours would be escapes among those that are not to pass.
        .with_ansi(false)
        .with_writer(|| Printable(io::stderr()))
        .with_filter(ours);
    // Fails only where there is a subscriber already, and then that one tells.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Writes each line with nothing in it that could steer a terminal.
struct Printable<W>(W);

impl<W: Write> Write for Printable<W> {
    /// Takes whole lines, as they are traced.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(lines);
        let (line, end) = match text.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (&*text, ""),
        };
        self.0
            .write_all(format!("{}{end}", printable(line)).as_bytes())?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
