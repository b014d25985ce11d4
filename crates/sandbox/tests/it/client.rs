//! A raw HTTP/1.1 client: what is written is what goes out, byte for byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;
use unlink_sandbox::Sandbox;

/// An answer, split into its parts.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The error message and code.
    pub(crate) fn error(&self) -> (u16, String, Option<String>) {
        let body = self.json();
        assert_eq!(body["statusCode"], self.status);
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        (self.status, text("message").unwrap(), text("errorCode"))
    }
}

/// A connection that is kept open, and a token for it.
pub(crate) struct Session {
    stream: BufReader<TcpStream>,
    host: String,
    token: String,
}

impl Session {
    pub(crate) fn new(sandbox: &Sandbox, token: &str) -> Self {
        let stream = TcpStream::connect(sandbox.addr()).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
            host: sandbox.domain(),
            token: token.to_owned(),
        }
    }

    /// Sends a request with a JSON body, or none, and reads the answer by its length.
    pub(crate) fn send(&mut self, method: &str, target: &str, body: Option<&Value>) -> Answer {
        let body = body.map_or_else(String::new, Value::to_string);
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            self.token,
            body.len(),
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(
                self.stream.read_line(&mut head).unwrap(),
                0,
                "closed after {head:?}"
            );
        }
        let answer = parse(&head);
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Answer {
            body: String::from_utf8(body).unwrap(),
            ..answer
        }
    }
}

/// Sends these bytes on a fresh connection and reads until the server closes it.
pub(crate) fn raw(sandbox: &Sandbox, request: &str) -> String {
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Sends a request without a body.
pub(crate) fn send(sandbox: &Sandbox, method: &str, target: &str, token: Option<&str>) -> Answer {
    send_body(sandbox, method, target, token, "application/json", "")
}

/// Sends a request with a JSON body.
pub(crate) fn send_json(
    sandbox: &Sandbox,
    method: &str,
    target: &str,
    token: Option<&str>,
    body: &Value,
) -> Answer {
    send_body(
        sandbox,
        method,
        target,
        token,
        "application/json",
        &body.to_string(),
    )
}

/// Sends a request with a body of some type.
pub(crate) fn send_body(
    sandbox: &Sandbox,
    method: &str,
    target: &str,
    token: Option<&str>,
    content_type: &str,
    body: &str,
) -> Answer {
    let authorization = token.map(|token| format!("authorization: Bearer {token}"));
    let headers = [
        Some(format!("host: {}", sandbox.domain())),
        authorization,
        Some(format!("content-type: {content_type}")),
        Some(format!("content-length: {}", body.len())),
        Some("connection: close".to_owned()),
    ];
    let headers: String = headers
        .into_iter()
        .flatten()
        .map(|line| line + "\r\n")
        .collect();
    parse(&raw(
        sandbox,
        &format!("{method} {target} HTTP/1.1\r\n{headers}\r\n{body}"),
    ))
}

pub(crate) fn parse(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer {
        status,
        headers,
        body: body.to_owned(),
    }
}
