//! Text for a terminal: nothing in it can steer the terminal, and what is to be copied survives a shell.

use std::{borrow::Cow, fmt::Display};

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

#[cfg(test)]
mod tests {
    use super::*;

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
