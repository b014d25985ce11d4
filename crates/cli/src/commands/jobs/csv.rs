//! Cells of CSV, written.

use std::borrow::Cow;

/// A record: cells as they are, quoted where need be.
pub(super) fn record(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
    cells.join(",") + "\n"
}

/// The cell with an apostrophe in front where a spreadsheet would take it for a formula.
pub(super) fn inert(cell: &str) -> Cow<'_, str> {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}").into(),
        false => cell.into(),
    }
}

fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        return format!("\"{}\"", cell.replace('"', "\"\"")).into();
    }
    cell.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_need_be() {
        assert_eq!(
            record(&["auth0|1", "a,b", "say \"x\"", " x", ""]),
            "auth0|1,\"a,b\",\"say \"\"x\"\"\",\" x\",\n"
        );
    }

    #[test]
    fn nothing_is_a_formula() {
        for (cell, shown) in [
            ("=1+1", "'=1+1"),
            ("+15551234", "'+15551234"),
            ("auth0|1", "auth0|1"),
            ("", ""),
        ] {
            assert_eq!(inert(cell), shown);
        }
    }
}
