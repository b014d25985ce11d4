//! `GET /users`: queries, pages, totals, order, and the lag behind what is.

use std::time::Duration;

use serde_json::{Value, json};
use unlink_sandbox::{Population, Sandbox};

use crate::client::{Answer, send, send_json};

const JANE: &str = "auth0|63d17b7dbc8a5d0f3e9c4a21";
const GITHUB: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21/identities/github/58323117";

fn search(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> Answer {
    let token = sandbox.token(&["read:users"]);
    let query: String = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}&", encoded(value)))
        .collect();
    send(
        sandbox,
        "GET",
        &format!("/api/v2/users?{query}"),
        Some(&token),
    )
}

fn encoded(value: &str) -> String {
    value.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let users = answer.json();
    let id = |user: &Value| user["user_id"].as_str().unwrap().to_owned();
    users.as_array().unwrap().iter().map(id).collect()
}

#[test]
fn a_query_finds_whom_it_describes() {
    let sandbox = Sandbox::start().unwrap();
    let linked_github = r#"identities.connection:"github""#;
    let table: [(&str, &[&str]); 8] = [
        (linked_github, &[JANE]),
        ("identities.user_id:58323117", &[JANE]),
        ("identities.profileData.email:jane.doe@gmail.com", &[JANE]),
        ("email:JANE.DOE@example.com", &[JANE]),
        (r#"user_id:"auth0|63d17b7dbc8a5d0f3e9c4a21""#, &[JANE]),
        ("app_metadata.roles:editor", &[JANE]),
        (
            "identities.connection:google-oauth2 AND NOT identities.provider:auth0 AND email:*example.com",
            &["samlp|example-saml|jane@example.com"],
        ),
        ("user_id:nobody OR name:nobody", &[]),
    ];
    for (query, expected) in table {
        assert_eq!(ids(&search(&sandbox, &[("q", query)])), expected, "{query}");
    }
    assert_eq!(ids(&search(&sandbox, &[])).len(), sandbox.users().len());
}

#[test]
fn a_page_has_its_place_in_the_whole() {
    let sandbox = Sandbox::start().unwrap();
    let parameters = [
        ("include_totals", "true"),
        ("per_page", "2"),
        ("page", "1"),
        ("fields", "user_id"),
        ("sort", "created_at:1"),
    ];
    let answer = search(&sandbox, &parameters);
    assert!(
        answer
            .body
            .starts_with(r#"{"start":2,"limit":2,"length":2,"users":[{"user_id":"#),
        "{}",
        answer.body
    );
    assert_eq!(answer.json()["total"], sandbox.users().len());
    let up = ids(&search(&sandbox, &[("sort", "email:1"), ("q", "email:*")]));
    let mut down = ids(&search(&sandbox, &[("sort", "email:-1"), ("q", "email:*")]));
    down.reverse();
    assert_eq!(up, down);
    assert!(up.len() > 1);
}

#[test]
fn nobody_is_shown_beyond_the_first_thousand() {
    let seed = Population::new(1_200).generate();
    let sandbox = Sandbox::builder().seed(seed).start().unwrap();
    assert_eq!(ids(&search(&sandbox, &[])).len(), 50);
    let last = search(&sandbox, &[("per_page", "100"), ("page", "9")]);
    assert_eq!(ids(&last).len(), 100);
    let (status, message, code) = search(&sandbox, &[("per_page", "100"), ("page", "10")]).error();
    assert_eq!((status, code.as_deref()), (400, Some("invalid_paging")));
    assert!(message.starts_with("You can only page through the first 1000 records."));
    let total = search(&sandbox, &[("include_totals", "true")]).json();
    assert_eq!(total["total"], 1_200);
}

#[test]
fn what_is_refused_says_why() {
    let sandbox = Sandbox::start().unwrap();
    for parameter in [
        ("q", "(email:x"),
        ("sort", "email"),
        ("per_page", "101"),
        ("search_engine", "v2"),
    ] {
        let refused = search(&sandbox, &[parameter]).error();
        assert_eq!(
            refused.2.as_deref(),
            Some("invalid_query_string"),
            "{parameter:?}"
        );
    }
    // Not every list is paged by checkpoint.
    let (_, message, _) = search(&sandbox, &[("take", "5"), ("from", ""), ("page", "0")]).error();
    assert_eq!(
        message,
        "Query validation error: 'Additional properties not allowed: from,take'."
    );
    for parameter in [("q", "jane"), ("connection", "github")] {
        let (status, _, code) = search(&sandbox, &[parameter]).error();
        assert_eq!((status, code.as_deref()), (501, Some("not_served")));
    }
    let token = sandbox.token(&["read:current_user"]);
    assert_eq!(
        send(&sandbox, "GET", "/api/v2/users", Some(&token)).status,
        403
    );
}

#[test]
fn a_search_is_behind_and_a_read_is_not() {
    let lag = Duration::from_secs(3);
    let sandbox = Sandbox::builder().search_lag(lag).start().unwrap();
    sandbox.freeze();
    let token = sandbox.token(&["update:users", "read:users", "delete:users"]);
    let linked = || ids(&search(&sandbox, &[("q", "identities.provider:github")]));
    assert_eq!(send(&sandbox, "DELETE", GITHUB, Some(&token)).status, 200);
    sandbox.advance(lag - Duration::from_millis(1));
    let read = send(
        &sandbox,
        "GET",
        "/api/v2/users/github%7C58323117",
        Some(&token),
    );
    assert_eq!(read.status, 200);
    assert_eq!(linked(), [JANE]);
    sandbox.advance(Duration::from_millis(1));
    assert_eq!(linked(), ["github|58323117"]);
    // A deletion, too.
    let freed = "/api/v2/users/github%7C58323117";
    assert_eq!(send(&sandbox, "DELETE", freed, Some(&token)).status, 204);
    assert_eq!(linked(), ["github|58323117"]);
    sandbox.advance(lag);
    assert!(linked().is_empty());
}

#[test]
fn the_lag_is_a_control() {
    let sandbox = Sandbox::start().unwrap();
    let body = json!({ "lag_ms": 60_000 });
    let put = send_json(&sandbox, "PUT", "/__sandbox/search", None, &body);
    assert_eq!(put.status, 204);
    let get = send(&sandbox, "GET", "/__sandbox/search", None);
    assert_eq!(get.json(), body);
    let token = sandbox.token(&["update:users"]);
    assert_eq!(send(&sandbox, "DELETE", GITHUB, Some(&token)).status, 200);
    let found = search(&sandbox, &[("q", "identities.provider:github")]);
    assert_eq!(ids(&found), [JANE]);
    // What is put in the place of everything is known at once.
    sandbox.restore(Population::new(3).generate());
    assert_eq!(ids(&search(&sandbox, &[])).len(), 3);
}
