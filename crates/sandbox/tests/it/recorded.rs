//! Exchanges that were recorded of real tenants, replayed: same request, same status, same keys.
//!
//! Recorded by the test suites of Auth0's Go SDK (v1.45.0, January 2023) and Ruby SDK (v5.20.0, September 2021). Names
//! and ids are our own.

use serde_json::{Value, json};
use unlink_sandbox::{Plan, Sandbox, Seed};

use crate::client::{Answer, Session, parse, raw};

const CONNECTION: &str = "Username-Password-Authentication";
const CONNECTION_ID: &str = "con_0123456789abcdEF";

const CREATED_FULL: &[&str] = &[
    "app_metadata",
    "blocked",
    "created_at",
    "email",
    "email_verified",
    "family_name",
    "given_name",
    "identities",
    "name",
    "nickname",
    "picture",
    "updated_at",
    "user_id",
    "user_metadata",
    "username",
];
const CREATED_PLAIN: &[&str] = &[
    "created_at",
    "email",
    "email_verified",
    "identities",
    "name",
    "nickname",
    "picture",
    "updated_at",
    "user_id",
];
const MAIN_IN_USER: &[&str] = &["connection", "isSocial", "provider", "user_id"];
const IN_ARRAY: &[&str] = &[
    "connection",
    "isSocial",
    "profileData",
    "provider",
    "user_id",
];
/// A name the tenant made from the e-mail is none of the profile.
const PROFILE_FULL: &[&str] = &[
    "email",
    "email_verified",
    "family_name",
    "given_name",
    "nickname",
    "picture",
    "username",
];
const PROFILE_PLAIN: &[&str] = &["email", "email_verified", "name"];

fn tenant() -> (Sandbox, Session) {
    let seed = json!({
        "connections": [{ "id": CONNECTION_ID, "name": CONNECTION, "strategy": "auth0" }],
        "users": [],
    });
    let sandbox = Sandbox::builder()
        .seed(Seed::from_json(&seed.to_string()).unwrap())
        .plan(Plan::named("private-10000").unwrap())
        .start()
        .unwrap();
    let scopes = [
        "create:users",
        "read:users",
        "update:users",
        "delete:users",
        "read:connections",
    ];
    let session = Session::new(&sandbox, &sandbox.token(&scopes));
    (sandbox, session)
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn full(number: usize) -> Value {
    json!({
        "connection": CONNECTION, "email": format!("kai{number}@example.com"), "given_name": "Kai",
        "family_name": "Moss", "username": format!("kai-{number}"), "nickname": "Kai", "password": "a pass phrase",
        "user_metadata": { "likes": "tea" }, "verify_email": false, "app_metadata": { "facts": ["one", "two"] },
        "picture": "https://example.com/kai.jpg", "blocked": false, "email_verified": true,
    })
}

fn plain(number: usize) -> Value {
    json!({
        "name": format!("kai-{number}"), "email": format!("kai{number}@example.com"), "password": "a pass phrase",
        "connection": CONNECTION,
    })
}

fn create(session: &mut Session, body: &Value, expected: &[&str]) -> String {
    let answer = session.send("POST", "/api/v2/users", Some(body));
    assert_eq!(answer.status, 201, "{}", answer.body);
    recorded_headers(&answer, true);
    let user = answer.json();
    assert_eq!(keys(&user), expected);
    assert_eq!(keys(&user["identities"][0]), MAIN_IN_USER);
    user["user_id"].as_str().unwrap().to_owned()
}

/// The headers of all recorded answers of the Ruby SDK's tests.
fn recorded_headers(answer: &Answer, success: bool) {
    for (name, value) in [
        ("content-type", "application/json; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("vary", "origin,accept-encoding"),
        ("x-content-type-options", "nosniff"),
        ("strict-transport-security", "max-age=31536000"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    for name in [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ] {
        assert_eq!(answer.header(name).is_some(), success, "{name}");
    }
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

fn path(user_id: &str) -> String {
    format!("/api/v2/users/{}", user_id.replace('|', "%7C"))
}

fn bare(user_id: &str) -> &str {
    user_id.split_once('|').unwrap().1
}

fn check_array(answer: &Answer, status: u16, length: usize, profile: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    recorded_headers(answer, true);
    let identities = answer.json();
    assert_eq!(identities.as_array().unwrap().len(), length);
    for identity in identities.as_array().unwrap() {
        assert_eq!(keys(identity), IN_ARRAY);
        assert_eq!(keys(&identity["profileData"]), profile);
    }
}

#[test]
fn go_link_and_unlink() {
    let (sandbox, mut session) = tenant();
    let main = create(&mut session, &full(1), CREATED_FULL);
    let secondary = create(&mut session, &full(2), CREATED_FULL);
    let connections =
        format!("/api/v2/connections?include_totals=true&name={CONNECTION}&per_page=50");
    let listed = session.send("GET", &connections, Some(&Value::Null)).json();
    assert_eq!(keys(&listed), ["connections", "limit", "start", "total"]);
    assert_eq!(
        (&listed["total"], &listed["start"], &listed["limit"]),
        (&json!(1), &json!(0), &json!(50))
    );
    assert_eq!(listed["connections"][0]["id"], CONNECTION_ID);

    let body = json!({ "connection_id": CONNECTION_ID, "user_id": secondary, "provider": "auth0" });
    let linked = session.send("POST", &format!("{}/identities", path(&main)), Some(&body));
    check_array(&linked, 201, 2, PROFILE_FULL);
    // The SDK sends a body of `null` with its DELETE.
    let unlink = format!("{}/identities/auth0/{}", path(&main), bare(&secondary));
    check_array(
        &session.send("DELETE", &unlink, Some(&Value::Null)),
        200,
        1,
        PROFILE_FULL,
    );
    for id in [&secondary, &main] {
        assert!(sandbox.user(id).is_some());
        let deleted = session.send("DELETE", &path(id), None);
        assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
        recorded_headers(&deleted, true);
    }
}

#[test]
fn go_link_then_delete_the_linked_accounts_own_id() {
    let (sandbox, mut session) = tenant();
    let main = create(&mut session, &full(1), CREATED_FULL);
    let secondary = create(&mut session, &full(2), CREATED_FULL);
    let body = json!({ "connection_id": CONNECTION_ID, "user_id": secondary, "provider": "auth0" });
    session.send("POST", &format!("{}/identities", path(&main)), Some(&body));
    assert_eq!(session.send("DELETE", &path(&secondary), None).status, 204);
    assert_eq!(session.send("DELETE", &path(&main), None).status, 204);
    assert!(sandbox.users().is_empty());
}

#[test]
fn go_delete_get_delete_again() {
    let (_sandbox, mut session) = tenant();
    let user = create(&mut session, &full(1), CREATED_FULL);
    assert_eq!(session.send("DELETE", &path(&user), None).status, 204);
    let gone = session.send("GET", &path(&user), Some(&Value::Null));
    let body = json!({ "statusCode": 404, "error": "Not Found", "message": "The user does not exist.", "errorCode": "inexistent_user" });
    assert_eq!((gone.status, gone.json()), (404, body));
    recorded_headers(&gone, false);
    assert_eq!(session.send("DELETE", &path(&user), None).status, 204);
}

#[test]
fn go_read_find_and_update() {
    let (_sandbox, mut session) = tenant();
    let user = create(&mut session, &full(1), CREATED_FULL);
    let read = session.send("GET", &path(&user), Some(&Value::Null));
    assert_eq!(
        (read.status, keys(&read.json())),
        (200, CREATED_FULL.to_vec())
    );
    let found = session.send(
        "GET",
        "/api/v2/users-by-email?email=kai1%40example.com",
        Some(&Value::Null),
    );
    assert_eq!(found.json(), json!([read.json()]));
    let body = json!({ "connection": CONNECTION, "password": "another", "app_metadata": { "foo": "bar" } });
    let updated = session.send("PATCH", &path(&user), Some(&body));
    assert_eq!(updated.status, 200);
    let updated = updated.json();
    let mut expected = CREATED_FULL.to_vec();
    expected.push("last_password_reset");
    expected.sort_unstable();
    assert_eq!(keys(&updated), expected);
    assert_eq!(
        updated["app_metadata"],
        json!({ "facts": ["one", "two"], "foo": "bar" })
    );
}

#[test]
fn go_log_entries() {
    let (sandbox, mut session) = tenant();
    let user = create(&mut session, &full(1), CREATED_FULL);
    session.send("DELETE", &path(&user), Some(&Value::Null));
    let mut session = Session::new(&sandbox, &sandbox.token(&["read:logs"]));
    let mut read = |target: &str| session.send("GET", target, Some(&Value::Null)).json();
    let keys_of_all = [
        "_id",
        "audience",
        "client_id",
        "client_name",
        "connection",
        "connection_id",
        "date",
        "description",
        "details",
        "hostname",
        "ip",
        "isMobile",
        "location_info",
        "log_id",
        "organization_id",
        "organization_name",
        "strategy",
        "strategy_type",
        "type",
        "user_agent",
        "user_id",
        "user_name",
    ];
    let told = read("/api/v2/logs?per_page=5&q=type%3A%22sapi%22");
    let [deleted, created] = &told.as_array().unwrap()[..] else {
        panic!("{told}");
    };
    for (entry, description) in [(deleted, "Delete a User"), (created, "Create a User")] {
        assert_eq!(keys(entry), keys_of_all);
        assert_eq!(entry["description"], description);
        assert_eq!(entry["log_id"].as_str().unwrap().len(), 56);
        let details = &entry["details"];
        assert_eq!(keys(details), ["request", "response"]);
        let request = [
            "auth",
            "body",
            "channel",
            "ip",
            "method",
            "path",
            "query",
            "userAgent",
        ];
        assert_eq!(keys(&details["request"]), request);
    }
    assert_eq!(deleted["details"]["request"]["path"], path(&user));
    assert_eq!(deleted["details"]["request"]["body"], Value::Null);
    assert_eq!(
        deleted["details"]["response"],
        json!({ "body": {}, "statusCode": 204 })
    );
    assert_eq!(created["details"]["request"]["body"]["password"], "*****");
    let id = created["log_id"].as_str().unwrap();
    assert_eq!(read(&format!("/api/v2/logs/{id}")), *created);
    // Creating left an entry of a sign-up too; after it, by checkpoint, the earliest first.
    let signed_up = read("/api/v2/logs?page=0&per_page=5&sort=date:1")[0].clone();
    let first = signed_up["log_id"].as_str().unwrap();
    assert_eq!(signed_up["type"], "ss");
    assert_eq!(
        read(&format!("/api/v2/logs?from={first}&take=1")),
        json!([created])
    );
}

#[test]
fn ruby_unlink_with_the_prefixed_id_changes_nothing() {
    let (_sandbox, mut session) = tenant();
    let main = create(&mut session, &plain(1), CREATED_PLAIN);
    let secondary = create(&mut session, &plain(2), CREATED_PLAIN);
    let body = json!({ "provider": "auth0", "user_id": secondary });
    let linked = session.send("POST", &format!("{}/identities", path(&main)), Some(&body));
    check_array(&linked, 201, 2, PROFILE_PLAIN);
    let unlink = format!(
        "{}/identities/auth0/{}",
        path(&main),
        secondary.replace('|', "%7C")
    );
    check_array(
        &session.send("DELETE", &unlink, None),
        200,
        2,
        PROFILE_PLAIN,
    );
    // The users that the SDK listed show it too: only the linked identity has a profile of its own.
    let read = session.send("GET", &path(&main), None).json();
    assert_eq!(keys(&read["identities"][0]), MAIN_IN_USER);
    assert_eq!(keys(&read["identities"][1]), IN_ARRAY);
}

#[test]
fn ruby_fields_and_update() {
    let (_sandbox, mut session) = tenant();
    let user = create(&mut session, &plain(1), CREATED_PLAIN);
    let mut read = |query: &str| {
        session
            .send("GET", &format!("{}?{query}", path(&user)), None)
            .json()
    };
    assert_eq!(keys(&read("include_fields=true")), CREATED_PLAIN);
    let fields = "fields=picture,email,user_id";
    assert_eq!(
        keys(&read(&format!("{fields}&include_fields=true"))),
        ["email", "picture", "user_id"]
    );
    let rest = [
        "created_at",
        "email_verified",
        "identities",
        "name",
        "nickname",
        "updated_at",
    ];
    assert_eq!(keys(&read(&format!("{fields}&include_fields=false"))), rest);
    let body = json!({ "email_verified": true, "user_metadata": { "addresses": { "home": "1 Main Street" } } });
    let updated = session.send("PATCH", &path(&user), Some(&body));
    assert_eq!(updated.status, 200);
    assert_eq!(updated.json()["email_verified"], true);
    assert_eq!(keys(&updated.json()).len(), CREATED_PLAIN.len() + 1);
}

#[test]
fn ruby_a_basic_header_is_no_authentication() {
    let (sandbox, _) = tenant();
    let request = format!(
        "GET /api/v2/users/auth0%7C1 HTTP/1.1\r\nhost: {}\r\nauthorization: Basic YTpi\r\nconnection: close\r\n\r\n",
        sandbox.domain(),
    );
    let answer = parse(&raw(&sandbox, &request));
    let body =
        json!({ "statusCode": 401, "error": "Unauthorized", "message": "Missing authentication" });
    assert_eq!((answer.status, answer.json()), (401, body));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    recorded_headers(&answer, false);
}
