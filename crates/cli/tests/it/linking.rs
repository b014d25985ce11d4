//! `link` where the tenant refuses, or needs to be told more.

use std::fs;

use serde_json::json;
use unlink_sandbox::Sandbox;

use crate::support::{JANE, JANES_GOOGLE, Ran, at, requests};

const SAM: &str = "auth0|63d2a4f18e0b7c35d9a61f47";

fn link(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let token = sandbox.token(&["read:users", "update:users", "read:connections"]);
    let words = [&["link", JANE], words].concat();
    at(sandbox, &words).env("AUTH0_API_TOKEN", &token).run()
}

#[test]
fn a_database_account_is_named_with_its_connection() {
    let database = "Username-Password-Authentication";
    for connection in [database, "con_Zm4tQ7rX2bWc9LdK"] {
        let sandbox = Sandbox::start().unwrap();
        let ran = link(
            &sandbox,
            &[SAM, "--yes", "--json", "--connection", connection],
        );
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let document = ran.document();
        assert_eq!(document["outcome"], "linked");
        assert_eq!(document.get("new_user_id"), None);
        assert_eq!(
            document["identity"],
            json!({ "provider": "auth0", "user_id": "63d2a4f18e0b7c35d9a61f47", "connection": database })
        );
        let body = sandbox
            .requests()
            .into_iter()
            .find(|request| request.method == "POST")
            .unwrap()
            .body;
        assert!(body.contains("con_Zm4tQ7rX2bWc9LdK"), "{body}");
    }
    let sandbox = Sandbox::start().unwrap();
    let ran = link(&sandbox, &[SAM, "--yes", "--connection", "another"]);
    assert_eq!(ran.code, Some(5));
    insta::assert_snapshot!(ran.told_of(sandbox.url()));
    assert!(sandbox.effects().is_empty());
}

#[test]
fn refusals_are_told_in_the_tenants_words() {
    let sandbox = Sandbox::start().unwrap();
    for (name, account) in [
        ("linked_elsewhere", "samlp|example-saml|omar@example.com"),
        ("holds_others_itself", "google-oauth2|104718263549180237456"),
        ("links_itself", JANE),
        ("unknown_account", "github|1"),
    ] {
        let ran = link(&sandbox, &[account, "--yes"]);
        insta::assert_snapshot!(name, ran.told_of(sandbox.url()));
    }
    assert!(sandbox.effects().is_empty());
}

#[test]
fn linking_needs_a_yes_like_unlinking() {
    let sandbox = Sandbox::start().unwrap();
    let ran = link(&sandbox, &[SAM]);
    assert_eq!(ran.code, Some(6));
    insta::assert_snapshot!(ran.told_of(sandbox.url()));
    assert_eq!(requests(&sandbox), [("GET".to_owned(), Some(200))]);
}

#[test]
fn an_id_token_must_be_the_accounts() {
    let sandbox = Sandbox::start().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let proof = file.path().to_str().unwrap();
    fs::write(proof, sandbox.id_token(SAM)).unwrap();
    let ran = link(&sandbox, &[JANES_GOOGLE, "--yes", "--id-token-file", proof]);
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @"error: the ID token is auth0|63d2a4f18e0b7c35d9a61f47's, not google-oauth2|108357642915403298764's");
    fs::write(proof, "planted").unwrap();
    let ran = link(&sandbox, &[SAM, "--yes", "--id-token-file", proof]);
    assert_eq!(ran.code, Some(4));
    insta::assert_snapshot!(ran.err, @r"
    error: the ID token cannot be used
      caused by: the token is no JWT with a sub, so it does not say whose it is
    ");
    let twice = link(
        &sandbox,
        &[SAM, "--yes", "--id-token-file", "-", "--token-file", "-"],
    );
    assert_eq!(twice.code, Some(2));
    assert!(requests(&sandbox).is_empty());
}

#[test]
fn what_is_typed_with_its_provider_in_front_is_told_as_it_is_listed() {
    let sandbox = Sandbox::start().unwrap();
    let ran = |command: &str, words: &[&str]| {
        let pair = [command, JANE, "github", "github|58323117", "--yes"];
        at(&sandbox, &[&pair[..], words].concat()).run()
    };
    let github = json!({ "provider": "github", "user_id": 58_323_117, "connection": "github" });
    for (command, words, code, shown) in [
        (
            "unlink",
            &[][..],
            0,
            "Unlinked github|58323117 from auth0|63d17b7dbc8a5d0f3e9c4a21. ",
        ),
        (
            "unlink",
            &[],
            0,
            "Nothing to do: github|58323117 is not linked to ",
        ),
        (
            "link",
            &[],
            0,
            "Linked github|58323117 to auth0|63d17b7dbc8a5d0f3e9c4a21.\n",
        ),
        (
            "link",
            &[],
            0,
            "Nothing to do: github|58323117 is linked to ",
        ),
    ] {
        let ran = ran(command, words);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.out.starts_with(shown), "{ran:?}");
        assert!(!ran.out.contains("github|github"), "{ran:?}");
    }
    let again = ran("link", &["--json"]).document();
    assert_eq!(
        (&again["outcome"], &again["identity"]),
        (&"already_linked".into(), &github)
    );
    assert_eq!(ran("unlink", &["-q"]).code, Some(0));
    let unproven = ran("unlink", &["--delete", "--json"]);
    let error = &unproven.error_document()["error"];
    assert_eq!(error["kind"], "not_proven", "{error}");
    let linked = ran("link", &["--json"]).document();
    assert_eq!(
        (&linked["outcome"], &linked["identity"]["connection"]),
        (&"linked".into(), &"github".into())
    );
    // Neither form names anything.
    let missing = at(
        &sandbox,
        &["unlink", JANE, "github", "github|9", "--yes", "--json"],
    )
    .run();
    assert_eq!(missing.code, Some(5));
    assert_eq!(
        missing.error_document()["error"]["kind"],
        "no_such_identity"
    );
}
