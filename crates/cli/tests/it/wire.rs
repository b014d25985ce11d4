//! What goes over the wire, and what an answer is believed to say.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{
    recorder::{Answer, Recorder},
    support::cli,
};

const MAIN: &str =
    r#"{"provider":"auth0","user_id":"1#","connection":"Username-Password-Authentication"}"#;
const GOOGLE: &str = r#"{"provider":"google-oauth2","user_id":"2","connection":"google-oauth2"}"#;

/// A tenant whose user `auth0|1#` has a Google identity until it is unlinked, or for ever.
fn tenant(left: &'static [&'static str]) -> Recorder {
    Recorder::start(move |method| match method {
        "GET" => Answer::ok(format!(
            r#"{{"user_id":"auth0|1#","identities":[{MAIN},{GOOGLE}]}}"#
        )),
        _ => Answer::ok(format!("[{}]", left.join(","))),
    })
}

fn unlink(tenant: &Recorder, words: &[&str]) -> crate::support::Ran {
    let words = [&["unlink"], words, &["--yes", "--domain", tenant.url()]].concat();
    cli(&words).env("AUTH0_API_TOKEN", "planted.token").run()
}

#[test]
fn an_id_stays_inside_its_segment_in_both_forms() {
    for words in [
        &["auth0|1#", "google-oauth2|2"][..],
        &["auth0|1#", "google-oauth2", "2"],
    ] {
        let tenant = tenant(&[MAIN]);
        let ran = unlink(&tenant, words);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(
            tenant.lines(),
            [
                "GET /api/v2/users/auth0%7C1%23?fields=user_id%2Cidentities HTTP/1.1",
                "DELETE /api/v2/users/auth0%7C1%23/identities/google-oauth2/2 HTTP/1.1",
            ]
        );
    }
}

#[test]
fn ids_that_would_change_the_path_send_nothing() {
    let tenant = tenant(&[MAIN]);
    for id in ["", ".", ".."] {
        let key = format!("google-oauth2|{id}");
        let with_provider = format!("{id}|2");
        for words in [
            &[id, "google-oauth2|2"][..],
            &["auth0|1#", id],
            &["auth0|1#", &key],
            &["auth0|1#", &with_provider],
            &["auth0|1#", "google-oauth2", id],
            &["auth0|1#", id, "2"],
        ] {
            let ran = unlink(&tenant, words);
            assert_eq!(ran.code, Some(2), "{words:?} {ran:?}");
        }
        let listed = cli(&["list", id, "--domain", tenant.url()])
            .env("AUTH0_API_TOKEN", "planted.token")
            .run();
        assert_eq!(listed.code, Some(2), "{listed:?}");
    }
    assert_eq!(tenant.lines(), [""; 0]);
}

#[test]
fn success_with_the_identity_still_there_is_none() {
    // As typed, with the provider in front, and with the connection in front.
    for words in [
        &["auth0|1#", "google-oauth2|2"][..],
        &["auth0|1#", "google-oauth2|google-oauth2|2"],
        &["auth0|1#", "google-oauth2", "google-oauth2|2"],
    ] {
        let tenant = tenant(&[MAIN, GOOGLE]);
        let ran = unlink(&tenant, words);
        assert_eq!(ran.code, Some(1), "{words:?} {ran:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!("still_linked", ran.told_of(tenant.url()));
        }
        let last = tenant.lines().pop().unwrap();
        assert_eq!(
            last,
            "DELETE /api/v2/users/auth0%7C1%23/identities/google-oauth2/2 HTTP/1.1"
        );
        let json = unlink(&tenant, &[words, &["--json"]].concat());
        assert_eq!(json.error_document()["error"]["kind"], "not_changed");
    }
}

#[test]
fn a_lost_answer_is_settled_by_a_read_and_said() {
    let deleted = AtomicBool::new(false);
    let tenant = Recorder::start(move |method| {
        if method == "DELETE" {
            deleted.store(true, Ordering::SeqCst);
            return Answer::none();
        }
        let identities = match deleted.load(Ordering::SeqCst) {
            true => MAIN.to_owned(),
            false => format!("{MAIN},{GOOGLE}"),
        };
        Answer::ok(format!(
            r#"{{"user_id":"auth0|1#","identities":[{identities}]}}"#
        ))
    });
    let ran = unlink(&tenant, &["auth0|1#", "google-oauth2|2"]);
    insta::assert_snapshot!("lost_answer", ran.told_of(tenant.url()));
    let methods: Vec<_> = tenant
        .lines()
        .iter()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(methods, ["GET", "DELETE", "GET"]);
}

#[test]
fn an_answer_with_one_odd_element_is_judged_by_the_others() {
    let tenant = tenant(&[MAIN, r#"{"provider":"\u001b[31m"}"#]);
    let ran = unlink(&tenant, &["auth0|1#", "google-oauth2|2"]);
    insta::assert_snapshot!("odd_element", ran.told_of(tenant.url()));
}

#[test]
fn nothing_a_tenant_says_steers_the_terminal() {
    let tenant = Recorder::start(|_| {
        Answer::ok(
            r#"{"user_id":"auth0|1\u001b[2J","identities":[
                {"provider":"auth0\u0007","user_id":"1\u001b[2J","connection":"a\u009b31mb\u202e"},
                {"provider":"sms","user_id":"2\r\n3","connection":"c\td","profileData":{"email":"\u007fx"}}]}"#,
        )
    });
    let list = |words: &[&str]| {
        let words = [&["list", "auth0|1", "--domain", tenant.url()], words].concat();
        cli(&words).env("AUTH0_API_TOKEN", "planted.token").run()
    };
    let unlink = unlink(&tenant, &["auth0|1", "github|9"]);
    for ran in [&list(&[]), &list(&["--json"]), &unlink] {
        let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(
            !ran.out.contains(steers) && !ran.err.contains(steers),
            "{ran:?}"
        );
    }
    insta::assert_snapshot!("hostile_list", list(&[]).told_of(tenant.url()));
    insta::assert_snapshot!("hostile_refusal", unlink.told_of(tenant.url()));
}

#[test]
fn which_is_the_main_one_is_not_guessed() {
    // The answer's first element, which is the main one, cannot be read, but so far that it is not what was unlinked.
    let odd = tenant(&[r#"{"provider":"github","x":1}"#, MAIN]);
    let words = ["auth0|1#", "google-oauth2|2"];
    insta::assert_snapshot!("main_not_known", unlink(&odd, &words).told_of(odd.url()));
    let document = unlink(&odd, &[&words[..], &["--json"]].concat()).document();
    let [only] = document["identities"].as_array().unwrap().as_slice() else {
        panic!("{document}");
    };
    assert_eq!(only["primary"], serde_json::Value::Null);
    assert!(only.as_object().unwrap().contains_key("primary"));
    assert_eq!(document["warnings"].as_array().unwrap().len(), 1);
    // Where nothing is odd nothing is said of it.
    let even = tenant(&[MAIN]);
    let document = unlink(&even, &[&words[..], &["--json"]].concat()).document();
    assert_eq!(document["identities"][0]["primary"], true);
    assert_eq!(document.get("warnings"), None);
}

#[test]
fn a_read_without_its_main_identity_marks_no_other() {
    let tenant = Recorder::start(|_| {
        Answer::ok(format!(
            r#"{{"user_id":"auth0|1#","identities":[{{"x":1}},{GOOGLE}]}}"#
        ))
    });
    let missing = ["auth0|1#", "github|9"];
    let refused = unlink(&tenant, &missing);
    insta::assert_snapshot!("main_not_read", refused.told_of(tenant.url()));
    let json = unlink(&tenant, &[&missing[..], &["--json"]].concat());
    let error = &json.error_document()["error"];
    assert_eq!(error["warnings"].as_array().unwrap().len(), 1, "{error}");
    let dry = ["auth0|1#", "google-oauth2|2", "--dry-run", "--json"];
    let document = unlink(&tenant, &dry).document();
    assert_eq!(document["warnings"].as_array().unwrap().len(), 1);
    assert_eq!(document["identities"], serde_json::json!([]));
    let linked = cli(&["link", "auth0|1#", "google-oauth2|2", "--json"])
        .env("AUTH0_DOMAIN", tenant.url())
        .env("AUTH0_API_TOKEN", "planted.token")
        .run();
    assert_eq!(linked.document()["identities"][0]["primary"], false);
}

#[test]
fn nothing_that_is_typed_steers_the_terminal() {
    let tenant = tenant(&[MAIN]);
    for words in [
        &["-v", "list", "auth0|\u{1b}[31m\nfake"][..],
        &["list", "--\u{1b}]0;x\u{7}"],
        &["list", "--\n\nfake: all is well"],
        &["\u{1b}[31m\nfake"],
        &["list", "auth0|1", "--timeout", "\u{1b}[31m\nfake"],
        &["list", "auth0|1", "--jsno\u{9b}31m\nfake"],
    ] {
        for json in [&[][..], &["--json"]] {
            let ran = cli(&[words, json].concat())
                .env("AUTH0_DOMAIN", tenant.url())
                .env("AUTH0_API_TOKEN", "planted.token")
                .run();
            let told = format!("{}{}", ran.out, ran.err);
            assert!(
                !told.contains(|c: char| c != '\n' && c.is_control()),
                "{ran:?}"
            );
            assert!(
                !told.lines().any(|line| line.starts_with("fake")),
                "{ran:?}"
            );
        }
    }
    let traced = cli(&["-v", "list", "auth0|\u{1b}[31m\nfake"])
        .env("AUTH0_DOMAIN", tenant.url())
        .env("AUTH0_API_TOKEN", "planted.token")
        .env("CLICOLOR_FORCE", "1")
        .run();
    insta::assert_snapshot!(traced.err.replace(tenant.url(), "http://LOCAL"), @r#"
    tenant http://LOCAL, token from AUTH0_API_TOKEN
    unlink{operation="identities" user=auth0|\u{1b}[31m\nfake}:auth0{operation="read identities" attempt=1 status=200 wait_ms=0}: done settled_by=Answer
    "#);
    insta::assert_snapshot!(cli(&["list", "--\u{1b}]0;x\u{7}"]).run().err, @r"
    error: unexpected argument '--\u{1b}]0;x\u{7}' found

    tip: to pass '--\u{1b}]0;x\u{7}' as a value, use '-- --\u{1b}]0;x\u{7}'

    Usage: auth0-unlink list [OPTIONS] <USER_ID>

    For more information, try '--help'.
    ");
}
