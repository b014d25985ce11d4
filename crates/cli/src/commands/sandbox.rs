//! `sandbox`: a local tenant that serves until it is interrupted.

use std::{
    fs, io,
    path::{self, Path, PathBuf},
    thread,
};

use serde::Serialize;
use unlink_sandbox::{Builder, Population, Ready, Reset, Sandbox, Seed};

use crate::{
    args::{self, ResetMeans},
    commands::{Run, demo::seed},
    exit::Kind,
    failure::Failure,
    io::Io,
    json,
    text::shell_word,
};

/// What `--json` prints: everything someone needs to use the tenant.
#[derive(Serialize)]
struct ReadyDocument<'a> {
    #[serde(flatten)]
    ready: &'a Ready,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<&'a Path>,
}

pub(super) fn run(run: &Run<'_>, typed: &args::Sandbox, io: &mut Io<'_>) -> Result<(), Failure> {
    run.without_tenant("sandbox")?;
    let started = builder(typed)?.start();
    let sandbox = started.map_err(|error| not_started(typed, &error))?;
    let ca_file = ca_file(&sandbox, typed.ca_file_out.as_deref())?;
    let ready = sandbox.ready();
    let lines = if io.is_json() {
        json::line(&ReadyDocument {
            ready: &ready,
            ca_file: ca_file.as_deref(),
        })?
    } else {
        exports(&ready)
    };
    let trust = ca_file.map(|path| format!(" --ca-file {}", shell_word(&path.to_string_lossy())));
    let trusted = trust.as_ref().map(|option| {
        format!(" Its certificate is made for this run: add{option} to each command to trust it.")
    });
    io.say(&format!(
        "A local tenant is ready at {}; Ctrl-C stops it.{} In another shell:",
        ready.url,
        trusted.unwrap_or_default()
    ));
    io.result(&lines)?;
    if typed.listen.is_some_and(|ip| !ip.is_loopback()) {
        io.say(
            "Whoever reaches it can read and change what is in it: put nothing real there. A token is good for the name it \
             was asked for under, so elsewhere ask for one with the id and the secret.",
        );
    }
    if let Some(user) = sandbox
        .users()
        .first()
        .and_then(|user| user["user_id"].as_str())
    {
        io.say(&format!(
            "and then, for a start: {} list {}{}",
            run.program,
            shell_word(user),
            trust.unwrap_or_default()
        ));
    }
    loop {
        // Nothing unparks this thread; the tenant has its own. An interrupt ends the process, as it does by default: its
        // parent then sees that it was one, and a script stops with it.
        thread::park();
    }
}

/// The tenant that was asked for.
fn builder(typed: &args::Sandbox) -> Result<Builder, Failure> {
    let mut builder = Sandbox::builder()
        .seed(users(typed)?)
        .port(typed.port)
        .rng_seed(typed.rng_seed)
        .plan(typed.plan.clone())
        .rate_limit_reset(match typed.reset_means {
            ResetMeans::Full => Reset::Full,
            ResetMeans::NextToken => Reset::NextToken,
        })
        .neighbour(typed.neighbour.unwrap_or_default())
        .strict(typed.strict);
    if typed.tls {
        builder = builder.tls();
    }
    if let Some(ip) = typed.listen {
        builder = builder.listen_where_others_can_reach_it(ip);
    }
    if let Some(name) = &typed.host {
        builder = builder.domain(name);
    }
    for origin in &typed.allow_origin {
        builder = builder.allow_origin(origin);
    }
    if let Some(lag) = typed.search_lag {
        builder = builder.search_lag(lag);
    }
    if let Some(duration) = typed.export_duration {
        builder = builder.export_duration(duration);
    }
    if let Some(at) = typed.frozen_at {
        builder = builder.frozen_at(at.into());
    }
    Ok(builder)
}

/// The users to start with: made up, a file's, or the built-in ones.
fn users(typed: &args::Sandbox) -> Result<Seed, Failure> {
    let Some(count) = typed.users else {
        return seed(typed.seed.as_deref());
    };
    let mut population = Population::new(count as usize).rng_seed(typed.rng_seed);
    if let Some(share) = typed.linked {
        population = population.linked(share);
    }
    Ok(population.generate())
}

fn not_started(typed: &args::Sandbox, error: &io::Error) -> Failure {
    let port = typed.port;
    let message = match port {
        0 => "the local tenant does not start".to_owned(),
        port => format!("the local tenant does not start on port {port}"),
    };
    let kind = match error.kind() {
        io::ErrorKind::InvalidInput => Kind::Usage,
        _ => Kind::Sandbox,
    };
    let failure = Failure::new(kind, message).because(error);
    match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied if port != 0 => {
            failure.hint("give another --port; without one a free port is taken")
        }
        io::ErrorKind::AddrNotAvailable if typed.listen.is_some() => {
            failure.hint("give --listen an address of this machine, or 0.0.0.0 for all it has")
        }
        _ => failure,
    }
}

/// Writes the authority to trust, if there is one, and returns where it is for a process in any directory.
fn ca_file(sandbox: &Sandbox, file: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let (Some(pem), Some(file)) = (sandbox.ca_pem(), file) else {
        return Ok(None);
    };
    // Here and not by the builder, whose error does not tell the file from the port.
    let written = path::absolute(file).and_then(|path| fs::write(&path, pem).map(|()| path));
    written.map(Some).map_err(|error| {
        Failure::new(Kind::File, format!("{} cannot be written", file.display())).because(&error)
    })
}

/// The lines for a shell that uses the tenant.
fn exports(ready: &Ready) -> String {
    let variable = |(name, value): (&str, &str)| format!("export {name}={}\n", shell_word(value));
    [
        ("AUTH0_DOMAIN", ready.url.as_str()),
        ("AUTH0_CLIENT_ID", &ready.client_id),
        ("AUTH0_CLIENT_SECRET", &ready.client_secret),
    ]
    .map(variable)
    .concat()
}
