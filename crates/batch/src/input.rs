//! Reading what to unlink, from any reader: CSV, NDJSON, Auth0's users export, each gzipped or not.

mod csv;
mod json;
mod lines;
mod object;
mod parallel;
mod record;
mod selection;

use std::{
    cell::RefCell,
    fmt,
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;

use self::lines::{Line, Lines};
pub use self::{csv::Columns, record::BadLine, selection::Selection};
pub(crate) use self::{
    lines::LONGEST_LINE,
    record::{Exported, ExportedIdentity, Record},
};
use crate::{
    digest::{Digest, Hasher},
    error::{Error, ErrorKind},
};

/// How much is read at once.
const BLOCK: usize = 1 << 18;

/// What takes the records of a source, one by one.
pub(crate) trait Sink {
    /// Takes what line `line` says; a refusal makes it a bad line.
    fn record(&mut self, line: u64, record: Record<'_>) -> Result<Result<(), Refusal>, Error>;

    /// Takes note of a bad line, as far as it could be read.
    fn bad(&mut self, bad: BadLine, text: &[u8]) -> Result<(), Error>;

    /// Takes note of users that nothing is wanted of.
    fn passed(&mut self, users: u64);
}

/// Why a well-formed record is not taken, and where it says so.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) column: usize,
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn new(column: usize, reason: impl fmt::Display) -> Self {
        Self {
            column,
            reason: reason.to_string(),
        }
    }
}

/// What a source was, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
}

/// Reads a source to its end in one pass; of JSON, the sink gets the records alone that are wanted.
pub(crate) fn read(
    source: impl Read,
    columns: &Columns,
    is_wanted: &(impl Fn(&Record<'_>) -> bool + Sync),
    sink: &mut impl Sink,
) -> Result<Source, Error> {
    let tally = Rc::new(RefCell::new(Tally::default()));
    let raw = Tallied {
        inner: source,
        tally: Rc::clone(&tally),
    };
    let mut raw = BufReader::with_capacity(BLOCK, raw);
    let is_gzip = raw.fill_buf().map_err(unreadable)?.starts_with(b"\x1f\x8b");
    let lines = if is_gzip {
        let plain = BufReader::with_capacity(BLOCK, MultiGzDecoder::new(raw));
        read_plain(plain, columns, is_wanted, sink)?
    } else {
        read_plain(raw, columns, is_wanted, sink)?
    };
    let tally = tally.take();
    Ok(Source {
        digest: tally.hasher.finish(),
        bytes: tally.bytes,
        lines,
    })
}

/// Reads a user as one line of an export in JSON.
pub(crate) fn parse_user(line: &str) -> Result<Record<'_>, Refusal> {
    json::parse(line)
}

fn read_plain(
    mut plain: impl BufRead,
    columns: &Columns,
    is_wanted: &(impl Fn(&Record<'_>) -> bool + Sync),
    sink: &mut impl Sink,
) -> Result<u64, Error> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let start = plain.fill_buf().map_err(unreadable)?;
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        let message = "the source is UTF-16: save it as UTF-8";
        return Err(Error::new(ErrorKind::Input, message));
    }
    if start.starts_with(MARK) {
        plain.consume(MARK.len());
    }
    let start = plain.fill_buf().map_err(unreadable)?;
    if start.trim_ascii_start().starts_with(b"[") {
        let message =
            "the source is one JSON array: write an object a line instead, as jq -c '.[]' does";
        return Err(Error::new(ErrorKind::Input, message));
    }
    if start.trim_ascii_start().starts_with(b"{") {
        return parallel::read(plain, is_wanted, sink);
    }
    let mut lines = Lines::new(plain);
    let mut csv: Option<csv::Reader> = None;
    let mut is_json = false;
    while let Some(line) = lines.next().map_err(unreadable)? {
        let number = line.number;
        let text = match check(&line) {
            Ok("") => continue,
            Ok(text) => text,
            Err(refusal) => {
                sink.bad(BadLine::new(number, refusal), line.bytes)?;
                continue;
            }
        };
        if !is_json && csv.is_none() {
            is_json = text.trim_start().starts_with('{');
            if !is_json {
                csv = Some(csv::Reader::new(text, columns)?);
                continue;
            }
        }
        match &mut csv {
            None => {
                let taken = match json::parse(text) {
                    Ok(record) => sink.record(number, record)?,
                    Err(refusal) => Err(refusal),
                };
                if let Err(refusal) = taken {
                    sink.bad(BadLine::new(number, refusal), line.bytes)?;
                }
            }
            Some(reader) => {
                // A field may hold line breaks, in quotes; so a record may be several lines.
                let first = text.to_owned();
                let record = match lines.rest_of_record(first).map_err(unreadable)? {
                    Ok(record) => record,
                    Err((first, refusal)) => {
                        sink.bad(BadLine::new(number, refusal), first.as_bytes())?;
                        continue;
                    }
                };
                let taken = match reader.parse(&record) {
                    Ok(parsed) => sink.record(number, parsed)?,
                    Err(refusal) => Err(refusal),
                };
                if let Err(refusal) = taken {
                    sink.bad(BadLine::new(number, refusal), record.as_bytes())?;
                }
            }
        }
    }
    Ok(lines.count())
}

/// The text of a line without its end, unless it is too long or no text.
fn check<'a>(line: &Line<'a>) -> Result<&'a str, Refusal> {
    if line.is_cut {
        let reason = format!("the line is longer than {} MiB", LONGEST_LINE >> 20);
        return Err(Refusal::new(LONGEST_LINE + 1, reason));
    }
    std::str::from_utf8(line.bytes)
        .map_err(|error| Refusal::new(error.valid_up_to() + 1, "not UTF-8"))
}

fn unreadable(error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the gzip data is cut off: get the file again",
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            "the gzip data is damaged: get the file again"
        }
        _ => "the source cannot be read",
    };
    Error::new(ErrorKind::Source, message).with_source(error)
}

#[derive(Default)]
struct Tally {
    hasher: Hasher,
    bytes: u64,
}

/// Counts and hashes what is read, as it comes.
struct Tallied<R> {
    inner: R,
    tally: Rc<RefCell<Tally>>,
}

impl<R: Read> Read for Tallied<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let mut tally = self.tally.borrow_mut();
        tally.hasher.update(&buffer[..read]);
        tally.bytes += read as u64;
        Ok(read)
    }
}
