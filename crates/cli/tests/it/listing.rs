//! `list`.

use serde_json::json;
use unlink_sandbox::Sandbox;

use crate::{
    recorder::{Answer, Recorder},
    support::{JANE, at, cli},
};

#[test]
fn a_user_is_a_table() {
    let sandbox = Sandbox::start().unwrap();
    let ran = at(&sandbox, &["list", JANE]).run();
    insta::assert_snapshot!("with_email", ran.told_of(sandbox.url()));
    // No e-mail column where there is nothing to put in it.
    let ran = at(&sandbox, &["list", "sms|63e4c1a9f2b7405d8c6e9130"]).run();
    insta::assert_snapshot!("without_email", ran.told_of(sandbox.url()));
}

#[test]
fn a_user_is_a_document() {
    let sandbox = Sandbox::start().unwrap();
    let ran = at(&sandbox, &["list", "--json", JANE]).run();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let document = ran.document();
    assert_eq!(document["user_id"], JANE);
    let identities = document["identities"].as_array().unwrap();
    assert_eq!(
        identities[0],
        json!({
            "provider": "auth0",
            "user_id": "63d17b7dbc8a5d0f3e9c4a21",
            "connection": "Username-Password-Authentication",
            "primary": true,
            "isSocial": false,
        })
    );
    assert_eq!(identities[2]["user_id"], json!(58_323_117));
    assert_eq!(identities[2]["primary"], false);
    assert_eq!(identities[2]["profileData"]["nickname"], "janedoe");
    assert_eq!(identities.len(), 3);
}

#[test]
fn tokens_of_providers_are_not_shown_to_a_caller_who_may_see_them() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users", "read:user_idp_tokens"]);
    let held = sandbox.user(JANE).unwrap().to_string();
    assert!(held.contains("ya29.sandbox"), "{held}");
    for words in [
        &["list", JANE][..],
        &["list", "--json", JANE],
        &["list", "-v", JANE],
    ] {
        let ran = at(&sandbox, words).env("AUTH0_API_TOKEN", &token).run();
        assert_eq!(ran.code, Some(0));
        let told = ran.told();
        for secret in ["ya29.", "gho_", "1//"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[test]
fn an_answer_without_identities_is_no_user() {
    for answer in ["{}", r#"{"error":"captive"}"#] {
        let portal = Recorder::start(move |_| Answer::ok(answer));
        let list = |words: &[&str]| {
            let words = [&["list", JANE, "--domain", portal.url()], words].concat();
            cli(&words).env("AUTH0_API_TOKEN", "planted.token").run()
        };
        let ran = list(&[]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.err, @"error: the tenant's answer is not the documented one: identities: the key is missing");
        }
        let json = list(&["--json"]);
        assert_eq!((json.code, json.out.as_str()), (Some(1), ""), "{json:?}");
        assert_eq!(json.error_document()["error"]["kind"], "decode");
    }
}
