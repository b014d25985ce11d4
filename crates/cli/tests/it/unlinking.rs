//! `unlink`, end to end against a tenant that keeps state.

use serde_json::json;
use unlink_sandbox::{Change, Sandbox};

use crate::support::{JANE, JANES_GOOGLE, at, requests};

#[test]
fn list_unlink_list_and_list_the_new_account() {
    let sandbox = Sandbox::start().unwrap();
    let told = |words: &[&str]| at(&sandbox, words).run().told_of(sandbox.url());
    insta::assert_snapshot!("listed_before", told(&["list", JANE]));
    insta::assert_snapshot!("unlinked", told(&["unlink", JANE, JANES_GOOGLE, "--yes"]));
    insta::assert_snapshot!("listed_after", told(&["list", JANE]));
    insta::assert_snapshot!("listed_new_account", told(&["list", JANES_GOOGLE]));

    let changes: Vec<_> = sandbox
        .effects()
        .into_iter()
        .map(|effect| effect.change)
        .collect();
    assert_eq!(
        serde_json::to_value(changes).unwrap(),
        json!([
            { "type": "identity.unlinked", "user_id": JANE, "identity": JANES_GOOGLE },
            { "type": "user.created", "user_id": JANES_GOOGLE },
        ])
    );
    // Again: nothing to do, and nothing is sent that changes anything.
    let before = requests(&sandbox).len();
    insta::assert_snapshot!("unlinked_again", told(&["unlink", JANE, JANES_GOOGLE]));
    let later = &requests(&sandbox)[before..];
    assert!(later.iter().all(|(method, _)| method == "GET"), "{later:?}");
}

#[test]
fn with_yes_one_read_is_enough() {
    let sandbox = Sandbox::start().unwrap();
    let ran = at(
        &sandbox,
        &["unlink", JANE, "github", "58323117", "-y", "-q"],
    )
    .run();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let get_and_delete = [
        ("GET".to_owned(), Some(200)),
        ("DELETE".to_owned(), Some(200)),
    ];
    assert_eq!(requests(&sandbox), get_and_delete);
}

#[test]
fn the_document_says_what_became_of_it() {
    let sandbox = Sandbox::start().unwrap();
    let unlink = |words: &[&str]| {
        let words = [&["unlink", "--json", JANE, "github|58323117"], words].concat();
        let ran = at(&sandbox, &words).run();
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        ran.document()
    };
    let main = json!({
        "provider": "auth0",
        "user_id": "63d17b7dbc8a5d0f3e9c4a21",
        "connection": "Username-Password-Authentication",
        "primary": true,
    });
    let google = json!({
        "provider": "google-oauth2",
        "user_id": "108357642915403298764",
        "connection": "google-oauth2",
        "primary": false,
    });
    let document = |outcome: &str| {
        json!({
            "outcome": outcome,
            "user_id": JANE,
            "identity": { "provider": "github", "user_id": 58_323_117, "connection": "github" },
            "new_user_id": "github|58323117",
            "identities": [main, google],
        })
    };
    assert_eq!(unlink(&["--dry-run"]), document("dry_run"));
    assert!(sandbox.effects().is_empty());
    assert_eq!(unlink(&["--yes"]), document("unlinked"));
    let mut again = document("not_linked");
    // Not read from a list, so it has the form it was typed in, and no connection.
    again["identity"] = json!({ "provider": "github", "user_id": "58323117", "connection": null });
    assert_eq!(unlink(&["--yes"]), again);
    assert_eq!(unlink(&["--dry-run"]), again);
}

#[test]
fn a_dry_run_only_reads() {
    let sandbox = Sandbox::start().unwrap();
    let typed = at(&sandbox, &["unlink", JANE, JANES_GOOGLE, "--dry-run"]).run();
    insta::assert_snapshot!(typed.told_of(sandbox.url()));
    let by_variable = at(&sandbox, &["unlink", JANE, JANES_GOOGLE, "--yes"])
        .env("AUTH0_DRY_RUN", "true")
        .run();
    assert_eq!(by_variable.told(), typed.told());
    assert!(requests(&sandbox).iter().all(|(method, _)| method == "GET"));
    assert!(sandbox.effects().is_empty());
}

#[test]
fn what_cannot_be_unlinked_is_refused_and_nothing_changes() {
    let sandbox = Sandbox::start().unwrap();
    for (name, user, identity) in [
        ("missing_identity", JANE, "google-oauth2|999"),
        ("unknown_user", "auth0|nobody", "google-oauth2|999"),
        ("main_identity", JANE, JANE),
    ] {
        let ran = at(&sandbox, &["unlink", user, identity, "--yes"]).run();
        assert_eq!(ran.code, Some(5), "{ran:?}");
        insta::assert_snapshot!(name, ran.told_of(sandbox.url()));
        let ran = at(&sandbox, &["unlink", user, identity, "--yes", "--json"]).run();
        assert_eq!(ran.code, Some(5), "{ran:?}");
        insta::assert_snapshot!(format!("{name}_json"), ran.told_of(sandbox.url()));
    }
    assert!(requests(&sandbox).iter().all(|(method, _)| method == "GET"));
    assert!(sandbox.effects().is_empty());
}

#[test]
fn an_inner_pipe_and_a_prefix_find_the_identity() {
    let omar = "google-oauth2|104718263549180237456";
    for words in [
        &["samlp|example-saml|omar@example.com"][..],
        &["samlp", "example-saml|omar@example.com"],
        &["samlp", "samlp|example-saml|omar@example.com"],
        &["sms", "sms|63ea2f51c07d4be8a9f31026"],
    ] {
        let sandbox = Sandbox::start().unwrap();
        let ran = at(&sandbox, &[&["unlink", "-y", omar], words].concat()).run();
        assert_eq!(ran.code, Some(0), "{words:?} {ran:?}");
        let unlinked = |change: &Change| matches!(change, Change::IdentityUnlinked { .. });
        let effects = sandbox.effects();
        assert_eq!(
            effects
                .iter()
                .filter(|effect| unlinked(&effect.change))
                .count(),
            1
        );
    }
}
