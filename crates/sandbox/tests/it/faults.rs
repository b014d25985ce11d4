//! Each fault as a client sees it, byte by byte, and what it does to the tenant.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use unlink_sandbox::{Apply, Fault, Kind, Plan, Sandbox, Seed};

use crate::client::{Answer, Session, parse, send};

const JANE: &str = "auth0|63d17b7dbc8a5d0f3e9c4a21";
const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";
const UNLINK: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21/identities/github/58323117";

/// How long silence has to last to count as silence.
const SILENCE: Duration = Duration::from_millis(400);

/// Sends an unlink; gives the connection, with nothing read from it.
fn unlink(sandbox: &Sandbox) -> TcpStream {
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    let (host, token) = (sandbox.domain(), sandbox.token(&["update:users"]));
    write!(
        stream,
        "DELETE {UNLINK} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    stream
}

/// Everything that comes until the end, and how it ended.
fn drain(stream: &mut TcpStream) -> (String, Result<(), ErrorKind>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    (
        String::from_utf8(bytes).unwrap(),
        end.map(drop).map_err(|error| error.kind()),
    )
}

fn is_linked(sandbox: &Sandbox) -> bool {
    sandbox.user(JANE).unwrap()["identities"]
        .as_array()
        .unwrap()
        .len()
        == 3
}

fn with(fault: Fault) -> Sandbox {
    Sandbox::builder().fault(fault).start().unwrap()
}

fn answered(fault: Fault) -> (Sandbox, Answer) {
    let sandbox = with(fault);
    let (answer, end) = drain(&mut unlink(&sandbox));
    assert_eq!(end, Ok(()));
    (sandbox, parse(&answer))
}

#[test]
fn drop_closes_without_an_answer_before_or_after_applying() {
    for (apply, linked) in [(Apply::Never, true), (Apply::Now, false)] {
        let sandbox = with(Fault::new(Kind::Drop).apply(apply));
        assert_eq!(drain(&mut unlink(&sandbox)), (String::new(), Ok(())));
        assert_eq!(is_linked(&sandbox), linked);
        let request = &sandbox.requests()[0];
        assert_eq!(
            (request.status, request.fault.as_deref()),
            (None, Some("drop"))
        );
    }
}

#[test]
fn reset_resets_the_connection() {
    let sandbox = with(Fault::new(Kind::Reset).apply(Apply::Now));
    assert_eq!(
        drain(&mut unlink(&sandbox)),
        (String::new(), Err(ErrorKind::ConnectionReset))
    );
    assert!(!is_linked(&sandbox));
}

#[test]
fn a_status_is_answered_with_its_headers_and_body() {
    let kind = Kind::Status {
        status: 503,
        headers: [("x-own".to_owned(), "1".to_owned())].into(),
        body: "later".into(),
    };
    for (apply, linked) in [(None, true), (Some(Apply::Now), false)] {
        let fault = Fault::new(kind.clone());
        let fault = apply.into_iter().fold(fault, Fault::apply);
        let (sandbox, answer) = answered(fault);
        assert_eq!(
            (answer.status, answer.body.as_str(), answer.header("x-own")),
            (503, "later", Some("1"))
        );
        assert!(answer.header("date").is_some());
        assert_eq!(is_linked(&sandbox), linked);
        assert_eq!(sandbox.requests()[0].status, Some(503));
    }
}

#[test]
fn html_redirect_expired_token_and_429_are_answered() {
    let (sandbox, html) = answered(Fault::new(Kind::Html));
    assert_eq!(
        (html.status, html.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(html.body.starts_with("<!doctype html>") && is_linked(&sandbox));

    let location = "https://elsewhere.example/".to_owned();
    let (_, redirect) = answered(Fault::new(Kind::Redirect {
        location,
        status: None,
    }));
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (307, Some("https://elsewhere.example/"))
    );

    let (_, moved) = answered(Fault::new(Kind::Redirect {
        location: "/elsewhere".into(),
        status: Some(301),
    }));
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, Some("/elsewhere"))
    );

    let (sandbox, expired) = answered(Fault::new(Kind::ExpiredToken));
    assert_eq!(
        expired.error().1,
        "Expired token received for JSON Web Token validation"
    );
    assert_eq!(
        (expired.status, expired.header("x-sandbox-provenance")),
        (401, None)
    );
    assert!(is_linked(&sandbox));

    let storm = Kind::TooManyRequests {
        retry_after: Some(7),
        reset_in: Some(9),
    };
    let (_, limited) = answered(Fault::new(storm));
    assert_eq!(limited.error().2.as_deref(), Some("too_many_requests"));
    assert_eq!(
        (
            limited.header("retry-after"),
            limited.header("x-ratelimit-remaining")
        ),
        (Some("7"), Some("0"))
    );
    let (_, bare) = answered(Fault::new(Kind::TooManyRequests {
        retry_after: None,
        reset_in: None,
    }));
    assert_eq!(
        (
            bare.status,
            bare.header("retry-after"),
            bare.header("x-ratelimit-reset")
        ),
        (429, None, None)
    );
}

#[test]
fn a_delayed_answer_comes_late_but_the_change_does_not() {
    let sandbox = with(Fault::new(Kind::Delay { ms: 600 }));
    let began = Instant::now();
    let mut stream = unlink(&sandbox);
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let early = stream.read(&mut [0; 1]).unwrap_err().kind();
    assert!(matches!(early, ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(!is_linked(&sandbox));
    stream.set_read_timeout(None).unwrap();
    assert_eq!(parse(&drain(&mut stream).0).status, 200);
    assert!(began.elapsed() >= Duration::from_millis(600));
}

#[test]
fn a_truncated_body_promises_more_than_it_brings() {
    let sandbox = with(Fault::new(Kind::Truncate { after: 10 }));
    let (answer, _) = drain(&mut unlink(&sandbox));
    let answer = parse(&answer);
    let promised: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 10));
    assert!(promised > 10);
    assert!(!is_linked(&sandbox));
    let sandbox = with(Fault::new(Kind::Truncate { after: 0 }));
    let (answer, _) = drain(&mut unlink(&sandbox));
    assert_eq!(
        (parse(&answer).status, parse(&answer).body.as_str()),
        (200, "")
    );
}

#[test]
fn a_stalled_body_stops_and_the_connection_stays_open() {
    let sandbox = with(Fault::new(Kind::Stall { after: 10 }));
    let mut stream = unlink(&sandbox);
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let (answer, end) = drain(&mut stream);
    assert_eq!(parse(&answer).body.len(), 10);
    assert!(
        matches!(end, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        "{end:?}"
    );
    assert!(!is_linked(&sandbox));
}

#[test]
fn an_answer_without_a_body_stalls_or_breaks_off_before_it_begins() {
    let token = |sandbox: &Sandbox| sandbox.token(&["delete:users"]);
    let delete = |sandbox: &Sandbox| {
        let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
        let (host, token) = (sandbox.domain(), token(sandbox));
        write!(
            stream,
            "DELETE {JANES} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n"
        )
        .unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        drain(&mut stream)
    };
    let sandbox = with(Fault::new(Kind::Truncate { after: 0 }));
    assert_eq!(delete(&sandbox), (String::new(), Ok(())));
    assert_eq!(sandbox.user(JANE), None);
    let sandbox = with(Fault::new(Kind::Stall { after: 0 }));
    let (answer, end) = delete(&sandbox);
    assert!(answer.is_empty() && end.is_err());
}

#[test]
fn a_trickled_body_comes_whole_but_in_its_own_time() {
    let sandbox = with(Fault::new(Kind::Trickle {
        bytes: 40,
        every_ms: 5,
    }));
    let began = Instant::now();
    let mut stream = unlink(&sandbox);
    let (mut bytes, mut reads, mut buffer) = (Vec::new(), 0_usize, [0; 4096]);
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
        reads += 1;
    }
    let took = began.elapsed();
    let answer = parse(&String::from_utf8(bytes).unwrap());
    // A busy machine may join some, but never all.
    assert!(reads > 2, "came in {reads} pieces");
    assert_eq!(answer.json().as_array().unwrap().len(), 2);
    let pauses = u32::try_from(answer.body.len() / 40).unwrap();
    assert!(
        pauses > 3 && took >= Duration::from_millis(5) * pauses,
        "{took:?}"
    );
}

#[test]
fn an_endless_body_does_not_end() {
    let sandbox = with(Fault::new(Kind::Endless));
    let mut stream = unlink(&sandbox);
    let mut seen = 0;
    let mut buffer = [0; 4096];
    while seen < 20_000 {
        let read = stream.read(&mut buffer).unwrap();
        assert_ne!(read, 0);
        seen += read;
    }
}

#[test]
fn content_type_and_date_can_be_wrong() {
    let value = "text/plain".to_owned();
    let (sandbox, typed) = answered(Fault::new(Kind::ContentType { value }));
    assert_eq!(
        (typed.status, typed.header("content-type")),
        (200, Some("text/plain"))
    );
    assert!(!is_linked(&sandbox));
    let sandbox = with(Fault::new(Kind::SkewDate { seconds: -600 }));
    sandbox.freeze_at(std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let (answer, _) = drain(&mut unlink(&sandbox));
    assert_eq!(
        parse(&answer).header("date"),
        Some("Tue, 14 Nov 2023 22:03:20 GMT")
    );
}

#[test]
fn a_request_can_take_effect_after_the_next_read_of_its_user() {
    let sandbox = with(
        Fault::new(Kind::Drop)
            .method("DELETE")
            .apply(Apply::AfterNextRead)
            .times(1),
    );
    assert_eq!(drain(&mut unlink(&sandbox)).0, "");
    let token = sandbox.token(&["read:users"]);
    let count = |target: &str| {
        send(&sandbox, "GET", target, Some(&token)).json()["identities"]
            .as_array()
            .map(Vec::len)
    };
    // A read of somebody else settles nothing.
    count("/api/v2/users/auth0%7C63d2a4f18e0b7c35d9a61f47");
    assert!(is_linked(&sandbox));
    assert_eq!((count(JANES), count(JANES)), (Some(3), Some(2)));
    assert_eq!(sandbox.effects()[0].request, 0);
}

#[test]
fn a_request_can_take_effect_some_time_after_its_answer() {
    let kind = Kind::Status {
        status: 504,
        headers: Default::default(),
        body: String::new(),
    };
    let sandbox = with(Fault::new(kind).apply(Apply::AfterMs(500)).times(1));
    assert_eq!(parse(&drain(&mut unlink(&sandbox)).0).status, 504);
    assert!(is_linked(&sandbox));
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_linked(&sandbox) {
        assert!(Instant::now() < deadline, "never took effect");
        std::thread::yield_now();
    }
    assert_eq!(sandbox.effects()[0].request, 0);
}

#[test]
fn only_a_read_that_told_something_settles_what_waits_for_it() {
    let sandbox = Sandbox::start().unwrap();
    let later = Fault::new(Kind::Drop).method("DELETE");
    sandbox.inject(later.apply(Apply::AfterNextRead).times(1));
    assert_eq!(drain(&mut unlink(&sandbox)).0, "");
    let unavailable = Kind::Status {
        status: 503,
        headers: Default::default(),
        body: String::new(),
    };
    for kind in [Kind::Drop, unavailable] {
        sandbox.inject(Fault::new(kind).method("GET").times(1));
    }
    let mut read = TcpStream::connect(sandbox.addr()).unwrap();
    let (host, token) = (sandbox.domain(), sandbox.token(&["read:users"]));
    write!(
        read,
        "GET {JANES} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    assert_eq!(drain(&mut read), (String::new(), Ok(())));
    for (token, status) in [(Some(&*token), 503), (None, 401)] {
        assert_eq!(send(&sandbox, "GET", JANES, token).status, status);
    }
    assert!(is_linked(&sandbox));
    assert_eq!(send(&sandbox, "GET", JANES, Some(&token)).status, 200);
    assert!(!is_linked(&sandbox));
}

#[test]
fn a_late_request_is_let_in_and_counted_when_it_arrives() {
    let sandbox = Sandbox::builder()
        .plan(Plan::custom(2, 1))
        .frozen_at(std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        .start()
        .unwrap();
    let later = Fault::new(Kind::Drop).method("DELETE");
    sandbox.inject(later.apply(Apply::AfterNextRead).times(1));
    assert_eq!(drain(&mut unlink(&sandbox)).0, "");
    let read = send(
        &sandbox,
        "GET",
        JANES,
        Some(&sandbox.token(&["read:users"])),
    );
    // Both calls are counted, each once; the bucket is empty, and yet the unlink takes effect.
    assert_eq!(read.header("x-ratelimit-remaining"), Some("0"));
    assert!(!is_linked(&sandbox));

    sandbox.reset();
    sandbox.inject(
        Fault::new(Kind::Drop)
            .method("DELETE")
            .apply(Apply::AfterNextRead),
    );
    assert_eq!(drain(&mut unlink(&sandbox)).0, "");
    // Its token was good when it came.
    sandbox.advance(Duration::from_secs(90_000));
    let token = sandbox.token(&["read:users"]);
    assert_eq!(send(&sandbox, "GET", JANES, Some(&token)).status, 200);
    assert!(!is_linked(&sandbox));
}

#[test]
fn a_late_request_that_may_not_in_never_takes_effect() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.inject(
        Fault::new(Kind::Drop)
            .method("DELETE")
            .apply(Apply::AfterNextRead),
    );
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    let (host, token) = (sandbox.domain(), sandbox.token(&["read:users"]));
    write!(
        stream,
        "DELETE {UNLINK} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    assert_eq!(drain(&mut stream).0, "");
    send(&sandbox, "GET", JANES, Some(&token));
    assert!(is_linked(&sandbox));
}

#[test]
fn what_was_to_happen_later_does_not_outlive_a_restore() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.inject(
        Fault::new(Kind::Drop)
            .method("DELETE")
            .apply(Apply::AfterNextRead),
    );
    assert_eq!(drain(&mut unlink(&sandbox)).0, "");
    sandbox.restore(Seed::fixture());
    let token = sandbox.token(&["read:users"]);
    assert_eq!(send(&sandbox, "GET", JANES, Some(&token)).status, 200);
    assert!(is_linked(&sandbox));
}

#[test]
fn what_was_to_happen_later_does_not_outlive_a_reset() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.inject(
        Fault::new(Kind::Drop)
            .method("DELETE")
            .apply(Apply::AfterNextRead),
    );
    assert_eq!(drain(&mut unlink(&sandbox)).0, "");
    sandbox.reset();
    send(
        &sandbox,
        "GET",
        JANES,
        Some(&sandbox.token(&["read:users"])),
    );
    assert!(is_linked(&sandbox));
}

#[test]
fn what_was_on_its_way_when_the_tenant_was_reset_never_arrives() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.inject(Fault::new(Kind::Drop).apply(Apply::AfterMs(50)));
    assert_eq!(drain(&mut unlink(&sandbox)).0, "");
    sandbox.reset();
    // A later one shows that the time of the earlier has passed.
    sandbox.inject(Fault::new(Kind::Drop).apply(Apply::AfterMs(100)));
    let token = sandbox.token(&["delete:users"]);
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    let (host, sam) = (sandbox.domain(), "auth0%7C63d2a4f18e0b7c35d9a61f47");
    write!(
        stream,
        "DELETE /api/v2/users/{sam} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    assert_eq!(drain(&mut stream).0, "");
    let deadline = Instant::now() + Duration::from_secs(10);
    while sandbox.effects().is_empty() {
        assert!(Instant::now() < deadline, "never took effect");
        std::thread::yield_now();
    }
    assert_eq!((sandbox.effects().len(), is_linked(&sandbox)), (1, true));
}

#[test]
fn a_fault_strikes_only_what_it_is_for_and_only_so_often() {
    let sandbox = Sandbox::start().unwrap();
    let teapot = || Kind::Status {
        status: 418,
        headers: Default::default(),
        body: String::new(),
    };
    let token = sandbox.token(&["read:users"]);
    let get = |target: &str| send(&sandbox, "GET", target, Some(&token)).status;
    let sams = "/api/v2/users/auth0%7C63d2a4f18e0b7c35d9a61f47";

    sandbox.inject(Fault::new(teapot()).user(JANE).skip(1).times(2));
    assert_eq!(
        [
            get(sams),
            get(JANES),
            get(JANES),
            get(sams),
            get(JANES),
            get(JANES)
        ],
        [200, 200, 418, 200, 418, 200]
    );
    sandbox.clear_faults();

    sandbox.inject(Fault::new(teapot()).method("POST"));
    sandbox.inject(Fault::new(teapot()).path("/api/v2/connections"));
    assert_eq!(get(JANES), 200);
    assert_eq!(get("/api/v2/connections"), 418);
    let struck: Vec<u64> = sandbox.faults().iter().map(|fault| fault.struck).collect();
    assert_eq!(struck, [0, 1]);
}

#[test]
fn a_probability_is_drawn_from_the_seed() {
    let pattern = |seed: u64| -> Vec<u16> {
        let kind = Kind::Status {
            status: 500,
            headers: Default::default(),
            body: String::new(),
        };
        let fault = Fault::new(kind).probability(0.5);
        let sandbox = Sandbox::builder()
            .rng_seed(seed)
            .fault(fault)
            .start()
            .unwrap();
        let mut session = Session::new(&sandbox, &sandbox.token(&["read:users"]));
        (0..64)
            .map(|_| session.send("GET", JANES, None).status)
            .collect()
    };
    let first = pattern(1);
    assert_eq!(first, pattern(1));
    assert_ne!(first, pattern(2));
    let struck = first.iter().filter(|status| **status == 500).count();
    assert!((16..48).contains(&struck), "{struck}");
}

#[test]
#[should_panic(expected = "probability must be from 0 to 1")]
fn a_fault_that_makes_no_sense_is_refused() {
    Sandbox::start()
        .unwrap()
        .inject(Fault::new(Kind::Drop).probability(1.1));
}

#[test]
fn a_spoiled_answer_to_a_request_that_is_not_applied_draws_no_id() {
    let created = |spoil: bool| {
        let sandbox = Sandbox::builder().rng_seed(3).start().unwrap();
        let mut session = Session::new(&sandbox, &sandbox.token(&["create:users"]));
        let mut create = || {
            let body = json!({ "connection": "sms", "phone_number": "+15550100" });
            session.send("POST", "/api/v2/users", Some(&body)).json()["user_id"].clone()
        };
        if spoil {
            let value = "text/plain".to_owned();
            let fault = Fault::new(Kind::ContentType { value });
            sandbox.inject(fault.apply(Apply::Never).times(1));
            create();
        }
        create()
    };
    assert_eq!(created(true), created(false));
}

#[test]
fn a_spoiled_answer_to_a_request_that_is_not_applied_leaves_no_trace() {
    let sandbox = with(Fault::new(Kind::Truncate { after: 5 }).apply(Apply::Never));
    let before = sandbox.state();
    assert!(drain(&mut unlink(&sandbox)).0.contains("200 OK"));
    assert_eq!((sandbox.state(), sandbox.effects().len()), (before, 0));
    assert_eq!(json!(sandbox.requests()[0].status), json!(200));
}
