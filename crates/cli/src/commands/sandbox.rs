//! `sandbox`: a local tenant that serves until it is interrupted.

use std::thread;

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
    let sandbox = started.map_err(|error| {
        Failure::new(Kind::Sandbox, "the local tenant does not start").because(&error)
    })?;
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
            "and then, for a start: auth0-unlink list {}",
            shell_word(user)
        ));
    }
    loop {
        // Nothing unparks this thread; the tenant has its own.
        thread::park();
    }
}
