//! The loop, against a script and a paused clock: what is sent, in which order, and what is reported.

use std::{
    error::Error as _,
    time::{Duration, SystemTime},
};

use http::Method;
use tokio::time::{Instant, sleep, timeout};
use transport::{
    AccessToken, Answered, Client, DecodeError, Error, ErrorKind, Hint, Operation, Path, Request,
    Response, ScriptedRoundTrip, Settled, SettledBy,
};

/// Takes `x` off a list: the answer and the probe both show what is left.
struct TakeOff {
    request: Request,
    probe: Option<Request>,
}

impl Operation for TakeOff {
    type Output = bool;

    fn request(&self) -> &Request {
        &self.request
    }

    fn decode(&self, response: &Response) -> Result<bool, DecodeError> {
        let left: Vec<String> =
            serde_json::from_slice(response.body().expose()).map_err(DecodeError::new)?;
        Ok(!left.contains(&"x".to_owned()))
    }

    fn probe(&self) -> Option<&Request> {
        self.probe.as_ref()
    }

    fn settle(&self, probe: &Response) -> Result<Settled<bool>, DecodeError> {
        if probe.status() == 404 {
            return Ok(Settled::Missing);
        }
        Ok(if self.decode(probe)? {
            Settled::Done(true)
        } else {
            Settled::Unchanged
        })
    }
}

fn path() -> Path {
    Path::new(["list"]).unwrap()
}

fn take_off() -> TakeOff {
    TakeOff {
        request: Request::delete(path()),
        probe: Some(Request::get(path())),
    }
}

fn client(script: &ScriptedRoundTrip) -> Client {
    let token = AccessToken::new("planted.bearer.token").unwrap();
    Client::builder("example.auth0.com".parse().unwrap(), token)
        .round_trip(script.clone())
        .build()
        .unwrap()
}

async fn run(script: &ScriptedRoundTrip, operation: TakeOff) -> Result<Answered<bool>, Error> {
    client(script).call().execute(operation).await
}

fn methods(script: &ScriptedRoundTrip) -> Vec<Method> {
    script
        .requests()
        .iter()
        .map(|request| request.method().clone())
        .collect()
}

const GET: Method = Method::GET;
const DELETE: Method = Method::DELETE;
const GONE: &str = "[]";
const NO_SCOPE: &str = r#"{"message":"Insufficient scope, expected any of: read:users","errorCode":"insufficient_scope"}"#;
const NO_SUCH: &str = r#"{"statusCode":404,"error":"Not Found"}"#;
const THERE: &str = r#"["x"]"#;

#[tokio::test(start_paused = true)]
async fn an_answer_is_taken_as_it_is() {
    let script = ScriptedRoundTrip::new().answer(200, GONE);
    let done = run(&script, take_off()).await.unwrap();
    assert!(done.output);
    assert_eq!((done.settled_by, done.attempts), (SettledBy::Answer, 1));
    let request = &script.requests()[0];
    assert_eq!(request.uri(), "https://example.auth0.com/list");
    assert_eq!(
        request.headers()["authorization"],
        "Bearer planted.bearer.token"
    );
    assert!(request.headers()["authorization"].is_sensitive());
    assert!(
        request.headers()["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("auth0-unlink/")
    );
}

#[tokio::test(start_paused = true)]
async fn every_lost_answer_is_settled_by_a_read() {
    let html = "<html>welcome</html>";
    let lost = [
        ScriptedRoundTrip::new().lost(),
        ScriptedRoundTrip::new().hang(),
        ScriptedRoundTrip::new().answer(503, html),
        ScriptedRoundTrip::new().answer(408, ""),
        // Not a word of the tenant.
        ScriptedRoundTrip::new().answer(404, html),
        ScriptedRoundTrip::new().answer(200, html),
        ScriptedRoundTrip::new().answer(204, ""),
        ScriptedRoundTrip::new().answer_with(302, &[("location", "https://evil.example/")], ""),
    ];
    for script in lost {
        let script = script.answer(200, GONE);
        let done = run(&script, take_off()).await.unwrap();
        assert_eq!((done.settled_by, done.attempts), (SettledBy::Probe, 1));
        assert_eq!(methods(&script), [DELETE, GET]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_without_an_answer_is_repeated() {
    let html = "<html>welcome</html>";
    for script in [
        ScriptedRoundTrip::new().lost(),
        ScriptedRoundTrip::new().not_sent(),
        ScriptedRoundTrip::new().hang(),
        ScriptedRoundTrip::new().answer(503, html),
        ScriptedRoundTrip::new().answer(408, ""),
        // Not a word of the tenant.
        ScriptedRoundTrip::new().answer(404, html),
        ScriptedRoundTrip::new().answer(200, html),
        ScriptedRoundTrip::new().answer_with(302, &[("location", "https://evil.example/")], ""),
    ] {
        let script = script.answer(200, THERE);
        // By itself, and not by a read of its own.
        let read = TakeOff {
            request: Request::get(path()),
            ..take_off()
        };
        let done = run(&script, read).await.unwrap();
        assert_eq!((done.settled_by, done.attempts), (SettledBy::Answer, 2));
        assert_eq!(methods(&script), [GET, GET]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_calls_own_options_bound_it() {
    let read = || TakeOff {
        request: Request::get(path()),
        probe: None,
    };
    let lost = || (0..9).fold(ScriptedRoundTrip::new(), |script, _| script.lost());
    let script = lost();
    let twice = client(&script).with_attempts(2);
    let error = twice.call().execute(read()).await.unwrap_err();
    assert_eq!((error.attempts(), script.requests().len()), (2, 2));
    // The client itself is as it was.
    let script = lost();
    let all = client(&script);
    let _ = all.with_attempts(2);
    assert_eq!(all.call().execute(read()).await.unwrap_err().attempts(), 4);

    let script = ScriptedRoundTrip::new().hang().hang();
    let short = client(&script).with_deadline(Duration::from_secs(5));
    let start = Instant::now();
    let error = short.call().execute(read()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(start.elapsed() <= Duration::from_millis(5_500));
}

#[tokio::test(start_paused = true)]
async fn operations_of_one_call_share_its_deadline() {
    let script = ScriptedRoundTrip::new().hang().answer(200, GONE);
    let call = client(&script)
        .with_deadline(Duration::from_secs(15))
        .call();
    let read = || TakeOff {
        request: Request::get(path()),
        probe: None,
    };
    call.execute(read()).await.unwrap_err();
    let error = call.execute(read()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 0));
    assert_eq!(script.requests().len(), 1, "no time is left to send");
}

#[tokio::test(start_paused = true)]
async fn what_a_read_shows_unchanged_is_sent_again() {
    let script = ScriptedRoundTrip::new()
        .lost()
        .answer(200, THERE)
        .answer(200, GONE);
    let done = run(&script, take_off()).await.unwrap();
    assert_eq!(
        (done.settled_by, done.attempts),
        (SettledBy::LaterAnswer, 2)
    );
    assert_eq!(methods(&script), [DELETE, GET, DELETE]);
}

#[tokio::test(start_paused = true)]
async fn a_second_attempts_refusal_is_not_the_firsts_answer() {
    // The first DELETE lands after the read; the second is refused because nothing is left to take off.
    let script = ScriptedRoundTrip::new()
        .lost()
        .answer(200, THERE)
        .answer(400, "{}")
        .answer(200, GONE);
    let done = run(&script, take_off()).await.unwrap();
    assert_eq!(done.settled_by, SettledBy::Probe);
    assert_eq!(methods(&script), [DELETE, GET, DELETE, GET]);

    let refused = || {
        ScriptedRoundTrip::new()
            .lost()
            .answer(200, THERE)
            .answer(400, "{}")
    };
    // Nor is what keeps the read from coming through.
    for script in [refused(), refused().lost()] {
        let script = script.answer(200, THERE);
        let error = run(&script, take_off()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(
            error.may_have_been_applied(),
            "the first may be delayed on its way still"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_read_is_not_allowed_the_next_answer_is_the_read() {
    let script = ScriptedRoundTrip::new()
        .lost()
        .answer(403, NO_SCOPE)
        .answer(200, GONE);
    let done = run(&script, take_off()).await.unwrap();
    assert_eq!(
        (done.settled_by, done.attempts),
        (SettledBy::LaterAnswer, 2)
    );
    assert_eq!(methods(&script), [DELETE, GET, DELETE]);

    // Refused in its turn, that is no answer to the lost one.
    let script = ScriptedRoundTrip::new()
        .lost()
        .answer(403, NO_SCOPE)
        .answer(404, NO_SUCH);
    let error = run(&script, take_off()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(
        error.to_string(),
        "the request may have been applied, and the reading that would tell is not allowed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_refused_for_another_reason_is_no_leave_to_send_again() {
    for status in [400, 403] {
        let script = ScriptedRoundTrip::new()
            .lost()
            .answer(status, "<html>blocked</html>")
            .answer(200, GONE);
        let done = run(&script, take_off()).await.unwrap();
        assert_eq!(done.settled_by, SettledBy::Probe);
        assert_eq!(methods(&script), [DELETE, GET, GET]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_read_settles_stays_unknown_within_the_deadline() {
    let script = (0..200).fold(ScriptedRoundTrip::new(), |script, _| script.lost());
    let start = Instant::now();
    let error = run(&script, take_off()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(error.may_have_been_applied());
    assert!(error.source().is_some());
    assert!(start.elapsed() <= Duration::from_secs(60));
    assert_eq!(
        methods(&script)
            .iter()
            .filter(|method| **method == DELETE)
            .count(),
        1
    );
}

/// Takes `x` off, and says of every answer that it has not come yet.
struct Impatient(TakeOff);

impl Operation for Impatient {
    type Output = bool;

    fn request(&self) -> &Request {
        self.0.request()
    }

    fn decode(&self, response: &Response) -> Result<bool, DecodeError> {
        self.0.decode(response)
    }

    fn is_not_yet(&self, _: &Response) -> bool {
        true
    }

    fn probe(&self) -> Option<&Request> {
        self.0.probe()
    }

    fn settle(&self, probe: &Response) -> Result<Settled<bool>, DecodeError> {
        self.0.settle(probe)
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_read_is_waited_for() {
    for script in [ScriptedRoundTrip::new(), ScriptedRoundTrip::new().lost()] {
        let script = script.answer(200, GONE).answer(200, GONE);
        let call = client(&script).call();
        call.execute(Impatient(take_off())).await.unwrap();
        assert_eq!(script.left(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_probe_leaves_the_deadline_intact() {
    let script = ScriptedRoundTrip::new().hang().hang().hang().hang();
    let start = Instant::now();
    let error = run(&script, take_off()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(
        start.elapsed() <= Duration::from_millis(60_500),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_target_is_an_error_of_its_own() {
    let script = ScriptedRoundTrip::new().lost().answer(404, NO_SUCH);
    let error = run(&script, take_off()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.may_have_been_applied());
}

#[tokio::test(start_paused = true)]
async fn without_a_probe_nothing_that_changes_state_is_repeated() {
    let script = ScriptedRoundTrip::new().lost().answer(200, GONE);
    let error = run(
        &script,
        TakeOff {
            probe: None,
            ..take_off()
        },
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(
        error.to_string(),
        "the request may have been applied, and no reading can tell"
    );
    assert_eq!((script.requests().len(), error.attempts()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_is_sent_again_and_was_never_applied() {
    let script = ScriptedRoundTrip::new()
        .not_sent()
        .not_sent()
        .answer(200, GONE);
    assert_eq!(
        run(&script, take_off()).await.unwrap().settled_by,
        SettledBy::Answer
    );

    let script = (0..9).fold(ScriptedRoundTrip::new(), |script, _| script.not_sent());
    let error = run(&script, take_off()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 4));
    assert!(!error.may_have_been_applied());
}

#[tokio::test(start_paused = true)]
async fn refusals_are_reported_with_what_the_tenant_said() {
    for (status, kind) in [
        (400, ErrorKind::Rejected),
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
    ] {
        let script =
            ScriptedRoundTrip::new().answer(status, r#"{"message":"no","errorCode":"why"}"#);
        let error = run(&script, take_off()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (kind, 1));
        assert_eq!(error.answer().unwrap().error_code(), Some("why"));
        assert!(!error.may_have_been_applied());
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_waited_out_by_the_servers_clock() {
    // A server whose clock is years off asks for 3 s.
    let headers = [
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("x-ratelimit-reset", "784111780"),
    ];
    let script = ScriptedRoundTrip::new()
        .answer_with(429, &headers, "{}")
        .answer(200, GONE);
    let start = Instant::now();
    let done = run(&script, take_off()).await.unwrap();
    assert_eq!(done.attempts, 2);
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_secs(3) && waited < Duration::from_secs(4),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_all_reason_is_one_of_a_day() {
    const DAY: Duration = Duration::from_secs(86_400);
    for wait in ["300000000000", "18446744073709551615"] {
        let script = ScriptedRoundTrip::new()
            .answer_with(429, &[("retry-after", wait)], "{}")
            .answer(200, GONE);
        let client = client(&script);
        let before = SystemTime::now();
        for _ in 0..2 {
            let error = client.call().execute(take_off()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RateLimited);
            let asked = error.retry_at().unwrap().duration_since(before).unwrap();
            assert!(
                asked >= DAY && asked < DAY + Duration::from_secs(10),
                "{asked:?}"
            );
        }
        sleep(DAY + Duration::from_secs(1)).await;
        client.call().execute(take_off()).await.unwrap();
        assert_eq!(script.requests().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_changes_no_wait() {
    let now = SystemTime::now();
    let skew = Duration::from_secs(600);
    let mut waits = Vec::new();
    for server in [now - skew, now, now + skew] {
        let reset = server + Duration::from_secs(3);
        let reset = reset
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs()
            .to_string();
        let date = httpdate::fmt_http_date(server);
        let headers = [("date", date.as_str()), ("x-ratelimit-reset", &reset)];
        let script = ScriptedRoundTrip::new()
            .answer_with(429, &headers, "{}")
            .answer(200, GONE);
        let start = Instant::now();
        run(&script, take_off()).await.unwrap();
        waits.push(start.elapsed());
    }
    for wait in &waits {
        assert!(
            wait.abs_diff(Duration::from_secs(3)) < Duration::from_secs(1),
            "{waits:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_sends_nothing_more() {
    for script in [
        ScriptedRoundTrip::new()
            .answer_with(429, &[("retry-after", "30")], "{}")
            .answer(200, GONE),
        ScriptedRoundTrip::new()
            .lost()
            .answer(200, THERE)
            .answer(200, GONE),
        ScriptedRoundTrip::new().lost().lost().answer(200, GONE),
        ScriptedRoundTrip::new().hang().answer(200, GONE),
    ] {
        let waiting = run(&script, take_off());
        assert!(
            timeout(Duration::from_millis(100), waiting).await.is_err(),
            "it waits for longer"
        );
        let sent = script.requests().len();
        sleep(Duration::from_secs(120)).await;
        assert_eq!(script.requests().len(), sent);
        assert!(script.left() > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_outlasts_the_deadline_fails_at_once_and_says_when() {
    let script = ScriptedRoundTrip::new().answer_with(429, &[("retry-after", "300")], "{}");
    let start = Instant::now();
    let before = SystemTime::now();
    let error = run(&script, take_off()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(start.elapsed(), Duration::ZERO);
    let wait = error.retry_at().unwrap().duration_since(before).unwrap();
    assert!(
        wait >= Duration::from_secs(300) && wait < Duration::from_secs(310),
        "{wait:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_keeps_the_outcome_unknown_names_its_time() {
    let limited = |script: ScriptedRoundTrip| {
        let script = script.answer_with(429, &[("retry-after", "300")], "{}");
        (0..50).fold(script, |script, _| script.answer(200, THERE))
    };
    for (script, sent, quickly) in [
        (ScriptedRoundTrip::new().lost(), vec![DELETE, GET], 0),
        (
            ScriptedRoundTrip::new().lost().answer(200, THERE),
            vec![DELETE, GET, DELETE],
            1,
        ),
    ] {
        let script = limited(script);
        let (start, before) = (Instant::now(), SystemTime::now());
        let error = run(&script, take_off()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        assert!(error.may_have_been_applied());
        assert_eq!(methods(&script), sent, "nothing more into a closed window");
        assert!(start.elapsed() <= Duration::from_secs(quickly));
        let wait = error.retry_at().unwrap().duration_since(before).unwrap();
        assert!(
            wait >= Duration::from_secs(300) && wait < Duration::from_secs(310),
            "{wait:?}"
        );
        assert_eq!(error.hints(), [Hint::RetryAt(error.retry_at().unwrap())]);
        assert_eq!(error.answer().unwrap().status(), 429, "the cause's answer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_asks_for_no_wait_is_not_asked_without_pause() {
    let script = (0..1000).fold(ScriptedRoundTrip::new(), |script, _| {
        script.answer_with(429, &[("retry-after", "0")], "{}")
    });
    let error = run(&script, take_off()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let sent = script.requests().len();
    assert!((10..=20).contains(&sent), "{sent} requests in a minute");
}

#[tokio::test(start_paused = true)]
async fn no_message_and_no_debug_shows_the_token() {
    let script = ScriptedRoundTrip::new().answer(401, r#"{"message":"Invalid token"}"#);
    let client = client(&script);
    let call = client.call();
    let error = call.execute(take_off()).await.unwrap_err();
    let shown = format!(
        "{client:?} {call:?} {error:?} {error} {:?} {script:?}",
        error.answer()
    );
    assert!(!shown.contains("planted"), "{shown}");
    assert!(
        format!("{:?}", script.requests()[0].uri()).contains("example"),
        "it was sent all the same"
    );
}
