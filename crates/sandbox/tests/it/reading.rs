//! Reading users: shapes, fields, tokens of identity providers, the request log.

use unlink_sandbox::{Sandbox, Seed};

use crate::client::{parse, raw, send};

const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";

#[test]
fn a_user_is_shown_without_idp_tokens_unless_they_may_be_seen() {
    let sandbox = Sandbox::start().unwrap();
    let plain = send(
        &sandbox,
        "GET",
        JANES,
        Some(&sandbox.token(&["read:users"])),
    );
    assert_eq!(plain.status, 200);
    assert_eq!(
        plain.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(plain.header("x-sandbox-provenance"), None);
    let user = plain.json();
    assert_eq!(user["identities"][0].get("profileData"), None);
    assert_eq!(user["identities"][1]["profileData"]["given_name"], "Jane");
    assert_eq!(user["identities"][1].get("access_token"), None);
    let tokens = send(
        &sandbox,
        "GET",
        JANES,
        Some(&sandbox.token(&["read:user_idp_tokens"])),
    );
    assert_eq!(
        tokens.json()["identities"][1]["access_token"],
        "ya29.sandbox-google-access-token"
    );
    assert_eq!(
        Some(tokens.json()),
        sandbox.user("auth0|63d17b7dbc8a5d0f3e9c4a21")
    );
}

#[test]
fn fields_are_included_or_excluded() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users"]);
    let keys = |query: &str| -> Vec<String> {
        let user = send(&sandbox, "GET", &format!("{JANES}?{query}"), Some(&token)).json();
        user.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys("fields=email,user_id"), ["email", "user_id"]);
    assert_eq!(
        keys("fields=email%2Cname&include_fields=true"),
        ["email", "name"]
    );
    let without = keys("fields=identities,email&include_fields=false");
    assert!(without.contains(&"name".to_owned()) && !without.contains(&"email".to_owned()));
}

#[test]
fn a_linked_accounts_own_id_names_no_user() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users"]);
    let linked = send(
        &sandbox,
        "GET",
        "/api/v2/users/github%7C58323117",
        Some(&token),
    );
    assert_eq!(linked.error().2.as_deref(), Some("inexistent_user"));
    assert_eq!(linked.header("x-sandbox-provenance"), Some("inferred"));
    let nobody = send(&sandbox, "GET", "/api/v2/users/github%7C1", Some(&token));
    assert_eq!(nobody.error().0, 404);
    assert_eq!(nobody.header("x-sandbox-provenance"), None);
}

#[test]
fn requests_are_logged_as_received_without_the_token() {
    let sandbox = Sandbox::builder().seed(Seed::empty()).start().unwrap();
    let token = sandbox.token(&["read:users"]);
    send(
        &sandbox,
        "GET",
        "/api/v2/users/a|b%7Cc%2Fd?fields=email",
        Some(&token),
    );
    let requests = sandbox.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/api/v2/users/a|b%7Cc%2Fd")
    );
    assert_eq!(request.query.as_deref(), Some("fields=email"));
    assert_eq!(request.status, Some(404));
    assert_eq!(request.operation.as_deref(), Some("get_users_by_id"));
    assert_eq!(request.headers["authorization"], "<redacted>");
    assert!(!format!("{requests:?}").contains(&token));
}

#[test]
fn a_foreign_host_is_refused_and_an_unserved_operation_names_itself() {
    let sandbox = Sandbox::start().unwrap();
    let foreign = raw(
        &sandbox,
        "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
    );
    assert_eq!(parse(&foreign).status, 421);
    assert!(sandbox.requests().is_empty());
    let unserved = send(&sandbox, "GET", "/api/v2/clients/abc", None);
    assert_eq!(unserved.status, 501);
    assert!(
        unserved
            .error()
            .1
            .starts_with("get_clients_by_id (GET /api/v2/clients/abc) is not served")
    );
    assert_eq!(send(&sandbox, "PUT", "/api/v2/nonsense", None).status, 404);
}

#[test]
fn tenants_are_independent_and_stop_when_dropped() {
    let (one, two) = (Sandbox::start().unwrap(), Sandbox::start().unwrap());
    let token = one.token(&["delete:users"]);
    assert_eq!(send(&one, "DELETE", JANES, Some(&token)).status, 204);
    assert_eq!((one.users().len(), two.users().len()), (4, 5));
    let addr = one.addr();
    drop(one);
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[test]
fn a_tenant_starts_and_stops_inside_an_async_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let started = runtime.block_on(async {
        let sandbox = Sandbox::start().unwrap();
        let moved = tokio::spawn(async move { sandbox.users().len() });
        moved.await.unwrap()
    });
    assert_eq!(started, 5);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let first = Sandbox::start().unwrap();
    let error = Sandbox::builder()
        .port(first.addr().port())
        .start()
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}
