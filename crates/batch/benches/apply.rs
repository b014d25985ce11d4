//! What the job file costs: `cargo bench -p unlink-batch --bench apply [-- ROWS]`.
//!
//! The same client with and without it, one call a row: against answers made in this process, where nothing but the
//! client and the file takes time, and over TLS against a tenant that shares the processors. Then how full one machine
//! keeps the highest limit that Auth0 publishes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench measures and prints"
)]

use std::{
    fs,
    io::{Cursor, Read},
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::task::JoinSet;
use unlink::{
    AccessToken, Client, IdentityKey, ListedIdentity, Snapshot, Tenant,
    transport::{self, BoxFuture, Pacing, Reserve, RoundTrip, RoundTripError},
};
use unlink_batch::{Apply, Job, Planner, Selection, Stop};
use unlink_sandbox::{Fault, Kind, Plan, Population, Sandbox};

const AT_ONCE: usize = 64;
const ANSWER: &str = r#"[{"provider":"auth0","user_id":"1","connection":"Users"}]"#;

struct Constant;

impl RoundTrip for Constant {
    fn round_trip(
        &self,
        _: http::Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        Box::pin(async { Ok(http::Response::new(Bytes::from_static(ANSWER.as_bytes()))) })
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rows = std::env::args().find_map(|argument| argument.parse().ok());
    let rows: usize = rows.unwrap_or(100_000);
    let token = AccessToken::new("a.token").unwrap();
    let tenant: Tenant = "example.eu.auth0.com".parse().unwrap();
    let client = transport::Client::builder(tenant, token)
        .round_trip(Constant)
        .build()
        .unwrap();
    compare("answers in the process", &client.into(), rows).await;

    let sandbox = Sandbox::builder().tls().log_capacity(1).start().unwrap();
    sandbox.inject(Fault::new(Kind::Status {
        status: 200,
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        body: ANSWER.to_owned(),
    }));
    let token = AccessToken::new(sandbox.token(&["read:users", "update:users"])).unwrap();
    let client = transport::Client::builder(sandbox.url().parse().unwrap(), token)
        .extra_roots(sandbox.ca_pem().unwrap())
        .build()
        .unwrap();
    compare("constant answers over TLS", &client.into(), rows).await;
    drop(sandbox);
    // All of it, and as the commands do if nothing else is said.
    for reserve in [0.0, 10.0] {
        fill(rows, reserve).await;
    }
}

/// How much of the highest published limit, 5,000 a second, one machine uses, against a tenant with state, if it keeps this
/// share of the bucket clear.
async fn fill(rows: usize, reserve: f64) {
    const LIMIT: u32 = 5_000;
    let users = Population::new(rows).linked(1.0).generate();
    let sandbox = Sandbox::builder().tls().log_capacity(1).seed(users);
    let sandbox = sandbox.plan(Plan::custom(LIMIT, LIMIT)).start().unwrap();
    let token = AccessToken::new(sandbox.token(&["read:users", "update:users"])).unwrap();
    let client = transport::Client::builder(sandbox.url().parse().unwrap(), token)
        .extra_roots(sandbox.ca_pem().unwrap())
        .pacing(Pacing::default().reserve(Reserve::percent(reserve).unwrap()))
        .build()
        .unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("job.db");
    let export: String = sandbox
        .users()
        .iter()
        .map(|user| format!("{user}\n"))
        .collect();
    Planner::new(client.tenant().clone())
        .selection(Selection::default().connection("google-oauth2"))
        .plan(&path, "export", export.as_bytes())
        .unwrap();
    drop(export);
    let options = Apply::default()
        .max(u64::MAX)
        .concurrency(NonZeroUsize::new(AT_ONCE).unwrap());
    let job = Job::open(&path).unwrap();
    let begun = Instant::now();
    let summary = job
        .apply(&client.into(), options, Stop::new().1)
        .await
        .unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(summary.counts.unlinked, rows as u64, "{summary:?}");
    let offered = f64::from(LIMIT) * (1.0 + seconds);
    println!(
        "a limit of {LIMIT} at once and a second over TLS, {reserve} % kept clear, {rows} rows, {AT_ONCE} at once, 1 call a row: \
         {seconds:.1} s, {:.0} % of it used, {} refused (429)",
        100.0 * summary.traffic.requests as f64 / offered,
        summary.traffic.refused
    );
}

async fn compare(name: &str, client: &Client, rows: usize) {
    let without = without_job(client, rows).await;
    let with = with_job(client, rows).await;
    println!(
        "{name}, {rows} rows, {AT_ONCE} at once, 1 call a row: {without:.0}/s without a job, {with:.0}/s with one ({:.0} %), \
         {} MB of memory at most",
        100.0 * with / without,
        peak_memory_mb()
    );
}

async fn without_job(client: &Client, rows: usize) -> f64 {
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    for row in 0..rows {
        if calls.len() == AT_ONCE {
            calls.join_next().await.unwrap().unwrap();
        }
        let identity: IdentityKey = format!("github|{row}").parse().unwrap();
        let listed = vec![
            ListedIdentity::new("auth0|1".parse().unwrap(), None),
            ListedIdentity::new(identity.clone(), None),
        ];
        let seen = Snapshot::new(format!("auth0|{row}").parse().unwrap(), listed);
        let client = client.clone();
        calls.spawn(async move {
            client
                .unlink_seen(&seen, &identity)
                .await
                .map(drop)
                .unwrap()
        });
    }
    calls.join_all().await;
    rows as f64 / begun.elapsed().as_secs_f64()
}

async fn with_job(client: &Client, rows: usize) -> f64 {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("job.db");
    Planner::new(client.transport().tenant().clone())
        .selection(Selection::default().connection("github"))
        .plan(&path, "export", Export::of(rows))
        .unwrap();
    // From here on: 5 sets the peak back.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let job = Job::open(&path).unwrap();
    let options = Apply::default()
        .max(u64::MAX)
        .concurrency(NonZeroUsize::new(AT_ONCE).unwrap());
    let begun = Instant::now();
    let summary = job.apply(client, options, Stop::new().1).await.unwrap();
    assert_eq!(summary.counts.unlinked, rows as u64, "{summary:?}");
    rows as f64 / begun.elapsed().as_secs_f64()
}

/// An export of so many users, made as it is read.
struct Export {
    rows: std::ops::Range<usize>,
    line: Cursor<String>,
}

impl Export {
    fn of(rows: usize) -> Self {
        Self {
            rows: 0..rows,
            line: Cursor::default(),
        }
    }
}

impl Read for Export {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.line.position() as usize == self.line.get_ref().len() {
            let Some(row) = self.rows.next() else {
                return Ok(0);
            };
            let line = format!(
                r#"{{"user_id":"auth0|{row}","identities":[{{"provider":"auth0","user_id":"1","connection":"Users"}},{{"provider":"github","user_id":{row},"connection":"github"}}]}}"#
            );
            self.line = Cursor::new(line + "\n");
        }
        self.line.read(buffer)
    }
}

fn peak_memory_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1_000
}
