//! A request goes out only when its intent is committed; that it is on the disk by then is `syncs.rs`.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use unlink::{
    AccessToken, Client,
    transport::{self, BoxFuture, RoundTrip, RoundTripError},
};
use unlink_batch::{Apply, Evidence, Job, Planner, Selection, Stop};

/// Looks into the job file, as another process sees it, before it answers a deletion.
struct Witness {
    job: PathBuf,
    deletions: Arc<AtomicU64>,
}

impl Witness {
    fn answer(&self, request: &http::Request<Bytes>) -> &'static str {
        if request.method() == http::Method::GET {
            return r#"{"identities":[{"provider":"auth0","user_id":"1"},{"provider":"github","user_id":2,"connection":"github"}]}"#;
        }
        let label = request.headers()["x-correlation-id"].to_str().unwrap();
        let row: i64 = label.rsplit_once('-').unwrap().1.parse().unwrap();
        let file = rusqlite::Connection::open(&self.job).unwrap();
        let intent: bool = file
            .query_row("SELECT count(*) FROM intent WHERE row = ?", [row], |row| {
                row.get(0)
            })
            .unwrap();
        let evidence: bool = file
            .query_row(
                "SELECT identities IS NOT NULL FROM user WHERE id = (SELECT user FROM row WHERE number = ?)",
                [row],
                |row| row.get(0),
            )
            .unwrap();
        assert!(
            intent && evidence,
            "row {row}: intent {intent}, evidence {evidence}"
        );
        self.deletions.fetch_add(1, Ordering::Relaxed);
        r#"[{"provider":"auth0","user_id":"1"}]"#
    }
}

impl RoundTrip for Witness {
    fn round_trip(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        let answer = Bytes::from_static(self.answer(&request).as_bytes());
        Box::pin(async move { Ok(http::Response::new(answer)) })
    }
}

async fn witnessed(evidence: Evidence) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.db");
    let export: String = (0..300)
        .map(|user| {
            format!(
                r#"{{"user_id":"auth0|u{user}","identities":[{{"provider":"auth0","user_id":"1"}},{{"provider":"github","user_id":2,"connection":"github"}}]}}"#
            ) + "\n"
        })
        .collect();
    let tenant: unlink::Tenant = "example.eu.auth0.com".parse().unwrap();
    Planner::new(tenant.clone())
        .selection(Selection::default().connection("github"))
        .plan(&path, "export", export.as_bytes())
        .unwrap();
    let deletions = Arc::new(AtomicU64::new(0));
    let witness = Witness {
        job: path.clone(),
        deletions: Arc::clone(&deletions),
    };
    let token = AccessToken::new("a.token").unwrap();
    let client = transport::Client::builder(tenant, token)
        .round_trip(witness)
        .build()
        .unwrap();
    let job = Job::open(&path).unwrap();
    let options = Apply::default().evidence(evidence);
    let summary = job
        .apply(&Client::from(client), options, Stop::new().1)
        .await
        .unwrap();
    assert_eq!(summary.counts.unlinked, 300, "{summary:?}");
    deletions.load(Ordering::Relaxed)
}

#[tokio::test]
async fn an_intent_is_committed_before_its_request() {
    assert_eq!(witnessed(Evidence::Auto).await, 300);
}

#[tokio::test]
async fn what_a_read_showed_is_committed_with_the_intent() {
    assert_eq!(witnessed(Evidence::Read).await, 300);
}
