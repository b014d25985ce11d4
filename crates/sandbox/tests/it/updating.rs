//! Updating users: merging metadata, replacing attributes, who may, what is refused.

use serde_json::{Value, json};
use unlink_sandbox::{Change, Sandbox};

use crate::client::{send, send_json};

const JANE: &str = "auth0|63d17b7dbc8a5d0f3e9c4a21";
const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";
const OMARS: &str = "/api/v2/users/google-oauth2%7C104718263549180237456";

#[test]
fn metadata_is_merged_one_level_deep_and_null_removes() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users"]);
    let patch = |body: Value| send_json(&sandbox, "PATCH", JANES, Some(&token), &body).json();
    let user = patch(json!({ "user_metadata": { "newsletter": null, "nested": { "a": 1 } } }));
    assert_eq!(
        user["user_metadata"],
        json!({ "language": "en", "nested": { "a": 1 } })
    );
    let user = patch(
        json!({ "user_metadata": { "nested": { "b": 2 } }, "nickname": "jd", "blocked": true }),
    );
    assert_eq!(user["user_metadata"]["nested"], json!({ "b": 2 }));
    assert_eq!(
        (&user["nickname"], &user["blocked"]),
        (&json!("jd"), &json!(true))
    );
    let user = patch(json!({ "user_metadata": {}, "nickname": null }));
    assert_eq!(
        (user.get("user_metadata"), user.get("nickname")),
        (None, None)
    );
    assert_eq!(sandbox.user(JANE).unwrap()["app_metadata"]["plan"], "team");
    let last = sandbox.effects().pop().unwrap();
    let Change::UserUpdated { user_id, fields } = last.change else {
        panic!("{last:?}")
    };
    assert_eq!(user_id, JANE);
    assert!(
        fields.contains(&"nickname".to_owned()) && fields.contains(&"user_metadata".to_owned())
    );
}

#[test]
fn an_email_of_a_linked_identity_is_changed_by_naming_its_connection() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users"]);
    let omar = send_json(
        &sandbox,
        "PATCH",
        OMARS,
        Some(&token),
        &json!({ "connection": "sms", "phone_number": "+15550199" }),
    );
    assert_eq!(omar.status, 200);
    let omar = omar.json();
    assert_eq!(
        omar["identities"][2]["profileData"]["phone_number"],
        "+15550199"
    );
    assert_eq!(omar.get("phone_number"), None);
}

#[test]
fn a_changed_email_is_found_and_the_old_one_is_not() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users", "read:users"]);
    send_json(
        &sandbox,
        "PATCH",
        JANES,
        Some(&token),
        &json!({ "email": "new@example.com" }),
    );
    let find = |email: &str| {
        let target = format!("/api/v2/users-by-email?email={email}");
        crate::client::send(&sandbox, "GET", &target, Some(&token))
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        (find("new@example.com"), find("jane.doe@example.com")),
        (1, 0)
    );
}

#[test]
fn a_users_own_token_updates_its_own_metadata_only() {
    let sandbox = Sandbox::start().unwrap();
    let own = sandbox.user_token(JANE, &["update:current_user_metadata"]);
    let patch = |target: &str, body: Value| send_json(&sandbox, "PATCH", target, Some(&own), &body);
    assert_eq!(
        patch(JANES, json!({ "user_metadata": { "x": 1 } })).status,
        200
    );
    assert_eq!(
        patch(JANES, json!({ "nickname": "x" }))
            .error()
            .2
            .as_deref(),
        Some("insufficient_scope")
    );
    assert_eq!(
        patch(OMARS, json!({ "user_metadata": { "x": 1 } }))
            .error()
            .2
            .as_deref(),
        Some("unowned_resource")
    );
}

#[test]
fn refusals_change_nothing() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users"]);
    let before = sandbox.state();
    let table = [
        (
            JANES,
            json!({ "nick": "x" }),
            "Payload validation error: 'Additional properties not allowed: nick'.",
        ),
        (
            JANES,
            json!({ "email_verified": "x" }),
            "Payload validation error: 'Expected type boolean' on property email_verified.",
        ),
        (
            JANES,
            json!({ "password": "p", "email": "a@b.c" }),
            "Cannot update password and email simultaneously.",
        ),
        (
            JANES,
            json!({ "connection": "none" }),
            "Connection does not exist.",
        ),
        (
            JANES,
            json!({ "connection": "sms" }),
            "Connection is not supported for this operation.",
        ),
        (
            JANES,
            json!({ "connection": "github", "name": "x", "nickname": "y" }),
            "The following user attributes cannot be updated: name, nickname. The specified connection belongs to a secondary identity.",
        ),
        (
            OMARS,
            json!({ "email": "a@b.c" }),
            "Cannot update email for non-database user.",
        ),
    ];
    for (target, body, message) in table {
        let answer = send_json(&sandbox, "PATCH", target, Some(&token), &body);
        let (status, text, _) = answer.error();
        assert_eq!((status, text.as_str()), (400, message), "{body}");
    }
    let nobody = send_json(
        &sandbox,
        "PATCH",
        "/api/v2/users/auth0%7Cnobody",
        Some(&token),
        &json!({ "blocked": true }),
    );
    assert_eq!(nobody.error().2.as_deref(), Some("inexistent_user"));
    assert_eq!(sandbox.state(), before);
}

#[test]
fn an_email_is_kept_in_lower_case_found_under_it_and_nobody_elses() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users", "read:users"]);
    let found = |email: &str| {
        let target = format!("/api/v2/users-by-email?email={email}");
        let found = send(&sandbox, "GET", &target, Some(&token)).json();
        found.as_array().unwrap().len()
    };
    assert_eq!(found("jane.doe%40example.com"), 1);
    let patch = |email: &str| {
        let body = json!({ "email": email });
        send_json(&sandbox, "PATCH", JANES, Some(&token), &body)
    };
    assert_eq!(
        patch("Jane.New@Example.com").json()["email"],
        "jane.new@example.com"
    );
    assert_eq!(found("jane.new%40example.com"), 1);
    assert_eq!(found("jane.doe%40example.com"), 0);
    assert_eq!(patch("jane.new@example.com").status, 200);
    let sams = sandbox.user("auth0|63d2a4f18e0b7c35d9a61f47").unwrap();
    let taken = patch(&sams["email"].as_str().unwrap().to_uppercase());
    assert_eq!(taken.status, 409);
    assert_eq!(
        taken.header("x-sandbox-rules"),
        Some("update-taken, update-error-codes")
    );
    assert_eq!(sandbox.user(JANE).unwrap()["email"], "jane.new@example.com");
}

#[test]
fn what_is_guessed_of_a_restored_account_is_marked_wherever_it_shows() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users", "read:users"]);
    let google = "identities/google-oauth2/108357642915403298764";
    send(
        &sandbox,
        "DELETE",
        &format!("{JANES}/{google}"),
        Some(&token),
    );
    let body = json!({ "blocked": true });
    let google = "/api/v2/users/google-oauth2%7C108357642915403298764";
    let by_email = "/api/v2/users-by-email?email=jane.doe%40gmail.com";
    for answer in [
        send_json(&sandbox, "PATCH", google, Some(&token), &body),
        send(&sandbox, "GET", by_email, Some(&token)),
    ] {
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("x-sandbox-rules"),
            Some("split-off-attributes")
        );
    }
}

#[test]
fn null_lifts_a_block() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users"]);
    for blocked in [json!(true), json!(null)] {
        let body = json!({ "blocked": blocked });
        assert_eq!(
            send_json(&sandbox, "PATCH", JANES, Some(&token), &body).status,
            200
        );
    }
    assert_eq!(sandbox.user(JANE).unwrap().get("blocked"), None);
}
