//! A tenant over TLS for clients in other languages: says how to reach it, serves until its input ends, then says what changed.
//!
//! `cargo run -p unlink-sandbox --example tenant -- CA_FILE` writes the certificate to trust to that file. A second argument
//! says what is to be otherwise, in JSON: `{"plan": "free", "choices": {"unlink-no-match": "404"}, "faults": [..]}`. With
//! `--table` in place of the file it prints the table of behaviours that Auth0 does not document.
#![expect(
    clippy::print_stdout,
    reason = "a program that another one starts and listens to"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read as _};

use serde::Deserialize;
use unlink_sandbox::provenance::{Behaviour, TABLE};
use unlink_sandbox::{Fault, Plan, Sandbox};

/// What is to be otherwise.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    plan: Option<String>,
    choices: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(ca_file) = arguments.next() else {
        return Err("usage: tenant CA_FILE [SETTINGS], or tenant --table".into());
    };
    if ca_file == "--table" {
        println!("{}", serde_json::to_string(TABLE)?);
        return Ok(());
    }
    let settings: Settings = match arguments.next() {
        Some(json) => serde_json::from_str(&json)?,
        None => Settings::default(),
    };
    let mut builder = Sandbox::builder().tls_with_ca_file(ca_file);
    if let Some(name) = settings.plan {
        builder = builder.plan(Plan::named(&name).ok_or("there is no such plan")?);
    }
    for (name, choice) in settings.choices {
        let behaviour = Behaviour::named(&name).ok_or("there is no such rule")?;
        builder = builder.choice(behaviour, choice);
    }
    builder = settings
        .faults
        .into_iter()
        .fold(builder, |builder, fault| builder.fault(fault));
    let sandbox = builder.start()?;
    println!("{}", serde_json::to_string(&sandbox.ready())?);
    io::stdin().read_to_end(&mut Vec::new())?;
    for effect in sandbox.effects() {
        println!("{}", serde_json::to_string(&effect.change)?);
    }
    Ok(())
}
