//! `cargo xtask codegen`: keeps the provider enum and the provider table equal to the spec list.

mod date;
mod openapi;
mod provider_enum;
mod provider_table;
mod spec;

use crate::failure::{Failure, Result, read, write as write_file};
use similar::TextDiff;
use spec::Spec;
use std::path::Path;

const SPEC: &str = "xtask/spec/identity-providers.json";
const PROVIDER_ENUM: &str = "crates/identity-model/src/generated/provider.rs";
const PROVIDER_TABLE: &str = "docs/providers.md";

/// Writes every output that differs, and returns what was done.
pub(crate) fn write(root: &Path) -> Result<String> {
    let mut report = Vec::new();
    for (path, wanted) in outputs(root)? {
        let file = root.join(path);
        let fresh = read(&file).is_ok_and(|found| same(&found, &wanted));
        if !fresh {
            write_file(&file, &wanted)?;
        }
        report.push(format!(
            "{} {path}",
            if fresh { "fresh  " } else { "written" }
        ));
    }
    Ok(report.join("\n"))
}

/// Fails with a diff and the command that mends it when an output is not what [`write`] would write.
pub(crate) fn check(root: &Path) -> Result<String> {
    let mut drift = String::new();
    for (path, wanted) in outputs(root)? {
        let file = root.join(path);
        let found = if file.exists() {
            read(&file)?
        } else {
            String::new()
        };
        if !same(&found, &wanted) {
            drift.push_str(&diff(path, &found, &wanted));
        }
    }
    if drift.is_empty() {
        return Ok(format!(
            "{PROVIDER_ENUM} and {PROVIDER_TABLE} are what {SPEC} says"
        ));
    }
    Err(Failure::new(format!(
        "{drift}\nGenerated text is not what {SPEC} says. To mend it, run\n\n    cargo xtask codegen\n"
    )))
}

/// Brings the spec list up to Auth0's OpenAPI document `document` of `date`, and returns what changed.
pub(crate) fn update_from_openapi(root: &Path, document: &Path, date: &str) -> Result<String> {
    let date = date
        .parse()
        .map_err(|problem| Failure::new(format!("--date: {problem}")))?;
    let file = root.join(SPEC);
    let mut spec = parse_spec(&read(&file)?)?;
    let summary = openapi::update(&mut spec, &read(document)?, date)
        .map_err(|problem| Failure::new(format!("{}: {problem}", document.display())))?;
    write_file(&file, &spec.to_string())?;
    Ok(format!("{summary}\nNext: cargo xtask codegen"))
}

/// The spec list itself is an output: its canonical layout is part of what is kept.
fn outputs(root: &Path) -> Result<[(&'static str, String); 3]> {
    let spec = parse_spec(&read(&root.join(SPEC))?)?;
    Ok([
        (SPEC, spec.to_string()),
        (PROVIDER_ENUM, provider_enum::render(&spec)),
        (PROVIDER_TABLE, provider_table::render(&spec)),
    ])
}

fn parse_spec(text: &str) -> Result<Spec> {
    Spec::parse(text).map_err(|problem| Failure::new(format!("{SPEC}: {problem}")))
}

/// Line endings are the checkout's business, not a drift.
fn same(found: &str, wanted: &str) -> bool {
    newlines(found) == newlines(wanted)
}

fn newlines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn diff(path: &str, found: &str, wanted: &str) -> String {
    TextDiff::from_lines(&newlines(found), &newlines(wanted))
        .unified_diff()
        .header(path, &format!("{path} (as generated)"))
        .to_string()
}
