//! The typed requests, described and decoded without a client.

use bytes::Bytes;
use transport::{Operation, Response, Settled};
use unlink::{
    ChangeIdentity, IdentityKey, ListIdentities, ListedIdentity, ProviderName, Secondary, Snapshot,
    TakeSnapshot, UserId,
};

fn response(status: u16, body: &'static str) -> Response {
    let mut response = http::Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    response.into()
}

/// The DELETE for one identity of `auth0|1`.
fn unlink(user: &str, provider: &str, id: &str) -> ChangeIdentity {
    let provider: ProviderName = provider.parse().unwrap();
    let identity = ListedIdentity::new(IdentityKey::new(provider, id.parse().unwrap()), None);
    let user: UserId = user.parse().unwrap();
    let main = ListedIdentity::new("auth0|1".parse().unwrap(), None);
    let seen = Snapshot::new(user, vec![main, identity.clone()]);
    ChangeIdentity::unlink(&seen, &identity).unwrap()
}

#[test]
fn requests_keep_hostile_ids_in_their_place() {
    for (user, provider, id, path) in [
        (
            "auth0|1",
            "google-oauth2",
            "2",
            "/api/v2/users/auth0%7C1/identities/google-oauth2/2",
        ),
        (
            "auth0|1#",
            "google-oauth2",
            "2",
            "/api/v2/users/auth0%7C1%23/identities/google-oauth2/2",
        ),
        (
            "auth0|1",
            "a/b",
            "2",
            "/api/v2/users/auth0%7C1/identities/a%2Fb/2",
        ),
        (
            "auth0|1",
            "oauth2",
            "../..",
            "/api/v2/users/auth0%7C1/identities/oauth2/..%2F..",
        ),
        (
            "auth0|1",
            "oauth2",
            "siwe|eip155%3A5",
            "/api/v2/users/auth0%7C1/identities/oauth2/siwe%7Ceip155%253A5",
        ),
        (
            "auth0|1",
            "samlp",
            "conn|a@b.c",
            "/api/v2/users/auth0%7C1/identities/samlp/conn%7Ca%40b.c",
        ),
        (
            "auth0|1",
            "sms",
            "é 🦀\n?",
            "/api/v2/users/auth0%7C1/identities/sms/%C3%A9%20%F0%9F%A6%80%0A%3F",
        ),
    ] {
        let operation = unlink(user, provider, id);
        assert_eq!(operation.request().method(), "DELETE");
        assert_eq!(operation.request().path().as_str(), path);
        let probe = operation.probe().unwrap();
        assert_eq!(probe.method(), "GET");
        let user = path.split('/').nth(4).unwrap();
        assert_eq!(
            probe.path().as_str(),
            format!("/api/v2/users/{user}?fields=user_id%2Cidentities")
        );
    }
}

#[test]
fn dot_segments_from_a_tenant_are_refused() {
    // A tenant's JSON may hold any text; the path still refuses what would leave the endpoint.
    let listed = identity_listed(r#"[{"provider":"auth0","user_id":".."}]"#);
    let seen = Snapshot::new("auth0|1".parse().unwrap(), vec![listed.clone()]);
    let error = ChangeIdentity::unlink(&seen, &listed).unwrap_err();
    assert_eq!(
        error.kind(),
        unlink::ErrorKind::Request(transport::ErrorKind::Input)
    );
}

fn identity_listed(json: &str) -> ListedIdentity {
    unlink::identity_model::listed_identities(json.as_bytes())
        .unwrap()
        .remove(0)
        .unwrap()
}

#[test]
fn an_answer_is_judged_by_what_it_lists() {
    let operation = unlink("auth0|1", "github", "2");
    let main = r#"{"provider":"auth0","user_id":"1"}"#;
    for (rest, still_linked, warnings) in [
        ("", false, 0),
        (r#",{"provider":"github","user_id":2}"#, true, 0),
        (r#",{"provider":"github","user_id":"github|2"}"#, true, 0),
        (
            r#",{"provider":"github","user_id":"work|2","connection":"work"}"#,
            true,
            0,
        ),
        (
            r#",{"provider":"github","user_id":22},{"provider":"oauth2","user_id":"2"}"#,
            false,
            0,
        ),
    ] {
        let body: &'static str = format!("[{main}{rest}]").leak();
        let remaining = operation.decode(&response(200, body)).unwrap();
        assert_eq!(
            (remaining.is_linked, remaining.warnings.len()),
            (still_linked, warnings),
            "{body}"
        );
        let body: &'static str = format!(r#"{{"identities":[{main}{rest}]}}"#).leak();
        let settled = operation.settle(&response(200, body)).unwrap();
        assert_eq!(
            matches!(settled, Settled::Unchanged),
            still_linked,
            "{body}"
        );
    }
    assert!(matches!(
        operation
            .settle(&response(404, r#"{"statusCode":404}"#))
            .unwrap(),
        Settled::Missing
    ));
    // No list is ever empty: the main one is always left.
    for body in ["<html>", "{}", "", "null", "[]"] {
        assert!(operation.decode(&response(200, body)).is_err(), "{body}");
    }
}

#[test]
fn what_cannot_be_read_and_may_be_it_shows_nothing() {
    let operation = unlink("auth0|1", "github", "2");
    let main = r#"{"provider":"auth0","user_id":"1"}"#;
    for (rest, may_be_unreadable) in [
        (r#"{"provider":"github","user_id":null}"#, true),
        (r#"{"user_id":2}"#, true),
        (r#"{"user_id":"github|2"}"#, true),
        ("17", true),
        // Parts that can be read rule it out.
        (r#"{"provider":"oauth2","user_id":null}"#, false),
        (r#"{"user_id":22}"#, false),
        // It is there all the same.
        (r#"17,{"provider":"github","user_id":2}"#, false),
    ] {
        let body: &'static str = format!("[{main},{rest}]").leak();
        let after = operation.decode(&response(200, body)).unwrap();
        assert_eq!(after.may_be_unreadable, may_be_unreadable, "{body}");
        // A read that does not tell is no leave to send again.
        let body: &'static str = format!(r#"{{"identities":[{main},{rest}]}}"#).leak();
        let settled = operation.settle(&response(200, body)).unwrap();
        assert_eq!(
            matches!(settled, Settled::Unchanged),
            rest.contains("17,"),
            "{body}"
        );
    }
    // What could not be read before either is another one.
    let odd: &[u8] = br#"{"identities":[{"provider":"auth0","user_id":"1"},{"provider":"github"},{"provider":"github","user_id":2}]}"#;
    let seen = TakeSnapshot::new(&"auth0|1".parse().unwrap()).unwrap();
    let seen = seen
        .decode(&response(200, std::str::from_utf8(odd).unwrap()))
        .unwrap();
    let operation = ChangeIdentity::unlink(&seen, &seen.listed()[1]).unwrap();
    let left = |body| {
        operation
            .decode(&response(200, body))
            .unwrap()
            .may_be_unreadable
    };
    assert!(!left(
        r#"[{"provider":"auth0","user_id":"1"},{"provider":"github"}]"#
    ));
    assert!(left(
        r#"[{"provider":"auth0","user_id":"1"},{"provider":"github"},{"provider":"github"}]"#
    ));
    // The same of a user that was read in full.
    let user = unlink::User::from_json(odd).unwrap();
    let seen = Snapshot::of("auth0|1".parse().unwrap(), user.identities().unwrap());
    let operation = ChangeIdentity::unlink(&seen, &seen.listed()[1]).unwrap();
    let body = r#"[{"provider":"auth0","user_id":"1"},{"provider":"github"}]"#;
    assert!(
        !operation
            .decode(&response(200, body))
            .unwrap()
            .may_be_unreadable
    );
}

#[test]
fn of_two_alike_one_more_is_linked() {
    let main = ListedIdentity::new("auth0|1".parse().unwrap(), None);
    let twin = ListedIdentity::new("auth0|2".parse().unwrap(), Some("A".to_owned()));
    let seen = Snapshot::new("auth0|1".parse().unwrap(), vec![main, twin]);
    let account = Secondary::from("auth0|2".parse::<IdentityKey>().unwrap()).in_connection("con_b");
    let operation = ChangeIdentity::link(&seen, &account).unwrap();
    let linked = |body| operation.decode(&response(201, body)).unwrap().is_linked;
    assert!(!linked(
        r#"[{"provider":"auth0","user_id":"1"},{"provider":"auth0","user_id":"2"}]"#
    ));
    assert!(linked(
        r#"[{"provider":"auth0","user_id":"1"},{"provider":"auth0","user_id":"2"},{"provider":"auth0","user_id":"2"}]"#
    ));
}

#[test]
fn of_two_alike_one_less_is_unlinked() {
    // Two connections may hold the same provider and id; the path cannot tell them apart.
    let twin = |connection: &str| {
        ListedIdentity::new("auth0|2".parse().unwrap(), Some(connection.to_owned()))
    };
    let main = ListedIdentity::new("auth0|1".parse().unwrap(), None);
    let seen = Snapshot::new("auth0|1".parse().unwrap(), vec![main, twin("A"), twin("B")]);
    let operation = ChangeIdentity::unlink(&seen, &twin("A")).unwrap();
    let left = |body| operation.decode(&response(200, body)).unwrap().is_linked;
    assert!(left(
        r#"[{"provider":"auth0","user_id":"2"},{"provider":"auth0","user_id":"2"}]"#
    ));
    assert!(!left(r#"[{"provider":"auth0","user_id":"2"}]"#));
}

#[test]
fn a_list_decodes_in_full() {
    let operation = ListIdentities::new(&"auth0|1".parse().unwrap()).unwrap();
    let user = operation.decode(&response(
        200,
        r#"{"user_id":"auth0|1","identities":[{"provider":"auth0","user_id":"1"}]}"#,
    ));
    assert_eq!(user.unwrap().identities().unwrap().len(), 1);
}
