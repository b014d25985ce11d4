//! `unlink --delete`: which account is deleted and which never is, and what is said of it.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use unlink_sandbox::{Change, Sandbox, Seed};

use crate::support::{Cli, JANE, JANES_GOOGLE, Ran, cli, requests};

pub(crate) const SCOPES: &[&str] = &["read:users", "update:users", "delete:users"];
pub(crate) const WORDS: [&str; 4] = ["unlink", JANE, JANES_GOOGLE, "--delete"];

/// A tenant whose clock stands still, so that each run of a test reads the same.
pub(crate) fn tenant() -> Sandbox {
    // 2026-01-01T00:00:00Z.
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    Sandbox::builder().frozen_at(at).start().unwrap()
}

fn at(sandbox: &Sandbox, words: &[&str]) -> Cli {
    cli(words)
        .env("AUTH0_DOMAIN", sandbox.url())
        .env("AUTH0_API_TOKEN", &sandbox.token(SCOPES))
}

pub(crate) fn run(sandbox: &Sandbox, words: &[&str]) -> Ran {
    at(sandbox, words).run()
}

pub(crate) fn deleted(sandbox: &Sandbox) -> Vec<String> {
    let changes = sandbox.effects().into_iter();
    changes
        .filter_map(|effect| match effect.change {
            Change::UserDeleted { user_id } => Some(user_id),
            _ => None,
        })
        .collect()
}

/// The DELETEs that reached the tenant, whatever became of them.
fn deletes(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.requests().into_iter();
    requests
        .filter(|request| request.method == "DELETE")
        .map(|request| request.path)
        .collect()
}

/// The tenant as it is, but for this attribute of a user.
fn set(sandbox: &Sandbox, user_id: &str, key: &str, value: Value) {
    let mut state = sandbox.state();
    let users = state["users"].as_array_mut().unwrap();
    let user = users.iter_mut().find(|user| user["user_id"] == user_id);
    user.unwrap()[key] = value;
    sandbox.restore(Seed::from_json(&state.to_string()).unwrap());
}

#[test]
fn the_account_that_was_split_off_is_deleted_and_no_other() {
    let sandbox = tenant();
    let others = sandbox.users().len();
    let words = [&WORDS[..], &["--dry-run"]].concat();
    insta::assert_snapshot!(
        "delete_dry_run",
        run(&sandbox, &words).told_of(sandbox.url())
    );
    assert!(deletes(&sandbox).is_empty());

    let words = [&WORDS[..], &["--yes"]].concat();
    insta::assert_snapshot!("deleted", run(&sandbox, &words).told_of(sandbox.url()));
    assert_eq!(deleted(&sandbox), [JANES_GOOGLE]);
    assert_eq!(sandbox.users().len(), others);
    let methods: Vec<_> = requests(&sandbox)
        .into_iter()
        .map(|(method, _)| method)
        .collect();
    assert_eq!(
        methods,
        ["GET", "GET", "DELETE", "GET", "DELETE", "GET"],
        "the dry run's; seen, unlinked, seen, deleted, seen to be gone"
    );
    // Again: there is neither the identity nor the account.
    let again = run(&sandbox, &words);
    assert_eq!(again.code, Some(5), "{again:?}");
    assert_eq!(deletes(&sandbox).len(), 2);
}

#[test]
fn one_document_tells_both_halves() {
    let sandbox = tenant();
    let json = |words: &[&str]| {
        let ran = run(&sandbox, &[&WORDS[..], &["--json"], words].concat());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        ran.document()
    };
    let google = json!({
        "provider": "google-oauth2",
        "user_id": "108357642915403298764",
        "connection": "google-oauth2",
    });
    let dry = json(&["--dry-run"]);
    assert_eq!(dry["outcome"], "dry_run");
    assert_eq!(dry["would_delete"], JANES_GOOGLE);
    let done = json(&["--yes"]);
    assert_eq!(done["outcome"], "unlinked_and_deleted");
    assert_eq!(done["user_id"], JANE);
    assert_eq!(done["identity"], google);
    assert_eq!(
        done["deleted"],
        json!({ "user_id": JANES_GOOGLE, "created_at": "2026-01-01T00:00:00.000Z", "last_login": null })
    );
    assert_eq!(done["identities"].as_array().unwrap().len(), 2);
    for document in [&dry, &done] {
        assert_eq!(document["new_user_id"], Value::Null, "{document}");
    }
}

#[test]
fn an_account_that_was_never_linked_here_is_left_alone() {
    // One that exists, one that does not, and the user's own.
    let omar = "google-oauth2|104718263549180237456";
    let sandbox = tenant();
    for (name, identity, code) in [
        ("delete_never_linked", omar, 1),
        ("delete_unknown", "google-oauth2|999", 5),
        ("delete_main", JANE, 5),
    ] {
        for manner in ["--yes", "--dry-run"] {
            let ran = run(&sandbox, &["unlink", JANE, identity, "--delete", manner]);
            assert_eq!(ran.code, Some(code), "{ran:?}");
            insta::allow_duplicates! {
                insta::assert_snapshot!(name, ran.told_of(sandbox.url()));
            }
        }
    }
    assert!(deletes(&sandbox).is_empty());
}

#[test]
fn an_account_that_was_split_off_earlier_and_used_since_is_left_alone() {
    let sandbox = tenant();
    assert_eq!(
        run(&sandbox, &["unlink", JANE, JANES_GOOGLE, "-y"]).code,
        Some(0)
    );
    sandbox.advance(Duration::from_secs(60));
    set(
        &sandbox,
        JANES_GOOGLE,
        "last_login",
        json!("2026-01-01T00:00:30.000Z"),
    );
    let before = deletes(&sandbox).len();

    let ran = run(&sandbox, &[&WORDS[..], &["--yes"]].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let with_time = [&WORDS[..], &["--yes", "--split-at", "2026-01-01T00:00:00Z"]].concat();
    let ran = run(&sandbox, &with_time);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    insta::assert_snapshot!("delete_used_since", ran.told_of(sandbox.url()));
    // A time that is yet to come would hide that login.
    let to_come = [&WORDS[..], &["--yes", "--split-at", "2026-01-01T00:01:01Z"]].concat();
    assert_eq!(run(&sandbox, &to_come).code, Some(2));
    assert_eq!(deletes(&sandbox).len(), before);
    assert!(sandbox.user(JANES_GOOGLE).is_some());
}

#[test]
fn an_account_of_another_connection_is_not_the_one_that_an_earlier_run_split_off() {
    let sandbox = tenant();
    assert_eq!(
        run(&sandbox, &["unlink", JANE, JANES_GOOGLE, "-y"]).code,
        Some(0)
    );
    let before = deletes(&sandbox).len();
    let go_on = |connection| {
        let receipt = [
            "--split-at",
            "2026-01-01T00:00:00Z",
            "--connection",
            connection,
        ];
        run(&sandbox, &[&WORDS[..], &["--yes"], &receipt].concat())
    };
    let ran = go_on("another");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(deletes(&sandbox).len(), before);
    assert_eq!(go_on("google-oauth2").code, Some(0));
    assert_eq!(deleted(&sandbox), [JANES_GOOGLE]);
}

#[test]
fn a_token_that_cannot_delete_is_refused_before_the_first_half() {
    let sandbox = tenant();
    let with = |token: &str, words: &[&str]| {
        let words = [&WORDS[..], words].concat();
        at(&sandbox, &words).env("AUTH0_API_TOKEN", token).run()
    };
    let token = sandbox.token(&["read:users", "update:users"]);
    insta::assert_snapshot!(
        "delete_lacks_a_scope",
        with(&token, &["--yes"]).told_of(sandbox.url())
    );
    let own = sandbox.user_token(
        JANE,
        &["read:current_user", "update:current_user_identities"],
    );
    let ran = with(&own, &["--yes"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.err.contains("a user's own token"), "{ran:?}");
    // Without a look there is no evidence.
    let blind = sandbox.token(&["update:users", "delete:users"]);
    assert_eq!(with(&blind, &["--yes"]).code, Some(4));
    // A dry run needs the scope for looking alone, and says so.
    let dry = with(&token, &["--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert!(dry.err.contains("lacks the scope delete:users"), "{dry:?}");
    assert!(sandbox.effects().is_empty());
}

#[test]
fn words_that_make_no_deletion_are_refused() {
    let sandbox = tenant();
    for words in [
        &["--delete", "--no-read"][..],
        &["--split-at", "2026-01-01T00:00:00Z"],
        &["--delete", "--split-at", "yesterday"],
        &["--delete", "--connection", "google-oauth2"],
    ] {
        let ran = run(
            &sandbox,
            &[&["unlink", JANE, JANES_GOOGLE, "--yes"], words].concat(),
        );
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
    assert!(requests(&sandbox).is_empty());
}

#[test]
fn a_deletion_needs_a_yes_that_names_what_is_lost() {
    let sandbox = tenant();
    let ran = run(&sandbox, &WORDS);
    insta::assert_snapshot!("delete_no_terminal", ran.told_of(sandbox.url()));
    assert!(sandbox.effects().is_empty());
}
