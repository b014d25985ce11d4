//! Runs the binary with nothing of the surrounding environment.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use unlink_sandbox::Sandbox;

/// The built-in database user with linked Google and GitHub accounts.
pub(crate) const JANE: &str = "auth0|63d17b7dbc8a5d0f3e9c4a21";
pub(crate) const JANES_GOOGLE: &str = "google-oauth2|108357642915403298764";

/// One run to be started.
pub(crate) struct Cli {
    command: Command,
    input: Vec<u8>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program, which hears interrupts also where these tests are run in the background by a script.
fn program() -> Command {
    let program = env!("CARGO_BIN_EXE_auth0-unlink");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    if mask.unwrap_or_default() >> 1 & 1 == 0 {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/env");
    command.args(["--default-signal=INT", program]);
    command
}

/// A run with these words and an empty environment and input.
pub(crate) fn cli(words: &[&str]) -> Cli {
    let mut command = program();
    command.env_clear().args(words);
    Cli {
        command,
        input: Vec::new(),
    }
}

/// A run against this tenant with a token that may read and unlink.
pub(crate) fn at(sandbox: &Sandbox, words: &[&str]) -> Cli {
    let token = sandbox.token(&["read:users", "update:users"]);
    cli(words)
        .env("AUTH0_DOMAIN", sandbox.url())
        .env("AUTH0_API_TOKEN", &token)
}

impl Cli {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn input(mut self, input: &str) -> Self {
        self.input = input.into();
        self
    }

    pub(crate) fn run(mut self) -> Ran {
        let piped = self.command.stdin(Stdio::piped());
        let mut child = piped
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A run that does not read its input may have closed it.
        let _ = child.stdin.take().unwrap().write_all(&self.input);
        child.wait_with_output().unwrap().into()
    }

    pub(crate) const fn command_mut(&mut self) -> &mut Command {
        &mut self.command
    }

    /// The command itself, for a test that connects the streams.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// All that a user sees.
    pub(crate) fn told(&self) -> String {
        self.told_of("no such address")
    }

    /// All that a user sees, with the tenant's address, which differs from run to run, made the same.
    pub(crate) fn told_of(&self, url: &str) -> String {
        let stable = |text: &str| text.replace(url, "http://LOCAL");
        format!(
            "exit {}\n--- out\n{}--- err\n{}",
            self.code.unwrap(),
            stable(&self.out),
            stable(&self.err)
        )
    }

    /// The one document on standard output.
    pub(crate) fn document(&self) -> serde_json::Value {
        assert_eq!(self.out.matches('\n').count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }

    /// The one document on standard error.
    pub(crate) fn error_document(&self) -> serde_json::Value {
        assert_eq!(self.err.matches('\n').count(), 1, "{self:?}");
        serde_json::from_str(&self.err).unwrap()
    }
}

/// The method and status of each request the tenant received.
pub(crate) fn requests(sandbox: &Sandbox) -> Vec<(String, Option<u16>)> {
    let requests = sandbox.requests().into_iter();
    requests
        .map(|request| (request.method, request.status))
        .collect()
}
