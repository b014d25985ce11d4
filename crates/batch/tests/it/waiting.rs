//! A tenant that is away for long: by a paused clock, over no socket.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::time::Instant;
use unlink::{
    AccessToken, Client,
    transport::{
        self, BoxFuture, ClientCredentials, Delivery, RoundTrip, RoundTripError, RoundTripFailure,
        Tenant,
    },
};
use unlink_batch::{Apply, Ending, Job, Planner, Selection, Stop, Stopper, Summary, View};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// What a tenant answers that has unlinked GitHub as soon as it is asked to.
fn answer(request: &http::Request<Bytes>) -> String {
    let main = r#"{"provider":"auth0","user_id":"1"}"#;
    if request.method() == http::Method::GET {
        format!(
            r#"{{"identities":[{main},{{"provider":"github","user_id":2,"connection":"github"}}]}}"#
        )
    } else {
        format!("[{main}]")
    }
}

/// A tenant that answers some requests, is away for an hour, and answers again.
struct Away {
    /// The status of the page that something before it answers with then, if there is something.
    page: Option<u16>,
    since: OnceLock<Instant>,
    sent: Arc<AtomicU64>,
}

impl RoundTrip for Away {
    fn round_trip(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        let is_away = self.sent.fetch_add(1, Ordering::Relaxed) > 40
            && self.since.get_or_init(Instant::now).elapsed() < HOUR;
        let body = answer(&request);
        let page = self.page;
        Box::pin(async move {
            if let (true, Some(status)) = (is_away, page) {
                let mut response = http::Response::new(Bytes::from("<html>welcome</html>"));
                *response.status_mut() = status.try_into().unwrap();
                return Ok(response);
            }
            if is_away {
                return Err(RoundTripError::new(
                    Delivery::NotSent,
                    RoundTripFailure::Connect,
                ));
            }
            Ok(http::Response::new(body.into()))
        })
    }
}

/// A tenant whose rate limit is used up, for a third of a minute, after so many requests; then the run is to end.
struct UsedUp {
    after: u64,
    sent: AtomicU64,
    stopper: Stopper,
}

impl RoundTrip for UsedUp {
    fn round_trip(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        let mut response = http::Response::new(Bytes::from(answer(&request)));
        if self.sent.fetch_add(1, Ordering::Relaxed) >= self.after {
            *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
            let wait = http::HeaderValue::from_static("20");
            response.headers_mut().insert("retry-after", wait);
            self.stopper.finish();
        }
        Box::pin(async move { Ok(response) })
    }
}

/// A job of a hundred rows.
fn planned(folder: &Path, tenant: &Tenant) -> PathBuf {
    let path = folder.join("job.db");
    let export: String = (0..100)
        .map(|user| {
            format!(
                r#"{{"user_id":"auth0|u{user}","identities":[{{"provider":"auth0","user_id":"1"}},{{"provider":"github","user_id":2,"connection":"github"}}]}}"#
            ) + "\n"
        })
        .collect();
    Planner::new(tenant.clone())
        .selection(Selection::default().connection("github"))
        .plan(&path, "export", export.as_bytes())
        .unwrap();
    path
}

/// A run during which the tenant is away for an hour.
async fn away_for_an_hour(
    page: Option<u16>,
    options: impl FnOnce(Apply) -> Apply,
) -> (Summary, View, u64) {
    let folder = tempfile::tempdir().unwrap();
    let tenant: Tenant = "example.eu.auth0.com".parse().unwrap();
    let path = planned(folder.path(), &tenant);
    let sent = Arc::new(AtomicU64::new(0));
    let away = Away {
        page,
        since: OnceLock::new(),
        sent: Arc::clone(&sent),
    };
    let token = AccessToken::new("a.token").unwrap();
    let client = transport::Client::builder(tenant, token)
        .round_trip(away)
        .build()
        .unwrap();
    let job = Job::open(&path).unwrap();
    let options = options(Apply::default());
    let summary = job
        .apply(&Client::from(client), options, Stop::new().1)
        .await
        .unwrap();
    (
        summary,
        View::open(&path).unwrap(),
        sent.load(Ordering::Relaxed),
    )
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_gone_for_an_hour_is_waited_for_within_until() {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&waits);
    let (summary, view, sent) = away_for_an_hour(None, |apply| {
        apply
            .until(SystemTime::now() + 2 * HOUR)
            .on_wait(move |wait| tell.lock().unwrap().push(wait.clone()))
    })
    .await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!((summary.counts.unlinked, summary.counts.failed), (100, 0));
    let waited = summary.traffic.waited;
    assert!((HOUR / 2..HOUR * 2).contains(&waited), "{waited:?}");
    // It is looked for now and then, and not hammered.
    assert!(sent < 100 + 1_500, "{sent}");
    let waits = waits.lock().unwrap();
    assert!((50..300).contains(&waits.len()), "{}", waits.len());
    assert!(
        waits[0].message.starts_with("the request was not sent"),
        "{waits:?}"
    );
    let kept: Duration = view
        .timeline()
        .unwrap()
        .iter()
        .map(|slice| slice.traffic.waited)
        .sum();
    assert_eq!(kept, waited);
}

#[tokio::test(start_paused = true)]
async fn a_page_of_something_before_the_tenant_is_waited_out_and_says_nothing_of_the_users() {
    for page in [200, 404, 503] {
        let until = SystemTime::now() + 2 * HOUR;
        let (summary, ..) = away_for_an_hour(Some(page), |apply| apply.until(until)).await;
        assert!(
            matches!(summary.ending, Ending::Complete),
            "{page} {summary:?}"
        );
        let counts = summary.counts;
        assert_eq!(
            (counts.unlinked, counts.stale, counts.failed),
            (100, 0, 0),
            "{page}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_time_to_end_at_patience_ends() {
    let (summary, _, sent) = away_for_an_hour(None, |apply| apply.patience(HOUR / 6)).await;
    assert!(
        matches!(summary.ending, Ending::Unreachable(_)),
        "{summary:?}"
    );
    assert_eq!((summary.counts.unknown, summary.counts.failed), (0, 0));
    assert_eq!(summary.counts.unlinked + summary.counts.pending, 100);
    assert!(
        summary.counts.unlinked > 0 && sent < 600,
        "{sent} {summary:?}"
    );
}

/// How a token endpoint fails.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Answers(u16, &'static str),
    LimitedForAnHour,
    Fails(Delivery, RoundTripFailure),
    Hangs,
}

/// A tenant that takes its time, and whose second token is not to be had within an hour.
struct WithoutTokens {
    trouble: Trouble,
    issued: AtomicU64,
    since: OnceLock<Instant>,
}

impl RoundTrip for WithoutTokens {
    fn round_trip(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        let mut trouble = None;
        let body = if request.uri().path() == "/oauth/token" {
            let is_first = self.issued.fetch_add(1, Ordering::Relaxed) == 0;
            if !is_first && self.since.get_or_init(Instant::now).elapsed() < HOUR {
                trouble = Some(self.trouble);
            }
            r#"{"access_token":"a.token","expires_in":1}"#.to_owned()
        } else {
            answer(&request)
        };
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mut response = http::Response::new(Bytes::from(body));
            match trouble {
                None => {}
                Some(Trouble::Hangs) => std::future::pending().await,
                Some(Trouble::Fails(delivery, failure)) => {
                    return Err(RoundTripError::new(delivery, failure));
                }
                Some(Trouble::Answers(status, body)) => {
                    *response.status_mut() = status.try_into().unwrap();
                    *response.body_mut() = body.into();
                }
                Some(Trouble::LimitedForAnHour) => {
                    *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
                    let headers = response.headers_mut();
                    headers.insert("retry-after", http::HeaderValue::from_static("3600"));
                }
            }
            Ok(response)
        })
    }
}

async fn without_tokens(trouble: Trouble) -> (Summary, u64) {
    let folder = tempfile::tempdir().unwrap();
    let tenant: Tenant = "example.eu.auth0.com".parse().unwrap();
    let path = planned(folder.path(), &tenant);
    let without = Arc::new(WithoutTokens {
        trouble,
        issued: AtomicU64::new(0),
        since: OnceLock::new(),
    });
    let credentials = ClientCredentials::new("the-client", "secret");
    let client = transport::Client::builder(tenant, credentials)
        .round_trip(Shared(Arc::clone(&without)))
        .build()
        .unwrap();
    let job = Job::open(&path).unwrap();
    let options = Apply::default().until(SystemTime::now() + 2 * HOUR);
    let summary = job
        .apply(&Client::from(client), options, Stop::new().1)
        .await
        .unwrap();
    (summary, without.issued.load(Ordering::Relaxed))
}

struct Shared(Arc<WithoutTokens>);

impl RoundTrip for Shared {
    fn round_trip(
        &self,
        request: http::Request<Bytes>,
        limit: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        self.0.round_trip(request, limit)
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_got_for_an_hour_is_waited_for() {
    for trouble in [
        Trouble::Answers(503, ""),
        Trouble::Answers(200, "<html>"),
        Trouble::LimitedForAnHour,
        Trouble::Fails(Delivery::NotSent, RoundTripFailure::Connect),
        Trouble::Fails(Delivery::MaybeSent, RoundTripFailure::Interrupted),
        Trouble::Hangs,
    ] {
        let (summary, asked) = without_tokens(trouble).await;
        assert!(
            matches!(summary.ending, Ending::Complete),
            "{trouble:?} {summary:?}"
        );
        let counts = summary.counts;
        assert_eq!((counts.unlinked, counts.failed), (100, 0), "{trouble:?}");
        assert!(asked < 2_000, "{trouble:?} {asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_ends_the_run() {
    let denied = r#"{"error":"access_denied","error_description":"no"}"#;
    let (summary, asked) = without_tokens(Trouble::Answers(401, denied)).await;
    assert!(matches!(summary.ending, Ending::Refused(_)), "{summary:?}");
    assert_eq!(summary.counts.failed, 0, "no row is at fault");
    assert!(asked < 20, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_to_end_does_not_wait_for_a_turn_that_is_long_in_coming() {
    let folder = tempfile::tempdir().unwrap();
    let tenant: Tenant = "example.eu.auth0.com".parse().unwrap();
    let path = planned(folder.path(), &tenant);
    let run = async |after| {
        let (stopper, stop) = Stop::new();
        let used_up = UsedUp {
            after,
            sent: AtomicU64::new(0),
            stopper,
        };
        let token = AccessToken::new("a.token").unwrap();
        let client = transport::Client::builder(tenant.clone(), token).round_trip(used_up);
        let client = Client::from(client.build().unwrap());
        let job = Job::open(&path).unwrap();
        job.apply(&client, Apply::default(), stop).await.unwrap()
    };
    let summary = run(5).await;
    assert!(matches!(summary.ending, Ending::Stopped), "{summary:?}");
    assert!(summary.elapsed < Duration::from_secs(10), "{summary:?}");
    let counts = summary.counts;
    // Those that only waited were not sent; the next run looks at them all the same.
    assert!((5..20).contains(&counts.unlinked), "{counts:?}");
    assert!(counts.unknown <= 16 && counts.failed == 0, "{counts:?}");

    let summary = run(u64::MAX).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(summary.counts.unlinked, 100 - counts.unlinked);
}
