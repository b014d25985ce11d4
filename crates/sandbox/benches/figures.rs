//! The figures of the local tenant: start, memory, time per call by number of users, throughput.
//!
//! `cargo bench -p unlink-sandbox` prints them; what they should be stands beside each.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints its figures, and one that unwraps fails with a place and a message"
)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use unlink_sandbox::{Population, Sandbox, Seed};

/// How many clients wait for an answer at any time.
const CONNECTIONS: usize = 16;

/// Each part runs in a process of its own, so that none inherits the memory of another.
const PARTS: &[(&str, fn())] = &[
    ("start", start),
    ("seed", seed),
    ("seed-file", seed_file),
    ("sizes", by_size),
    ("throughput", throughput),
];

fn main() {
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let program = std::env::current_exe().unwrap();
    for (name, part) in PARTS {
        if named.iter().any(|wanted| wanted == name) {
            part();
        } else if named.is_empty() {
            let status = std::process::Command::new(&program)
                .arg(name)
                .status()
                .unwrap();
            assert!(status.success(), "{name} failed");
        }
    }
}

fn seed() {
    let began = Instant::now();
    let seed = Population::new(100_000).linked(0.3).generate();
    let sandbox = Sandbox::builder().seed(seed).start().unwrap();
    println!("100,000 generated users, 30 % linked: {}", cost(began));
    std::fs::write(SEED_FILE, sandbox.state().to_string()).unwrap();
}

fn seed_file() {
    let began = Instant::now();
    let seed = Seed::from_json(&std::fs::read_to_string(SEED_FILE).unwrap()).unwrap();
    let sandbox = Sandbox::builder().seed(seed).start().unwrap();
    println!("the same from a file: {}", cost(began));
    assert_eq!(sandbox.users().len(), 100_000);
}

fn cost(began: Instant) -> String {
    let (seconds, megabytes) = (began.elapsed().as_secs_f64(), most_megabytes());
    format!("{seconds:.2} s (below 3), {megabytes} MB at most (below 400)")
}

/// Where one part leaves its users for the next.
const SEED_FILE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/seed.json");

fn start() {
    let mut times: Vec<Duration> = (0..100)
        .map(|_| {
            let began = Instant::now();
            drop(Sandbox::start().unwrap());
            began.elapsed()
        })
        .collect();
    times.sort();
    let ms = |at: usize| times[at].as_secs_f64() * 1e3;
    println!(
        "start and stop: {:.2} ms median, {:.2} ms worst of 100 (below 50)",
        ms(50),
        ms(99)
    );
}

/// One call after another on one connection, with ever more users.
fn by_size() {
    for users in [1_000, 10_000, 100_000] {
        let sandbox = Sandbox::builder()
            .seed(Population::new(users).linked(1.0).generate())
            .start()
            .unwrap();
        let targets = unlinks(&sandbox, 1_000);
        let mut client = Client::new(
            sandbox.addr(),
            &sandbox.token(&["read:users", "update:users"]),
        );
        let gets: Vec<String> = targets
            .iter()
            .map(|target| target.split("/identities").next().unwrap().into())
            .collect();
        let mut time = |method: &str, targets: &[String]| {
            let began = Instant::now();
            for target in targets {
                client.send(method, target);
                assert_eq!(client.receive(), 200);
            }
            began.elapsed().as_secs_f64() * 1e6 / targets.len() as f64
        };
        time("GET", &gets);
        let (read, unlink) = (time("GET", &gets), time("DELETE", &targets));
        println!("{users:>7} users: read {read:.0} µs, unlink {unlink:.0} µs (constant)");
    }
}

/// Unlinks against a server that answers a constant behind the same kind of bearer check.
fn throughput() {
    let users = 100_000;
    let sandbox = Sandbox::builder()
        .seed(Population::new(users).linked(1.0).generate())
        .start()
        .unwrap();
    let token = sandbox.token(&["update:users"]);
    let targets = unlinks(&sandbox, users);
    let constant = Constant::start(&token);
    let mut ratios = Vec::new();
    for part in targets.chunks(users / 5) {
        let plain = rate(constant, &token, part);
        let real = rate(sandbox.addr(), &token, part);
        println!("{real:>7.0} unlinks/s, {plain:>7.0} constant answers/s");
        ratios.push(real / plain);
    }
    assert_eq!(sandbox.effects().len(), 100_000);
    ratios.sort_by(f64::total_cmp);
    println!(
        "unlinks per constant answer: {:.2} median of 5 (at least 0.50)",
        ratios[2]
    );
}

/// Requests per second, all connections together.
fn rate(addr: SocketAddr, token: &str, targets: &[String]) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for part in targets.chunks(targets.len().div_ceil(CONNECTIONS)) {
            scope.spawn(move || {
                let mut client = Client::new(addr, token);
                for target in part {
                    client.send("DELETE", target);
                    assert_eq!(client.receive(), 200);
                }
            });
        }
    });
    targets.len() as f64 / began.elapsed().as_secs_f64()
}

/// Paths that unlink one identity each of as many users.
fn unlinks(sandbox: &Sandbox, count: usize) -> Vec<String> {
    let path = |user: &serde_json::Value| {
        let id = user["user_id"].as_str().unwrap().replace('|', "%7C");
        let linked = user["identities"][1]["user_id"].as_str().unwrap();
        format!("/api/v2/users/{id}/identities/google-oauth2/{linked}")
    };
    sandbox.users().iter().take(count).map(path).collect()
}

/// A raw keep-alive connection.
struct Client {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    headers: String,
    line: String,
    body: Vec<u8>,
}

impl Client {
    fn new(addr: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::with_capacity(1 << 16, stream),
            request: Vec::new(),
            headers: format!(" HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {token}\r\n\r\n"),
            line: String::new(),
            body: Vec::new(),
        }
    }

    fn send(&mut self, method: &str, target: &str) {
        self.request.clear();
        write!(self.request, "{method} {target}{}", self.headers).unwrap();
        self.stream.get_mut().write_all(&self.request).unwrap();
    }

    /// Reads an answer to its end; gives its status.
    fn receive(&mut self) -> u16 {
        let (mut status, mut length) = (0, 0);
        loop {
            self.line.clear();
            self.stream.read_line(&mut self.line).unwrap();
            let line = self.line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).unwrap();
        status
    }
}

/// An axum server that looks a token up among those it has verified and answers a constant.
struct Constant {
    verified: HashMap<String, i64>,
}

impl Constant {
    fn start(token: &str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let state = Arc::new(Self {
            verified: HashMap::from([(token.to_owned(), i64::MAX)]),
        });
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
                let app = axum::Router::new().fallback(constant).with_state(state);
                axum::serve(listener, app).await.unwrap();
            });
        });
        addr
    }
}

async fn constant(State(state): State<Arc<Constant>>, request: Request) -> Response {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |now| now.as_secs().cast_signed());
    if token
        .and_then(|token| state.verified.get(token))
        .is_some_and(|expires| *expires > now)
    {
        ([(header::CONTENT_TYPE, "application/json")], CONSTANT).into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

/// As long as the answer to an unlink.
const CONSTANT: &str = r#"[{"connection":"Username-Password-Authentication","isSocial":false,"profileData":{"email":"ada.abe1@example.com","email_verified":true,"name":"ada.abe1@example.com","nickname":"ada.abe"},"provider":"auth0","user_id":"0000000112345678123456781"}]"#;

/// The most memory this process has had, in MB; 0 where the system does not say.
fn most_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    most.and_then(|most| most.trim().parse::<u64>().ok())
        .unwrap_or(0)
        / 1000
}
