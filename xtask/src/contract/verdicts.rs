//! What a run saw of the local tenant's table of assumptions: which rows it confirms, refutes or leaves open.

use crate::failure::{Failure, Result};
use serde::Deserialize;

/// A row of the table.
#[derive(Deserialize)]
struct Row {
    name: String,
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    name: String,
    provenance: String,
}

/// How the lines begin that say what a rule turned out to be.
const RULE: &str = "rule ";

/// The lines of a run but those about rules, and a line for each row of the table (its JSON).
pub(super) fn judge(table: &str, lines: &str) -> Result<(String, Vec<String>)> {
    let rows: Vec<Row> = serde_json::from_str(table)
        .map_err(|error| Failure::new(format!("the table of rules: {error}")))?;
    let (rules, others): (Vec<&str>, Vec<&str>) =
        lines.lines().partition(|line| line.starts_with(RULE));
    let seen: Vec<(&str, &str)> = rules
        .iter()
        .filter_map(|line| line.strip_prefix(RULE)?.split_once(": "))
        .collect();
    for (at, (name, _)) in seen.iter().enumerate() {
        let is_known = rows.iter().any(|row| row.name == *name);
        let is_new = seen[..at].iter().all(|(earlier, _)| earlier != name);
        if !is_known || !is_new {
            let problem = format!("contract: there is no rule {name}, or it was looked at twice");
            return Err(Failure::new(problem));
        }
    }
    let of = |row: &Row| seen.iter().find(|(name, _)| *name == row.name);
    let verdicts = rows
        .iter()
        .map(|row| verdict(row, of(row).map(|(_, seen)| *seen)))
        .collect();
    Ok((
        others.iter().map(|line| format!("{line}\n")).collect(),
        verdicts,
    ))
}

fn verdict(row: &Row, seen: Option<&str>) -> String {
    let name = &row.name;
    let Some((active, others)) = row.choices.split_first() else {
        return format!("open       {name}: the table has no choice for it");
    };
    let Some(seen) = seen else {
        return format!("open       {name}: nothing looks at it");
    };
    if let Some(reason) = seen.strip_prefix("open: ") {
        return format!("open       {name}: {reason}");
    }
    if let Some(part) = seen.strip_prefix("partly: ") {
        return format!("partly     {name}: {part}");
    }
    let Choice {
        name: does,
        provenance,
    } = active;
    if seen == does {
        return format!("confirmed  {name}: {does} ({provenance})");
    }
    let is = match others.iter().any(|other| other.name == seen) {
        true => seen.to_owned(),
        false => format!(
            "no choice of the row: {}",
            seen.strip_prefix("other: ").unwrap_or(seen)
        ),
    };
    format!("refuted    {name}: the local tenant does {does} ({provenance}), this one {is}")
}

#[cfg(test)]
mod tests {
    use super::judge;

    const TABLE: &str = r#"[
        {"name": "a", "choices": [{"name": "404", "provenance": "inferred"}, {"name": "400", "provenance": "inferred"}]},
        {"name": "b", "choices": [{"name": "kept", "provenance": "recorded"}]},
        {"name": "c", "choices": [{"name": "kept", "provenance": "inferred"}]}
    ]"#;

    #[test]
    fn each_row_gets_its_verdict() {
        let seen = |a: &str, b: &str| {
            let (others, verdicts) =
                judge(TABLE, &format!("list: 200\nrule a: {a}\nrule b: {b}\n")).unwrap();
            assert_eq!(others, "list: 200\n");
            verdicts.join("\n")
        };
        insta::assert_snapshot!(seen("404", "other: 500 - Oops"), @r"
        confirmed  a: 404 (inferred)
        refuted    b: the local tenant does kept (recorded), this one no choice of the row: 500 - Oops
        open       c: nothing looks at it
        ");
        insta::assert_snapshot!(seen("400", "open: no limit was reached"), @r"
        refuted    a: the local tenant does 404 (inferred), this one 400
        open       b: no limit was reached
        open       c: nothing looks at it
        ");
        insta::assert_snapshot!(seen("partly: one of two", "kept"), @r"
        partly     a: one of two
        confirmed  b: kept (recorded)
        open       c: nothing looks at it
        ");
    }

    #[test]
    fn a_rule_that_is_unknown_or_comes_twice_is_a_mistake() {
        assert!(judge(TABLE, "rule d: 404\n").is_err());
        assert!(judge(TABLE, "rule a: 404\nrule a: 404\n").is_err());
        assert!(judge("no table", "").is_err());
    }
}
