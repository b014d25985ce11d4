//! Client credentials: how many tokens are fetched, when, and what a caller learns when there is none.

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::{FutureExt, future::join_all};
use tokio::time::advance;
use transport::{
    AccessToken, BoxFuture, Channel, Client, ClientCredentials, DecodeError, Error, ErrorKind,
    Hint, Operation, Path, Request, Response, RoundTrip, RoundTripError, ScriptedRoundTrip,
    Settled, SettledBy, Time, TokenSource,
};
use unlink_sandbox::Sandbox;

/// Reads something that any token may read.
struct Read(Request);

impl Operation for Read {
    type Output = ();

    fn request(&self) -> &Request {
        &self.0
    }

    fn decode(&self, _: &Response) -> Result<(), DecodeError> {
        Ok(())
    }
}

fn client(script: &ScriptedRoundTrip) -> Client {
    let credentials = ClientCredentials::new("the-client", "planted-secret");
    Client::builder("example.auth0.com".parse().unwrap(), credentials)
        .round_trip(script.clone())
        .build()
        .unwrap()
}

pub(crate) async fn read(client: &Client) -> Result<(), Error> {
    let path = Path::new(["api", "v2", "users", "auth0|1"]).unwrap();
    client
        .call()
        .execute(Read(Request::get(path)))
        .await
        .map(|_| ())
}

pub(crate) fn issued(token: &str, seconds: u64) -> String {
    format!(r#"{{"access_token":"{token}","expires_in":{seconds},"token_type":"Bearer"}}"#)
}

/// The token each request carried; `-` for the token endpoint, which is sent none.
fn tokens(script: &ScriptedRoundTrip) -> Vec<String> {
    let token = |request: &http::Request<bytes::Bytes>| match request.headers().get("authorization")
    {
        Some(value) => value
            .to_str()
            .unwrap()
            .trim_start_matches("Bearer ")
            .to_owned(),
        None => "-".to_owned(),
    };
    script.requests().iter().map(token).collect()
}

/// What the numbered tokens live for, in seconds.
const LIFE: u64 = 86_400;

/// A tenant that issues numbered tokens, takes those from `valid` on, and takes its time for each answer.
#[derive(Clone, Default)]
struct Tenant(Arc<Counts>);

#[derive(Default)]
struct Counts {
    issued: AtomicUsize,
    valid: AtomicUsize,
    refused: AtomicUsize,
    /// Milliseconds until an answer.
    slowness: AtomicUsize,
    /// The latest token that a request carried.
    carried: AtomicUsize,
}

impl RoundTrip for Tenant {
    fn round_trip(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        let counts = Arc::clone(&self.0);
        Box::pin(async move {
            let slowness = Duration::from_millis(100 + counts.slowness.load(SeqCst) as u64);
            tokio::time::sleep(slowness).await;
            let mut response = http::Response::new(Bytes::new());
            match request.headers().get("authorization") {
                None => {
                    let number = counts.issued.fetch_add(1, SeqCst);
                    *response.body_mut() = issued(&number.to_string(), LIFE).into();
                }
                Some(token) => {
                    let number: usize = token.to_str().unwrap()["Bearer ".len()..].parse().unwrap();
                    counts.carried.store(number, SeqCst);
                    if number < counts.valid.load(SeqCst) {
                        counts.refused.fetch_add(1, SeqCst);
                        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
                    }
                }
            }
            Ok(response)
        })
    }
}

impl Tenant {
    fn client(&self) -> Client {
        let credentials = ClientCredentials::new("the-client", "planted-secret");
        let builder = Client::builder("example.auth0.com".parse().unwrap(), credentials);
        builder.round_trip(self.clone()).build().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn many_concurrent_calls_fetch_one_token() {
    let tenant = Tenant::default();
    let client = tenant.client();
    for expected in 1..=3 {
        for result in join_all((0..200).map(|_| read(&client))).await {
            result.unwrap();
        }
        assert_eq!(tenant.0.issued.load(SeqCst), expected);
        // The next 200 find it expired.
        advance(Duration::from_secs(LIFE)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_costs_one_renewal_and_no_failed_call() {
    let tenant = Tenant::default();
    let client = tenant.client();
    read(&client).await.unwrap();
    tenant.0.valid.store(1, SeqCst);
    for result in join_all((0..200).map(|_| read(&client))).await {
        result.unwrap();
    }
    assert_eq!(tenant.0.refused.load(SeqCst), 200);
    assert_eq!(tenant.0.issued.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_dropped_does_not_hurt_the_others() {
    let tenant = Tenant::default();
    let client = tenant.client();
    let mut first = Box::pin(read(&client));
    assert!(
        first.as_mut().now_or_never().is_none(),
        "its token is on the way"
    );
    let others = join_all((0..10).map(|_| read(&client)));
    drop(first);
    for result in others.await {
        result.unwrap();
    }
    assert_eq!(tenant.0.issued.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_request_that_everyone_left_does_not_fail_who_comes_later() {
    let script = ScriptedRoundTrip::new()
        .hang()
        .answer(200, issued("one", 1000))
        .answer(200, "");
    let client = client(&script);
    assert!(
        tokio::time::timeout(Duration::from_secs(1), read(&client))
            .await
            .is_err()
    );
    advance(Duration::from_secs(3600)).await;
    read(&client).await.unwrap();
    assert_eq!(tokens(&script), ["-", "-", "one"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_token_does_not_stretch_the_deadline() {
    let tenant = Tenant::default();
    tenant.0.slowness.store(10_000, SeqCst);
    let client = tenant.client().with_deadline(Duration::from_secs(15));
    let start = tokio::time::Instant::now();
    let error = read(&client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(
        start.elapsed() <= Duration::from_millis(15_500),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn no_token_is_fetched_when_no_time_is_left_to_use_it() {
    let script = ScriptedRoundTrip::new().answer(200, issued("one", 1000));
    let client = client(&script).with_deadline(Duration::ZERO);
    let error = read(&client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(script.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_application_without_an_id_or_a_secret_asks_for_no_token() {
    for (id, secret) in [("", "secret"), ("the-client", "")] {
        let script = ScriptedRoundTrip::new();
        let credentials = ClientCredentials::new(id, secret);
        let client = Client::builder("example.auth0.com".parse().unwrap(), credentials);
        let client = client.round_trip(script.clone()).build().unwrap();
        let error = read(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Token);
        assert!(script.requests().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_request_says_what_auth0_asks_for() {
    let script = ScriptedRoundTrip::new()
        .answer(200, issued("one", 86_400))
        .answer(200, "");
    read(&client(&script)).await.unwrap();
    let request = &script.requests()[0];
    assert_eq!(request.uri(), "https://example.auth0.com/oauth/token");
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body["grant_type"], "client_credentials");
    assert_eq!(body["client_id"], "the-client");
    assert_eq!(body["client_secret"], "planted-secret");
    assert_eq!(body["audience"], "https://example.auth0.com/api/v2/");

    let script = ScriptedRoundTrip::new().answer(200, issued("one", 86_400));
    let credentials = ClientCredentials::new("the-client", "planted-secret")
        .audience("https://example.eu.auth0.com/api/v2/");
    let client = Client::builder("login.example.com".parse().unwrap(), credentials);
    let client = client.round_trip(script.clone()).build().unwrap();
    read(&client).await.unwrap_err();
    let body: serde_json::Value = serde_json::from_slice(script.requests()[0].body()).unwrap();
    assert_eq!(body["audience"], "https://example.eu.auth0.com/api/v2/");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_expires_and_kept_until_then() {
    let script = ScriptedRoundTrip::new()
        .answer(200, issued("one", 1000))
        .answer(200, "")
        .answer(200, "")
        .answer(200, issued("two", 1000))
        .answer(200, "");
    let client = client(&script);
    read(&client).await.unwrap();
    advance(Duration::from_secs(700)).await;
    read(&client).await.unwrap();
    advance(Duration::from_secs(230)).await;
    read(&client).await.unwrap();
    assert_eq!(tokens(&script), ["-", "one", "one", "-", "two"]);
}

#[tokio::test(start_paused = true)]
async fn while_one_caller_renews_the_old_token_serves_the_others() {
    let script = ScriptedRoundTrip::new()
        .answer(200, issued("one", 1000))
        .answer(200, "")
        .hang()
        .answer(200, "")
        .answer(200, "");
    let client = client(&script);
    read(&client).await.unwrap();
    advance(Duration::from_secs(930)).await;
    let (first, second) = tokio::join!(read(&client), read(&client));
    first.unwrap();
    second.unwrap();
    assert_eq!(tokens(&script), ["-", "one", "-", "one", "one"]);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_holds_up_one_caller() {
    let script = ScriptedRoundTrip::new()
        .answer(200, issued("one", 1000))
        .answer(200, "")
        .hang()
        .answer(200, "");
    let client = client(&script);
    read(&client).await.unwrap();
    advance(Duration::from_secs(930)).await;
    let mut driver = Box::pin(read(&client));
    assert!(driver.as_mut().now_or_never().is_none(), "it renews");
    let start = tokio::time::Instant::now();
    read(&client).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO, "the old token serves");
    assert_eq!(tokens(&script), ["-", "one", "-", "one"]);
}

#[tokio::test(start_paused = true)]
async fn who_renews_and_is_dropped_leaves_it_to_the_next() {
    let tenant = Tenant::default();
    let client = tenant.client();
    read(&client).await.unwrap();
    advance(Duration::from_secs(LIFE * 95 / 100)).await;
    let mut driver = Box::pin(read(&client));
    assert!(driver.as_mut().now_or_never().is_none(), "it renews");
    drop(driver);
    read(&client).await.unwrap();
    assert_eq!(tenant.0.carried.load(SeqCst), 1, "the new token");
    assert_eq!(tenant.0.issued.load(SeqCst), 2, "of the same renewal");
    // And the seat is free again for the renewal after that.
    advance(Duration::from_secs(LIFE * 95 / 100)).await;
    read(&client).await.unwrap();
    assert_eq!(tenant.0.carried.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_tokens_life_counts_from_when_it_was_asked_for() {
    let tenant = Tenant::default();
    let client = tenant.client();
    tenant.0.slowness.store(15_000, SeqCst);
    read(&client).await.unwrap();
    // 5 s before its end, counted from before the two answers of 15 s each, it does not serve while it is renewed.
    advance(Duration::from_secs(LIFE - 35)).await;
    read(&client).await.unwrap();
    assert_eq!(tenant.0.carried.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_leaves_the_old_token_serving() {
    let script = ScriptedRoundTrip::new()
        .answer(200, issued("one", 1000))
        .answer(200, "")
        .answer(403, r#"{"error":"access_denied","error_description":"no"}"#)
        .answer(200, "")
        .answer(200, "");
    let client = client(&script);
    read(&client).await.unwrap();
    advance(Duration::from_secs(930)).await;
    read(&client).await.unwrap();
    read(&client).await.unwrap();
    assert_eq!(tokens(&script), ["-", "one", "-", "one", "one"]);
}

#[tokio::test(start_paused = true)]
async fn shortly_before_its_end_a_token_is_not_sent_any_more() {
    let denied = r#"{"error":"access_denied","error_description":"no"}"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, issued("one", 1000))
        .answer(200, "")
        .answer(403, denied);
    let client = client(&script);
    read(&client).await.unwrap();
    advance(Duration::from_secs(992)).await;
    assert_eq!(read(&client).await.unwrap_err().kind(), ErrorKind::Token);
    assert_eq!(tokens(&script), ["-", "one", "-"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_refused_twice_is_the_callers_to_know() {
    let script = ScriptedRoundTrip::new()
        .answer(200, issued("one", 1000))
        .answer(401, "{}")
        .answer(200, issued("two", 1000))
        .answer(401, "{}");
    let error = read(&client(&script)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(script.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_absurd_life_is_a_short_one() {
    for life in [
        "",
        r#","expires_in":0"#,
        r#","expires_in":-5"#,
        r#","expires_in":"soon""#,
        r#","expires_in":99999999999"#,
    ] {
        let script = ScriptedRoundTrip::new()
            .answer(200, format!(r#"{{"access_token":"one"{life}}}"#))
            .answer(200, "")
            .answer(200, issued("two", 1000))
            .answer(200, "");
        let client = client(&script);
        read(&client).await.unwrap();
        advance(Duration::from_secs(61)).await;
        read(&client).await.unwrap();
        assert_eq!(tokens(&script), ["-", "one", "-", "two"], "{life}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_token_is_an_error_with_the_tenants_reason_and_nothing_is_sent() {
    let denied = r#"{"error":"access_denied","error_description":"Unauthorized"}"#;
    for (script, cause) in [
        (
            ScriptedRoundTrip::new().answer(401, denied),
            "the tenant answered 401 Unauthorized: Unauthorized (access_denied)",
        ),
        (
            (0..9).fold(ScriptedRoundTrip::new(), |script, _| {
                script.answer(200, r#"{"token_type":"Bearer"}"#)
            }),
            "the tenant's answer (200 OK) is not the documented one",
        ),
        (
            (0..9).fold(ScriptedRoundTrip::new(), |script, _| {
                script.answer(200, "<html>planted-secret")
            }),
            "the tenant's answer (200 OK) is not the documented one",
        ),
        (
            (0..9).fold(ScriptedRoundTrip::new(), |script, _| script.not_sent()),
            "the request was not sent",
        ),
    ] {
        let client = client(&script);
        let error = read(&client).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Token, 0));
        assert_eq!(
            error.to_string(),
            "no access token from https://example.auth0.com"
        );
        assert_eq!(error.source().unwrap().to_string(), cause);
        assert!(tokens(&script).iter().all(|token| token == "-"));
        assert!(!format!("{error:?} {client:?}").contains("planted"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_request_is_retried_by_itself() {
    let script = ScriptedRoundTrip::new()
        .answer(503, "busy")
        .lost()
        .answer_with(
            429,
            &[("retry-after", "1")],
            r#"{"error":"too_many_requests","error_description":"Client quota exceeded"}"#,
        )
        .answer(200, issued("one", 1000))
        .answer(200, "");
    read(&client(&script)).await.unwrap();
    assert_eq!(tokens(&script), ["-", "-", "-", "-", "one"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_request_that_is_not_answered_is_sent_again_within_the_call() {
    let script = || {
        ScriptedRoundTrip::new()
            .hang()
            .answer(200, issued("one", 1000))
            .answer(200, "")
    };
    let stalled = script();
    read(&client(&stalled)).await.unwrap();
    assert_eq!(tokens(&stalled), ["-", "-", "one"]);

    // The client's own limit for an attempt is the token's, too.
    let stalled = script();
    let credentials = ClientCredentials::new("the-client", "planted-secret");
    let client = Client::builder("example.auth0.com".parse().unwrap(), credentials)
        .round_trip(stalled.clone())
        .attempt_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let start = tokio::time::Instant::now();
    read(&client).await.unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

/// One source for more than one client.
#[derive(Clone)]
struct Shared(Arc<ClientCredentials>);

impl TokenSource for Shared {
    fn token(&self, channel: &Channel) -> BoxFuture<Result<AccessToken, Error>> {
        self.0.token(channel)
    }
}

#[tokio::test(start_paused = true)]
async fn neither_the_secret_nor_a_token_of_it_goes_to_a_second_tenant() {
    let shared = Shared(Arc::new(ClientCredentials::new(
        "the-client",
        "planted-secret",
    )));
    let client = |tenant: &str, script: &ScriptedRoundTrip| {
        Client::builder(tenant.parse().unwrap(), shared.clone())
            .round_trip(script.clone())
            .build()
            .unwrap()
    };
    let script = ScriptedRoundTrip::new()
        .answer(200, issued("one", 1000))
        .answer(200, "")
        .answer(200, "");
    let first = client("example.auth0.com", &script);
    read(&first).await.unwrap();
    let elsewhere = ScriptedRoundTrip::new().answer(200, "");
    let error = read(&client("other.auth0.com", &elsewhere))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Token);
    assert_eq!(
        error.to_string(),
        "these client credentials are used at https://example.auth0.com, and so not at https://other.auth0.com; each \
         tenant needs its own"
    );
    assert!(elsewhere.requests().is_empty());
    // Another client of the same tenant shares the token.
    read(&client("example.auth0.com", &script)).await.unwrap();
    assert_eq!(tokens(&script), ["-", "one", "one"]);
}

const QUOTA: &str = r#"{"error":"too_many_requests","error_description":"Client quota exceeded"}"#;
const DENIED: &str = r#"{"error":"access_denied","error_description":"no"}"#;

#[tokio::test(start_paused = true)]
async fn what_the_token_endpoint_said_is_what_the_call_says() {
    let script = ScriptedRoundTrip::new().answer_with(429, &[("retry-after", "3600")], QUOTA);
    let before = SystemTime::now();
    let error = read(&client(&script)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Token);
    let wait = error.retry_at().unwrap().duration_since(before).unwrap();
    assert!(wait >= Duration::from_secs(3600) && wait < Duration::from_secs(3610));
    assert_eq!(error.hints(), [Hint::RetryAt(error.retry_at().unwrap())]);
    let answer = error.answer().unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.error_code(), Some("too_many_requests"));

    // With which words an assertion of a wrong clock is refused is not documented; the clocks tell.
    for status in [400, 401, 403] {
        let date = [("date", "Thu, 01 Jan 1970 00:00:00 GMT")];
        let script = ScriptedRoundTrip::new().answer_with(status, &date, DENIED);
        let error = read(&client(&script)).await.unwrap_err();
        assert!(matches!(error.hints()[..], [Hint::ClockOff(ahead)] if ahead > 0));
    }
}

/// Takes something away; a read shows that it is gone.
struct TakeAway(Request, Request);

impl TakeAway {
    fn new() -> Self {
        let path = Path::new(["list"]).unwrap();
        Self(Request::delete(path.clone()), Request::get(path))
    }
}

impl Operation for TakeAway {
    type Output = ();

    fn request(&self) -> &Request {
        &self.0
    }

    fn decode(&self, _: &Response) -> Result<(), DecodeError> {
        Ok(())
    }

    fn probe(&self) -> Option<&Request> {
        Some(&self.1)
    }

    fn settle(&self, _: &Response) -> Result<Settled<()>, DecodeError> {
        Ok(Settled::Done(()))
    }
}

/// A DELETE whose answer does not come before its token has expired.
fn overtaken() -> ScriptedRoundTrip {
    ScriptedRoundTrip::new()
        .answer(200, issued("one", 10))
        .hang()
}

#[tokio::test(start_paused = true)]
async fn trouble_with_the_token_while_settling_is_waited_out_where_it_may_pass() {
    for script in [
        // More than the token request repeats by itself.
        (0..6).fold(overtaken(), |script, _| script.answer(503, "")),
        (0..6).fold(overtaken(), |script, _| script.not_sent()),
        (0..6).fold(overtaken(), |script, _| script.answer(200, "<html>")),
        overtaken().answer_with(429, &[("retry-after", "25")], QUOTA),
        overtaken().hang(),
    ] {
        let script = script.answer(200, issued("two", 1000)).answer(200, "");
        let done = client(&script).call().execute(TakeAway::new()).await;
        let done = done.unwrap();
        assert_eq!((done.settled_by, done.attempts), (SettledBy::Probe, 1));
        assert_eq!(tokens(&script).last().unwrap(), "two");
    }
}

/// Gives a token, then none without saying why, then one again.
#[derive(Default)]
struct Moody(AtomicUsize);

impl TokenSource for Moody {
    fn token(&self, _: &Channel) -> BoxFuture<Result<AccessToken, Error>> {
        let token = match self.0.fetch_add(1, SeqCst) {
            1 | 2 => Err(Error::new(ErrorKind::Token, "not now")),
            number => AccessToken::new(format!("token-{number}")),
        };
        Box::pin(async move { token })
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_does_not_say_why_may_have_one_later() {
    let script = ScriptedRoundTrip::new().lost().answer(200, "");
    let client = Client::builder("example.auth0.com".parse().unwrap(), Moody::default());
    let client = client.round_trip(script.clone()).build().unwrap();
    let done = client.call().execute(TakeAway::new()).await.unwrap();
    assert_eq!(done.settled_by, SettledBy::Probe);
    assert_eq!(tokens(&script), ["token-0", "token-3"]);
    // Where nothing was sent that needs a read, its word is the end.
    let client = Client::builder("example.auth0.com".parse().unwrap(), Moody(1.into()));
    let client = client.round_trip(script).build().unwrap();
    assert_eq!(read(&client).await.unwrap_err().kind(), ErrorKind::Token);
}

/// A source that never answers.
struct Silent;

impl TokenSource for Silent {
    fn token(&self, _: &Channel) -> BoxFuture<Result<AccessToken, Error>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_answers_does_not_stretch_the_deadline() {
    let script = ScriptedRoundTrip::new();
    let client = Client::builder("example.auth0.com".parse().unwrap(), Silent);
    let client = client.round_trip(script.clone()).build().unwrap();
    let start = tokio::time::Instant::now();
    let error = tokio::time::timeout(Duration::from_secs(61), read(&client)).await;
    let error = error.unwrap().unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 60);
    let cause = error.source().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(
        (error.kind(), cause.kind()),
        (ErrorKind::Token, ErrorKind::Timeout)
    );
    assert!(script.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn trouble_with_the_token_while_settling_ends_the_call_where_it_will_not_pass() {
    for status in [400, 401, 403] {
        let script = overtaken().answer(status, DENIED);
        let start = tokio::time::Instant::now();
        let error = client(&script).call().execute(TakeAway::new()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        assert!(error.may_have_been_applied());
        assert_eq!(error.answer().unwrap().error_code(), Some("access_denied"));
        assert!(start.elapsed() < Duration::from_secs(21), "at once");
    }
    // A limit of the token endpoint that outlasts the deadline is named, too.
    let script = overtaken().answer_with(429, &[("retry-after", "300")], QUOTA);
    let error = client(&script).call().execute(TakeAway::new()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(error.retry_at().unwrap() > SystemTime::now() + Duration::from_secs(290));
    assert_eq!(script.requests().len(), 3);
}

#[test]
fn credentials_never_show_their_secret() {
    let shown = format!(
        "{:?}",
        ClientCredentials::new("the-client", "planted-secret")
    );
    assert!(
        shown.contains("the-client") && !shown.contains("planted"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_local_tenant_issues_a_token_that_serves() {
    let sandbox = Sandbox::start().unwrap();
    let credentials = ClientCredentials::new(sandbox.client_id(), sandbox.client_secret());
    let client = Client::builder(sandbox.url().parse().unwrap(), credentials)
        .build()
        .unwrap();
    let error = read(&client).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::NotFound,
        "the token is taken, the user is unknown: {error:?}"
    );
    let wrong = ClientCredentials::new(sandbox.client_id(), "wrong");
    let client = Client::builder(sandbox.url().parse().unwrap(), wrong)
        .build()
        .unwrap();
    assert_eq!(read(&client).await.unwrap_err().kind(), ErrorKind::Token);
}

/// A machine where it is always 2026-01-01 00:10:00 UTC.
struct Fixed;

impl Time for Fixed {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wall(&self) -> Duration {
        Duration::from_secs(1_767_226_200)
    }

    fn sleep(&self, _: Duration) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_looked_at() {
    // {"iss":"https://other.example/","sub":"x"}
    let foreign = "e30.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUvIiwic3ViIjoieCJ9.s";
    // {"iss":"https://example.auth0.com/"}
    let own = "e30.eyJpc3MiOiJodHRwczovL2V4YW1wbGUuYXV0aDAuY29tLyJ9.s";
    for (token, date, hint) in [
        (
            foreign,
            "Thu, 01 Jan 2026 00:10:00 GMT",
            "the token is for another domain: https://other.example/ issued it",
        ),
        (
            own,
            "Thu, 01 Jan 2026 00:00:00 GMT",
            "this machine's clock is 600 s ahead of the tenant's",
        ),
        (
            own,
            "Thu, 01 Jan 2026 00:20:00 GMT",
            "this machine's clock is 600 s behind the tenant's",
        ),
        (own, "Thu, 01 Jan 2026 00:10:20 GMT", ""),
        ("opaque", "Thu, 01 Jan 2026 00:10:00 GMT", ""),
    ] {
        let script = ScriptedRoundTrip::new().answer_with(
            401,
            &[("date", date)],
            r#"{"message":"Invalid token"}"#,
        );
        let client = Client::builder(
            "example.auth0.com".parse().unwrap(),
            AccessToken::new(token).unwrap(),
        );
        let error = read(&client.round_trip(script).time(Fixed).build().unwrap())
            .await
            .unwrap_err();
        let hints: Vec<_> = error.hints().iter().map(ToString::to_string).collect();
        assert_eq!(hints.join("; "), hint);
    }
    // A request that is refused for what it asks for is not the clock's fault.
    for status in [400, 403] {
        let date = [("date", "Thu, 01 Jan 2026 00:20:00 GMT")];
        let script = ScriptedRoundTrip::new().answer_with(status, &date, "{}");
        let client = Client::builder(
            "example.auth0.com".parse().unwrap(),
            AccessToken::new(foreign).unwrap(),
        );
        let error = read(&client.round_trip(script).time(Fixed).build().unwrap())
            .await
            .unwrap_err();
        assert!(error.hints().is_empty());
    }
}
