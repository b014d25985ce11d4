//! The controls over HTTP: another process can do what the handle can.

use serde_json::{Value, json};
use unlink_sandbox::Sandbox;

use crate::client::{Answer, parse, raw, send, send_json};

const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";

fn control(sandbox: &Sandbox, method: &str, name: &str, body: &Value) -> Answer {
    send_json(sandbox, method, &format!("/__sandbox/{name}"), None, body)
}

fn look(sandbox: &Sandbox, name: &str) -> Value {
    let answer = send(sandbox, "GET", &format!("/__sandbox/{name}"), None);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[test]
fn logs_and_state_are_those_of_the_handle() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users"]);
    send(
        &sandbox,
        "DELETE",
        &format!("{JANES}/identities/github/58323117"),
        Some(&token),
    );
    let entries = |name: &str| look(&sandbox, name)["entries"].clone();
    assert_eq!(
        entries("requests"),
        serde_json::to_value(sandbox.requests()).unwrap()
    );
    assert_eq!(
        entries("effects"),
        serde_json::to_value(sandbox.effects()).unwrap()
    );
    assert_eq!(look(&sandbox, "snapshot"), sandbox.state());
    assert_eq!(look(&sandbox, "health")["users"], 6);
    // Controls are no requests to the tenant.
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn a_reset_is_a_fresh_start() {
    let sandbox = Sandbox::builder().rng_seed(3).start().unwrap();
    let fresh = sandbox.state();
    let create = |sandbox: &Sandbox| {
        let token = sandbox.token(&["create:users"]);
        let body = json!({ "connection": "sms", "phone_number": "+15550100" });
        send_json(sandbox, "POST", "/api/v2/users", Some(&token), &body).json()["user_id"].clone()
    };
    let first = create(&sandbox);
    control(
        &sandbox,
        "POST",
        "faults",
        &json!({ "kind": "drop", "method": "PUT" }),
    );
    control(&sandbox, "POST", "clock", &json!({ "freeze": true }));
    assert_eq!(control(&sandbox, "POST", "reset", &json!(null)).status, 204);
    assert_eq!(sandbox.state(), fresh);
    assert!(
        sandbox.requests().is_empty()
            && sandbox.effects().is_empty()
            && sandbox.faults().is_empty()
    );
    assert_eq!(look(&sandbox, "clock")["frozen"], false);
    assert_eq!(create(&sandbox), first);
}

#[test]
fn a_snapshot_restores_what_was() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users", "delete:users"]);
    send(
        &sandbox,
        "DELETE",
        &format!("{JANES}/identities/github/58323117"),
        Some(&token),
    );
    let kept = look(&sandbox, "snapshot");
    send(&sandbox, "DELETE", JANES, Some(&token));
    assert_eq!(control(&sandbox, "PUT", "snapshot", &kept).status, 204);
    assert_eq!(sandbox.state(), kept);
    let broken = control(&sandbox, "PUT", "snapshot", &json!({ "users": [{}] }));
    assert_eq!(
        (broken.status, broken.json()["error"].as_str()),
        (400, Some("seed: users[0].user_id is missing"))
    );
    assert_eq!(sandbox.state(), kept);
}

#[test]
fn a_large_snapshot_goes_back_in_and_other_large_bodies_are_refused_in_json() {
    let crowd = unlink_sandbox::Population::new(10_000).generate();
    let sandbox = Sandbox::builder().seed(crowd).start().unwrap();
    let kept = sandbox.state();
    assert!(kept.to_string().len() > 2 * 1024 * 1024);
    let token = sandbox.token(&["delete:users"]);
    let first = kept["users"][0]["user_id"].as_str().unwrap();
    let first = format!("/api/v2/users/{}", first.replace('|', "%7C"));
    send(&sandbox, "DELETE", &first, Some(&token));
    assert_ne!(sandbox.state(), kept);
    assert_eq!(control(&sandbox, "PUT", "snapshot", &kept).status, 204);
    assert_eq!(sandbox.state(), kept);
    // Just enough is sent to be too much, so that none of it is left unread when the connection closes.
    let body = " ".repeat(2 * 1024 * 1024 + 1);
    let head = format!(
        "POST /__sandbox/rules HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n",
        sandbox.domain(),
        body.len() + 1
    );
    let refused = parse(&raw(
        &sandbox,
        &format!("{head}connection: close\r\n\r\n{body}"),
    ));
    assert_eq!(refused.status, 413);
    assert!(refused.json()["error"].is_string(), "{}", refused.body);
}

#[test]
fn a_restored_guess_gives_way_to_what_happens_next() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users"]);
    send(
        &sandbox,
        "DELETE",
        &format!("{JANES}/identities/github/58323117"),
        Some(&token),
    );
    let kept = sandbox.state();
    assert_eq!(
        kept["users"][5]["filled_in"],
        json!(["created_at", "updated_at"])
    );
    assert_eq!(control(&sandbox, "PUT", "snapshot", &kept).status, 204);
    sandbox.advance(std::time::Duration::from_secs(60));
    let github = "/api/v2/users/github%7C58323117";
    let patched = send_json(
        &sandbox,
        "PATCH",
        github,
        Some(&token),
        &json!({ "blocked": true }),
    );
    assert_eq!(patched.body.matches("updated_at").count(), 1);
    assert_ne!(patched.json()["updated_at"], kept["users"][5]["updated_at"]);
    assert_eq!(
        sandbox.state()["users"][5]["filled_in"],
        json!(["created_at"])
    );
}

#[test]
fn faults_clock_rules_and_tokens_are_at_hand() {
    let sandbox = Sandbox::start().unwrap();
    let fault = json!({ "kind": { "status": { "status": 503 } }, "method": "GET", "times": 1 });
    assert_eq!(control(&sandbox, "POST", "faults", &fault).status, 201);
    let wanted = json!({ "scopes": ["read:users"] });
    let token = control(&sandbox, "POST", "tokens", &wanted).json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(send(&sandbox, "GET", JANES, Some(&token)).status, 503);
    assert_eq!(send(&sandbox, "GET", JANES, Some(&token)).status, 200);
    assert_eq!(look(&sandbox, "faults")[0]["struck"], 1);
    assert_eq!(
        control(&sandbox, "DELETE", "faults", &json!(null)).status,
        204
    );
    assert_eq!(look(&sandbox, "faults"), json!([]));

    let frozen = control(
        &sandbox,
        "POST",
        "clock",
        &json!({ "freeze_at": "2023-01-25T19:00:59.837Z", "advance_ms": 163 }),
    );
    assert_eq!(
        frozen.json(),
        json!({ "now": "2023-01-25T19:01:00.000Z", "frozen": true })
    );

    assert_eq!(look(&sandbox, "rules")["unlink-no-match"], "unchanged");
    assert_eq!(
        control(
            &sandbox,
            "POST",
            "rules",
            &json!({ "unlink-no-match": "404" })
        )
        .status,
        204
    );
    assert_eq!(look(&sandbox, "rules")["unlink-no-match"], "404");
}

#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let sandbox = Sandbox::start().unwrap();
    for (method, name, body) in [
        ("POST", "faults", json!({ "kind": "explode" })),
        (
            "POST",
            "faults",
            json!({ "kind": { "status": { "status": 99 } } }),
        ),
        (
            "POST",
            "faults",
            json!({ "kind": "drop", "probability": 2 }),
        ),
        ("POST", "clock", json!({ "freeze_at": "noon" })),
        ("POST", "clock", json!({ "stop": true })),
        (
            "POST",
            "rules",
            json!({ "unlink-no-match": "404", "unlink-twice": "yes" }),
        ),
        ("POST", "tokens", json!({ "id_token": true })),
    ] {
        let answer = control(&sandbox, method, name, &body);
        assert_eq!(answer.status, 400, "{name} {body}");
        assert!(answer.json()["error"].is_string());
    }
    assert!(sandbox.faults().is_empty());
    assert_eq!(look(&sandbox, "rules")["unlink-no-match"], "unchanged");
}

#[test]
fn a_refusal_says_what_would_do() {
    let sandbox = Sandbox::start().unwrap();
    let error = |answer: &Answer| answer.json()["error"].as_str().unwrap().to_owned();
    for (method, name, body, says) in [
        (
            "POST",
            "faults",
            json!({ "kind": "drop", "times": 0 }),
            "times must be 1 or more",
        ),
        (
            "POST",
            "faults",
            json!({ "kind": "drop", "path": "api/v2/users" }),
            "path must begin with /",
        ),
        (
            "POST",
            "rules",
            json!({ "unlink-no-match": "403" }),
            "rule unlink-no-match has no choice 403, but unchanged, 404",
        ),
        (
            "POST",
            "clock",
            json!({ "advance_ms": u64::MAX }),
            "advance_ms leads beyond the year 9999",
        ),
        (
            "PUT",
            "origins",
            json!(["http://localhost:3000/"]),
            "one is written like http://localhost:3000",
        ),
        (
            "POST",
            "tokens",
            json!({ "user_id": "auth0|1", "id_token": true, "scopes": ["x"] }),
            "an ID token has no scopes",
        ),
        ("PUT", "search", json!({ "lag": 3 }), "expected `lag_ms`"),
    ] {
        let answer = control(&sandbox, method, name, &body);
        assert_eq!(answer.status, 400, "{name} {body}");
        assert!(error(&answer).contains(says), "{}", answer.body);
    }
    let nowhere = send(&sandbox, "GET", "/__sandbox/restart", None);
    assert_eq!(nowhere.status, 404);
    assert_eq!(error(&nowhere), "there is no control /__sandbox/restart");
    // What changes something is never a GET.
    let read = send(&sandbox, "GET", "/__sandbox/reset", None);
    assert_eq!((read.status, read.header("allow")), (405, Some("POST")));
    assert_eq!(error(&read), "/__sandbox/reset does not take GET");
    let empty = send(&sandbox, "POST", "/__sandbox/clock", None);
    assert!(error(&empty).starts_with("the body is not what this control takes: "));
}

#[test]
fn a_token_of_any_kind_lasts_as_long_as_it_is_told() {
    let sandbox = Sandbox::start().unwrap();
    let make = |wanted: Value| {
        let answer = control(&sandbox, "POST", "tokens", &wanted);
        answer.json()["token"].as_str().unwrap().to_owned()
    };
    let jane = "auth0|63d17b7dbc8a5d0f3e9c4a21";
    let (machine, own) = ("read:users", "read:current_user");
    for (wanted, status) in [
        (json!({ "scopes": [machine], "expires_in": 60 }), 200),
        (json!({ "scopes": [machine], "expires_in": -1 }), 401),
        (
            json!({ "user_id": jane, "scopes": [own], "expires_in": 60 }),
            200,
        ),
        (
            json!({ "user_id": jane, "scopes": [own], "expires_in": -1 }),
            401,
        ),
    ] {
        let token = make(wanted.clone());
        let read = send(&sandbox, "GET", JANES, Some(&token));
        assert_eq!(read.status, status, "{wanted}");
    }
    let token = make(json!({ "user_id": jane, "scopes": ["update:current_user_identities"] }));
    let sam = "auth0|63d2a4f18e0b7c35d9a61f47";
    for (expires_in, status) in [(-1, 400), (60, 201)] {
        let wanted = json!({ "user_id": sam, "id_token": true, "expires_in": expires_in });
        let body = json!({ "link_with": make(wanted) });
        let target = format!("{JANES}/identities");
        let linked = send_json(&sandbox, "POST", &target, Some(&token), &body);
        assert_eq!(linked.status, status, "{}", linked.body);
    }
}

#[test]
fn a_page_of_another_origin_cannot_steer() {
    let sandbox = Sandbox::start().unwrap();
    let reset = |origin: &str| {
        let head = format!(
            "POST /__sandbox/reset HTTP/1.1\r\nhost: {}\r\norigin: {origin}\r\n",
            sandbox.domain()
        );
        parse(&raw(
            &sandbox,
            &format!("{head}connection: close\r\ncontent-length: 0\r\n\r\n"),
        ))
        .status
    };
    assert_eq!(reset("https://evil.example"), 403);
    assert_eq!(reset(sandbox.url()), 204);
}

#[test]
fn a_tenant_opened_to_others_answers_to_any_host() {
    let everywhere = std::net::Ipv4Addr::UNSPECIFIED.into();
    let open = Sandbox::builder()
        .listen_where_others_can_reach_it(everywhere)
        .start()
        .unwrap();
    let own = Sandbox::start().unwrap();
    for (sandbox, status) in [(&open, 200), (&own, 421)] {
        let port = sandbox.addr().port();
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let request =
            "GET /__sandbox/health HTTP/1.1\r\nhost: tenant.example\r\nconnection: close\r\n\r\n";
        let mut answer = String::new();
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert_eq!(parse(&answer).status, status);
    }
}

#[test]
fn a_body_that_is_too_large_is_logged_as_refused() {
    let sandbox = Sandbox::start().unwrap();
    let body = " ".repeat(1024 * 1024 + 1);
    let head = format!(
        "POST /api/v2/users HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        sandbox.domain(),
        body.len() + 1
    );
    assert_eq!(parse(&raw(&sandbox, &format!("{head}{body}"))).status, 413);
    let logged = &sandbox.requests()[0];
    assert_eq!(
        (logged.path.as_str(), logged.status),
        ("/api/v2/users", Some(413))
    );
}

#[test]
fn full_logs_count_what_they_forget() {
    let sandbox = Sandbox::builder().log_capacity(3).start().unwrap();
    for _ in 0..5 {
        send(&sandbox, "GET", JANES, None);
    }
    let kept: Vec<u64> = sandbox
        .requests()
        .iter()
        .map(|request| request.seq)
        .collect();
    assert_eq!((kept, sandbox.overflow().requests), (vec![2, 3, 4], 2));
    assert_eq!(look(&sandbox, "requests")["dropped"], 2);
    let token = sandbox.token(&["update:users"]);
    for colour in ["red", "blue", "green", "grey"] {
        let body = json!({ "user_metadata": { "colour": colour } });
        send_json(&sandbox, "PATCH", JANES, Some(&token), &body);
    }
    let kept: Vec<u64> = sandbox.effects().iter().map(|effect| effect.seq).collect();
    assert_eq!((kept, sandbox.overflow().effects), (vec![1, 2, 3], 1));
}
