//! Bearer tokens: who is let in, and what the others are told.

use std::time::{Duration, SystemTime};

use unlink_sandbox::Sandbox;

use crate::client::send;

const JANE: &str = "auth0|63d17b7dbc8a5d0f3e9c4a21";
const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";
const GITHUB: &str = "/identities/github/58323117";

#[test]
fn requests_without_a_good_token_are_turned_away() {
    let sandbox = Sandbox::start().unwrap();
    let other = Sandbox::start().unwrap();
    let get = |token: Option<&str>| send(&sandbox, "GET", JANES, token);

    let none = get(None);
    assert_eq!(none.error(), (401, "Missing authentication".into(), None));
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));

    let expired = get(Some(&sandbox.expired_token(&["read:users"])));
    let message = "Expired token received for JSON Web Token validation";
    assert_eq!(expired.error(), (401, message.into(), None));
    assert_eq!(expired.json()["attributes"]["error"], message);

    let soon = SystemTime::now() + Duration::from_secs(60);
    assert_eq!(
        get(Some(&sandbox.token_expiring_at(&["read:users"], soon))).status,
        200
    );

    let garbage = get(Some("garbage"));
    assert_eq!(garbage.error().1, "Bad HTTP authentication header format");
    assert_eq!(garbage.status, 400);

    let foreign = get(Some(&other.token(&["read:users"])));
    assert_eq!(
        foreign.error(),
        (401, format!("Bad audience: {}/api/v2/", other.url()), None)
    );

    let mut token = sandbox.token(&["read:users"]);
    token.replace_range(token.len() - 8.., "AAAAAAAA");
    assert_eq!(
        get(Some(&token)).error().1,
        "Invalid signature received for JSON Web Token validation"
    );
}

#[test]
fn a_missing_scope_is_named() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:clients"]);
    let expected = |scopes: &str| {
        (
            403,
            format!("Insufficient scope, expected any of: {scopes}"),
            Some("insufficient_scope".to_owned()),
        )
    };
    let get = send(&sandbox, "GET", JANES, Some(&token));
    assert_eq!(
        get.error(),
        expected("read:users,read:current_user,read:user_idp_tokens")
    );
    let delete = send(&sandbox, "DELETE", JANES, Some(&token));
    assert_eq!(delete.error(), expected("delete:users,delete:current_user"));
    let unlink = send(
        &sandbox,
        "DELETE",
        &format!("{JANES}{GITHUB}"),
        Some(&token),
    );
    assert_eq!(
        unlink.error(),
        expected("update:users,update:current_user_identities")
    );
    assert!(sandbox.effects().is_empty());
}

#[test]
fn a_users_own_token_acts_on_that_user_only() {
    let sandbox = Sandbox::start().unwrap();
    let scopes = ["read:current_user", "update:current_user_identities"];
    let target = format!("{JANES}{GITHUB}");
    let stranger = sandbox.user_token("auth0|63d2a4f18e0b7c35d9a61f47", &scopes);
    let refused = send(&sandbox, "DELETE", &target, Some(&stranger));
    assert_eq!(refused.error().2.as_deref(), Some("unowned_resource"));
    assert_eq!(send(&sandbox, "GET", JANES, Some(&stranger)).status, 403);
    assert!(sandbox.effects().is_empty());
    let own = sandbox.user_token(JANE, &scopes);
    assert_eq!(send(&sandbox, "GET", JANES, Some(&own)).status, 200);
    assert_eq!(send(&sandbox, "DELETE", &target, Some(&own)).status, 200);
}
