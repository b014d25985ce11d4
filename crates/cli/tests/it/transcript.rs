//! Everything in a row, against `auth0-unlink sandbox` in another process.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use crate::{
    serving::{Serving, id_token, user_token},
    support::{Cli, JANE, JANES_GOOGLE, cli},
};

/// Runs the commands one after the other, and tells all of it.
fn transcript(url: &str, commands: &[&[&str]], with: impl Fn(Cli) -> Cli) -> String {
    let run = |words: &&[&str]| {
        let ran = with(cli(words)).run();
        format!("$ auth0-unlink {}\n{}", words.join(" "), ran.told_of(url))
    };
    commands.iter().map(run).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_application_unlinks_and_links_back() {
    let (_serving, ready) = Serving::ready(&[]);
    let text = |key: &str| ready[key].as_str().unwrap();
    let commands: &[&[&str]] = &[
        &["list", JANE],
        &["unlink", JANE, JANES_GOOGLE, "--yes"],
        &["list", JANE],
        &["list", JANES_GOOGLE],
        &["link", JANE, JANES_GOOGLE, "--dry-run"],
        &["link", JANE, JANES_GOOGLE, "--yes"],
        &["link", JANE, JANES_GOOGLE, "--yes"],
        &["list", JANE],
        &["list", JANES_GOOGLE],
    ];
    let told = transcript(text("url"), commands, |cli| {
        cli.env("AUTH0_DOMAIN", text("url"))
            .env("AUTH0_CLIENT_ID", text("client_id"))
            .env("AUTH0_CLIENT_SECRET", text("client_secret"))
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_user_unlinks_and_links_back_with_tokens_of_its_own() {
    let (_serving, ready) = Serving::ready(&[]);
    let url = ready["url"].as_str().unwrap();
    let token = user_token(
        &ready,
        JANE,
        "read:current_user update:current_user_identities",
    );
    // As if the person had logged in with the Google account once it was separate.
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), id_token(&ready, JANES_GOOGLE)).unwrap();
    let proof = file.path().to_str().unwrap();
    let commands: &[&[&str]] = &[
        &["list", JANE],
        &["unlink", JANE, JANES_GOOGLE, "--yes"],
        &["list", JANE],
        &[
            "link",
            JANE,
            JANES_GOOGLE,
            "--id-token-file",
            proof,
            "--yes",
        ],
        &["list", JANE],
        // Someone else's.
        &["list", JANES_GOOGLE],
        &[
            "unlink",
            "samlp|example-saml|jane@example.com",
            "google-oauth2|113920485517620394415",
            "--yes",
        ],
    ];
    let told = transcript(url, commands, |cli| {
        cli.env("AUTH0_DOMAIN", url)
            .env("AUTH0_ACCESS_TOKEN", &token)
    });
    insta::assert_snapshot!(told.replace(proof, "ID_TOKEN_FILE"));
}

#[test]
fn the_exported_lines_are_all_that_is_needed() {
    let seed = tempfile::NamedTempFile::new().unwrap();
    let user = r#"{"users":[{"user_id":"email|7","identities":[{"connection":"email","provider":"email","user_id":"7"}]}]}"#;
    fs::write(seed.path(), user).unwrap();
    let mut serving = Serving::start(&["--seed", seed.path().to_str().unwrap()]);
    let mut list = cli(&["list", "email|7", "--json"]);
    for name in ["AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"] {
        let line = serving.line();
        let (set, value) = line.trim_end().split_once('=').unwrap();
        assert_eq!(set, format!("export {name}"));
        list = list.env(name, value);
    }
    let ran = list.run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.document()["user_id"], "email|7");
}

#[test]
fn a_taken_port_and_a_tenants_name_are_refused() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = cli(&["sandbox", "--port", &port]).run();
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    // The cause between them is in the words of the operating system.
    let error = format!("error: the local tenant does not start on port {port}\n");
    assert!(ran.err.starts_with(&error), "{ran:?}");
    let hint = "\nhint: give another --port; without one a free port is taken\n";
    assert!(ran.err.ends_with(hint), "{ran:?}");
    let ran = cli(&["sandbox", "--domain", "example.auth0.com"]).run();
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn what_to_run_next_names_the_program_as_it_was_called() {
    let mut command = cli(&["sandbox"]).into_command();
    let streams = command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = streams.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let hint = lines.map(Result::unwrap).nth(1);
    child.kill().unwrap();
    child.wait().unwrap();
    let hint = hint.unwrap();
    let (_, next) = hint.split_once(": ").unwrap();
    assert!(next.contains(env!("CARGO_BIN_EXE_auth0-unlink")), "{hint}");
    assert!(next.ends_with(&format!(" list '{JANE}'")), "{hint}");
}

#[test]
fn the_tenant_serves_until_it_is_stopped() {
    let (mut serving, ready) = Serving::ready(&[]);
    let list = || {
        cli(&["list", JANE])
            .env("AUTH0_DOMAIN", ready["url"].as_str().unwrap())
            .env("AUTH0_API_TOKEN", ready["token"].as_str().unwrap())
            .env("AUTH0_CLIENT_ID", "not used beside a token")
            .run()
    };
    assert_eq!(list().code, Some(0));
    serving.stop();
    let mut rest = String::new();
    serving.out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one document and no more");
    assert_eq!(list().code, Some(1));
}
