//! A local tenant over TLS in a process of its own, for one client.

use super::process;
use crate::failure::{Failure, Result};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

/// A tenant that serves until it is asked to finish, or dropped.
pub(super) struct Tenant {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// How to reach it, as one line of JSON.
    pub(super) ready: String,
    /// The certificate to trust.
    pub(super) ca_file: PathBuf,
}

impl Tenant {
    /// Starts one, other than usual if these settings say so.
    pub(super) fn start(root: &Path, cache: &Path, settings: Option<&Value>) -> Result<Self> {
        let ca_file = cache.join("ca.pem");
        let mut command = Command::new("cargo");
        command
            .args([
                "run",
                "--quiet",
                "--package",
                "unlink-sandbox",
                "--example",
                "tenant",
                "--",
            ])
            .arg(&ca_file)
            .args(settings.map(Value::to_string))
            .current_dir(root)
            .stdin(Stdio::piped());
        let mut child = process::spawn(&mut command)?;
        let Some(stdout) = child.stdout.take() else {
            return Err(Failure::new("the local tenant has no output"));
        };
        let mut stdout = BufReader::new(stdout);
        let mut ready = String::new();
        match stdout.read_line(&mut ready) {
            Ok(1..) => Ok(Self {
                child,
                stdout,
                ready,
                ca_file,
            }),
            _ => Err(Failure::new("the local tenant did not start")),
        }
    }

    /// Ends it and returns what it really changed, as lines of a report.
    pub(super) fn effect_lines(self) -> Result<String> {
        let effects = self.finish()?;
        let lines = effects.lines();
        Ok(lines.map(|line| format!("effect: {line}\n")).collect())
    }

    /// Ends it and returns what it really changed, a line of JSON for each change.
    pub(super) fn finish(mut self) -> Result<String> {
        // The end of its input is what it waits for.
        drop(self.child.stdin.take());
        let mut effects = String::new();
        let read = self.stdout.read_to_string(&mut effects);
        read.map_err(|error| Failure::new(format!("the local tenant: {error}")))?;
        let status = self.child.wait();
        match status {
            Ok(status) if status.success() => Ok(effects),
            _ => Err(Failure::new("the local tenant did not end well")),
        }
    }
}

/// A client that failed leaves none behind.
impl Drop for Tenant {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It has ended, or ends now that nobody talks to it.
        let _ = self.child.wait();
    }
}
