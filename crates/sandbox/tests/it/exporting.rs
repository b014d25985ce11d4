//! Exports: the job, its link, and the file.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use unlink_sandbox::{Population, Sandbox, Seed};

use crate::client::{send, send_json};

const EXPORTS: &str = "/api/v2/jobs/users-exports";

fn order(sandbox: &Sandbox, wanted: &Value) -> Value {
    let token = sandbox.token(&["read:users"]);
    let ordered = send_json(sandbox, "POST", EXPORTS, Some(&token), wanted);
    assert_eq!(ordered.status, 200, "{}", ordered.body);
    ordered.json()
}

fn poll(sandbox: &Sandbox, job: &Value) -> Value {
    let token = sandbox.token(&["read:users"]);
    let target = format!("/api/v2/jobs/{}", job["id"].as_str().unwrap());
    send(sandbox, "GET", &target, Some(&token)).json()
}

fn target(sandbox: &Sandbox, job: &Value) -> String {
    let location = job["location"].as_str().unwrap();
    location.strip_prefix(sandbox.url()).unwrap().to_owned()
}

/// The file behind a link, without a token.
fn download(sandbox: &Sandbox, target: &str) -> String {
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    let host = sandbox.domain();
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap()
        + 4;
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    let mut text = String::new();
    GzDecoder::new(&answer[head..])
        .read_to_string(&mut text)
        .unwrap();
    text
}

fn export(sandbox: &Sandbox, wanted: &Value) -> String {
    let job = poll(sandbox, &order(sandbox, wanted));
    assert_eq!(job["status"], "completed");
    download(sandbox, &target(sandbox, &job))
}

#[test]
fn an_order_is_answered_as_recorded() {
    let sandbox = Sandbox::start().unwrap();
    let fields =
        json!([{ "name": "user_id" }, { "name": "identities[0].connection", "export_as": "from" }]);
    let wanted = json!({
        "connection_id": "con_Zm4tQ7rX2bWc9LdK", "format": "json", "limit": 5, "fields": fields
    });
    let job = order(&sandbox, &wanted);
    assert_eq!(job["type"], "users_export");
    assert_eq!(job["status"], "pending");
    assert_eq!(job["connection"], "Username-Password-Authentication");
    assert_eq!((&job["limit"], &job["fields"]), (&json!(5), &fields));
    assert_eq!(job["id"].as_str().unwrap().len(), "job_".len() + 16);
    let lines = download(&sandbox, &target(&sandbox, &poll(&sandbox, &job)));
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        first,
        json!({ "user_id": "auth0|63d17b7dbc8a5d0f3e9c4a21", "from": "Username-Password-Authentication" })
    );
    assert!(lines.lines().all(|line| line.contains("auth0|")));
}

#[test]
fn a_file_holds_the_users_as_they_were_ordered_without_their_tokens() {
    let sandbox = Sandbox::start().unwrap();
    let job = order(&sandbox, &json!({ "format": "json" }));
    let users = sandbox.users().len();
    sandbox.restore(Population::new(1).generate());
    let text = download(&sandbox, &target(&sandbox, &poll(&sandbox, &job)));
    assert_eq!(text.lines().count(), users);
    assert!(
        !text.contains("access_token") && !text.contains("ya29"),
        "{text}"
    );
    assert!(text.contains("58323117"));
    // And it is a seed again.
    let seed = Seed::from_export(&text).unwrap();
    let copy = Sandbox::builder().seed(seed).start().unwrap();
    assert_eq!(copy.users().len(), users);
    let jane = copy.user("auth0|63d17b7dbc8a5d0f3e9c4a21").unwrap();
    assert_eq!(jane["identities"][2]["user_id"], 58323117);
}

#[test]
fn a_csv_file_marks_texts() {
    let sandbox = Sandbox::start().unwrap();
    let fields = json!([{ "name": "user_id", "export_as": "id" }, { "name": "email_verified" }, { "name": "identities" }]);
    let text = export(&sandbox, &json!({ "fields": fields, "limit": 1 }));
    assert_eq!(
        text,
        "\"id\",\"email_verified\",\"identities\"\n\"'auth0|63d17b7dbc8a5d0f3e9c4a21\",true,\n"
    );
}

#[test]
fn a_link_and_a_job_do_not_last() {
    let sandbox = Sandbox::builder()
        .export_duration(Duration::from_secs(5))
        .start()
        .unwrap();
    sandbox.freeze();
    let job = order(&sandbox, &json!({ "format": "json" }));
    assert_eq!(poll(&sandbox, &job)["status"], "pending");
    sandbox.advance(Duration::from_secs(5));
    let link = target(&sandbox, &poll(&sandbox, &job));
    sandbox.advance(Duration::from_secs(59));
    assert!(!download(&sandbox, &link).is_empty());
    sandbox.advance(Duration::from_secs(1));
    assert_eq!(send(&sandbox, "GET", &link, None).status, 403);
    let fresh = target(&sandbox, &poll(&sandbox, &job));
    assert!(!download(&sandbox, &fresh).is_empty());
    sandbox.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(poll(&sandbox, &job)["message"], "Job not found.");
}

#[test]
fn an_order_that_makes_no_sense_is_refused() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users"]);
    for (wanted, code) in [
        (json!({ "format": "xml" }), "invalid_body"),
        (json!({ "limit": 0 }), "invalid_body"),
        (json!({ "fields": [{ "export_as": "x" }] }), "invalid_body"),
        (
            json!({ "fields": vec![json!({ "name": "email" }); 31] }),
            "invalid_body",
        ),
        (json!({ "page": 1 }), "invalid_body"),
        (
            json!({ "connection_id": "con_0000000000000000" }),
            "inexistent_connection",
        ),
    ] {
        let refused = send_json(&sandbox, "POST", EXPORTS, Some(&token), &wanted).error();
        assert_eq!(
            (refused.0, refused.2.as_deref()),
            (400, Some(code)),
            "{wanted}"
        );
    }
    let link = "/exports/job_0000000000000000.json.gz?signature=x";
    assert_eq!(send(&sandbox, "GET", link, None).status, 404);
}

#[test]
fn a_hundred_thousand_users_are_a_hundred_thousand_lines() {
    let seed = Population::new(100_000).linked(0.3).generate();
    let sandbox = Sandbox::builder().seed(seed).start().unwrap();
    let text = export(
        &sandbox,
        &json!({ "format": "json", "fields": [{ "name": "user_id" }] }),
    );
    assert_eq!(text.lines().count(), 100_000);
}
