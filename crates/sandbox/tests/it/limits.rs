//! Rate limits as answers show them: headers on successes, the 429, the names of the limits.

use std::time::{Duration, SystemTime};

use serde_json::json;
use unlink_sandbox::provenance::Behaviour;
use unlink_sandbox::{Plan, Reset, Sandbox};

use crate::client::{Answer, send, send_json};

const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";
const START: u64 = 1_700_000_000;

fn frozen(plan: &str) -> unlink_sandbox::Builder {
    Sandbox::builder()
        .plan(Plan::named(plan).unwrap())
        .frozen_at(SystemTime::UNIX_EPOCH + Duration::from_secs(START))
}

fn readings(answer: &Answer) -> [Option<&str>; 3] {
    [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ]
    .map(|name| answer.header(name))
}

#[test]
fn successes_carry_the_headers_and_other_answers_do_not() {
    let sandbox = frozen("enterprise").start().unwrap();
    let token = sandbox.token(&["read:users", "delete:users"]);
    let get = send(&sandbox, "GET", JANES, Some(&token));
    assert_eq!(readings(&get), [Some("50"), Some("49"), Some("1700000001")]);
    let nobody = "/api/v2/users/auth0%7Cnobody";
    assert_eq!(
        readings(&send(&sandbox, "DELETE", nobody, Some(&token)))[1],
        Some("48")
    );
    for (target, token) in [(nobody, Some(token.as_str())), (JANES, None)] {
        assert_eq!(readings(&send(&sandbox, "GET", target, token)), [None; 3]);
    }
    let unlimited = Sandbox::start().unwrap();
    let token = unlimited.token(&["read:users"]);
    assert_eq!(
        readings(&send(&unlimited, "GET", JANES, Some(&token))),
        [None; 3]
    );
}

#[test]
fn an_empty_bucket_answers_429() {
    let sandbox = frozen("free").start().unwrap();
    let token = sandbox.token(&["read:users"]);
    for _ in 0..2 {
        assert_eq!(send(&sandbox, "GET", JANES, Some(&token)).status, 200);
    }
    let refused = send(&sandbox, "GET", JANES, Some(&token));
    let message = "Global limit has been reached";
    assert_eq!(
        refused.error(),
        (429, message.into(), Some("too_many_requests".into()))
    );
    assert_eq!(
        readings(&refused),
        [Some("2"), Some("0"), Some("1700000001")]
    );
    assert_eq!(refused.header("retry-after"), None);
    assert!(sandbox.choose(Behaviour::RetryAfterOn429, "present"));
    assert!(sandbox.choose(Behaviour::LimitHeadersOn429, "absent"));
    let other = send(&sandbox, "GET", JANES, Some(&token));
    assert_eq!(
        (other.header("retry-after"), readings(&other)),
        (Some("1"), [None; 3])
    );
}

#[test]
fn groups_have_buckets_of_their_own_where_a_plan_says_so() {
    let sandbox = frozen("essentials").start().unwrap();
    let token = sandbox.token(&["read:users", "update:users"]);
    let unlink = format!("{JANES}/identities/github/1");
    let unlinked = send(&sandbox, "DELETE", &unlink, Some(&token));
    assert_eq!(readings(&unlinked)[..2], [Some("20"), Some("19")]);
    assert_eq!(
        unlinked.header("x-sandbox-rules"),
        Some("identities-bucket")
    );
    let get = send(&sandbox, "GET", JANES, Some(&token));
    assert_eq!(readings(&get)[..2], [Some("40"), Some("39")]);
    for _ in 0..19 {
        send(&sandbox, "DELETE", &unlink, Some(&token));
    }
    let refused = send_json(
        &sandbox,
        "PATCH",
        JANES,
        Some(&token),
        &json!({ "blocked": true }),
    );
    assert_eq!(
        refused.error().1,
        "Global per minute users_write group limit has been reached"
    );
    assert!(sandbox.choose(Behaviour::IdentitiesBucket, "other"));
    assert_eq!(
        readings(&send(&sandbox, "DELETE", &unlink, Some(&token)))[0],
        Some("10")
    );
}

#[test]
fn reset_says_when_the_next_token_comes_if_told_to() {
    let plans = [
        (Reset::Full, "1700000002"),
        (Reset::NextToken, "1700000001"),
    ];
    for (reset, expected) in plans {
        let sandbox = frozen("enterprise-non-production")
            .rate_limit_reset(reset)
            .start()
            .unwrap();
        let token = sandbox.token(&["read:users"]);
        for _ in 0..3 {
            send(&sandbox, "GET", JANES, Some(&token));
        }
        let get = send(&sandbox, "GET", JANES, Some(&token));
        assert_eq!(get.header("x-ratelimit-reset"), Some(expected), "{reset:?}");
    }
}

#[test]
fn the_token_endpoint_is_limited_in_its_own_words() {
    let sandbox = frozen("free").start().unwrap();
    let ask = || send_json(&sandbox, "POST", "/oauth/token", None, &json!({}));
    // The headers come with successes only.
    assert_eq!(readings(&ask()), [None; 3]);
    let answers: Vec<u16> = (0..30).map(|_| ask().status).collect();
    assert_eq!((answers[28], answers[29]), (400, 429));
    let refused = ask();
    let expected =
        json!({ "error": "too_many_requests", "error_description": "Client quota exceeded" });
    assert_eq!(refused.json(), expected);
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    assert_eq!(refused.header("content-type"), Some("application/json"));
}

#[test]
fn requests_without_a_token_count_only_if_told_to() {
    for (choice, expected) in [("authenticated", [401, 401]), ("all", [401, 429])] {
        let sandbox = Sandbox::builder()
            .plan(Plan::custom(1, 1))
            .frozen_at(SystemTime::UNIX_EPOCH + Duration::from_secs(START))
            .choice(Behaviour::LimitedRequests, choice)
            .start()
            .unwrap();
        let get = || send(&sandbox, "GET", JANES, None).status;
        assert_eq!([get(), get()], expected, "{choice}");
    }
}
