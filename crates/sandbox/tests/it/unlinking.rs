//! Unlinking: what leaves, what appears, what is refused, and what changes nothing.

use serde_json::json;
use unlink_sandbox::{Change, Sandbox};

use crate::client::send;

const JANE: &str = "auth0|63d17b7dbc8a5d0f3e9c4a21";
const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";

fn unlink(sandbox: &Sandbox, target: &str) -> crate::client::Answer {
    send(
        sandbox,
        "DELETE",
        target,
        Some(&sandbox.token(&["update:users"])),
    )
}

#[test]
fn an_identity_leaves_and_becomes_a_user_of_its_own() {
    let sandbox = Sandbox::start().unwrap();
    let answer = unlink(
        &sandbox,
        &format!("{JANES}/identities/google-oauth2/108357642915403298764"),
    );
    assert_eq!(answer.status, 200);
    let left = answer.json();
    assert_eq!(left.as_array().unwrap().len(), 2);
    assert_eq!(left[0]["profileData"]["email"], "jane.doe@example.com");
    assert_eq!(left[0]["profileData"].get("user_metadata"), None);
    assert_eq!(left[1]["user_id"], 58_323_117);
    assert_eq!(answer.header("x-sandbox-rules"), Some("identity-order"));
    assert_eq!(left[1].get("access_token"), None);

    let split = sandbox.user("google-oauth2|108357642915403298764").unwrap();
    assert_eq!(split["email"], "jane.doe@gmail.com");
    assert_eq!(split.get("user_metadata"), None);
    assert_eq!(split.get("app_metadata"), None);
    assert_eq!(split["identities"][0].get("profileData"), None);
    assert_eq!(
        sandbox.user(JANE).unwrap()["user_metadata"]["language"],
        "en"
    );

    let effects: Vec<Change> = sandbox
        .effects()
        .into_iter()
        .map(|effect| effect.change)
        .collect();
    let expected = json!([
        { "type": "identity.unlinked", "user_id": JANE, "identity": "google-oauth2|108357642915403298764" },
        { "type": "user.created", "user_id": "google-oauth2|108357642915403298764" },
    ]);
    assert_eq!(serde_json::to_value(effects).unwrap(), expected);
}

#[test]
fn an_integer_id_and_a_raw_pipe_are_found() {
    let sandbox = Sandbox::start().unwrap();
    let answer = unlink(
        &sandbox,
        &format!("/api/v2/users/{JANE}/identities/github/58323117"),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(
        sandbox.user("github|58323117").unwrap()["identities"][0]["user_id"],
        58_323_117
    );
}

#[test]
fn an_inner_pipe_belongs_to_the_identity() {
    let sandbox = Sandbox::start().unwrap();
    let omar = "/api/v2/users/google-oauth2%7C104718263549180237456/identities/samlp";
    let bare = unlink(&sandbox, &format!("{omar}/omar%40example.com"));
    assert_eq!(bare.json().as_array().unwrap().len(), 3);
    let whole = unlink(
        &sandbox,
        &format!("{omar}/example-saml%7Comar%40example.com"),
    );
    assert_eq!(whole.json().as_array().unwrap().len(), 2);
    assert!(
        sandbox
            .user("samlp|example-saml|omar@example.com")
            .is_some()
    );
}

#[test]
fn an_id_that_matches_nothing_answers_200_and_changes_nothing() {
    let sandbox = Sandbox::start().unwrap();
    let before = sandbox.state();
    // What was recorded is that of a database identity; the rest follows from it.
    for (target, rule) in [
        ("google-oauth2/1", None),
        ("github/58323117.0", None),
        ("auth0/auth0%7C63d17b7dbc8a5d0f3e9c4a21", None),
        (
            "google-oauth2/google-oauth2%7C108357642915403298764",
            Some("unlink-prefixed-id"),
        ),
        ("github/github%7C58323117", Some("unlink-prefixed-id")),
        ("facebook/58323117", Some("unlink-wrong-provider")),
    ] {
        let answer = unlink(&sandbox, &format!("{JANES}/identities/{target}"));
        assert_eq!(
            (answer.status, answer.json().as_array().unwrap().len()),
            (200, 3),
            "{target}"
        );
        assert_eq!(answer.header("x-sandbox-rules"), rule, "{target}");
        let inferred = rule.map(|_| "inferred");
        assert_eq!(answer.header("x-sandbox-provenance"), inferred, "{target}");
    }
    assert_eq!(sandbox.state(), before);
    assert!(sandbox.effects().is_empty());
}

#[test]
fn the_main_identity_and_unknown_names_are_refused() {
    let sandbox = Sandbox::start().unwrap();
    let before = sandbox.state();
    let main = unlink(
        &sandbox,
        &format!("{JANES}/identities/auth0/63d17b7dbc8a5d0f3e9c4a21"),
    );
    assert_eq!(
        main.error(),
        (400, "Main identity cannot be removed.".into(), None)
    );
    let user = unlink(&sandbox, "/api/v2/users/auth0%7Cnobody/identities/github/1");
    assert_eq!(
        user.error(),
        (
            404,
            "The user does not exist.".into(),
            Some("inexistent_user".into())
        )
    );
    assert_eq!(user.header("x-sandbox-provenance"), Some("inferred"));
    let provider = unlink(&sandbox, &format!("{JANES}/identities/gitub/1"));
    assert_eq!(provider.status, 400);
    assert_eq!(provider.error().2.as_deref(), Some("invalid_uri"));
    assert_eq!(sandbox.state(), before);
}

#[test]
fn deleting_a_user_deletes_what_is_linked_to_it() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["delete:users"]);
    for _ in 0..2 {
        let answer = send(&sandbox, "DELETE", JANES, Some(&token));
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    assert_eq!(sandbox.user(JANE), None);
    assert_eq!(sandbox.users().len(), 4);
    assert_eq!(sandbox.effects().len(), 1);
    // A linked account's own id names no user, so nothing is deleted.
    let linked = send(
        &sandbox,
        "DELETE",
        "/api/v2/users/google-oauth2%7C113920485517620394415",
        Some(&token),
    );
    assert_eq!((linked.status, sandbox.effects().len()), (204, 1));
}
