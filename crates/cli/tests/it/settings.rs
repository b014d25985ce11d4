//! Where tenant and token come from, and what is refused before anything is sent.

use std::fs;

use unlink_sandbox::Sandbox;

use crate::support::{JANE, at, cli};

#[test]
fn a_token_comes_from_either_variable_a_file_or_the_input() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users"]);
    let list = |words: &[&str]| {
        let words = [&["list", JANE, "--domain", sandbox.url()], words].concat();
        cli(&words)
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("\n  {token}\r\n\n")).unwrap();
    let path = file.path().to_str().unwrap();
    for (from, cli) in [
        ("one variable", list(&[]).env("AUTH0_API_TOKEN", &token)),
        ("the other", list(&[]).env("AUTH0_ACCESS_TOKEN", &token)),
        (
            "both alike",
            list(&[])
                .env("AUTH0_ACCESS_TOKEN", &token)
                .env("AUTH0_API_TOKEN", &token),
        ),
        (
            "one is empty",
            list(&[])
                .env("AUTH0_ACCESS_TOKEN", &token)
                .env("AUTH0_API_TOKEN", ""),
        ),
        (
            "a file",
            list(&["--token-file", path]).env("AUTH0_API_TOKEN", "another"),
        ),
        (
            "the input",
            list(&["--token-file", "-"]).input(&format!("{token}\n")),
        ),
    ] {
        let ran = cli.run();
        assert_eq!(ran.code, Some(0), "{from}: {ran:?}");
    }
}

#[test]
fn a_flag_goes_before_the_variable() {
    let sandbox = Sandbox::start().unwrap();
    let ran = at(&sandbox, &["list", JANE, "--domain", sandbox.url()])
        .env("AUTH0_DOMAIN", "not a domain")
        .run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn what_is_missing_or_contradicts_itself_is_refused() {
    let list = |words: &[&str]| cli(&[&["list", JANE], words].concat());
    let at_tenant = |words: &[&str]| list(&[&["--domain", "example.auth0.com"], words].concat());
    for (name, cli, code) in [
        ("no_domain", list(&[]), 2),
        ("no_token", at_tenant(&[]), 4),
        (
            "two_tokens",
            at_tenant(&[])
                .env("AUTH0_API_TOKEN", "planted-one")
                .env("AUTH0_ACCESS_TOKEN", "planted-two"),
            4,
        ),
        (
            "plain_http",
            list(&[]).env("AUTH0_DOMAIN", "http://example.com"),
            2,
        ),
        (
            "odd_token",
            at_tenant(&[]).env("AUTH0_API_TOKEN", "Bearer planted"),
            4,
        ),
        (
            "no_token_file",
            at_tenant(&["--token-file", "/nowhere/token"]),
            4,
        ),
        ("no_token_input", at_tenant(&["--token-file", "-"]), 4),
        (
            "odd_switch",
            cli(&["unlink", JANE, "sms|1", "--domain", "example.auth0.com"])
                .env("AUTH0_API_TOKEN", "planted")
                .env("AUTH0_DRY_RUN", "maybe"),
            2,
        ),
        ("odd_timeout", at_tenant(&["--timeout", "0"]), 2),
    ] {
        let ran = cli.run();
        assert_eq!(ran.code, Some(code), "{name} {ran:?}");
        insta::assert_snapshot!(name, ran.told());
    }
}

#[test]
fn a_file_too_large_for_a_token_is_not_read_to_its_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "x".repeat(65_537)).unwrap();
    let path = file.path().to_str().unwrap();
    let ran = cli(&["list", JANE, "--domain", "a.b", "--token-file", path]).run();
    assert_eq!(ran.code, Some(4));
    insta::assert_snapshot!(ran.err.replace(path, "FILE"), @r"
    error: FILE cannot be read
      caused by: it is too large for a token
    ");
}

#[test]
fn certificates_that_cannot_be_read_are_refused_before_anything_is_sent() {
    let sandbox = Sandbox::start().unwrap();
    let list = |path: &str| at(&sandbox, &["list", JANE, "--ca-file", path]).run();
    let ran = list("/nowhere/ca.pem");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "no certificate").unwrap();
    let ran = list(file.path().to_str().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    insta::assert_snapshot!(ran.err, @r"
    error: no client for the tenant
      caused by: the extra roots hold no certificate in PEM form
    ");
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_private_authority_is_trusted_where_its_file_is_given() {
    let sandbox = Sandbox::builder().tls().start().unwrap();
    assert!(sandbox.url().starts_with("https://"));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), sandbox.ca_pem().unwrap()).unwrap();
    let path = file.path().to_str().unwrap();
    let trusted = at(&sandbox, &["list", JANE, "--ca-file", path]).run();
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    let received = sandbox.requests().len();
    let ran = at(&sandbox, &["list", JANE, "--timeout", "5"]).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.err.contains("if you trust it, with --ca-file"),
        "{ran:?}"
    );
    assert_eq!(sandbox.requests().len(), received);
}
