//! `demo`: its report against what the seed says must have happened.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Ran, cli};

#[test]
fn the_surroundings_do_not_matter() {
    let plain = cli(&["demo"]).run();
    let ran = cli(&["demo"])
        .env("AUTH0_DOMAIN", "not a domain")
        .env("AUTH0_API_TOKEN", "one")
        .env("AUTH0_ACCESS_TOKEN", "two")
        .env("AUTH0_DRY_RUN", "true")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("http_proxy", "http://127.0.0.1:1")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .run();
    assert_eq!(ran.told(), plain.told());
    let with_tenant = cli(&["demo", "--domain", "example.auth0.com"]).run();
    assert_eq!(with_tenant.code, Some(2));
}

fn demo(seed: &Value, words: &[&str]) -> Ran {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), seed.to_string()).unwrap();
    cli(&[&["demo", "--seed", file.path().to_str().unwrap()], words].concat()).run()
}

#[test]
fn the_report_is_what_a_seed_of_the_tests_own_makes_it() {
    let sms = json!({ "connection": "sms", "provider": "sms", "user_id": "s1", "isSocial": false });
    let email = json!({ "connection": "email", "provider": "email", "user_id": "e7/#?", "isSocial": false });
    let github = json!({ "connection": "hub", "provider": "github", "user_id": 9_007_199_254_740_993_u64, "isSocial": true });
    let seed = json!({ "users": [
        { "user_id": "email|alone", "identities": [
            { "connection": "email", "provider": "email", "user_id": "alone", "isSocial": false }] },
        { "user_id": "sms|s1", "app_metadata": { "plan": "x" }, "identities": [sms, email, github] },
    ]});
    let ran = demo(&seed, &["--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let named = |identity: &Value, primary: bool| {
        json!({
            "provider": identity["provider"], "user_id": identity["user_id"],
            "connection": identity["connection"], "primary": primary,
        })
    };
    let whole = [
        named(&sms, true),
        named(&email, false),
        named(&github, false),
    ];
    let new_user_id = "github|9007199254740993";
    assert_eq!(
        ran.document(),
        json!({
            "user_id": "sms|s1",
            "identity": { "provider": "github", "user_id": 9_007_199_254_740_993_u64, "connection": "hub" },
            "new_user_id": new_user_id,
            "before": { "user_id": "sms|s1", "has_metadata": true, "identities": whole },
            "after": [
                { "user_id": "sms|s1", "has_metadata": true, "identities": whole[..2] },
                { "user_id": new_user_id, "has_metadata": false, "identities": [named(&github, true)] },
            ],
            "requests": [
                { "method": "GET", "path": "/api/v2/users/sms%7Cs1?fields=user_id%2Cidentities", "status": 200 },
                { "method": "DELETE", "path": "/api/v2/users/sms%7Cs1/identities/github/9007199254740993", "status": 200 },
            ],
        })
    );
}

#[test]
fn a_seed_that_cannot_serve_is_refused() {
    let alone = json!({ "users": [{ "user_id": "email|1", "identities": [
        { "connection": "email", "provider": "email", "user_id": "1" }] }] });
    insta::assert_snapshot!("seed_without_links", demo(&alone, &[]).told());
    let ran = cli(&["demo", "--seed", "/nowhere/seed.json"]).run();
    insta::assert_snapshot!("seed_not_there", ran.told());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let ran = cli(&["demo", "--seed", file.to_str().unwrap()]).run();
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("is not JSON"), "{ran:?}");
    let typo = json!({ "user": [] });
    let ran = demo(&typo, &["--json"]);
    assert_eq!(ran.error_document()["error"]["kind"], "file");
}
