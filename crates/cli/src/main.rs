//! `auth0-unlink`: unlinks secondary accounts on Auth0 from the command line.
//!
//! What was typed ([`args`]), what it means with the environment ([`settings`]), the command ([`commands`]), and how it
//! ended ([`exit`]).

mod args;
mod commands;
mod confirm;
mod credentials;
mod environment;
mod exit;
mod failure;
mod hint;
mod interrupt;
mod io;
mod json;
mod private;
mod sent;
mod settings;
mod show;
mod text;
mod trace;
mod until;

use std::{
    ffi::OsString,
    io::{IsTerminal, stderr, stdin, stdout},
    process::ExitCode,
};

use clap::{Parser, error::ErrorKind};

use crate::{
    args::Args,
    commands::Run,
    environment::Environment,
    exit::Exit,
    failure::Failure,
    io::{Io, Manner, Paint, Stream},
    text::{printable, shell_word},
};

fn main() -> ExitCode {
    let environment = Environment::new(|name| std::env::var_os(name));
    let has_person = stdin().is_terminal() && stderr().is_terminal();
    let mut io = Io {
        input: &mut stdin().lock(),
        out: Stream {
            is_terminal: stdout().is_terminal(),
            paint: Paint(environment.colours(stdout().is_terminal())),
            writer: &mut stdout(),
        },
        err: Stream {
            is_terminal: stderr().is_terminal(),
            paint: Paint(environment.colours(stderr().is_terminal())),
            // Not locked: a trace, or a panic elsewhere, writes to it too.
            writer: &mut stderr(),
        },
        has_person,
        manner: Manner::default(),
    };
    run(std::env::args_os().collect(), &environment, &mut io).into()
}

/// Does what `words` say, tells what came of it, and returns how it ended.
fn run(words: Vec<OsString>, environment: &Environment, io: &mut Io<'_>) -> Exit {
    match parsed(&words, io).and_then(|args| match args {
        Some(args) => carry_out(&args, &words, environment, io),
        None => Ok(()),
    }) {
        Ok(()) => Exit::Done,
        Err(failure) if failure.is_broken_pipe() => Exit::Done,
        Err(failure) => {
            failure.tell(io);
            failure.exit()
        }
    }
}

/// What was typed; nothing if that was a question for help, which is answered.
fn parsed(words: &[OsString], io: &mut Io<'_>) -> Result<Option<Args>, Failure> {
    let error = match Args::try_parse_from(words) {
        Ok(args) => return Ok(Some(args)),
        Err(error) => error,
    };
    let text = match Args::try_parse_from(words.iter().map(shown)) {
        // Its tips repeat a word as it is, so they are of the words made printable.
        Err(same) if same.kind() == error.kind() => same.render().to_string(),
        _ => error.render().to_string(),
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => io.result(&text).map(|()| None),
        kind => {
            // Without a parse, `--json` counts wherever an option can stand.
            let options = words.iter().take_while(|word| *word != "--");
            io.manner.json = options.into_iter().any(|word| word == "--json");
            Err(match kind {
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                    Failure::typed(&format!("no command is given\n\n{text}"))
                }
                _ => Failure::typed(&text),
            })
        }
    }
}

/// A word as it can be repeated.
fn shown(word: &OsString) -> OsString {
    match word.to_str() {
        Some(text) => printable(text).into_owned().into(),
        None => word.clone(),
    }
}

fn carry_out(
    args: &Args,
    words: &[OsString],
    environment: &Environment,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    io.manner = args.shared.manner();
    io.has_person &= !args.shared.no_input;
    if io.traces() {
        trace::to_stderr();
    }
    let program = words
        .first()
        .map(|word| shell_word(&word.to_string_lossy()));
    let words = words.iter().skip(1).map(|word| word.to_string_lossy());
    let run = Run {
        program: program.as_deref().unwrap_or(env!("CARGO_BIN_NAME")),
        shared: &args.shared,
        environment,
        typed: &words.map(String::from).collect::<Vec<_>>(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(exit::Kind::File, "no asynchronous runtime").because(&error)
        })?;
    let done = runtime.block_on(run.command(&args.command, io));
    // A name that is still being resolved must not hold up the end.
    runtime.shutdown_background();
    done
}
