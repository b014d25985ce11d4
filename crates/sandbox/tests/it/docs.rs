//! The reference in the project's documentation is what the tables in the source say.

use std::path::Path;

const COMMAND: &str = "UPDATE_DOCS=1 cargo test -p unlink-sandbox --test it docs";

#[test]
fn the_reference_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox-operations.md");
    let expected = format!(
        "<!-- Made by `{COMMAND}`; do not edit. -->\n# The local tenant: reference\n\n{}",
        unlink_sandbox::reference_markdown(),
    );
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&file)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    assert!(
        found == expected,
        "docs/sandbox-operations.md is out of date; run: {COMMAND}"
    );
}
