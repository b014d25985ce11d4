//! The table of undocumented behaviours: it can be switched, inferred answers say so, a strict tenant refuses them.

use serde_json::json;
use unlink_sandbox::provenance::{Behaviour, TABLE};
use unlink_sandbox::{Builder, Plan, Sandbox};

use crate::client::{send, send_json};

const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";

#[test]
fn a_choice_changes_what_is_answered() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users", "read:users"]);
    let unlink = |target: &str| {
        send(
            &sandbox,
            "DELETE",
            &format!("{JANES}/identities/{target}"),
            Some(&token),
        )
    };
    assert_eq!(unlink("github/1").status, 200);
    assert!(sandbox.choose(Behaviour::UnlinkNoMatch, "404"));
    let refused = unlink("github/1");
    assert_eq!(
        (refused.status, refused.header("x-sandbox-rules")),
        (404, Some("unlink-no-match"))
    );
    assert!(sandbox.choose(Behaviour::UnlinkPrefixedId, "match"));
    assert_eq!(
        unlink("github/github%7C58323117")
            .json()
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(sandbox.choose(Behaviour::SecondaryOwnId, "primary"));
    let linked = send(
        &sandbox,
        "GET",
        "/api/v2/users/google-oauth2%7C108357642915403298764",
        Some(&token),
    );
    assert_eq!(linked.json()["user_id"], "auth0|63d17b7dbc8a5d0f3e9c4a21");
    assert!(!sandbox.choose(Behaviour::UnlinkNoMatch, "500"));
    sandbox.reset();
    assert_eq!(unlink("github/1").status, 200);
}

#[test]
fn a_strict_tenant_refuses_inferred_answers_before_anything_happens() {
    let sandbox = Sandbox::builder().strict(true).start().unwrap();
    let token = sandbox.token(&["update:users", "read:users"]);
    let before = sandbox.state();
    let refused = send(
        &sandbox,
        "DELETE",
        "/api/v2/users/auth0%7Cnobody/identities/github/1",
        Some(&token),
    );
    assert_eq!(
        (refused.status, refused.error().2.as_deref()),
        (501, Some("only_inferred"))
    );
    assert!(refused.error().1.contains("unlink-unknown-user"));
    let own = sandbox.user_token(
        "auth0|63d17b7dbc8a5d0f3e9c4a21",
        &["update:current_user_identities"],
    );
    let body = json!({ "provider": "auth0", "user_id": "63d2a4f18e0b7c35d9a61f47" });
    let link = send_json(
        &sandbox,
        "POST",
        &format!("{JANES}/identities"),
        Some(&own),
        &body,
    );
    assert_eq!(link.status, 501);
    assert_eq!(sandbox.state(), before);
}

#[test]
fn a_strict_tenant_serves_what_is_known_and_leaves_guessed_details_out() {
    let sandbox = Sandbox::builder().strict(true).start().unwrap();
    let token = sandbox.token(&["update:users", "read:users"]);
    assert_eq!(
        send(
            &sandbox,
            "DELETE",
            &format!("{JANES}/identities/github/1"),
            Some(&token)
        )
        .status,
        200
    );
    let unlinked = send(
        &sandbox,
        "DELETE",
        &format!("{JANES}/identities/github/58323117"),
        Some(&token),
    );
    assert_eq!(unlinked.status, 200);
    let split = send(
        &sandbox,
        "GET",
        "/api/v2/users/github%7C58323117",
        Some(&token),
    );
    assert_eq!((split.status, split.json().get("created_at")), (200, None));
    let expired = send(
        &sandbox,
        "GET",
        JANES,
        Some(&sandbox.expired_token(&["read:users"])),
    );
    assert_eq!(
        (expired.status, expired.header("www-authenticate")),
        (401, None)
    );
}

#[test]
fn an_account_that_was_split_off_says_its_dates_are_inferred() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users", "read:users"]);
    send(
        &sandbox,
        "DELETE",
        &format!("{JANES}/identities/github/58323117"),
        Some(&token),
    );
    let split = send(
        &sandbox,
        "GET",
        "/api/v2/users/github%7C58323117",
        Some(&token),
    );
    assert_eq!(split.header("x-sandbox-provenance"), Some("inferred"));
    assert_eq!(
        split.header("x-sandbox-rules"),
        Some("split-off-attributes")
    );
}

#[test]
fn every_row_can_be_chosen_by_name_and_nonsense_is_refused_at_the_start() {
    for row in TABLE {
        assert_eq!(Behaviour::named(row.name), Some(row.behaviour));
    }
    let start = |builder: Builder| builder.start().unwrap_err().to_string();
    let error = start(Sandbox::builder().choice(Behaviour::UnlinkNoMatch, "500"));
    assert_eq!(error, "unlink-no-match has no choice 500");
}

#[test]
fn a_strict_tenant_never_answers_with_what_is_inferred() {
    let sandbox = Sandbox::builder().strict(true).start().unwrap();
    let token = sandbox.token(&["update:users", "read:users"]);
    let sams = "/api/v2/users/auth0%7C63d2a4f18e0b7c35d9a61f47";
    let refused = [
        format!("{JANES}/identities/facebook/1"),
        format!("{JANES}/identities/github/github%7C58323117"),
        format!("{JANES}/identities/gitub/1"),
        // The documented message is about a user who has other identities.
        format!("{sams}/identities/auth0/63d2a4f18e0b7c35d9a61f47"),
    ];
    let main = format!("{JANES}/identities/auth0/63d17b7dbc8a5d0f3e9c4a21");
    let before = sandbox.state();
    for (target, status) in refused
        .iter()
        .map(|target| (target, 501))
        .chain([(&main, 400)])
    {
        let answer = send(&sandbox, "DELETE", target, Some(&token));
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.header("x-sandbox-provenance"), None, "{target}");
    }
    let linked = json!({ "provider": "github", "user_id": "58323117" });
    let identities = format!("{JANES}/identities");
    for (body, status) in [(linked, 409), (json!({}), 501)] {
        let answer = send_json(&sandbox, "POST", &identities, Some(&token), &body);
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-sandbox-provenance"), None);
    }
    let grant = send_json(&sandbox, "POST", "/oauth/token", None, &json!({}));
    assert_eq!(grant.status, 501);
    assert_eq!(sandbox.state(), before);
}

#[test]
fn a_strict_tenant_marks_the_inferred_details_it_cannot_leave_out() {
    let sandbox = Sandbox::builder()
        .strict(true)
        .plan(Plan::named("essentials").unwrap())
        .start()
        .unwrap();
    let token = sandbox.token(&["update:users", "read:users"]);
    let rules = |method: &str, target: &str, status: u16| {
        let answer = send(&sandbox, method, target, Some(&token));
        assert_eq!(answer.status, status, "{target}");
        let rules = answer.header("x-sandbox-rules").map(str::to_owned);
        let marked = answer.header("x-sandbox-provenance") == Some("inferred");
        assert_eq!(marked, rules.is_some(), "{target}");
        rules
    };
    let marked = |name: &str| Some(name.to_owned());
    let unlink = format!("{JANES}/identities/github/1");
    assert_eq!(rules("DELETE", &unlink, 200), marked("identities-bucket"));
    assert_eq!(rules("GET", "/api/v2/users", 200), marked("search-order"));
    let sorted = "/api/v2/users?sort=email:1";
    assert_eq!(rules("GET", sorted, 200), None);
    assert_eq!(rules("GET", JANES, 200), None);
    // A refusal is this tenant's own, whatever was looked at on the way to it.
    let unknown = format!("{JANES}/identities/facebook/1");
    assert_eq!(rules("DELETE", &unknown, 501), None);
}
