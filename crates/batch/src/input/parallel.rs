//! Lines of JSON, looked through by several threads: what is wanted of them comes to the one who takes it, in order.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read as _},
    mem,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use memchr::{memchr, memchr_iter, memrchr};

use super::{
    BLOCK, Record, Refusal, Sink, check, json,
    lines::{LONGEST_LINE, Line},
    record::BadLine,
    unreadable,
};
use crate::error::{Error, ErrorKind, storage};

/// With more threads than this, all would wait for the one that reads and takes.
const MOST_THREADS: usize = 4;
/// How many bytes are read ahead of what was taken.
const MOST_AHEAD: usize = 4 << 20;
/// As much of a line that is too long as is shown.
const SHOWN: usize = 1 << 10;

type Work = (Block, SyncSender<Found>);

/// Reads lines to their end; `is_wanted` says which of their records the sink gets. Returns how many lines there were.
pub(super) fn read(
    plain: impl BufRead,
    is_wanted: &(impl Fn(&Record<'_>) -> bool + Sync),
    sink: &mut impl Sink,
) -> Result<u64, Error> {
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
    let (work, waiting) = channel::<Work>();
    let waiting = &Mutex::new(waiting);
    // The threads end when nobody has work for them any more.
    thread::scope(move |scope| {
        for _ in 0..threads {
            thread::Builder::new()
                .name("source".to_owned())
                .spawn_scoped(scope, move || look(waiting, is_wanted))
                .map_err(|error| storage("start a thread", error))?;
        }
        hand_out(plain, &work, sink)
    })
}

fn hand_out(plain: impl BufRead, work: &Sender<Work>, sink: &mut impl Sink) -> Result<u64, Error> {
    let mut blocks = Blocks {
        plain,
        rest: Vec::new(),
        lines: 0,
    };
    let mut ahead = VecDeque::new();
    let mut bytes_ahead = 0;
    let failed = loop {
        let block = match blocks.next() {
            Ok(Some(block)) => block,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        let bytes = block.bytes.len();
        while bytes_ahead + bytes > MOST_AHEAD
            && let Some((found, bytes)) = ahead.pop_front()
        {
            take(&found, sink)?;
            bytes_ahead -= bytes;
        }
        let (reply, found) = sync_channel(1);
        work.send((block, reply)).map_err(|_| gone())?;
        ahead.push_back((found, bytes));
        bytes_ahead += bytes;
    };
    for (found, _) in ahead {
        take(&found, sink)?;
    }
    match failed {
        Some(error) => Err(unreadable(error)),
        None => Ok(blocks.lines),
    }
}

/// Whole lines; the last of the source may not end.
struct Block {
    bytes: Vec<u8>,
    /// The number of the line before the first.
    before: u64,
}

/// Splits what is read into blocks.
struct Blocks<R> {
    plain: R,
    /// The start of a line.
    rest: Vec<u8>,
    /// Lines so far.
    lines: u64,
}

impl<R: BufRead> Blocks<R> {
    fn next(&mut self) -> io::Result<Option<Block>> {
        let mut bytes = mem::take(&mut self.rest);
        bytes.reserve(BLOCK);
        loop {
            let known = bytes.len();
            let mut more = self.plain.by_ref().take(BLOCK as u64);
            let is_last = more.read_to_end(&mut bytes)? < BLOCK;
            if is_last {
                break;
            }
            if let Some(end) = memrchr(b'\n', &bytes[known..]) {
                self.rest = bytes.split_off(known + end + 1);
                break;
            }
            if bytes.len() > LONGEST_LINE {
                bytes.truncate(LONGEST_LINE + 1);
                skip_line(&mut self.plain)?;
                break;
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let before = self.lines;
        self.lines += memchr_iter(b'\n', &bytes).count() as u64;
        self.lines += u64::from(bytes.last() != Some(&b'\n'));
        Ok(Some(Block { bytes, before }))
    }
}

pub(super) fn skip_line(plain: &mut impl BufRead) -> io::Result<()> {
    loop {
        let available = plain.fill_buf()?;
        let (used, is_end) = match memchr(b'\n', available) {
            Some(at) => (at + 1, true),
            None => (available.len(), available.is_empty()),
        };
        plain.consume(used);
        if is_end {
            return Ok(());
        }
    }
}

/// What a thread found in a block.
struct Found {
    bytes: Vec<u8>,
    /// Records that nothing is wanted of.
    passed: u64,
    items: Vec<Item>,
}

/// A line that is to be taken, or is bad.
struct Item {
    line: u64,
    place: Range<usize>,
    bad: Option<Refusal>,
}

/// Looks through one block after the other.
fn look(waiting: &Mutex<Receiver<Work>>, is_wanted: &impl Fn(&Record<'_>) -> bool) {
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok((block, reply)) = next else { return };
        // Whoever does not wait for it any more has met an error.
        drop(reply.send(find(block, is_wanted)));
    }
}

fn find(block: Block, is_wanted: &impl Fn(&Record<'_>) -> bool) -> Found {
    let Block { bytes, before } = block;
    let (mut passed, mut items) = (0, Vec::new());
    let (mut start, mut number) = (0, before);
    while start < bytes.len() {
        let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at);
        number += 1;
        let whole = &bytes[start..end];
        let line = Line {
            number,
            bytes: whole.strip_suffix(b"\r").unwrap_or(whole),
            is_cut: whole.len() > LONGEST_LINE,
        };
        let length = if line.is_cut { SHOWN } else { line.bytes.len() };
        let mut item = |bad| {
            items.push(Item {
                line: number,
                place: start..start + length,
                bad,
            });
        };
        match check(&line).map(|text| (text, json::parse(text))) {
            Ok(("", _)) => {}
            Ok((_, Ok(record))) if is_wanted(&record) => item(None),
            Ok((_, Ok(_))) => passed += 1,
            Ok((_, Err(refusal))) | Err(refusal) => item(Some(refusal)),
        }
        start = end + 1;
    }
    Found {
        bytes,
        passed,
        items,
    }
}

fn take(found: &Receiver<Found>, sink: &mut impl Sink) -> Result<(), Error> {
    let found = found.recv().map_err(|_| gone())?;
    sink.passed(found.passed);
    for item in found.items {
        let bytes = &found.bytes[item.place];
        let taken = match item.bad {
            Some(refusal) => Err(refusal),
            // It was read once, to see that it is wanted; few are, as a rule.
            None => match std::str::from_utf8(bytes).map(json::parse) {
                Ok(Ok(record)) => sink.record(item.line, record)?,
                Ok(Err(refusal)) => Err(refusal),
                Err(error) => Err(Refusal::new(1, error)),
            },
        };
        if let Err(refusal) = taken {
            sink.bad(BadLine::new(item.line, refusal), bytes)?;
        }
    }
    Ok(())
}

/// A thread has ended by a fault, which takes this error's place.
fn gone() -> Error {
    Error::new(ErrorKind::Source, "the source is not read any more")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line that came, in order: what it says, or that it is bad.
    #[derive(Default)]
    struct Taken {
        lines: Vec<(u64, String)>,
        passed: u64,
    }

    impl Sink for Taken {
        fn record(&mut self, line: u64, record: Record<'_>) -> Result<Result<(), Refusal>, Error> {
            let Record::User(user) = record else {
                return Ok(Err(Refusal::new(1, "no user")));
            };
            self.lines.push((line, user.user_id.into_owned()));
            Ok(Ok(()))
        }

        fn bad(&mut self, bad: BadLine, text: &[u8]) -> Result<(), Error> {
            let text = String::from_utf8_lossy(text).into_owned();
            self.lines.push((bad.line, format!("bad: {text}")));
            Ok(())
        }

        fn passed(&mut self, users: u64) {
            self.passed += users;
        }
    }

    fn wanted(record: &Record<'_>) -> bool {
        match record {
            Record::Row(..) => true,
            Record::User(user) => user.user_id.starts_with("wanted"),
        }
    }

    #[test]
    fn what_is_wanted_comes_in_order_with_its_number_and_the_rest_is_counted() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut text, mut expected, mut passed) = (String::new(), Vec::new(), 0);
        for number in 1..=20_000 {
            let end = if random.bool() { "\n" } else { "\r\n" };
            let line = match random.u32(..100) {
                0..2 => String::new(),
                2..5 => {
                    let bad = format!("{{\"user_id\":{number}");
                    expected.push((number, format!("bad: {bad}")));
                    bad
                }
                5..15 => {
                    expected.push((number, format!("wanted {number}")));
                    format!("{{\"user_id\":\"wanted {number}\",\"identities\":[]}}")
                }
                15 if random.u32(..20) == 0 => {
                    // Longer than what is read at once.
                    expected.push((number, format!("wanted {number}")));
                    let long = "x".repeat(random.usize(BLOCK / 2..3 * BLOCK));
                    format!(
                        "{{\"x\":\"{long}\",\"user_id\":\"wanted {number}\",\"identities\":[]}}"
                    )
                }
                _ => {
                    passed += 1;
                    let some = "y".repeat(random.usize(..200));
                    format!("{{\"user_id\":\"{some}.\",\"identities\":[]}}")
                }
            };
            text.push_str(&line);
            text.push_str(end);
        }
        // The last one does not end.
        text.push_str("{\"user_id\":\"wanted at last\",\"identities\":[]}");
        expected.push((20_001, "wanted at last".to_owned()));
        let mut taken = Taken::default();
        let lines = read(text.as_bytes(), &wanted, &mut taken).unwrap();
        assert_eq!((lines, taken.passed), (20_001, passed));
        assert_eq!(taken.lines, expected);
    }

    #[test]
    fn an_error_of_the_one_who_takes_ends_it_and_one_of_the_source_comes_last() {
        struct Full(u64);
        impl Sink for Full {
            fn record(&mut self, line: u64, _: Record<'_>) -> Result<Result<(), Refusal>, Error> {
                self.0 = line;
                Err(Error::new(ErrorKind::Storage, "full"))
            }
            fn bad(&mut self, _: BadLine, _: &[u8]) -> Result<(), Error> {
                Ok(())
            }
            fn passed(&mut self, _: u64) {}
        }
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let line = "{\"user_id\":\"wanted\",\"identities\":[]}\n";
        let many = line.repeat(100_000);
        let mut full = Full(0);
        let error = read(many.as_bytes(), &wanted, &mut full).unwrap_err();
        assert_eq!((error.kind(), full.0), (ErrorKind::Storage, 1));
        let broken = || io::BufReader::new(io::Read::chain(many.as_bytes(), Broken));
        let error = read(broken(), &wanted, &mut Full(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        let mut taken = Taken::default();
        let error = read(broken(), &wanted, &mut taken).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source);
        assert!(taken.lines.len() > 90_000, "{}", taken.lines.len());
    }
}
