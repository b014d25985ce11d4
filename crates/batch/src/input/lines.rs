//! Lines of bounded length, and CSV records that take several of them.

use std::io::{self, BufRead, Read as _};

use memchr::memchr;

use super::{Refusal, parallel::skip_line};

/// The longest line that is read whole. Auth0 allows metadata of some megabytes; a file without line breaks is none of its.
pub(crate) const LONGEST_LINE: usize = 32 << 20;

/// A line, without its end.
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) bytes: &'a [u8],
    /// Whether it goes on beyond `bytes`.
    pub(super) is_cut: bool,
}

/// The lines of a reader, `\n` or `\r\n` at their ends.
pub(super) struct Lines<R> {
    reader: R,
    /// What was handed out of the reader's own buffer, and is still to be taken out of it.
    handed_out: usize,
    buffer: Vec<u8>,
    count: u64,
    limit: usize,
    /// Lines that were looked at for the rest of a record that they are not.
    returned: Vec<Vec<u8>>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            handed_out: 0,
            buffer: Vec::new(),
            count: 0,
            limit: LONGEST_LINE,
            returned: Vec::new(),
        }
    }

    /// How many lines there were so far.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.reader.consume(std::mem::take(&mut self.handed_out));
        self.buffer.clear();
        if let Some(line) = self.returned.pop() {
            self.buffer = line;
            self.count += 1;
            return Ok(Some(self.line(false)));
        }
        // Most lines are whole in the reader's buffer, and need not be copied.
        let end = memchr(b'\n', self.reader.fill_buf()?);
        if let Some(end) = end.filter(|end| *end <= self.limit) {
            self.handed_out = end + 1;
            self.count += 1;
            let bytes = &self.reader.fill_buf()?[..end];
            return Ok(Some(Line {
                number: self.count,
                bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes),
                is_cut: false,
            }));
        }
        let limit = self.limit as u64 + 1;
        let read = self
            .reader
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.count += 1;
        let is_cut = self.buffer.len() > self.limit && !self.buffer.ends_with(b"\n");
        if is_cut {
            skip_line(&mut self.reader)?;
            self.buffer.truncate(1 << 10);
            self.buffer.shrink_to_fit();
        }
        Ok(Some(self.line(is_cut)))
    }

    fn line(&self, is_cut: bool) -> Line<'_> {
        let bytes = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        Line {
            number: self.count,
            bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes),
            is_cut,
        }
    }

    /// Adds lines to `first` until its quotes are closed; if they never are, the lines after it stay to be read.
    pub(super) fn rest_of_record(
        &mut self,
        first: String,
    ) -> io::Result<Result<String, (String, Refusal)>> {
        /// No field of an export has more lines; a quote that is open for longer was left open by mistake.
        const MOST_LINES: usize = 1_000;
        if is_closed(&first) {
            return Ok(Ok(first));
        }
        let column = first.rfind('"').map_or(1, |at| at + 1);
        let (mut record, mut taken) = (first.clone(), Vec::new());
        while taken.len() < MOST_LINES && record.len() < self.limit {
            let Some(line) = self.next()? else { break };
            let is_odd = line.is_cut;
            let bytes = line.bytes.to_vec();
            let text = String::from_utf8(bytes.clone());
            taken.push(bytes);
            let Ok(text) = text else { break };
            if is_odd {
                break;
            }
            record.push('\n');
            record.push_str(&text);
            if is_closed(&record) {
                return Ok(Ok(record));
            }
        }
        self.count -= taken.len() as u64;
        taken.reverse();
        self.returned.extend(taken);
        let refusal = Refusal::new(column, "a quote is opened and not closed");
        Ok(Err((first, refusal)))
    }
}

/// Whether every quote has its second; a quote in a quoted field is two.
fn is_closed(record: &str) -> bool {
    record.bytes().filter(|byte| *byte == b'"').count() % 2 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], limit: usize) -> Vec<(u64, String, bool)> {
        let mut lines = Lines::new(text);
        lines.limit = limit;
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let text = String::from_utf8_lossy(line.bytes).into_owned();
            all.push((line.number, text, line.is_cut));
        }
        all
    }

    #[test]
    fn lines_end_in_either_way_and_the_last_may_not_end() {
        let lines = all(b"a\r\nb\n\nc", 10);
        let text: Vec<_> = lines
            .iter()
            .map(|(number, text, _)| (*number, text.as_str()))
            .collect();
        assert_eq!(text, [(1, "a"), (2, "b"), (3, ""), (4, "c")]);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_whole() {
        assert_eq!(
            all(b"12345\n123456\nafter\n1234567", 5),
            [
                (1, "12345".to_owned(), false),
                (2, "123456".to_owned(), true),
                (3, "after".to_owned(), false),
                (4, "123456".to_owned(), true),
            ]
        );
    }

    #[test]
    fn a_record_takes_lines_until_its_quotes_are_closed() {
        let mut lines = Lines::new(&b"b\",2\nc\n"[..]);
        let record = lines.rest_of_record("1,\"a".to_owned()).unwrap().unwrap();
        assert_eq!(record, "1,\"a\nb\",2");
        assert_eq!(lines.next().unwrap().unwrap().number, 2);
    }

    #[test]
    fn an_open_quote_swallows_nothing() {
        let mut lines = Lines::new(&b"b\nc\n"[..]);
        let (first, refusal) = lines
            .rest_of_record("1,\"a".to_owned())
            .unwrap()
            .unwrap_err();
        assert_eq!((first.as_str(), refusal.column), ("1,\"a", 3));
        let next = lines.next().unwrap().unwrap();
        assert_eq!((next.number, next.bytes), (1, &b"b"[..]));
        assert_eq!(lines.next().unwrap().unwrap().bytes, b"c");
    }
}
