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
