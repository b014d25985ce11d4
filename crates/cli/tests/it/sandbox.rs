//! `sandbox`: what each option makes of the tenant, as its users find it.

use std::fs;

use serde_json::{Value, json};

use crate::{
    serving::{Serving, interrupts_are_ignored, request, request_under},
    support::{Cli, JANE, JANES_GOOGLE, cli},
};

/// A run against a tenant that said it is ready.
fn at(ready: &Value, words: &[&str]) -> Cli {
    cli(words)
        .env("AUTH0_DOMAIN", ready["url"].as_str().unwrap())
        .env("AUTH0_API_TOKEN", ready["token"].as_str().unwrap())
}

fn users(words: &[&str]) -> Vec<Value> {
    let (_serving, ready) = Serving::ready(words);
    let (head, body) = request(&ready, "GET", "/__sandbox/snapshot", "");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let snapshot: Value = serde_json::from_str(&body).unwrap();
    snapshot["users"].as_array().unwrap().clone()
}

fn linked(users: &[Value]) -> usize {
    let identities = users.iter().map(|user| user["identities"].as_array());
    identities.filter(|held| held.unwrap().len() > 1).count()
}

/// The value of a header of an answer that went well.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.find_map(|(held, value)| (held == name).then_some(value))
}

/// Reads a user so many times, and returns the head of the last answer.
fn read(ready: &Value, times: usize) -> String {
    let path = format!("/api/v2/users/{}", JANE.replace('|', "%7C"));
    let mut head = String::new();
    for _ in 0..times {
        (head, _) = request(ready, "GET", &path, "");
    }
    head
}

#[test]
fn as_many_users_are_there_as_asked_for_and_as_many_of_them_linked() {
    let thousand = users(&["--users", "1000", "--linked", "30%"]);
    assert_eq!(thousand.len(), 1_000);
    // By chance, three standard deviations either way; always the same for the same number.
    assert!((257..344).contains(&linked(&thousand)));
    assert_eq!(users(&["--users", "1000", "--rng-seed", "0"]), thousand);
    assert_ne!(users(&["--users", "1000", "--rng-seed", "1"]), thousand);
    let all = users(&["--users", "7", "--linked", "100%"]);
    assert_eq!((all.len(), linked(&all)), (7, 7));
    let none = users(&["--users", "200", "--linked", "0"]);
    assert_eq!((none.len(), linked(&none)), (200, 0));
    assert_eq!(users(&["--users", "0"]), Vec::<Value>::new());
}

#[test]
fn a_real_tenants_export_is_a_seed() {
    let export = tempfile::NamedTempFile::new().unwrap();
    let user = |id: u32| {
        json!({ "user_id": format!("sms|{id}"), "email": null, "identities": [
        { "connection": "sms", "provider": "sms", "user_id": id.to_string() }] })
    };
    fs::write(export.path(), format!("{}\n{}\n", user(1), user(2))).unwrap();
    let found = users(&["--seed", export.path().to_str().unwrap()]);
    let ids: Vec<&str> = found
        .iter()
        .map(|user| user["user_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["sms|1", "sms|2"]);
}

#[test]
fn a_made_up_user_can_be_unlinked() {
    let (_serving, ready) = Serving::ready(&["--users", "1", "--linked", "100%"]);
    let (_, body) = request(&ready, "GET", "/api/v2/users", "");
    let users: Value = serde_json::from_str(&body).unwrap();
    let user = users[0]["user_id"].as_str().unwrap();
    let google = users[0]["identities"][1]["user_id"].as_str().unwrap();
    let ran = at(&ready, &["unlink", user, "google-oauth2", google, "--yes"]).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn created_users_get_ids_by_the_number() {
    let created = |number: &str| {
        let (_serving, ready) = Serving::ready(&["--rng-seed", number]);
        let user = json!({
            "connection": "Username-Password-Authentication",
            "email": "new@example.com", "password": "a-Passw0rd-of-no-use",
        });
        let (head, body) = request(&ready, "POST", "/api/v2/users", &user.to_string());
        assert!(head.starts_with("http/1.1 201"), "{head} {body}");
        let user: Value = serde_json::from_str(&body).unwrap();
        user["user_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(created("7"), created("7"));
    assert_ne!(created("7"), created("8"));
}

#[test]
fn a_strict_tenant_does_not_answer_where_it_would_guess() {
    for (words, status) in [(&[][..], 404), (&["--strict"], 501)] {
        let (_serving, ready) = Serving::ready(words);
        assert_eq!(at(&ready, &["list", JANE]).run().code, Some(0));
        // Whether a linked account's own id names a user is nowhere said.
        let ran = at(&ready, &["list", JANES_GOOGLE, "--json"]).run();
        assert_eq!(ran.error_document()["error"]["status"], status, "{words:?}");
    }
}

#[test]
fn a_plan_limits_the_rate_and_says_so() {
    let (_serving, ready) = Serving::ready(&[]);
    assert_eq!(header(&read(&ready, 1), "x-ratelimit-limit"), None);
    let (_serving, ready) = Serving::ready(&["--plan", "private-100"]);
    let head = read(&ready, 1);
    assert_eq!(header(&head, "x-ratelimit-limit"), Some("50"));
    assert_eq!(header(&head, "x-ratelimit-remaining"), Some("49"));
}

#[test]
fn the_reset_is_when_the_limit_is_whole_or_when_the_next_call_is_added() {
    let noon = 1_769_860_800;
    for (words, reset) in [
        (&[][..], noon + 2),
        (&["--reset-means", "full"], noon + 2),
        (&["--reset-means", "next-token"], noon + 1),
    ] {
        let fixed = ["--plan", "enterprise-non-production", "--frozen-at"];
        let words = [&fixed, &["2026-01-31T13:00:00+01:00"][..], words].concat();
        let (_serving, ready) = Serving::ready(&words);
        // Two calls come back in a second.
        let head = read(&ready, 4);
        assert_eq!(header(&head, "date"), Some("sat, 31 jan 2026 12:00:00 gmt"));
        let told = header(&head, "x-ratelimit-reset").unwrap();
        assert_eq!(told, reset.to_string(), "{words:?}");
    }
}

#[test]
fn a_neighbour_takes_of_the_limit() {
    let remaining = |share: &str| -> u32 {
        let (_serving, ready) = Serving::ready(&[
            "--plan",
            "private-100",
            "--neighbour",
            share,
            "--frozen-at",
            "2026-01-31T12:00:00Z",
        ]);
        // All there is; a second later it would be there again.
        read(&ready, 50);
        let later = json!({ "advance_ms": 1000 });
        let (head, _) = request(&ready, "POST", "/__sandbox/clock", &later.to_string());
        assert!(head.starts_with("http/1.1 20"), "{head}");
        let head = read(&ready, 1);
        let told = header(&head, "x-ratelimit-remaining").unwrap();
        told.parse().unwrap()
    };
    assert_eq!(remaining("0%"), 49);
    assert!(remaining("50%") < 49);
}

/// The status of a look at its health under this name.
fn health_as(host: &str, ready: &Value) -> String {
    let (head, _) = request_under(host, ready, "GET /__sandbox/health", "accept: */*", "");
    head.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn it_answers_to_others_only_if_told_to_and_under_a_further_name_if_given_one() {
    let elsewhere = "tenant.example:80";
    for (words, status) in [
        (&[][..], "421"),
        (&["--host", "tenant.example"], "200"),
        (&["--listen", "0.0.0.0"], "200"),
    ] {
        let (_serving, ready) = Serving::ready(words);
        assert_eq!(health_as(elsewhere, &ready), status, "{words:?}");
        assert_eq!(health_as("localhost", &ready), "200", "{words:?}");
        assert!(ready["domain"].as_str().unwrap().starts_with("127.0.0.1:"));
    }
    let mut serving = Serving::start(&["--listen", "0.0.0.0"]);
    serving.line();
    let said = [serving.said(), serving.said()].concat();
    assert!(said.contains("put nothing real there"), "{said}");
    let ran = cli(&["sandbox", "--listen", "192.0.2.1"]).run();
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("an address of this machine"), "{ran:?}");
}

#[test]
fn the_container_starts_what_others_reach() {
    let recipe = include_str!("../../../sandbox/Containerfile");
    let entry = recipe
        .lines()
        .find_map(|line| line.strip_prefix("ENTRYPOINT "));
    let words: Vec<String> = serde_json::from_str(entry.unwrap()).unwrap();
    assert_eq!(words[..2], ["auth0-unlink", "sandbox"]);
    // Its port may be taken here, so another is taken.
    let words: Vec<&str> = words[2..].iter().map(String::as_str).collect();
    let port = words.iter().position(|word| *word == "--port").unwrap();
    assert!(recipe.contains(&format!("EXPOSE {}\n", words[port + 1])));
    let words = [&words[..port], &["--port", "0"]].concat();
    let (_serving, ready) = Serving::ready(&words);
    assert_eq!(health_as("local-tenant:4400", &ready), "200");
}

#[test]
fn pages_of_an_origin_may_call_if_it_is_allowed() {
    let (_serving, ready) = Serving::ready(&[
        "--allow-origin",
        "http://localhost:3000",
        "--allow-origin",
        "http://localhost:4000",
    ]);
    let allowed = |origin: &str| {
        let head = format!("origin: {origin}\r\naccess-control-request-method: DELETE");
        let domain = ready["domain"].as_str().unwrap();
        let (head, _) = request_under(domain, &ready, "OPTIONS /api/v2/users/x", &head, "");
        head.contains(&format!("access-control-allow-origin: {origin}"))
    };
    let origins = [3000, 4000, 5000].map(|port| allowed(&format!("http://localhost:{port}")));
    assert_eq!(origins, [true, true, false]);
}

#[test]
fn a_search_is_behind_if_told_to_be() {
    let found = |words: &[&str]| {
        let (_serving, ready) = Serving::ready(words);
        let ran = at(&ready, &["unlink", JANE, JANES_GOOGLE, "--yes"]).run();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let search = "/api/v2/users?q=identities.connection:google-oauth2&fields=user_id";
        let (_, body) = request(&ready, "GET", search, "");
        body.contains(JANE)
    };
    assert!(!found(&[]));
    assert!(found(&["--search-lag", "3600"]));
}

#[test]
fn an_export_takes_as_long_as_it_is_told_to() {
    let polled = |words: &[&str]| {
        let (_serving, ready) = Serving::ready(words);
        let (_, job) = request(&ready, "POST", "/api/v2/jobs/users-exports", "{}");
        let job: Value = serde_json::from_str(&job).unwrap();
        let path = format!("/api/v2/jobs/{}", job["id"].as_str().unwrap());
        let (_, job) = request(&ready, "GET", &path, "");
        serde_json::from_str::<Value>(&job).unwrap()["status"].clone()
    };
    assert_eq!(polled(&[]), "completed");
    assert_eq!(polled(&["--export-duration", "3600"]), "pending");
}

#[test]
fn a_name_or_an_origin_that_no_client_would_send_is_a_mistake_of_the_caller() {
    for (words, says) in [
        (["--allow-origin", "http://localhost:3000/"], "is no origin"),
        (["--host", "http://tenant.example"], "is no name"),
    ] {
        let ran = cli(&["sandbox", words[0], words[1]]).run();
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains(says), "{ran:?}");
    }
}

#[test]
fn the_certificate_is_trusted_where_its_file_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("the ca.pem");
    let path = file.to_str().unwrap();
    let (_serving, ready) = Serving::ready(&["--tls", "--ca-file-out", path]);
    assert_eq!(ready["ca_file"], path);
    assert!(ready["url"].as_str().unwrap().starts_with("https://"));
    let trusted = at(&ready, &["list", JANE, "--ca-file", path]).run();
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    let ran = at(&ready, &["list", JANE, "--timeout", "5"]).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("certificate"), "{ran:?}");

    let mut serving = Serving::start(&["--tls", "--ca-file-out", path]);
    let set = serving.line();
    let url = set.trim_end().strip_prefix("export AUTH0_DOMAIN=").unwrap();
    let said = [serving.said(), serving.said()].concat();
    let said = said.replace(env!("CARGO_BIN_EXE_auth0-unlink"), "auth0-unlink");
    insta::assert_snapshot!(said.replace(url, "https://LOCAL").replace(path, "/DIR/the ca.pem"), @r"
    A local tenant is ready at https://LOCAL; Ctrl-C stops it. Its certificate is made for this run: add --ca-file '/DIR/the ca.pem' to each command to trust it. In another shell:
    and then, for a start: auth0-unlink list 'auth0|63d17b7dbc8a5d0f3e9c4a21' --ca-file '/DIR/the ca.pem'
    ");
}

#[test]
fn the_file_of_the_certificate_is_for_a_process_in_any_directory() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let (_serving, ready) = Serving::ready_in(&directory, &["--tls", "--ca-file-out", "ca.pem"]);
    let path = ready["ca_file"].as_str().unwrap();
    assert_eq!(path, directory.join("ca.pem").to_str().unwrap());
    assert!(
        fs::read_to_string(path)
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
}

#[test]
fn the_document_has_the_keys_it_always_had() {
    let (_serving, ready) = Serving::ready(&["--users", "1", "--plan", "free", "--strict"]);
    let keys: Vec<_> = ready.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["client_id", "client_secret", "domain", "token", "url"]
    );
}

#[test]
fn what_makes_no_tenant_is_refused_with_what_to_do() {
    for (name, words) in [
        ("sandbox_plan", &["--plan", "gold"][..]),
        ("sandbox_two_sources", &["--users", "5", "--seed", "x.json"]),
        ("sandbox_share_of_none", &["--linked", "30%"]),
        ("sandbox_share", &["--users", "5", "--linked", "0.3"]),
        ("sandbox_neighbour", &["--neighbour", "30%"]),
        (
            "sandbox_reset",
            &["--plan", "free", "--reset-means", "never"],
        ),
        ("sandbox_many", &["--users", "1000001"]),
        ("sandbox_time", &["--frozen-at", "noon"]),
        ("sandbox_tls_untrusted", &["--tls"]),
        ("sandbox_plain_trusted", &["--ca-file-out", "ca.pem"]),
    ] {
        let ran = cli(&[&["sandbox"], words].concat()).run();
        assert_eq!(ran.code, Some(2), "{name} {ran:?}");
        insta::assert_snapshot!(name, ran.told());
    }
}

#[test]
fn a_file_that_cannot_serve_is_named_with_the_place() {
    let seed = tempfile::NamedTempFile::new().unwrap();
    let user = json!({ "users": [{ "user_id": "sms|1", "identities": [
        { "connection": "sms", "provider": "sms", "user_id": "1" },
        { "connection": "sms", "provider": "sms" }] }] });
    fs::write(seed.path(), user.to_string()).unwrap();
    let path = seed.path().to_str().unwrap();
    let ran = cli(&["sandbox", "--seed", path]).run();
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.err.replace(path, "SEED"), @r"
    error: SEED is not a seed
      caused by: seed: users[0].identities[1].user_id must be a text that is not empty, or an integer
    ");
    let ran = cli(&["sandbox", "--tls", "--ca-file-out", "/nowhere/ca.pem"]).run();
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err
            .starts_with("error: /nowhere/ca.pem cannot be written\n"),
        "{ran:?}"
    );
}

/// Its parent sees an interrupt and no exit code, as a shell needs to stop the script it is in; the shell calls it 130.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_as_any_program() {
    use std::os::unix::process::ExitStatusExt as _;

    if interrupts_are_ignored() {
        eprintln!(
            "skipped: whoever started this ignores interrupts, and so does all that is started here"
        );
        return;
    }
    let (serving, _) = Serving::ready(&[]);
    let (status, rest) = serving.interrupt();
    assert_eq!((status.code(), status.signal()), (None, Some(2)), "{rest}");
    assert_eq!(rest, "");
}
