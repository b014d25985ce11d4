//! `sandbox`: a local tenant that serves until it is interrupted.

use std::{io, thread};

use unlink_sandbox::Sandbox;

use crate::{
    args,
    commands::{Run, demo::seed},
    exit::Kind,
    failure::Failure,
    io::Io,
    json,
    text::shell_word,
};

pub(super) fn run(run: &Run<'_>, typed: &args::Sandbox, io: &mut Io<'_>) -> Result<(), Failure> {
    run.without_tenant("sandbox")?;
    let seed = seed(typed.seed.as_deref())?;
    let started = Sandbox::builder().seed(seed).port(typed.port).start();
    let sandbox = started.map_err(|error| not_started(typed.port, &error))?;
    let ready = sandbox.ready();
    let lines = if io.is_json() {
        json::line(&ready)?
    } else {
        let variable =
            |(name, value): (&str, &str)| format!("export {name}={}\n", shell_word(value));
        [
            ("AUTH0_DOMAIN", ready.url.as_str()),
            ("AUTH0_CLIENT_ID", &ready.client_id),
            ("AUTH0_CLIENT_SECRET", &ready.client_secret),
        ]
        .map(variable)
        .concat()
    };
    io.say(&format!(
        "A local tenant is ready at {}; Ctrl-C stops it. In another shell:",
        ready.url
    ));
    io.result(&lines)?;
    if let Some(user) = sandbox
        .users()
        .first()
        .and_then(|user| user["user_id"].as_str())
    {
        io.say(&format!(
            "and then, for a start: {} list {}",
            run.program,
            shell_word(user)
        ));
    }
    loop {
        // Nothing unparks this thread; the tenant has its own.
        thread::park();
    }
}

fn not_started(port: u16, error: &io::Error) -> Failure {
    let message = match port {
        0 => "the local tenant does not start".to_owned(),
        port => format!("the local tenant does not start on port {port}"),
    };
    let failure = Failure::new(Kind::Sandbox, message).because(error);
    match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied if port != 0 => {
            failure.hint("give another --port; without one a free port is taken")
        }
        _ => failure,
    }
}
