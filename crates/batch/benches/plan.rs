//! How fast, and in how much memory, an export is planned: `cargo bench -p unlink-batch --bench plan [-- USERS]`.
//!
//! The export is made here, the same for the same number, and fed once as it is and once gzipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench measures and prints"
)]

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use flate2::{Compression, write::GzEncoder};
use unlink_batch::{Planner, Selection};

fn main() {
    let users = std::env::args().find_map(|argument| argument.parse().ok());
    let users: u64 = users.unwrap_or(1_000_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (plain, gzip) = (
        folder.path().join("e.json"),
        folder.path().join("e.json.gz"),
    );
    generate(&plain, users);
    let mut encoder = GzEncoder::new(File::create(&gzip).unwrap(), Compression::fast());
    std::io::copy(&mut File::open(&plain).unwrap(), &mut encoder).unwrap();
    encoder.finish().unwrap();
    let size = fs::metadata(&plain).unwrap().len();
    println!("{users} users, {:.0} MB of NDJSON", size as f64 / 1e6);
    for (name, file) in [("NDJSON", &plain), ("gzip", &gzip)] {
        let job = folder.path().join(format!("{name}.db"));
        let begun = Instant::now();
        let plan = Planner::new("example.eu.auth0.com".parse().unwrap())
            .selection(Selection::default().connection("acme-saml"))
            .plan(job, name, File::open(file).unwrap())
            .unwrap();
        report(name, size, begun, plan.rows);
        println!("{:>24}: {} MB at most so far", "memory", peak_memory_mb());
    }
    let begun = Instant::now();
    let filter = r#"select(.identities[1:][] | .connection == "acme-saml") | .user_id"#;
    let jq = Command::new("jq")
        .args(["-c", filter])
        .stdin(File::open(&plain).unwrap())
        .stdout(Stdio::piped())
        .output();
    match jq {
        Ok(output) => {
            let rows = output.stdout.iter().filter(|byte| **byte == b'\n').count();
            report("jq, the same selection", size, begun, rows as u64);
        }
        Err(error) => println!("jq: {error}"),
    }
}

fn report(name: &str, size: u64, begun: Instant, rows: u64) {
    let seconds = begun.elapsed().as_secs_f64();
    let speed = size as f64 / 1e6 / seconds;
    println!("{name:>24}: {seconds:.1} s, {speed:.0} MB/s, {rows} rows");
}

fn peak_memory_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1_000
}

/// Users of about a kilobyte; three in ten have a linked Google account, one in ten one of `acme-saml`.
fn generate(path: &Path, users: u64) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut file = BufWriter::new(File::create(path).unwrap());
    for number in 0..users {
        let id = format!("{number:08x}{:016x}", random.u64(..));
        let email = format!("person.{number}@example.com");
        write!(
            file,
            r#"{{"user_id":"auth0|{id}","email":"{email}","email_verified":{},"name":"Person {number}","nickname":"person.{number}","picture":"https://s.gravatar.com/avatar/{:032x}?s=480&r=pg","created_at":"2023-03-02T11:22:33.444Z","updated_at":"2024-05-06T07:08:09.010Z","last_login":"2024-05-06T07:08:09.010Z","logins_count":{},"last_ip":"203.0.113.7","user_metadata":{{"locale":"en","theme":"dark","marketing":{{"newsletter":true,"topics":["a","b","c"]}}}},"app_metadata":{{"roles":["member"],"plan":"basic","external_id":"{:020}"}},"identities":[{{"connection":"Username-Password-Authentication","user_id":"{id}","provider":"auth0","isSocial":false}}"#,
            random.bool(),
            random.u128(..),
            random.u32(..200),
            random.u64(..),
        )
        .unwrap();
        if random.f64() < 0.3 {
            write!(file, r#",{{"profileData":{{"email":"{email}","email_verified":true,"name":"Person {number}","picture":"https://lh3.googleusercontent.com/a/{:032x}"}},"provider":"google-oauth2","user_id":"1{:020}","connection":"google-oauth2","isSocial":true}}"#, random.u128(..), random.u64(..)).unwrap();
        }
        if random.f64() < 0.1 {
            write!(file, r#",{{"profileData":{{"email":"p{number}@acme.example.com"}},"provider":"samlp","user_id":"acme-saml|p{number}@acme.example.com","connection":"acme-saml","isSocial":false}}"#).unwrap();
        }
        writeln!(file, "]}}").unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
}
