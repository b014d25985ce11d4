//! Failures: exit codes, words, documents and hints.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicBool, Ordering},
};

use jiff::Timestamp;
use unlink_sandbox::{Fault, Kind, Sandbox};

use crate::{
    recorder::{Answer, Recorder},
    support::{JANE, JANES_GOOGLE, Ran, at, cli},
};

fn with_token(sandbox: &Sandbox, token: &str, words: &[&str]) -> Ran {
    at(sandbox, words).env("AUTH0_API_TOKEN", token).run()
}

#[test]
fn a_missing_scope_is_named_with_where_to_add_it() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users"]);
    let words = ["unlink", JANE, JANES_GOOGLE, "--yes"];
    insta::assert_snapshot!(
        "missing_scope",
        with_token(&sandbox, &token, &words).told_of(sandbox.url())
    );
    let json = with_token(&sandbox, &token, &[&words[..], &["--json"]].concat());
    insta::assert_snapshot!("missing_scope_json", json.told_of(sandbox.url()));
    assert!(sandbox.effects().is_empty());
}

#[test]
fn a_users_own_token_acts_on_that_user_alone() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.user_token("auth0|63d2a4f18e0b7c35d9a61f47", &["read:current_user"]);
    insta::assert_snapshot!(
        "foreign_user",
        with_token(&sandbox, &token, &["list", JANE]).told_of(sandbox.url())
    );
}

#[test]
fn a_refused_token_says_for_which_audience_to_get_one() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.expired_token(&["read:users"]);
    insta::assert_snapshot!(
        "expired_token",
        with_token(&sandbox, &token, &["list", JANE]).told_of(sandbox.url())
    );
    let other = Sandbox::start().unwrap();
    let elsewhere = other.token(&["read:users"]);
    let ran = with_token(&sandbox, &elsewhere, &["list", JANE]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let told = ran.told_of(sandbox.url());
    insta::assert_snapshot!(
        "a_token_of_another_domain",
        told.replace(other.url(), "http://OTHER")
    );
}

#[test]
fn a_token_that_is_no_jwt_is_the_credentials_fault() {
    let sandbox = Sandbox::start().unwrap();
    for words in [
        &["list", JANE][..],
        &["unlink", JANE, JANES_GOOGLE, "--yes", "-q"],
        &["unlink", JANE, JANES_GOOGLE, "--yes", "-q", "--delete"],
        &["link", JANE, JANES_GOOGLE, "--yes", "-q"],
    ] {
        let ran = with_token(&sandbox, "planted", words);
        assert_eq!(ran.code, Some(4), "{ran:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.err.replace(sandbox.url(), "http://LOCAL"), @r"
            error: the tenant answered 400 Bad Request: Bad HTTP authentication header format (Bearer)
            hint: the token is no JWT; get a token that has not expired, for the audience http://LOCAL/api/v2/
            ");
        }
        let json = with_token(&sandbox, "planted", &[words, &["--json"]].concat());
        let error = &json.error_document()["error"];
        assert_eq!(
            (&error["kind"], &error["status"]),
            (&"credentials".into(), &400.into())
        );
    }
    // The same refusal of what looks like one is of the request.
    let tenant = Recorder::start(|_| Answer {
        status: 400,
        headers: "",
        body: r#"{"statusCode":400,"error":"Bad Request","message":"planted"}"#.into(),
    });
    let ran = with_token(&sandbox, "a.b.c", &["list", JANE, "--domain", tenant.url()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn a_refused_token_where_the_clock_is_off_says_so() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.inject(Fault::new(Kind::SkewDate { seconds: 600 }));
    let token = sandbox.expired_token(&["read:users"]);
    let ran = with_token(&sandbox, &token, &["list", JANE]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let (_, off) = ran.err.split_once("this machine's clock is ").unwrap();
    assert!(off.contains(" s behind the tenant's"), "{ran:?}");
}

#[test]
fn a_page_of_what_is_no_tenant_does_not_say_that_a_user_is_missing() {
    let site = Recorder::start(|_| Answer {
        status: 404,
        headers: "",
        body: "<html>not found</html>".into(),
    });
    let ran = cli(&["list", JANE, "--domain", site.url()])
        .env("AUTH0_API_TOKEN", "planted.token")
        .run();
    insta::assert_snapshot!("no_tenant", ran.told_of(site.url()));
}

#[test]
fn a_rate_limit_says_when_to_come_back() {
    let tenant = Recorder::start(|_| {
        Answer {
        status: 429,
        headers: "retry-after: 3600\r\n",
        body: r#"{"statusCode":429,"error":"Too Many Requests","message":"Global limit has been reached","errorCode":"too_many_requests"}"#.into(),
    }
    });
    let list = |words: &[&str]| {
        let words = [&["list", JANE, "--domain", tenant.url()], words].concat();
        cli(&words).env("AUTH0_API_TOKEN", "planted.token").run()
    };
    let ran = list(&[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let (before, date) = ran.err.split_once("try again after ").unwrap();
    insta::assert_snapshot!(before, @r"
    error: the tenant answered 429 Too Many Requests: Global limit has been reached (too_many_requests)
    hint:
    ");
    assert!(httpdate::parse_http_date(date.trim()).is_ok(), "{date}");
    let asked_at = Timestamp::now();
    let document = list(&["--json"]).error_document();
    let mut error = document["error"].clone();
    let (retry_at, hints) = (error["retry_at"].take(), error["hints"].take());
    insta::assert_snapshot!(error, @r#"{"error_code":"too_many_requests","hints":null,"kind":"rate_limited","may_have_been_applied":false,"message":"the tenant answered 429 Too Many Requests: Global limit has been reached (too_many_requests)","retry_at":null,"status":429}"#);
    let retry_at: Timestamp = retry_at.as_str().unwrap().parse().unwrap();
    let wait = retry_at.duration_since(asked_at).as_secs();
    assert!((3600..3660).contains(&wait), "{wait}");
    assert!(
        hints[0].as_str().unwrap().starts_with("try again after "),
        "{hints}"
    );
}

#[test]
fn no_connection_tells_each_cause_once() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let ran = cli(&["list", JANE, "--domain", &url, "--timeout", "1"])
        .env("AUTH0_API_TOKEN", "planted.token")
        .run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let lines: Vec<_> = ran.err.lines().collect();
    assert_eq!(lines[0], "error: the request was not sent");
    assert!(lines.len() > 1);
    for (index, line) in lines[1..].iter().enumerate() {
        let cause = line.strip_prefix("  caused by: ").unwrap();
        assert!(
            !lines[..=index].iter().any(|above| above.contains(cause)),
            "{ran:?}"
        );
    }
}

#[test]
fn what_may_have_happened_is_said() {
    // Lets the user be read once, loses the DELETE, and then takes the token no more.
    let tenant = || {
        let read = AtomicBool::new(false);
        Recorder::start(move |method| match method {
            "GET" if !read.swap(true, Ordering::SeqCst) => Answer::ok(
                r#"{"user_id":"auth0|1","identities":[
                    {"provider":"auth0","user_id":"1","connection":"db"},
                    {"provider":"sms","user_id":"2","connection":"sms"}]}"#,
            ),
            "GET" => Answer {
                status: 401,
                headers: "",
                body: String::new(),
            },
            _ => Answer::none(),
        })
    };
    let unlink = |tenant: &Recorder, words: &[&str]| {
        let fixed = [
            "unlink",
            "auth0|1",
            "sms|2",
            "--yes",
            "--domain",
            tenant.url(),
        ];
        cli(&[&fixed, words].concat())
            .env("AUTH0_API_TOKEN", "planted.token")
            .run()
    };
    let (one, other) = (tenant(), tenant());
    insta::assert_snapshot!("maybe_applied", unlink(&one, &[]).told_of(one.url()));
    let json = unlink(&other, &["--json"]);
    assert_eq!(json.code, Some(1), "{json:?}");
    let error = &json.error_document()["error"];
    assert_eq!(error["kind"], "outcome_unknown");
    assert_eq!(error["may_have_been_applied"], true);
}

#[test]
fn a_typing_mistake_is_a_document_too_where_one_is_asked_for() {
    for (name, words) in [
        ("typed_wrong_option", &["list", "--jsno"][..]),
        ("typed_too_little_json", &["list", "--json"]),
        (
            "typed_half_an_identity_json",
            &["unlink", "auth0|1", "google-oauth2", "--json"],
        ),
        (
            "typed_too_much_after_the_options",
            &["list", "--", "--json", "x"],
        ),
        ("typed_nothing", &[]),
    ] {
        let ran = cli(words).run();
        assert_eq!(ran.code, Some(2), "{ran:?}");
        insta::assert_snapshot!(name, ran.told());
    }
}
