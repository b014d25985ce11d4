//! The tenant's own log: what leaves an entry, what an entry says, and how it is paged.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use unlink_sandbox::provenance::Behaviour;
use unlink_sandbox::{Apply, Builder, Fault, Kind, Plan, Sandbox};

use crate::client::{Answer, parse, raw, send, send_body, send_json};

const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";
const GITHUB: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21/identities/github/58323117";
const ALL: &[&str] = &[
    "read:users",
    "create:users",
    "update:users",
    "delete:users",
    "read:logs",
];

fn get(sandbox: &Sandbox, target: &str) -> Answer {
    let token = sandbox.token(&["read:logs"]);
    send(sandbox, "GET", target, Some(&token))
}

fn entries(sandbox: &Sandbox, parameters: &str) -> Vec<Value> {
    let answer = get(sandbox, &format!("/api/v2/logs?{parameters}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json().as_array().unwrap().clone()
}

fn texts(entries: &[Value], key: &str) -> Vec<String> {
    let text = |entry: &Value| entry[key].as_str().unwrap().to_owned();
    entries.iter().map(text).collect()
}

/// The types of all entries, the earliest first.
fn types(sandbox: &Sandbox) -> Vec<String> {
    texts(&entries(sandbox, "sort=date:1"), "type")
}

fn act(sandbox: &Sandbox, method: &str, target: &str) -> u16 {
    send(sandbox, method, target, Some(&sandbox.token(ALL))).status
}

/// An unlinking that brings a correlation id.
fn correlated(sandbox: &Sandbox, id: &str) -> u16 {
    let (host, token) = (sandbox.domain(), sandbox.token(ALL));
    let request = format!(
        "DELETE {GITHUB} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\nx-correlation-id: {id}\r\n\
         user-agent: test/1\r\nauth0-client: eyJuYW1lIjoieCJ9\r\nconnection: close\r\n\r\n"
    );
    parse(&raw(sandbox, &request)).status
}

fn frozen() -> Builder {
    Sandbox::builder().frozen_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
}

#[test]
fn an_unlinking_is_told_with_its_correlation_id() {
    let sandbox = frozen().start().unwrap();
    assert_eq!(correlated(&sandbox, &"c".repeat(70)), 200);
    let answer = get(&sandbox, "/api/v2/logs");
    let entry = &answer.json()[0];
    assert_eq!(answer.json().as_array().unwrap().len(), 1);
    let expected = [
        ("type", json!("sapi")),
        ("description", json!("Unlink a User Identity")),
        ("date", json!("2023-11-14T22:13:20.000Z")),
        ("client_id", json!(sandbox.client_id())),
        ("ip", json!("127.0.0.1")),
        ("user_id", Value::Null),
        ("references", json!({ "correlation_id": "c".repeat(64) })),
        ("auth0_client", json!({ "name": "x" })),
    ];
    for (key, value) in expected {
        assert_eq!(entry[key], value, "{key}");
    }
    let request = &entry["details"]["request"];
    assert_eq!(
        [&request["method"], &request["path"], &request["userAgent"]],
        ["delete", GITHUB, "test/1"]
    );
    assert_eq!(request["auth"]["credentials"]["scopes"], json!(ALL));
    let response = &entry["details"]["response"];
    assert_eq!(response["statusCode"], 200);
    assert_eq!(response["body"].as_array().unwrap().len(), 2);
    // Nobody recorded such an entry, nor how soon it shows.
    assert_eq!(answer.header("x-sandbox-provenance"), Some("inferred"));
    assert_eq!(
        answer.header("x-sandbox-rules"),
        Some("log-delay, log-entries")
    );
    let id = entry["log_id"].as_str().unwrap();
    assert_eq!(
        get(&sandbox, &format!("/api/v2/logs/{id}")).json(),
        *entry,
        "by its id"
    );
    let unknown = get(&sandbox, &format!("/api/v2/logs/{}", "9".repeat(56)));
    assert_eq!(unknown.error(), (404, "Log not found.".into(), None));
}

#[test]
fn what_changes_something_leaves_an_entry_and_what_does_not_leaves_none() {
    let sandbox = Sandbox::start().unwrap();
    act(&sandbox, "GET", JANES);
    act(&sandbox, "GET", "/api/v2/users");
    // Refused: the main identity.
    let main = format!("{JANES}/identities/auth0/63d17b7dbc8a5d0f3e9c4a21");
    assert_eq!(act(&sandbox, "DELETE", &main), 400);
    assert_eq!(types(&sandbox), Vec::<String>::new());

    assert_eq!(act(&sandbox, "DELETE", GITHUB), 200);
    let token = sandbox.token(ALL);
    let link = json!({ "provider": "github", "user_id": "58323117" });
    let identities = format!("{JANES}/identities");
    send_json(&sandbox, "POST", &identities, Some(&token), &link);
    send_json(
        &sandbox,
        "PATCH",
        JANES,
        Some(&token),
        &json!({ "blocked": true }),
    );
    let new = json!({
        "connection": "Username-Password-Authentication", "email": "kim@example.com", "password": "a-Pass-word-1",
    });
    let made = send_json(&sandbox, "POST", "/api/v2/users", Some(&token), &new).json();
    let kim = made["user_id"].as_str().unwrap().replace('|', "%7C");
    act(&sandbox, "DELETE", &format!("/api/v2/users/{kim}"));
    // Nobody is gone the second time.
    act(&sandbox, "DELETE", &format!("/api/v2/users/{kim}"));
    let told = entries(&sandbox, "sort=date:1");
    let described: Vec<(String, String)> =
        std::iter::zip(texts(&told, "type"), texts(&told, "description")).collect();
    let expected = [
        ("sapi", "Unlink a User Identity"),
        ("sapi", "Link a User Account"),
        ("sapi", "Update a User"),
        ("ss", ""),
        ("sapi", "Create a User"),
        ("sdu", ""),
        ("sapi", "Delete a User"),
        ("sapi", "Delete a User"),
    ];
    assert_eq!(
        described,
        expected.map(|(kind, description)| (kind.to_owned(), description.to_owned()))
    );
    assert_eq!(told[4]["details"]["request"]["body"]["password"], "*****");
    assert_eq!(
        [
            &told[5]["user_id"],
            &told[5]["user_name"],
            &told[5]["strategy_type"]
        ],
        [
            &made["user_id"],
            &json!("kim@example.com"),
            &json!("database")
        ]
    );
}

#[test]
fn what_is_not_documented_is_a_choice() {
    let sandbox = Sandbox::start().unwrap();
    assert!(sandbox.choose(Behaviour::LogRefused, "fapi"));
    assert!(sandbox.choose(Behaviour::LogDeletion, "sapi-only"));
    let main = format!("{JANES}/identities/auth0/63d17b7dbc8a5d0f3e9c4a21");
    act(&sandbox, "DELETE", &main);
    act(&sandbox, "DELETE", JANES);
    assert_eq!(types(&sandbox), ["fapi", "sapi"]);
    let rules = |parameters: &str| {
        let answer = get(&sandbox, &format!("/api/v2/logs?{parameters}"));
        answer.header("x-sandbox-rules").unwrap().to_owned()
    };
    assert_eq!(rules("q=type:sapi"), "log-delay");
    assert_eq!(
        rules("q=type:fapi"),
        "log-delay, log-refused-write, log-entries"
    );
}

#[test]
fn a_change_whose_answer_was_lost_is_told_and_one_that_was_not_made_is_not() {
    let sandbox = Sandbox::start().unwrap();
    let unlink = |apply| {
        Fault::new(Kind::Truncate { after: 1 })
            .apply(apply)
            .method("DELETE")
            .times(1)
    };
    sandbox.inject(unlink(Apply::Never));
    raw_unlink(&sandbox);
    assert_eq!(types(&sandbox), Vec::<String>::new());
    sandbox.inject(unlink(Apply::Now));
    raw_unlink(&sandbox);
    assert_eq!(types(&sandbox), ["sapi"]);
}

/// An unlinking whose answer may break off.
fn raw_unlink(sandbox: &Sandbox) {
    let (host, token) = (sandbox.domain(), sandbox.token(ALL));
    let head = format!("host: {host}\r\nauthorization: Bearer {token}\r\nconnection: close");
    let answer = raw(
        sandbox,
        &format!("DELETE {GITHUB} HTTP/1.1\r\n{head}\r\n\r\n"),
    );
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn tokens_and_limits_are_told_of() {
    let sandbox = frozen().plan(Plan::custom(5, 1)).start().unwrap();
    let form = |secret: &str| {
        format!(
            "grant_type=client_credentials&client_id={}&client_secret={secret}&audience={}/api/v2/",
            sandbox.client_id(),
            sandbox.url()
        )
    };
    let kind = "application/x-www-form-urlencoded";
    let token = |secret: &str| {
        send_body(&sandbox, "POST", "/oauth/token", None, kind, &form(secret)).status
    };
    assert_eq!((token(sandbox.client_secret()), token("wrong")), (200, 401));
    for (call, status) in [200, 200, 200, 200, 200, 429, 429].into_iter().enumerate() {
        assert_eq!(act(&sandbox, "GET", JANES), status, "{call}");
    }
    sandbox.advance(Duration::from_secs(5));
    let told = entries(&sandbox, "sort=date:1");
    assert_eq!(
        texts(&told, "type"),
        ["seccft", "feccft", "api_limit_warning", "api_limit"]
    );
    assert_eq!(told[0]["client_id"], sandbox.client_id());
    assert!(told[0]["scope"].as_str().unwrap().contains("update:users"));
    assert_eq!(told[1]["description"], "Unauthorized");
    let limit = json!({ "bucket": "global", "global": true, "size": 5 });
    assert_eq!(told[3]["details"]["limit"], limit);
    assert!(
        !serde_json::to_string(&told)
            .unwrap()
            .contains(sandbox.client_secret())
    );
}

#[test]
fn a_token_for_users_reads_the_log_too_and_one_without_does_not() {
    let sandbox = Sandbox::start().unwrap();
    for (scope, status) in [("read:logs_users", 200), ("read:users", 403)] {
        let token = sandbox.token(&[scope]);
        let answer = send(&sandbox, "GET", "/api/v2/logs", Some(&token));
        assert_eq!(answer.status, status, "{scope}");
    }
}

/// A tenant where `count` unlinkings were told of, which changed nothing.
fn with_entries(count: usize, builder: Builder) -> Sandbox {
    let sandbox = builder.start().unwrap();
    for number in 0..count {
        assert_eq!(
            act(
                &sandbox,
                "DELETE",
                &format!("{JANES}/identities/github/{number}")
            ),
            200
        );
    }
    sandbox
}

fn numbers(entries: &[Value]) -> Vec<usize> {
    let number = |entry: &Value| {
        let path = entry["details"]["request"]["path"].as_str().unwrap();
        path.rsplit_once('/').unwrap().1.parse().unwrap()
    };
    entries.iter().map(number).collect()
}

#[test]
fn checkpoints_lead_through_the_whole_log_once() {
    let sandbox = with_entries(7, frozen());
    let first = entries(&sandbox, "sort=date:1&per_page=1");
    let mut target = format!(
        "/api/v2/logs?from={}&take=3&page=9&q=nonsense",
        first[0]["log_id"].as_str().unwrap()
    );
    let mut seen = Vec::new();
    loop {
        let answer = get(&sandbox, &target);
        let page = answer.json().as_array().unwrap().clone();
        let link = answer.header("link").unwrap();
        let next = link.strip_prefix(&format!("<{}", sandbox.url())).unwrap();
        let next = next.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        seen.push(numbers(&page));
        if page.is_empty() {
            assert_eq!(next, target, "the same again when there is nothing new");
            break;
        }
        target = next;
    }
    assert_eq!(seen, [vec![1, 2, 3], vec![4, 5, 6], vec![]]);
    // What is done later comes after, even if the clock was set back.
    sandbox.freeze_at(SystemTime::UNIX_EPOCH);
    act(&sandbox, "DELETE", &format!("{JANES}/identities/github/7"));
    let page = get(&sandbox, &target).json();
    assert_eq!(numbers(page.as_array().unwrap()), [7]);
    assert_eq!(page[0]["date"], "1970-01-01T00:00:00.000Z");
}

#[test]
fn a_checkpoint_that_is_no_entry_leads_to_later_ones_or_is_refused() {
    let sandbox = with_entries(2, frozen());
    let before = format!("900{}", "0".repeat(53));
    assert_eq!(
        numbers(&entries(&sandbox, &format!("from={before}"))),
        [0, 1]
    );
    assert_eq!(
        entries(&sandbox, &format!("from={}", "9".repeat(56))),
        Vec::<Value>::new()
    );
    assert!(sandbox.choose(Behaviour::LogCheckpoint, "400"));
    let refused = get(&sandbox, &format!("/api/v2/logs?from={before}"));
    assert_eq!(
        (refused.status, refused.header("x-sandbox-rules").unwrap()),
        (400, "log-delay, log-checkpoint, validation-wording")
    );
    assert_eq!(
        get(&sandbox, &format!("/api/v2/logs?from={before}&take=101")).status,
        400
    );
}

#[test]
fn pages_show_the_newest_first_and_end_at_the_thousandth() {
    let sandbox = with_entries(5, Sandbox::builder());
    assert_eq!(numbers(&entries(&sandbox, "per_page=2")), [4, 3]);
    assert_eq!(numbers(&entries(&sandbox, "per_page=2&page=2")), [0]);
    assert_eq!(
        numbers(&entries(&sandbox, "sort=date:1&per_page=2")),
        [0, 1]
    );
    let whole = get(
        &sandbox,
        "/api/v2/logs?per_page=2&page=1&include_totals=true",
    )
    .json();
    assert_eq!(
        [
            &whole["start"],
            &whole["limit"],
            &whole["length"],
            &whole["total"]
        ],
        [2, 2, 2, 5]
    );
    assert_eq!(numbers(whole["logs"].as_array().unwrap()), [2, 1]);
    let only = entries(&sandbox, "fields=type,log_id&per_page=1");
    assert_eq!(
        only[0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["log_id", "type"]
    );
    let beyond = get(&sandbox, "/api/v2/logs?per_page=100&page=10");
    assert_eq!(
        (beyond.status, beyond.error().2.as_deref()),
        (400, Some("invalid_paging"))
    );
    assert_eq!(get(&sandbox, "/api/v2/logs?per_page=101").status, 400);
}

#[test]
fn a_query_finds_entries_by_what_they_say() {
    let sandbox = with_entries(2, Sandbox::builder());
    act(&sandbox, "DELETE", JANES);
    let found = |query: &str| texts(&entries(&sandbox, &format!("q={query}")), "type");
    assert_eq!(found("type:%22sdu%22"), ["sdu"]);
    assert_eq!(
        found("type:sapi%20AND%20details.response.statusCode:204"),
        ["sapi"]
    );
    assert_eq!(
        found("type:sdu%20OR%20description:%22Delete%20a%20User%22"),
        ["sapi", "sdu"]
    );
    assert_eq!(found("type:nothing"), Vec::<String>::new());
    for parameters in ["q=date:[2026%20TO%20*]", "search=x", "sort=type:1"] {
        let refused = get(&sandbox, &format!("/api/v2/logs?{parameters}"));
        assert_eq!(
            (refused.status, refused.error().2.as_deref()),
            (501, Some("not_served"))
        );
    }
}

#[test]
fn a_long_log_forgets_its_beginning_and_a_long_body_is_left_out() {
    let sandbox = with_entries(5, Sandbox::builder().log_capacity(3));
    assert_eq!(numbers(&entries(&sandbox, "")), [4, 3, 2]);
    // The id of an entry that is forgotten still leads to those after it.
    let ids = texts(&entries(&sandbox, "sort=date:1"), "log_id");
    act(&sandbox, "DELETE", &format!("{JANES}/identities/github/5"));
    assert_eq!(
        get(&sandbox, &format!("/api/v2/logs/{}", ids[0])).status,
        404
    );
    assert_eq!(
        numbers(&entries(&sandbox, &format!("from={}", ids[0]))),
        [3, 4, 5]
    );
    let long = json!({ "user_metadata": { "text": "x".repeat(5000) } });
    let token = sandbox.token(ALL);
    assert_eq!(
        send_json(&sandbox, "PATCH", JANES, Some(&token), &long).status,
        200
    );
    let entry = &entries(&sandbox, "per_page=1")[0];
    assert_eq!(entry["details"]["request"]["body"], Value::Null);
    assert_eq!(
        entry["details"]["response"],
        json!({ "statusCode": 200, "body": {} })
    );
    act(
        &sandbox,
        "DELETE",
        &format!("{JANES}/identities/github/{}", "é".repeat(5000)),
    );
    let path = &entries(&sandbox, "per_page=1")[0]["details"]["request"]["path"];
    assert_eq!(path.as_str().unwrap().chars().count(), 4096);
    sandbox.reset();
    assert_eq!(entries(&sandbox, ""), Vec::<Value>::new());
}
