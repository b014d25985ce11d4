//! Tokens by client credentials from the environment.

use unlink_sandbox::Sandbox;

use crate::support::{Cli, JANE, cli};

fn list(sandbox: &Sandbox) -> Cli {
    cli(&["list", JANE]).env("AUTH0_DOMAIN", sandbox.url())
}

#[test]
fn an_application_gets_its_token_where_it_uses_it() {
    let sandbox = Sandbox::start().unwrap();
    let ran = list(&sandbox)
        .env("AUTH0_CLIENT_ID", sandbox.client_id())
        .env("AUTH0_CLIENT_SECRET", sandbox.client_secret())
        .run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let paths: Vec<_> = sandbox
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(paths[0], "/oauth/token");
    assert_eq!(paths.len(), 2);
}

#[test]
fn a_token_goes_before_the_application() {
    let sandbox = Sandbox::start().unwrap();
    let ran = list(&sandbox)
        .env("AUTH0_CLIENT_ID", "unknown")
        .env("AUTH0_CLIENT_SECRET", "unknown")
        .env("AUTH0_API_TOKEN", &sandbox.token(&["read:users"]))
        .run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn an_application_that_gets_none_is_told_why() {
    let sandbox = Sandbox::start().unwrap();
    let application = |secret: &str| {
        list(&sandbox)
            .env("AUTH0_CLIENT_ID", sandbox.client_id())
            .env("AUTH0_CLIENT_SECRET", secret)
    };
    for (name, cli) in [
        ("wrong_secret", application("planted-secret")),
        (
            "wrong_audience",
            application(sandbox.client_secret()).env("AUTH0_AUDIENCE", "https://example.com/"),
        ),
        ("id_alone", list(&sandbox).env("AUTH0_CLIENT_ID", "someone")),
        (
            "secret_alone",
            list(&sandbox).env("AUTH0_CLIENT_SECRET", "planted-secret"),
        ),
    ] {
        let ran = cli.run();
        assert_eq!(ran.code, Some(4), "{ran:?}");
        assert!(!ran.told().contains("planted-secret"));
        insta::assert_snapshot!(name, ran.told_of(sandbox.url()));
    }
    let mut json = application("planted-secret").into_command();
    let ran: crate::support::Ran = json.arg("--json").output().unwrap().into();
    let error = &ran.error_document()["error"];
    assert_eq!(error["kind"], "token");
    assert_eq!(error["status"], 401);
    assert_eq!(error["error_code"], "access_denied");
}
