//! Which stream says what, in which colours, and what happens when nobody reads it.

use std::process::Stdio;

use unlink_sandbox::Sandbox;

use crate::support::{JANE, JANES_GOOGLE, Ran, at, cli};

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let sandbox = Sandbox::start().unwrap();
    for words in [
        &["--help"][..],
        &["list", JANE],
        &["demo"],
        &["unlink", JANE, JANES_GOOGLE, "-yq"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = at(&sandbox, words).into_command();
        command.stdin(Stdio::null()).stdout(writer);
        let ran: Ran = command.output().unwrap().into();
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_an_error_that_says_what_happened() {
    let sandbox = Sandbox::start().unwrap();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command =
        at(&sandbox, &["unlink", JANE, JANES_GOOGLE, "--yes", "--json"]).into_command();
    command.stdin(Stdio::null()).stdout(full);
    let ran: Ran = command.output().unwrap().into();
    assert_eq!(ran.code, Some(1));
    let error = &ran.error_document()["error"];
    assert_eq!(
        (&error["kind"], &error["may_have_been_applied"]),
        (&"file".into(), &true.into())
    );
    assert_eq!(sandbox.effects().len(), 2);
}

#[test]
fn quiet_and_verbose_change_messages_only() {
    let run = |words: &[&str]| {
        let sandbox = Sandbox::start().unwrap();
        let words = [&["unlink", JANE, JANES_GOOGLE, "--yes"], words].concat();
        let ran = at(&sandbox, &words).run();
        (ran.out, ran.err.replace(sandbox.url(), "http://LOCAL"))
    };
    let (plain, quiet, verbose) = (run(&[]), run(&["--quiet"]), run(&["--verbose"]));
    assert_eq!((&plain.0, &plain.0), (&quiet.0, &verbose.0));
    assert_eq!(quiet.1, "");
    insta::assert_snapshot!("plain", plain.1);
    insta::assert_snapshot!("verbose", verbose.1);
}

#[test]
fn colours_are_asked_for_or_absent() {
    let coloured = |name: &str| {
        cli(&["list", ""])
            .env(name, "1")
            .run()
            .err
            .contains('\u{1b}')
    };
    assert!(coloured("CLICOLOR_FORCE"));
    assert!(!coloured("CLICOLOR"));
    let refused = cli(&["list", ""])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .run();
    assert!(!refused.err.contains('\u{1b}'));
}
