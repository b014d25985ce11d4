//! Unlinking with a token that may not read: it works, and says what it does not know.

use serde_json::json;
use unlink_sandbox::Sandbox;

use crate::support::{JANE, JANES_GOOGLE, Ran, cli, requests};

const MACHINE: &[&str] = &["update:users"];
const WORDS: [&str; 4] = ["unlink", JANE, JANES_GOOGLE, "--yes"];

fn run(sandbox: &Sandbox, token: &str, words: &[&str]) -> Ran {
    cli(words)
        .env("AUTH0_DOMAIN", sandbox.url())
        .env("AUTH0_API_TOKEN", token)
        .run()
}

#[test]
fn one_scope_is_enough_for_either_kind_of_token() {
    for own in [false, true] {
        let sandbox = Sandbox::start().unwrap();
        let token = match own {
            true => sandbox.user_token(JANE, &["update:current_user_identities"]),
            false => sandbox.token(MACHINE),
        };
        let ran = run(&sandbox, &token, &WORDS);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.told_of(sandbox.url()));
        }
        assert_eq!(sandbox.effects().len(), 2);
    }
}

#[test]
fn without_a_look_there_is_one_request() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(MACHINE);
    let words = [&WORDS[..], &["--no-read", "--json"]].concat();
    let ran = run(&sandbox, &token, &words);
    assert_eq!(requests(&sandbox), [("DELETE".to_owned(), Some(200))]);
    let document = ran.document();
    assert_eq!(document["outcome"], "absent");
    assert_eq!(
        document["identity"],
        json!({ "provider": "google-oauth2", "user_id": "108357642915403298764", "connection": null })
    );
    assert_eq!(document["new_user_id"], JANES_GOOGLE);
    assert_eq!(document["identities"].as_array().unwrap().len(), 2);
    // What was never linked ends the same way, which is why it is not called unlinked.
    let never = ["unlink", JANE, "google-oauth2|999", "--yes", "--no-read"];
    insta::assert_snapshot!(run(&sandbox, &token, &never).told_of(sandbox.url()));
}

#[test]
fn a_look_is_left_out_only_where_nothing_hangs_on_it() {
    let sandbox = Sandbox::start().unwrap();
    let dry = [&WORDS[..], &["--dry-run"]].concat();
    let ran = run(&sandbox, &sandbox.token(MACHINE), &dry);
    assert_eq!(ran.code, Some(4), "a dry run cannot do without: {ran:?}");
    let both = [&dry[..], &["--no-read"]].concat();
    assert_eq!(run(&sandbox, "planted", &both).code, Some(2));
    let by_variable = cli(&[&WORDS[..], &["--no-read"]].concat())
        .env("AUTH0_DOMAIN", sandbox.url())
        .env("AUTH0_API_TOKEN", "planted")
        .env("AUTH0_DRY_RUN", "1")
        .run();
    assert_eq!(by_variable.code, Some(2), "{by_variable:?}");
    // Another user's token would be refused at the next step too, so that step is not taken.
    let before = requests(&sandbox).len();
    let foreign = sandbox.user_token(
        "auth0|63d2a4f18e0b7c35d9a61f47",
        &["read:current_user", "update:current_user_identities"],
    );
    assert_eq!(run(&sandbox, &foreign, &WORDS).code, Some(4));
    assert_eq!(
        requests(&sandbox)[before..],
        [("GET".to_owned(), Some(403))]
    );
    assert!(sandbox.effects().is_empty());
}
