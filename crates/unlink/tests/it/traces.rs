//! What a subscriber is told of a call: one span each, with what was done, how often, how it was answered and waited for.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};
use transport::ScriptedRoundTrip;
use unlink::{Client, IdentityKey, UserId};

use crate::support::client;

const LINKED: &str =
    r#"{"identities":[{"provider":"auth0","user_id":"1"},{"provider":"email","user_id":"2"}]}"#;
const LEFT: &str = r#"[{"provider":"auth0","user_id":"1"}]"#;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is traced while `script` answers an unlinking.
async fn traced(script: ScriptedRoundTrip) -> Vec<String> {
    traced_of(client(&script)).await
}

/// What is traced of an unlinking by this client.
async fn traced_of(client: Client) -> Vec<String> {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .without_time()
        .with_writer(lines.clone())
        .finish();
    let (user, identity): (UserId, IdentityKey) =
        ("auth0|1".parse().unwrap(), "email|2".parse().unwrap());
    let guard = tracing::subscriber::set_default(subscriber);
    let _ = client.unlink(&user, &identity).await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The transport's spans, as they were when they closed.
fn calls(lines: &[String]) -> Vec<&str> {
    let closed = lines.iter().filter(|line| line.ends_with(": close"));
    closed
        .filter_map(|line| line.split_once("auth0{")?.1.split_once('}'))
        .map(|(fields, _)| fields)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_is_one_span_that_tells_how_it_went() {
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer_with(429, &[("retry-after", "3")], "{}")
        .lost()
        .answer(200, LINKED)
        .answer(200, LEFT);
    let lines = traced(script).await;
    let calls = calls(&lines);
    assert_eq!(
        calls[0],
        r#"operation="read identities" attempt=1 status=200 wait_ms=0"#
    );
    let (known, wait) = calls[1].split_once(" wait_ms=").unwrap();
    assert_eq!(known, r#"operation="unlink identity" attempt=3 status=200"#);
    let wait: u64 = wait.parse().unwrap();
    assert!((3000..4000).contains(&wait), "{wait}");
    assert_eq!(calls.len(), 2);

    let told = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(told("not done"), 3, "one event for each step on the way");
    assert_eq!(told("status=429 next=\"send\" wait_ms=3"), 1);
    assert_eq!(told(r#"next="probe" wait_ms=0"#), 1);
    assert_eq!(told(": done settled_by=LaterAnswer"), 1);
    assert_eq!(
        told(r#"unlink{operation="unlink" user=auth0|1 identity=email|#"#),
        lines.len(),
        "all of it inside the facade's span, the address hashed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_says_why() {
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(400, r#"{"message":"planted"}"#);
    let lines = traced(script).await;
    assert_eq!(
        calls(&lines)[1],
        r#"operation="unlink identity" attempt=1 status=400 wait_ms=0"#
    );
    let failed = ": failed kind=Rejected may_have_been_applied=false";
    assert!(lines.iter().any(|line| line.contains(failed)), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("planted")));
}

#[tokio::test(start_paused = true)]
async fn ids_that_were_asked_for_are_shown_whatever_the_options_of_a_call() {
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(200, LEFT);
    let shown = client(&script).with_ids_in_traces();
    let hurried = shown.transport().with_attempts(1);
    let lines = traced_of(shown.with_transport(hurried)).await;
    assert!(lines[0].contains("identity=email|2"), "{lines:?}");
}
