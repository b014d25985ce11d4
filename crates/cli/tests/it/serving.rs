//! `auth0-unlink sandbox` in a process of its own, and tokens that only a login would give.

use std::{
    io::{BufRead, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};
#[cfg(unix)]
use std::{process::ExitStatus, sync::mpsc, thread, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::cli;

/// A running `auth0-unlink sandbox`; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) out: BufReader<ChildStdout>,
    pub(crate) err: BufReader<ChildStderr>,
}

impl Serving {
    pub(crate) fn start(words: &[&str]) -> Self {
        Self::spawn(cli(&[&["sandbox"], words].concat()).into_command())
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// One that says in JSON how to use it, and what it says.
    pub(crate) fn ready(words: &[&str]) -> (Self, Value) {
        Self::ready_in(Path::new("."), words)
    }

    /// The same, started in a directory.
    pub(crate) fn ready_in(directory: &Path, words: &[&str]) -> (Self, Value) {
        let mut command = cli(&[&["sandbox", "--json"], words].concat()).into_command();
        command.current_dir(directory);
        let mut serving = Self::spawn(command);
        let ready = serde_json::from_str(&serving.line()).unwrap();
        (serving, ready)
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// A line on the way to the result.
    pub(crate) fn said(&mut self) -> String {
        let mut line = String::new();
        self.err.read_line(&mut line).unwrap();
        line
    }
}

impl Serving {
    pub(crate) fn stop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether this process was started ignoring interrupts, as a script's background jobs are: its children inherit it.
#[cfg(unix)]
pub(crate) fn interrupts_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (Signal::INT.as_raw() - 1) != 0)
}

#[cfg(unix)]
impl Serving {
    /// Interrupts it as Ctrl-C does, and tells how it ended and what it still had to say.
    pub(crate) fn interrupt(mut self) -> (ExitStatus, String) {
        let process = Pid::from_child(&self.child);
        kill_process(process, Signal::INT).unwrap();
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || {
            let mut rest = String::new();
            self.out.read_to_string(&mut rest).unwrap();
            self.err.read_to_string(&mut rest).unwrap();
            sender.send((self.child.wait().unwrap(), rest))
        });
        // Not for ever, should it not end.
        let ended = ended.recv_timeout(Duration::from_secs(30));
        if ended.is_err() {
            kill_process(process, Signal::KILL).unwrap();
        }
        ended.unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One HTTP request to a tenant that is ready, with its token: the head of the answer, in small letters, and the body.
pub(crate) fn request(ready: &Value, method: &str, path: &str, body: &str) -> (String, String) {
    let token = ready["token"].as_str().unwrap();
    let head = format!("authorization: Bearer {token}\r\ncontent-type: application/json");
    let domain = ready["domain"].as_str().unwrap();
    request_under(domain, ready, &format!("{method} {path}"), &head, body)
}

/// The same by any name, with other headers.
pub(crate) fn request_under(
    host: &str,
    ready: &Value,
    what: &str,
    head: &str,
    body: &str,
) -> (String, String) {
    let domain = ready["domain"].as_str().unwrap();
    let length = body.len();
    let request = format!(
        "{what} HTTP/1.1\r\nhost: {host}\r\n{head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(domain).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

/// A token of a local tenant for any claims, signed with the key that all of them share.
fn signed(claims: &Value) -> String {
    let pem = include_str!("../../../sandbox/src/public-test-key.pem");
    let base64 = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"));
    let base64: String = base64.filter(|line| !line.starts_with("-----")).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap();
    let header = json!({ "alg": "RS256", "typ": "JWT" });
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encoded(&header), encoded(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What a login of `user` at the tenant would give: an access token with these scopes.
pub(crate) fn user_token(ready: &Value, user: &str, scopes: &str) -> String {
    let url = ready["url"].as_str().unwrap();
    signed(&json!({
        "iss": format!("{url}/"), "sub": user, "aud": format!("{url}/api/v2/"),
        "azp": ready["client_id"], "scope": scopes, "exp": in_an_hour(),
    }))
}

/// What a login of `user` at the tenant would give: an ID token.
pub(crate) fn id_token(ready: &Value, user: &str) -> String {
    let url = ready["url"].as_str().unwrap();
    signed(&json!({
        "iss": format!("{url}/"), "sub": user, "aud": ready["client_id"], "exp": in_an_hour(),
    }))
}

fn in_an_hour() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 3600
}
