//! How fast, and in how much memory, an export is planned: `cargo bench -p unlink-batch [--bench plan -- USERS|FILE]`.
//!
//! The export is the sandbox's, made in a process of its own, the same for the same number; it is fed once as it is and once
//! gzipped. Beside each wall-clock time stands the processor's, which tells the same on a machine that is shared.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench measures and prints"
)]

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use flate2::{Compression, write::GzEncoder};
use unlink_batch::{Planner, Selection};
use unlink_sandbox::{Population, Sandbox};

fn main() {
    let mut arguments = std::env::args().skip(1);
    if let Some("--generate") = arguments.next().as_deref() {
        let (path, users) = (arguments.next().unwrap(), arguments.next().unwrap());
        return generate(Path::new(&path), users.parse().unwrap());
    }
    let users = std::env::args().find_map(|argument| argument.parse().ok());
    // About 1 GB.
    let users: usize = users.unwrap_or(2_000_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (plain, gzip) = (
        folder.path().join("e.json"),
        folder.path().join("e.json.gz"),
    );
    // An export of one's own may be named instead.
    let plain = match std::env::args()
        .skip(1)
        .map(PathBuf::from)
        .find(|path| path.is_file())
    {
        Some(given) => given,
        None => {
            let made = Command::new(std::env::current_exe().unwrap())
                .arg("--generate")
                .arg(&plain)
                .arg(users.to_string())
                .status();
            assert!(made.unwrap().success());
            plain
        }
    };
    let mut encoder = GzEncoder::new(File::create(&gzip).unwrap(), Compression::fast());
    std::io::copy(&mut File::open(&plain).unwrap(), &mut encoder).unwrap();
    encoder.finish().unwrap();
    let size = fs::metadata(&plain).unwrap().len();
    println!("{:.0} MB of NDJSON", size as f64 / 1e6);
    let mut planned = Vec::new();
    for (name, file) in [("NDJSON", &plain), ("gzip", &gzip)] {
        let job = folder.path().join(format!("{name}.db"));
        let clock = Clock::start();
        let plan = Planner::new("example.eu.auth0.com".parse().unwrap())
            .selection(Selection::default().connection("acme-saml"))
            .plan(job, name, File::open(file).unwrap())
            .unwrap();
        planned.push(clock.report(name, size, plan.rows));
        println!("{:>24}: {} MB at most so far", "memory", peak_memory_mb());
    }
    let clock = Clock::start();
    let filter = r#"select(.identities[1:][] | .connection == "acme-saml") | .user_id"#;
    let jq = Command::new("jq")
        .args(["-c", filter])
        .stdin(File::open(&plain).unwrap())
        .stdout(Stdio::piped())
        .output();
    match jq {
        Ok(output) => {
            let rows = output.stdout.iter().filter(|byte| **byte == b'\n').count();
            let (wall, cpu) = clock.report("jq, the same selection", size, rows as u64);
            let (of_wall, of_cpu) = (wall / planned[0].0, cpu / planned[0].1);
            println!(
                "NDJSON is planned in 1/{of_wall:.1} of jq's time, 1/{of_cpu:.1} of its processor time"
            );
        }
        Err(error) => println!("jq: {error}"),
    }
}

/// Wall-clock time, and the processor's of this process and of those that it has waited for.
struct Clock {
    begun: Instant,
    cpu: f64,
}

impl Clock {
    fn start() -> Self {
        Self {
            begun: Instant::now(),
            cpu: cpu_seconds(),
        }
    }

    fn report(self, name: &str, size: u64, rows: u64) -> (f64, f64) {
        let (wall, cpu) = (self.begun.elapsed().as_secs_f64(), cpu_seconds() - self.cpu);
        let speed = |seconds: f64| size as f64 / 1e6 / seconds;
        println!(
            "{name:>24}: {wall:.1} s, {:.0} MB/s; of the processor {cpu:.1} s, {:.0} MB/s; {rows} rows",
            speed(wall),
            speed(cpu)
        );
        (wall, cpu)
    }
}

fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    // Of this process and its children, in its own code and the system's, in hundredths of a second.
    let ticks = fields.split(' ').skip(11).take(4);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

fn peak_memory_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1_000
}

/// The sandbox's users as an export has them, some at a time; three in ten have linked accounts.
fn generate(path: &Path, users: usize) {
    const AT_A_TIME: usize = 10_000;
    let mut file = BufWriter::new(File::create(path).unwrap());
    for from in (0..users).step_by(AT_A_TIME) {
        let population = Population::new(AT_A_TIME.min(users - from)).rng_seed(from as u64);
        let sandbox = Sandbox::builder().seed(population.generate()).start();
        for user in sandbox.unwrap().users() {
            writeln!(file, "{user}").unwrap();
        }
    }
    file.into_inner().unwrap().sync_all().unwrap();
}
