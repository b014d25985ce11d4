//! The question before a change, at a real pseudo-terminal.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Stdio},
};

use rustix::{
    fs::{Mode, OFlags, open},
    io::{FdFlags, fcntl_setfd},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use unlink_sandbox::Sandbox;

use crate::support::{Cli, JANE, JANES_GOOGLE, Ran, at, requests};

/// A run whose input and messages are a terminal.
pub(crate) struct AtTerminal {
    child: Child,
    terminal: File,
    seen: String,
}

impl AtTerminal {
    pub(crate) fn start(sandbox: &Sandbox, words: &[&str]) -> Self {
        Self::of(at(sandbox, words))
    }

    pub(crate) fn of(cli: Cli) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        // A run of another test must not hold it open.
        fcntl_setfd(&terminal, FdFlags::CLOEXEC).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let line = open(
            name,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .unwrap();
        let mut command = cli.into_command();
        let child = command
            .stdin(Stdio::from(line.try_clone().unwrap()))
            .stderr(Stdio::from(line))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The terminal ends when the last handle of its line is closed; `command` holds two.
        drop(command);
        Self {
            child,
            terminal: terminal.into(),
            seen: String::new(),
        }
    }

    /// Reads until `end` is the last on the terminal, or to the end of the run.
    pub(crate) fn read_until(&mut self, end: &str) -> &str {
        self.read_while(|seen| !seen.ends_with(end))
    }

    /// Reads until `part` was on the terminal, or to the end of the run.
    pub(crate) fn read_past(&mut self, part: &str) -> &str {
        self.read_while(|seen| !seen.contains(part))
    }

    fn read_while(&mut self, is_missing: impl Fn(&str) -> bool) -> &str {
        let mut buffer = [0; 1024];
        while is_missing(&self.seen) {
            match self.terminal.read(&mut buffer) {
                // Linux reports a closed line as an error.
                Ok(0) | Err(_) => break,
                // A piece may end within a character of a bar.
                Ok(length) => self.seen += &String::from_utf8_lossy(&buffer[..length]),
            }
        }
        &self.seen
    }

    /// Answers, and stays.
    pub(crate) fn reply(&mut self, answer: &str) {
        self.terminal.write_all(answer.as_bytes()).unwrap();
    }

    /// Interrupts it, and tells by which signal it ended and what it showed.
    pub(crate) fn interrupt(mut self) -> (Option<i32>, String) {
        use std::os::unix::process::ExitStatusExt as _;

        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        self.read_until("\0");
        let status = self.child.wait().unwrap();
        (status.signal(), self.seen)
    }

    pub(crate) fn answer(mut self, answer: &str) -> Ran {
        self.reply(answer);
        self.read_until("\0");
        let output = self.child.wait_with_output().unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: self.seen.replace("\r\n", "\n"),
        }
    }
}

const ASKS: &str = "[y/N] ";
const WORDS: [&str; 3] = ["unlink", JANE, JANES_GOOGLE];

fn methods(sandbox: &Sandbox) -> Vec<String> {
    requests(sandbox)
        .into_iter()
        .map(|(method, _)| method)
        .collect()
}

#[test]
fn the_question_names_everything_and_yes_goes_ahead_after_a_fresh_read() {
    let sandbox = Sandbox::start().unwrap();
    let mut asked = AtTerminal::start(&sandbox, &WORDS);
    let question = asked
        .read_until(ASKS)
        .replace(sandbox.url(), "http://LOCAL");
    insta::assert_snapshot!(question.replace("\r\n", "\n"), @r"
    At http://LOCAL, unlink google-oauth2|108357642915403298764 (connection google-oauth2) from auth0|63d17b7dbc8a5d0f3e9c4a21.
    A separate account google-oauth2|108357642915403298764 without metadata appears.
    Go ahead? [y/N]
    ");
    assert!(sandbox.effects().is_empty());
    let ran = asked.answer("y\n");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(methods(&sandbox), ["GET", "GET", "DELETE"]);
    assert_eq!(sandbox.effects().len(), 2);
}

#[test]
fn any_other_answer_changes_nothing() {
    // The last is the end of input, typed.
    for answer in ["n\n", "\n", "no\n", "yess\n", "\u{4}"] {
        let sandbox = Sandbox::start().unwrap();
        let mut asked = AtTerminal::start(&sandbox, &WORDS);
        asked.read_until(ASKS);
        let ran = asked.answer(answer);
        assert_eq!(ran.code, Some(6), "{answer:?} {ran:?}");
        assert!(ran.err.contains("declined: nothing was changed"), "{ran:?}");
        assert_eq!(methods(&sandbox), ["GET"]);
    }
}

#[test]
fn quiet_still_asks_in_full() {
    let sandbox = Sandbox::start().unwrap();
    let mut asked = AtTerminal::start(&sandbox, &[&WORDS[..], &["-q"]].concat());
    let question = asked.read_until(ASKS);
    assert!(
        question.contains(JANE) && question.contains(JANES_GOOGLE),
        "{question}"
    );
    assert_eq!(asked.answer("YES\n").code, Some(0));
}

#[test]
fn what_changed_while_the_question_stood_is_seen() {
    let sandbox = Sandbox::start().unwrap();
    let mut asked = AtTerminal::start(&sandbox, &WORDS);
    asked.read_until(ASKS);
    let other = at(&sandbox, &[&WORDS[..], &["--yes"]].concat()).run();
    assert_eq!(other.code, Some(0), "{other:?}");
    let before = methods(&sandbox).len();
    let ran = asked.answer("y\n");
    assert!(ran.out.starts_with("Nothing to do"), "{ran:?}");
    assert!(
        methods(&sandbox)[before..]
            .iter()
            .all(|method| method == "GET")
    );
}

#[test]
fn a_deletion_asks_once_for_both_halves_and_goes_by_a_fresh_read() {
    let delete = [&WORDS[..], &["--delete"]].concat();
    let asked = |sandbox: &Sandbox| {
        let token = sandbox.token(&["read:users", "update:users", "delete:users"]);
        let mut asked = AtTerminal::of(at(sandbox, &delete).env("AUTH0_API_TOKEN", &token));
        asked.read_until(ASKS);
        asked
    };
    let sandbox = Sandbox::start().unwrap();
    let ran = asked(&sandbox).answer("y\n");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        methods(&sandbox),
        ["GET", "GET", "DELETE", "GET", "DELETE", "GET"]
    );
    assert!(sandbox.user(JANES_GOOGLE).is_none());

    // Someone else split it off while the question stood: that account is theirs.
    let sandbox = Sandbox::start().unwrap();
    let asked = asked(&sandbox);
    let other = at(&sandbox, &[&WORDS[..], &["--yes"]].concat()).run();
    assert_eq!(other.code, Some(0), "{other:?}");
    let before = methods(&sandbox).len();
    let ran = asked.answer("y\n");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        methods(&sandbox)[before..]
            .iter()
            .all(|method| method == "GET")
    );
    assert!(sandbox.user(JANES_GOOGLE).is_some());
}

#[test]
fn without_a_terminal_or_with_no_input_the_command_to_run_is_named() {
    let sandbox = Sandbox::start().unwrap();
    let no_input = [&WORDS[..], &["--no-input"]].concat();
    let ran = AtTerminal::start(&sandbox, &no_input).answer("");
    assert_eq!(ran.code, Some(6));
    insta::assert_snapshot!("no_input", ran.told_of(sandbox.url()));
    insta::assert_snapshot!(
        "no_terminal",
        at(&sandbox, &WORDS)
            .input("y\n")
            .run()
            .told_of(sandbox.url())
    );
    let json = [&WORDS[..], &["--json"]].concat();
    let ran = AtTerminal::start(&sandbox, &json).answer("");
    insta::assert_snapshot!("no_question_in_json", ran.told_of(sandbox.url()));
    assert!(sandbox.effects().is_empty());
}
