//! `unlink --delete` that is cut off: what is said of each half, and the command that goes on, as a shell runs it.

use serde_json::{Value, json};
use unlink_sandbox::{Apply, Fault, Kind, Sandbox};

use crate::{
    deleting::{SCOPES, WORDS, deleted, run, tenant},
    support::{JANE, JANES_GOOGLE, Ran},
};

const DELETION: &str = "/api/v2/users/google-oauth2%7C108357642915403298764";
const UNLINKING: &str = "/api/v2/users/*/identities/*/*";

fn refusal() -> Kind {
    Kind::Status {
        status: 403,
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        body: r#"{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: delete:users","errorCode":"insufficient_scope"}"#.to_owned(),
    }
}

/// Runs a command as it was printed, in a shell that finds the program.
fn run_printed(sandbox: &Sandbox, command: &str) -> Ran {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_auth0-unlink"));
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", command])
        .env_clear()
        .env("PATH", program.parent().unwrap())
        .env("AUTH0_DOMAIN", sandbox.url())
        .env("AUTH0_API_TOKEN", sandbox.token(SCOPES))
        .output();
    output.unwrap().into()
}

/// Why an answer was lost is told in more than one way, by when it was.
fn without_causes(told: &str) -> String {
    let lines = told.split_inclusive('\n');
    lines
        .filter(|line| !line.starts_with("  caused by: ") || line.contains("the tenant answered"))
        .collect()
}

#[test]
fn a_second_half_that_fails_is_resumed_by_the_command_it_names() {
    for (name, fault) in [
        ("half_refused", Fault::new(refusal()).method("DELETE")),
        ("half_lost", Fault::new(Kind::Drop)),
    ] {
        let sandbox = tenant();
        // Lets the account be read once, to be checked.
        let spoiled = fault.path(DELETION).skip(u64::from(name == "half_lost"));
        sandbox.inject(spoiled);
        let ran = run(
            &sandbox,
            &[&WORDS[..], &["--yes", "--timeout", "1"]].concat(),
        );
        assert_eq!(ran.code, Some(3), "{ran:?}");
        insta::assert_snapshot!(name, without_causes(&ran.told_of(sandbox.url())));
        assert!(sandbox.user(JANES_GOOGLE).is_some());

        sandbox.clear_faults();
        let (_, command) = ran
            .err
            .rsplit_once("once the cause is gone, go on with ")
            .unwrap();
        let dry = run_printed(&sandbox, &command.replace("--yes", "--dry-run"));
        assert_eq!(dry.code, Some(0), "{dry:?}");
        assert!(sandbox.user(JANES_GOOGLE).is_some());
        let resumed = run_printed(&sandbox, command);
        insta::allow_duplicates! {
            insta::assert_snapshot!("half_resumed", resumed.told_of(sandbox.url()));
        }
        assert_eq!(deleted(&sandbox), [JANES_GOOGLE]);
        // Once more: it is gone, which is not the same as deleted by this run.
        assert_eq!(run_printed(&sandbox, command).code, Some(5));
    }
}

#[test]
fn the_document_of_a_failed_second_half_holds_the_first_and_the_receipt() {
    let sandbox = tenant();
    sandbox.inject(Fault::new(refusal()).method("DELETE").path(DELETION));
    let ran = run(&sandbox, &[&WORDS[..], &["--yes", "--json"]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{ran:?}");
    let error = &ran.error_document()["error"];
    assert_eq!(error["kind"], "forbidden");
    assert_eq!(error["may_have_been_applied"], true);
    assert_eq!(error["first_half"]["outcome"], "unlinked");
    assert_eq!(error["first_half"]["new_user_id"], JANES_GOOGLE);
    assert_eq!(
        error["receipt"],
        json!({
            "user_id": JANE,
            "identity": { "provider": "google-oauth2", "user_id": "108357642915403298764", "connection": "google-oauth2" },
            "linked_at": "2026-01-01T00:00:00Z",
        })
    );
    sandbox.clear_faults();
    let resumed = run_printed(&sandbox, error["resume"].as_str().unwrap());
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    let document = resumed.document();
    assert_eq!(document["outcome"], "deleted");
    assert_eq!(document["deleted"]["user_id"], JANES_GOOGLE);
}

#[test]
fn a_first_half_of_unknown_outcome_is_resumed_whatever_it_was() {
    for applied in [Apply::Now, Apply::Never] {
        let sandbox = tenant();
        let lost = Fault::new(Kind::Drop).apply(applied);
        sandbox.inject(lost.method("DELETE").path(UNLINKING));
        sandbox.inject(Fault::new(Kind::Drop).method("GET").skip(1));
        let ran = run(
            &sandbox,
            &[&WORDS[..], &["--yes", "--json", "--timeout", "1"]].concat(),
        );
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let error = &ran.error_document()["error"];
        assert_eq!(error["kind"], "outcome_unknown");
        assert_eq!(error["first_half"], Value::Null);
        assert!(deleted(&sandbox).is_empty());

        sandbox.clear_faults();
        let resumed = run_printed(&sandbox, error["resume"].as_str().unwrap());
        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        assert_eq!(deleted(&sandbox), [JANES_GOOGLE]);
    }
}
