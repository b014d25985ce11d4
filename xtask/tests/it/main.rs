//! The built binary: its arguments, streams and exit codes.
#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails with a place and a message"
)]

use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn arguments_that_mean_nothing_are_an_error_with_the_usage() {
    for arguments in [
        &[][..],
        &["nonsense"],
        &["codegen", "--chek"],
        &["codegen", "--check", "more"],
        &["codegen", "--from-openapi", "oas.json"],
        &["tidy", "--fix"],
    ] {
        let output = xtask(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).starts_with("usage: cargo xtask TASK\n"));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_is_no_error() {
    let output = xtask(&["--help"]);
    assert!(output.status.success());
    assert!(text(&output.stdout).starts_with("usage: "));
}

#[test]
fn a_task_that_fails_says_why_and_exits_with_1() {
    let output = xtask(&[
        "codegen",
        "--from-openapi",
        "/nonexistent/oas.json",
        "--date",
        "2026-06-25",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("cannot read /nonexistent/oas.json: "));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_date_to_come_is_refused_by_the_clock() {
    let arguments = [
        "codegen",
        "--from-openapi",
        "oas.json",
        "--date",
        "9999-12-31",
    ];
    let output = xtask(&arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("--date: 9999-12-31 is to come"));
}

#[test]
fn a_check_from_any_folder_looks_at_this_workspace() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["codegen", "--check"])
        .current_dir("/")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("generated/provider.rs"));
}
