//! A tenant over TLS for clients in other languages: says how to reach it, serves until its input ends, then says what changed.
//!
//! `cargo run -p unlink-sandbox --example tenant -- CA_FILE` writes the certificate to trust to that file.
#![expect(
    clippy::print_stdout,
    reason = "a program that another one starts and listens to"
)]

use std::error::Error;
use std::io::{self, Read as _};

use unlink_sandbox::Sandbox;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(ca_file) = std::env::args_os().nth(1) else {
        return Err("usage: tenant CA_FILE".into());
    };
    let sandbox = Sandbox::builder().tls_with_ca_file(ca_file).start()?;
    println!("{}", serde_json::to_string(&sandbox.ready())?);
    io::stdin().read_to_end(&mut Vec::new())?;
    for effect in sandbox.effects() {
        println!("{}", serde_json::to_string(&effect.change)?);
    }
    Ok(())
}
