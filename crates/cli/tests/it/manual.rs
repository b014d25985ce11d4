//! `completions` and `man`.

use crate::support::cli;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const COMMANDS: [&str; 15] = [
    "list",
    "unlink",
    "link",
    "plan",
    "apply",
    "status",
    "report",
    "undo",
    "purge",
    "verify",
    "doctor",
    "sandbox",
    "demo",
    "completions",
    "man",
];

#[test]
fn each_shell_gets_completions_of_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = cli(&["completions", shell]).run();
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        for word in COMMANDS.iter().chain(&["split-at", "dry-run", "frozen-at"]) {
            assert!(ran.out.contains(word), "{shell} {word}");
        }
    }
    assert_eq!(cli(&["completions", "command.com"]).run().code, Some(2));
}

#[test]
fn the_program_and_each_command_have_a_page() {
    let program = cli(&["man"]).run();
    assert_eq!((program.code, program.err.as_str()), (Some(0), ""));
    assert!(program.out.contains(".TH auth0-unlink 1"), "{program:?}");
    for command in COMMANDS {
        assert!(
            program.out.contains(&format!("\\-{command}(1)")),
            "{command}"
        );
        let page = cli(&["man", command]).run();
        assert_eq!((page.code, page.err.as_str()), (Some(0), ""));
        assert!(
            page.out.contains(&format!(
                ".TH auth0-unlink-{command} 1  \"auth0-unlink {VERSION}\""
            )),
            "{page:?}"
        );
    }
    let unlink = cli(&["man", "unlink"]).run().out;
    assert!(unlink.contains("\\-\\-split\\-at"), "{unlink}");
    assert_eq!(cli(&["man", "nothing"]).run().code, Some(2));
}
