//! `cargo xtask codegen`: keeps the provider enum and the provider table equal to the spec list.

mod date;
mod openapi;
mod provider_enum;
mod provider_table;
mod spec;

use crate::failure::{Failure, Result, read, write as write_file};
use date::Date;
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

/// Fails with a diff and the command that mends it when an output is not what [`write()`] would write.
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
        "{drift}\nGenerated text is not what {SPEC} says. To mend it, run\n\n    cargo xtask codegen"
    )))
}

/// Brings the spec list up to Auth0's OpenAPI document `document` of `date`, and returns what changed.
pub(crate) fn update_from_openapi(root: &Path, document: &Path, date: &str) -> Result<String> {
    update_on(Date::today(), root, document, date)
}

fn update_on(today: Date, root: &Path, document: &Path, date: &str) -> Result<String> {
    let date: Date = date
        .parse()
        .map_err(|problem| Failure::new(format!("--date: {problem}")))?;
    // Once recorded it would refuse every real document as older.
    if date > today {
        return Err(Failure::new(format!(
            "--date: {date} is to come (it is {today} in UTC): give the day the document was published"
        )));
    }
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

#[cfg(test)]
mod tests {
    use super::{PROVIDER_ENUM, PROVIDER_TABLE, SPEC, check, update_on, write};
    use crate::failure::{Result, read, write as write_file};
    use insta::assert_snapshot;
    use std::path::Path;
    use tempfile::TempDir;

    const LIST: &str = r#"{
  "source": "a page",
  "providers": [
    {"name": "ad"},
    {"name": "box"}
  ]
}
"#;

    fn update_from_openapi(root: &Path, document: &Path, date: &str) -> Result<String> {
        update_on("2026-11-22".parse().unwrap(), root, document, date)
    }

    /// A workspace of nothing but a spec list, with its outputs written.
    fn workspace() -> TempDir {
        let root = tempfile::tempdir().unwrap();
        write_file(&root.path().join(SPEC), LIST).unwrap();
        write(root.path()).unwrap();
        root
    }

    fn edit(root: &TempDir, path: &str, from: &str, to: &str) {
        let file = root.path().join(path);
        let text = read(&file).unwrap();
        assert!(text.contains(from));
        write_file(&file, &text.replacen(from, to, 1)).unwrap();
    }

    #[test]
    fn what_is_committed_is_what_codegen_writes() {
        if let Err(drift) = check(&crate::root()) {
            panic!("{drift}");
        }
    }

    #[test]
    fn a_check_after_writing_is_content() {
        check(workspace().path()).unwrap();
    }

    #[test]
    fn one_changed_character_of_any_file_is_shown_with_the_command() {
        let root = workspace();
        edit(&root, PROVIDER_ENUM, "    Ad,", "    Ae,");
        assert_snapshot!(check(root.path()).unwrap_err(), @r#"
        --- crates/identity-model/src/generated/provider.rs
        +++ crates/identity-model/src/generated/provider.rs (as generated)
        @@ -28,7 +28,7 @@
         pub enum Provider {
             /// `ad`.
             #[strum(serialize = "ad")]
        -    Ae,
        +    Ad,
             /// `box`.
             #[strum(serialize = "box")]
             Box,

        Generated text is not what xtask/spec/identity-providers.json says. To mend it, run

            cargo xtask codegen
        "#);
        write(root.path()).unwrap();
        check(root.path()).unwrap();

        for (path, from, to) in [
            (PROVIDER_ENUM, "true", "false"),
            (PROVIDER_TABLE, "yes", "yez"),
            (SPEC, "\"box\"", "\"bix\""),
            (SPEC, "a page", "a cage"),
            (SPEC, "    {", "   {"),
        ] {
            let root = workspace();
            edit(&root, path, from, to);
            let drift = check(root.path()).unwrap_err().to_string();
            assert!(
                drift.contains("\n+")
                    && drift.contains("\n-")
                    && drift.ends_with("\n    cargo xtask codegen")
            );
        }
    }

    #[test]
    fn a_missing_output_is_a_drift() {
        let root = workspace();
        std::fs::remove_file(root.path().join(PROVIDER_TABLE)).unwrap();
        assert!(
            check(root.path())
                .unwrap_err()
                .to_string()
                .contains("+# Identity providers")
        );
    }

    #[test]
    fn line_endings_are_no_drift_and_are_left_alone() {
        let root = workspace();
        for path in [SPEC, PROVIDER_ENUM, PROVIDER_TABLE] {
            let file = root.path().join(path);
            let crlf = read(&file).unwrap().replace('\n', "\r\n");
            write_file(&file, &crlf).unwrap();
            check(root.path()).unwrap();
            write(root.path()).unwrap();
            assert_eq!(read(&file).unwrap(), crlf);
        }
    }

    #[test]
    fn a_document_updates_the_list_and_leaves_the_rest_to_codegen() {
        let root = workspace();
        let document = root.path().join("oas.json");
        let parameter =
            r#"{"name": "provider", "in": "path", "schema": {"enum": ["ad", "foo-bar"]}}"#;
        let operation = format!(r#"{{"delete": {{"parameters": [{parameter}]}}}}"#);
        let text = format!(
            r#"{{"openapi": "3.0.3", "info": {{"title": "An API", "version": "1"}},
                "paths": {{"/users/{{id}}/identities/{{provider}}/{{user_id}}": {operation}}}}}"#
        );
        write_file(&document, &text).unwrap();
        assert_snapshot!(update_from_openapi(root.path(), &document, "2026-06-25").unwrap(), @"
        - box (Provider::Box), removed on 2026-06-25
        + foo-bar (Provider::FooBar)
        2 names in the document, 3 in the list
        Next: cargo xtask codegen
        ");
        assert_snapshot!(read(&root.path().join(SPEC)).unwrap(), @r#"
        {
          "source": "a page",
          "openapi": {"title": "An API", "version": "1", "date": "2026-06-25"},
          "providers": [
            {"name": "ad"},
            {"name": "box", "removed_from_openapi": "2026-06-25"},
            {"name": "foo-bar"}
          ]
        }
        "#);
        check(root.path()).unwrap_err();
        write(root.path()).unwrap();
        check(root.path()).unwrap();
    }

    #[test]
    fn a_day_to_come_is_refused_before_anything_is_read() {
        let root = workspace();
        let nowhere = Path::new("/nonexistent/oas.json");
        assert_snapshot!(update_from_openapi(root.path(), nowhere, "2026-11-23").unwrap_err(), @"--date: 2026-11-23 is to come (it is 2026-11-22 in UTC): give the day the document was published");
        let today = update_from_openapi(root.path(), nowhere, "2026-11-22").unwrap_err();
        assert!(today.to_string().starts_with("cannot read "), "{today}");
    }

    #[test]
    fn a_bad_date_or_list_is_named() {
        let root = workspace();
        let nowhere = Path::new("/nonexistent/oas.json");
        assert_snapshot!(update_from_openapi(root.path(), nowhere, "2026-6-25").unwrap_err(), @"--date: `2026-6-25` is not a date written YYYY-MM-DD");
        edit(&root, SPEC, "box", "ad");
        assert_snapshot!(check(root.path()).unwrap_err(), @"xtask/spec/identity-providers.json: entry `ad`: the name is there twice");
    }
}
