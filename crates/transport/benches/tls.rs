//! What the TLS provider of this build costs: a whole process for one request, a handshake, and requests after it.
//!
//! `cargo bench -p transport --bench tls` for ring, and with `--no-default-features --features aws-lc-rs` for the other.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures, and ends where it cannot run"
)]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use transport::{AccessToken, Client, DecodeError, Operation, Path, Request, Response};
use unlink_sandbox::Sandbox;

const PROVIDER: &str = if cfg!(feature = "ring") {
    "ring"
} else {
    "aws-lc-rs"
};

/// A user that exists, read as often as asked.
struct Read(Request);

impl Read {
    fn new(user: &str) -> Self {
        Self(Request::get(
            Path::new(["api", "v2", "users", user]).unwrap(),
        ))
    }
}

impl Operation for Read {
    type Output = ();

    fn request(&self) -> &Request {
        &self.0
    }

    fn decode(&self, _: &Response) -> Result<(), DecodeError> {
        Ok(())
    }
}

fn client(url: &str, roots: &str, token: &str) -> Client {
    let token = AccessToken::new(token).unwrap();
    Client::builder(url.parse().unwrap(), token)
        .extra_roots(roots)
        .build()
        .unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// What the command line does: start, connect, ask once, end.
fn once(url: &str, roots: &str, token: &str, user: &str) {
    runtime()
        .block_on(async {
            client(url, roots, token)
                .call()
                .execute(Read::new(user))
                .await
        })
        .unwrap();
}

fn main() {
    let given: Vec<String> = std::env::args()
        .skip_while(|argument| argument != "--once")
        .skip(1)
        .collect();
    if let [url, roots, token, user] = given.as_slice() {
        once(url, roots, token, user);
        return;
    }
    let sandbox = Sandbox::builder().tls().start().unwrap();
    let (url, roots, token) = (
        sandbox.url(),
        sandbox.ca_pem().unwrap(),
        sandbox.token(&["read:users"]),
    );
    let user = sandbox.users()[0]["user_id"].as_str().unwrap().to_owned();

    let this = std::env::current_exe().unwrap();
    let process = median(30, || {
        let status = Command::new(&this)
            .args(["--once", url, roots, &token, &user])
            .status()
            .unwrap();
        assert!(status.success());
    });
    println!(
        "{PROVIDER}: a process that asks once: {:.1} ms",
        millis(process)
    );

    let runtime = runtime();
    let set_up = median(30, || drop(client(url, roots, &token)));
    println!(
        "{PROVIDER}: setting a client up, platform roots included: {:.1} ms",
        millis(set_up)
    );
    let handshake = median(100, || once(url, roots, &token, &user)).saturating_sub(set_up);
    println!(
        "{PROVIDER}: the first request of a client, its handshake included: {:.2} ms",
        millis(handshake)
    );

    let (client, requests) = (client(url, roots, &token), 20_000);
    let start = Instant::now();
    runtime.block_on(async {
        join_all((0..32).map(|_| async {
            for _ in 0..requests / 32 {
                client.call().execute(Read::new(&user)).await.unwrap();
            }
        }))
        .await
    });
    println!(
        "{PROVIDER}: requests after it, 32 at a time: {:.0} per second",
        f64::from(requests) / start.elapsed().as_secs_f64()
    );
}

fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    run();
    let mut times: Vec<_> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[runs / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
