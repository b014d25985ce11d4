//! Calls of web pages: preflights, and which answers a page may read.

use serde_json::json;
use unlink_sandbox::provenance::Behaviour;
use unlink_sandbox::{Builder, Sandbox};

use crate::client::{Answer, parse, raw, send_json};

const PAGE: &str = "http://localhost:3000";
const GITHUB: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21/identities/github/58323117";

fn open() -> Builder {
    Sandbox::builder().allow_origin(PAGE)
}

fn ask(sandbox: &Sandbox, method: &str, origin: &str, headers: &[&str]) -> Answer {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let host = sandbox.domain();
    parse(&raw(
        sandbox,
        &format!(
            "{method} {GITHUB} HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\nconnection: close\r\n{lines}\r\n"
        ),
    ))
}

fn preflight(sandbox: &Sandbox, origin: &str, headers: &str) -> Answer {
    let asked = format!("access-control-request-headers: {headers}");
    let method = "access-control-request-method: DELETE";
    ask(sandbox, "OPTIONS", origin, &[method, &asked])
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[test]
fn a_page_of_an_allowed_origin_asks_first_and_then_unlinks() {
    let sandbox = open().start().unwrap();
    let first = preflight(&sandbox, PAGE, "authorization,Content-Type");
    assert_eq!((first.status, allowed(&first)), (204, Some(PAGE)));
    assert_eq!(first.header("access-control-allow-methods"), Some("DELETE"));
    let headers = first.header("access-control-allow-headers").unwrap();
    assert!(headers.contains("authorization"), "{headers}");
    assert!(sandbox.effects().is_empty(), "a preflight changes nothing");
    let token = format!("authorization: Bearer {}", sandbox.token(&["update:users"]));
    let unlinked = ask(&sandbox, "DELETE", PAGE, &[&token]);
    assert_eq!((unlinked.status, allowed(&unlinked)), (200, Some(PAGE)));
    assert_eq!(unlinked.header("access-control-expose-headers"), None);
    assert!(sandbox.user("github|58323117").is_some());
}

#[test]
fn a_page_may_read_errors_too() {
    let sandbox = open().start().unwrap();
    let refused = ask(&sandbox, "DELETE", PAGE, &[]);
    assert_eq!((refused.status, allowed(&refused)), (401, Some(PAGE)));
    assert_eq!(refused.header("x-sandbox-rules"), Some("cors"));
}

#[test]
fn what_is_not_allowed_gets_no_permission() {
    let sandbox = open().start().unwrap();
    for (origin, headers, message) in [
        ("http://evil.example", "authorization", "Origin not allowed"),
        (PAGE, "authorization,x-own", "Some headers are not allowed"),
    ] {
        let answer = preflight(&sandbox, origin, headers);
        assert_eq!(allowed(&answer), None);
        assert_eq!(
            answer.json(),
            json!({ "message": format!("CORS error: {message}") })
        );
    }
    let incomplete = ask(&sandbox, "OPTIONS", PAGE, &[]);
    assert_eq!(allowed(&incomplete), None);
    assert_eq!(
        incomplete.json()["message"],
        "CORS error: Missing Access-Control-Request-Method header"
    );
    let foreign = ask(&sandbox, "DELETE", "http://evil.example", &[]);
    assert_eq!(allowed(&foreign), None);
}

#[test]
fn no_origin_is_allowed_unless_told() {
    let sandbox = Sandbox::start().unwrap();
    assert_eq!(allowed(&preflight(&sandbox, PAGE, "authorization")), None);
    let put = send_json(&sandbox, "PUT", "/__sandbox/origins", None, &json!([PAGE]));
    assert_eq!(put.status, 204);
    assert_eq!(
        allowed(&preflight(&sandbox, PAGE, "authorization")),
        Some(PAGE)
    );
}

#[test]
fn what_no_browser_sends_as_an_origin_is_refused() {
    for origin in [
        "",
        "*",
        "null",
        "localhost:3000",
        "http://localhost:3000/",
        "http://Localhost:3000",
        "https://*.example.com",
    ] {
        let started = Sandbox::builder().allow_origin(origin).start();
        let kind = started.err().map(|error| error.kind());
        assert_eq!(kind, Some(std::io::ErrorKind::InvalidInput), "{origin}");
    }
    for origin in [
        "https://app.example.com",
        "http://[::1]:3000",
        "capacitor://localhost",
    ] {
        let sandbox = Sandbox::builder().allow_origin(origin).start().unwrap();
        let answer = preflight(&sandbox, origin, "authorization");
        assert_eq!(allowed(&answer), Some(origin));
    }
}

#[test]
fn headers_are_exposed_on_demand() {
    let sandbox = open()
        .expose_headers(&["x-ratelimit-reset", "retry-after"])
        .start()
        .unwrap();
    let refused = ask(&sandbox, "DELETE", PAGE, &[]);
    assert_eq!(
        refused.header("access-control-expose-headers"),
        Some("x-ratelimit-reset,retry-after")
    );
}

#[test]
fn a_strict_tenant_does_not_guess() {
    let sandbox = open().strict(true).start().unwrap();
    assert_eq!(allowed(&ask(&sandbox, "DELETE", PAGE, &[])), None);
    let sandbox = open().choice(Behaviour::Cors, "absent").start().unwrap();
    assert_eq!(allowed(&preflight(&sandbox, PAGE, "authorization")), None);
}
