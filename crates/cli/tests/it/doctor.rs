//! `doctor`: one read, a line for each thing that can be wrong, and what to do about it.

use unlink_sandbox::{Fault, Kind, Plan, Sandbox};

use crate::{
    recorder::{Answer, Recorder},
    support::{JANE, Ran, cli, requests},
};

fn doctor(url: &str, token: &str, words: &[&str]) -> Ran {
    cli(&[&["doctor", "--timeout", "5"], words].concat())
        .env("AUTH0_DOMAIN", url)
        .env("AUTH0_API_TOKEN", token)
        .run()
}

/// All that a user sees, with the time of expiry made the same.
fn told(ran: &Ran, url: &str) -> String {
    let told = ran.told_of(url);
    match told.split_once("expires at ") {
        Some((before, after)) => format!(
            "{before}expires at {}",
            after.replacen(|c: char| c.is_ascii_digit(), "9", 14)
        ),
        None => told,
    }
}

#[test]
fn a_tenant_that_can_be_used_is_well_by_one_read() {
    let sandbox = Sandbox::builder()
        .plan(Plan::named("free").unwrap())
        .start()
        .unwrap();
    let token = sandbox.token(&["read:users", "update:users", "read:logs"]);
    let ran = doctor(sandbox.url(), &token, &[]);
    insta::assert_snapshot!("doctor_well", told(&ran, sandbox.url()));
    assert_eq!(requests(&sandbox), [("GET".to_owned(), Some(200))]);
    assert!(!ran.told().contains(token.rsplit('.').next().unwrap()));

    let document = doctor(sandbox.url(), &token, &["--json"]).document();
    assert_eq!(document["ok"], true);
    assert_eq!(document["tenant"], sandbox.url());
    assert_eq!(document["scopes"].as_array().unwrap().len(), 3);
    assert_eq!(document["rate_limit"]["limit"], 2);
    let ahead = document["clock_ahead"].as_i64().unwrap();
    assert!(ahead.abs() <= 1, "{ahead}");
}

#[test]
fn an_application_is_checked_by_the_token_it_gets() {
    let sandbox = Sandbox::start().unwrap();
    let ask = |secret: &str| {
        cli(&["doctor", "--json"])
            .env("AUTH0_DOMAIN", sandbox.url())
            .env("AUTH0_CLIENT_ID", sandbox.client_id())
            .env("AUTH0_CLIENT_SECRET", secret)
            .run()
    };
    let well = ask(sandbox.client_secret());
    assert_eq!(well.code, Some(0), "{well:?}");
    let serves = &well.document()["serves"];
    assert!(
        serves
            .as_array()
            .unwrap()
            .contains(&"unlink --delete".into()),
        "{serves}"
    );
    let refused = ask("planted-secret");
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert_eq!(refused.document()["checks"][0]["ok"], true);
    assert_eq!(refused.document()["checks"][1]["check"], "token");
    assert_eq!(refused.error_document()["error"]["kind"], "token");
}

#[test]
fn what_is_wrong_with_a_token_is_named_with_what_to_do() {
    let sandbox = Sandbox::start().unwrap();
    for (name, token) in [
        ("doctor_expired", sandbox.expired_token(&["update:users"])),
        ("doctor_no_jwt", "planted".to_owned()),
        ("doctor_lacks_scope", sandbox.token(&["read:users"])),
        (
            "doctor_own",
            sandbox.user_token(JANE, &["update:current_user_identities"]),
        ),
        (
            "doctor_own_lacks_scope",
            sandbox.user_token(JANE, &["read:current_user"]),
        ),
    ] {
        let ran = doctor(sandbox.url(), &token, &[]);
        assert_eq!(
            ran.code,
            Some(if name == "doctor_own" { 0 } else { 4 }),
            "{ran:?}"
        );
        insta::assert_snapshot!(name, told(&ran, sandbox.url()));
    }
}

#[test]
fn a_clock_that_is_off_is_named() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users", "update:users"]);
    for (seconds, side) in [(-600, "ahead of"), (600, "behind")] {
        sandbox.clear_faults();
        sandbox.inject(Fault::new(Kind::SkewDate { seconds }));
        let ran = doctor(sandbox.url(), &token, &["--json"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(ran.error_document()["error"]["kind"], "clock");
        let off = ran.document()["clock_ahead"].as_i64().unwrap() + seconds;
        assert!(off.abs() <= 1, "{ran:?}");
        assert!(ran.out.contains(side), "{ran:?}");
    }
}

#[test]
fn a_tenant_that_is_out_of_reach_or_none_at_all_is_named() {
    let nowhere = doctor("http://127.0.0.1:1", "planted", &[]);
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    assert!(nowhere.out.starts_with("problem  tenant "), "{nowhere:?}");
    let page = Recorder::start(|_| Answer::ok("<!doctype html>"));
    let ran = doctor(page.url(), "planted", &[]);
    insta::assert_snapshot!("doctor_page", ran.told_of(page.url()));
    assert_eq!(page.lines().len(), 1, "one read, whatever comes of it");
}

#[test]
fn a_limit_that_is_reached_is_named() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.inject(Fault::new(Kind::TooManyRequests {
        retry_after: Some(3600),
        reset_in: None,
    }));
    let ran = doctor(
        sandbox.url(),
        &sandbox.token(&["read:users", "update:users"]),
        &[],
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.out
            .contains("problem  rate limit  the tenant answered 429"),
        "{ran:?}"
    );
    assert!(ran.out.contains("hint: try again after "), "{ran:?}");
}
