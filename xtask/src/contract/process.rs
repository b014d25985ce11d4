//! Runs other programs: what they are given, how long they may take, and what is said when they fail.

use crate::failure::{Failure, Result};
use std::{
    io::Read as _,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// How long a program may take.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pacing {
    /// Installing what is pinned, or a run against a local tenant: neither takes a tenth of it.
    Brisk,
    /// A run against a tenant that allows two calls a second, and a log that is behind.
    Patient,
}

impl Pacing {
    const fn longest(self) -> Duration {
        match self {
            Self::Brisk => Duration::from_secs(300),
            Self::Patient => Duration::from_secs(1800),
        }
    }
}

/// Runs a command to its end and returns what it wrote to its standard output.
pub(super) fn output(command: &mut Command) -> Result<String> {
    output_at(command, Pacing::Brisk)
}

/// The same for one that may take longer or shorter.
pub(super) fn output_at(command: &mut Command, pacing: Pacing) -> Result<String> {
    let mut child = spawn(command.stdin(Stdio::null()))?;
    let name = name(command);
    let text = text(&mut child, &name, pacing.longest())?;
    // What it wrote before it failed says where.
    succeeded(child, &name).inspect_err(|_| print!("{text}"))?;
    Ok(text)
}

/// Starts a command whose standard output will be read.
pub(super) fn spawn(command: &mut Command) -> Result<Child> {
    let started = command.stdout(Stdio::piped()).spawn();
    started.map_err(|error| Failure::new(format!("cannot run {}: {error}", name(command))))
}

/// Reads what a program writes until it closes its output; one that takes too long is ended.
fn text(child: &mut Child, name: &str, longest: Duration) -> Result<String> {
    let Some(mut stdout) = child.stdout.take() else {
        return Ok(String::new());
    };
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text);
        // Nobody listens any more once it took too long.
        let _ = send.send(read.map(|_| text));
    });
    match receive.recv_timeout(longest) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(Failure::new(format!("{name} wrote no text: {error}"))),
        Err(_) => {
            // Its end is what matters, not how it ended.
            let _ = child.kill();
            let _ = child.wait();
            Err(Failure::new(format!(
                "{name} took longer than {} s",
                longest.as_secs()
            )))
        }
    }
}

/// Waits for a program to end well.
pub(super) fn succeeded(mut child: Child, name: &str) -> Result<()> {
    let status = child.wait();
    let status = status.map_err(|error| Failure::new(format!("{name}: {error}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("{name} failed: {status}"))),
    }
}

/// A command as a person would type it.
pub(super) fn name(command: &Command) -> String {
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy());
    let program = command.get_program().to_string_lossy();
    std::iter::once(program)
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Command, output};

    #[test]
    fn a_program_that_is_missing_or_fails_is_named() {
        let missing = output(&mut Command::new("no-such-program")).unwrap_err();
        assert!(
            missing
                .to_string()
                .starts_with("cannot run no-such-program: "),
            "{missing}"
        );
        let cargo = env!("CARGO");
        let failed = output(Command::new(cargo).arg("no-such-command")).unwrap_err();
        assert!(
            failed.to_string().contains("no-such-command failed"),
            "{failed}"
        );
        assert!(
            output(Command::new(cargo).arg("--version"))
                .unwrap()
                .starts_with("cargo ")
        );
    }
}
