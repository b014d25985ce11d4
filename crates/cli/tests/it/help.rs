//! The texts that explain the commands.

use crate::support::cli;

#[test]
fn each_command_explains_itself() {
    for (name, words) in [
        ("help", &["--help"][..]),
        ("help_list", &["list", "--help"]),
        ("help_unlink", &["unlink", "--help"]),
        ("help_link", &["link", "--help"]),
        ("help_plan", &["plan", "--help"]),
        ("help_apply", &["apply", "--help"]),
        ("help_status", &["status", "--help"]),
        ("help_report", &["report", "--help"]),
        ("help_undo", &["undo", "--help"]),
        ("help_purge", &["purge", "--help"]),
        ("help_verify", &["verify", "--help"]),
        ("help_doctor", &["doctor", "--help"]),
        ("help_completions", &["completions", "--help"]),
        ("help_man", &["man", "--help"]),
        ("help_sandbox", &["sandbox", "--help"]),
        ("help_demo", &["demo", "--help"]),
    ] {
        let ran = cli(words).run();
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        insta::assert_snapshot!(name, ran.out);
    }
}

#[test]
fn the_version_is_the_packages() {
    let ran = cli(&["--version"]).run();
    assert_eq!(
        ran.out,
        concat!("auth0-unlink ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
