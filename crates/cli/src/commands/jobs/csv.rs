//! Cells of CSV, written.

/// A record of a list that `plan` takes: cells as they are, quoted where need be.
pub(super) fn record(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
    cells.join(",") + "\n"
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_need_be() {
        assert_eq!(
            record(&["auth0|1", "a,b", "say \"x\"", " x"]),
            "auth0|1,\"a,b\",\"say \"\"x\"\"\",\" x\"\n"
        );
    }
}
