//! The access token shows nowhere, whatever is asked for and whatever goes wrong.

use unlink_sandbox::Sandbox;

use crate::{
    desk::{Desk, SCOPES},
    recorder::{Answer, Recorder},
    support::{Cli, JANE, JANES_GOOGLE, cli},
};

const PLANTED: &str = "planted.token-9f86d081";

#[test]
fn a_token_is_sent_and_never_shown() {
    let tenant = Recorder::start(|method| match method {
        "GET" => Answer::ok(
            r#"{"user_id":"auth0|1","identities":[
                {"provider":"auth0","user_id":"1","connection":"db"},
                {"provider":"sms","user_id":"2","connection":"sms"}]}"#,
        ),
        _ => Answer {
            status: 401,
            headers: "",
            body: r#"{"statusCode":401,"error":"Unauthorized","message":"Expired token"}"#.into(),
        },
    });
    let nowhere = "http://127.0.0.1:1";
    let odd = format!("Bearer {PLANTED}");
    let commands = [
        &["list", "auth0|1"][..],
        &["unlink", "auth0|1", "sms|2"],
        &["unlink", "auth0|1", "sms|2", "--yes"],
        &["unlink", "auth0|1", "sms|2", "--dry-run"],
        &["unlink", "auth0|1", "sms|3", "--yes"],
        &["unlink", "auth0|1", "sms|2", "--yes", "--delete"],
        &[
            "unlink",
            "auth0|1",
            "sms|3",
            "--yes",
            "--delete",
            "--split-at",
            "2026-01-01T00:00:00Z",
        ],
        &["doctor"],
        &["--jsno"],
        &["demo"],
        &["--help"],
    ];
    let hides = |cli: Cli| {
        let ran = cli.run();
        assert!(!ran.told().contains(PLANTED), "{ran:?}");
    };
    for (domain, token) in [
        (tenant.url(), PLANTED),
        (nowhere, PLANTED),
        (tenant.url(), &odd),
    ] {
        for (words, manner) in commands
            .iter()
            .flat_map(|words| [(words, "-v"), (words, "--json")])
        {
            let words = [*words, &[manner, "--timeout", "0.1"]].concat();
            hides(
                cli(&words)
                    .env("AUTH0_DOMAIN", domain)
                    .env("AUTH0_API_TOKEN", token),
            );
            let words = [&words[..], &["--token-file", "-"]].concat();
            hides(cli(&words).env("AUTH0_DOMAIN", domain).input(token));
        }
    }
    // The search would find it: it is what the tenant received.
    let bearer = format!("authorization: Bearer {PLANTED}");
    let received = tenant.seen();
    assert!(!received.is_empty());
    assert!(
        received
            .iter()
            .all(|request| request.headers.contains(&bearer))
    );
}

#[test]
fn no_file_of_a_job_holds_a_token() {
    let desk = Desk::of_users(3);
    let token = desk.sandbox.token(&SCOPES);
    let signature = token.rsplit('.').next().unwrap();
    for words in [
        &[
            "plan",
            "--export",
            "--connection",
            "old",
            "--keep-profiles",
            "-o",
            "job.db",
            "-v",
        ][..],
        &["apply", "job.db", "--yes", "--max", "2", "-v"],
        &["apply", "job.db", "--yes", "--json"],
        &["undo", "job.db", "--yes", "--rows", "1", "-v"],
        &["report", "job.db", "-o", "job.html"],
        &["report", "job.db", "-o", "job.csv"],
        &["report", "job.db", "-o", "job.jsonl"],
        &["status", "job.db"],
    ] {
        let ran = desk.cli(words).env("AUTH0_API_TOKEN", &token).run();
        assert!(matches!(ran.code, Some(0 | 7)), "{words:?} {ran:?}");
        assert!(!ran.told().contains(signature), "{words:?}");
    }
    for file in std::fs::read_dir(desk.path("")).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = bytes
            .windows(signature.len())
            .any(|bytes| bytes == signature.as_bytes());
        assert!(!holds, "{}", path.display());
    }
}

#[test]
fn a_real_token_is_not_shown_either() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users", "update:users"]);
    for words in [
        &["list", JANE, "-v"][..],
        &["unlink", JANE, JANES_GOOGLE, "-v", "--yes"],
        &["unlink", JANE, JANES_GOOGLE, "-v", "--yes"],
        &["list", "auth0|nobody", "-v"],
    ] {
        let ran = cli(words)
            .env("AUTH0_DOMAIN", sandbox.url())
            .env("AUTH0_API_TOKEN", &token)
            .run();
        let signature = token.rsplit('.').next().unwrap();
        assert!(!ran.told().contains(signature), "{ran:?}");
    }
    assert_eq!(sandbox.effects().len(), 2);
}
