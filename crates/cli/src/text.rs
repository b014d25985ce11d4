//! Text for a terminal: nothing in it can steer the terminal, and what is to be copied survives a shell.

use std::{borrow::Cow, fmt::Display, time::Duration};

/// The text with everything that could steer a terminal or reorder a line written as an escape.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// A value as printable text.
pub(crate) fn shown(value: &impl Display) -> String {
    printable(&value.to_string()).into_owned()
}

/// Whether a character is a control (C0, DEL, C1), a separator of lines, or changes the direction of text.
pub(crate) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

/// The text as one word of a POSIX shell, printable.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", printable(&text.replace('\'', r"'\''")))
}

/// Rows under a header, each column as wide as its widest cell; cells are made printable.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let rows: Vec<[Cow<'_, str>; N]> = std::iter::once(header.map(Cow::Borrowed))
        .chain(
            rows.iter()
                .map(|row| row.each_ref().map(|cell| printable(cell))),
        )
        .collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    });
    let line = |row: &[Cow<'_, str>; N]| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A count as people read it: 12,345.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A count of things, in the singular for one: `1 row`, `2 rows`.
pub(crate) fn counted(number: u64, one: &str, several: &str) -> String {
    format!(
        "{} {}",
        count(number),
        if number == 1 { one } else { several }
    )
}

/// A length of time as people say it, in its two largest units: `2 h 5 min`.
pub(crate) fn span(time: Duration) -> String {
    // Up, so that what takes a moment is not said to take none.
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) if minutes < 10 => format!("{minutes} min {seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, 0, _) if hours < 48 => format!("{hours} h"),
        (hours, minutes, _) if hours < 48 => format!("{hours} h {minutes} min"),
        (hours, ..) => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// How long requests waited, in whole seconds: less is the way every request takes.
pub(crate) fn waited(time: Duration) -> String {
    span(Duration::from_secs(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_as_people_write_them() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(counted(0, "row", "rows"), "0 rows");
        for (millis, text) in [
            (0, "0 s"),
            (1, "1 s"),
            (59_000, "59 s"),
            (60_000, "1 min"),
            (150_000, "2 min 30 s"),
            (621_000, "10 min"),
            (7_200_000, "2 h"),
            (7_530_000, "2 h 5 min"),
            (259_200_000, "3 d 0 h"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn nothing_steers_the_terminal() {
        for (text, shown) in [
            ("google-oauth2|123", "google-oauth2|123"),
            ("Zoë 🦀", "Zoë 🦀"),
            ("\u{1b}[2J", r"\u{1b}[2J"),
            ("a\nb\tc\r", r"a\nb\tc\r"),
            ("\u{7f}\u{9b}31m", r"\u{7f}\u{9b}31m"),
            ("abc\u{202e}cba", r"abc\u{202e}cba"),
            ("a\u{2028}b\u{feff}", r"a\u{2028}b\u{feff}"),
        ] {
            assert_eq!(printable(text), shown);
            assert!(!printable(text).contains(steers));
        }
    }

    #[test]
    fn a_shell_gets_back_the_word() {
        for (text, word) in [
            ("example.eu.auth0.com", "example.eu.auth0.com"),
            ("", "''"),
            ("google-oauth2|1", "'google-oauth2|1'"),
            ("it's", r"'it'\''s'"),
            ("$HOME `id` !", "'$HOME `id` !'"),
            ("~", "'~'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn columns_line_up_by_characters() {
        let rows = [
            ["é".to_owned(), "x".to_owned()],
            ["longer".to_owned(), "\u{1b}".to_owned()],
        ];
        insta::assert_snapshot!(table(["A", "B"], &rows).join("\n"), @r"
        A       B
        é       x
        longer  \u{1b}
        ");
    }
}
