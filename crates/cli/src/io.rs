//! The three streams, passed in: results to one, messages and questions to another, answers from the third.

use std::io::{BufRead, Write};

use crate::failure::Failure;

/// How much is said, and in which form.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
}

/// Colours for one stream, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    pub(crate) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn error(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// One of the streams to write to.
pub(crate) struct Stream<'a> {
    pub(crate) writer: &'a mut dyn Write,
    pub(crate) is_terminal: bool,
    pub(crate) paint: Paint,
}

/// The streams of one run.
pub(crate) struct Io<'a> {
    pub(crate) input: &'a mut dyn BufRead,
    pub(crate) out: Stream<'a>,
    pub(crate) err: Stream<'a>,
    /// Whether a person is there to be asked: input and messages are a terminal.
    pub(crate) has_person: bool,
    pub(crate) manner: Manner,
}

impl Io<'_> {
    pub(crate) const fn is_json(&self) -> bool {
        self.manner.json
    }

    pub(crate) const fn out_paint(&self) -> Paint {
        self.out.paint
    }

    pub(crate) const fn err_paint(&self) -> Paint {
        self.err.paint
    }

    /// Writes a result: whole lines.
    pub(crate) fn result(&mut self, lines: &str) -> Result<(), Failure> {
        let written = self.out.writer.write_all(lines.as_bytes());
        written
            .and_then(|()| self.out.writer.flush())
            .map_err(|error| Failure::output(&error))
    }

    /// Says a line on the way to the result.
    pub(crate) fn say(&mut self, line: &str) {
        if !self.manner.quiet && !self.manner.json {
            self.error(&format!("{line}\n"));
        }
    }

    /// Whether something that moves can be shown beside the messages.
    pub(crate) const fn has_moving_parts(&self) -> bool {
        self.err.is_terminal && !self.manner.quiet && !self.manner.json && !self.manner.verbose
    }

    /// Whether every request is to be told of.
    pub(crate) const fn traces(&self) -> bool {
        self.manner.verbose && !self.manner.json
    }

    /// Says a line that only `--verbose` asks for.
    pub(crate) fn detail(&mut self, line: &str) {
        if self.manner.verbose {
            self.say(line);
        }
    }

    /// Writes to the stream for errors; if that fails there is nobody left to tell.
    pub(crate) fn error(&mut self, text: &str) {
        let _ = self.err.writer.write_all(text.as_bytes());
        let _ = self.err.writer.flush();
    }
}
