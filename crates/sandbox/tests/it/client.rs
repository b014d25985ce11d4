//! A raw HTTP/1.1 client: what is written is what goes out, byte for byte.

use std::io::{Read as _, Write as _};
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
