//! What is in flight at the same time: by a paused clock, over no socket.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use unlink::{
    AccessToken, Client,
    transport::{self, BoxFuture, RoundTrip, RoundTripError},
};
use unlink_batch::{Apply, Job, Planner, Selection, Stop};

/// Requests in flight of each user, and the most there were of one and of all.
#[derive(Default)]
struct InFlight {
    of_user: BTreeMap<String, usize>,
    most_of_one: usize,
    most: usize,
}

/// A tenant that takes a second for each answer.
struct Slow(Arc<Mutex<InFlight>>);

impl RoundTrip for Slow {
    fn round_trip(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        let path = request.uri().path();
        let user = path.split("/identities").next().unwrap().to_owned();
        let in_flight = Arc::clone(&self.0);
        Box::pin(async move {
            {
                let mut now = in_flight.lock().unwrap();
                let of_one = now.of_user.entry(user.clone()).or_default();
                *of_one += 1;
                let (of_one, all) = (*of_one, now.of_user.values().sum());
                now.most_of_one = now.most_of_one.max(of_one);
                now.most = now.most.max(all);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            *in_flight.lock().unwrap().of_user.get_mut(&user).unwrap() -= 1;
            let left = br#"[{"provider":"auth0","user_id":"1"}]"#;
            Ok(http::Response::new(Bytes::from_static(left)))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn rows_of_one_user_are_never_in_flight_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.db");
    let export: String = (0..6)
        .map(|user| {
            let linked: String = (2..6)
                .map(|id| format!(r#",{{"provider":"github","user_id":{id},"connection":"github"}}"#))
                .collect();
            format!(r#"{{"user_id":"auth0|u{user}","identities":[{{"provider":"auth0","user_id":"1"}}{linked}]}}"#) + "\n"
        })
        .collect();
    let tenant: unlink::Tenant = "example.eu.auth0.com".parse().unwrap();
    let plan = Planner::new(tenant.clone())
        .selection(Selection::default().connection("github"))
        .plan(&path, "export", export.as_bytes())
        .unwrap();
    let in_flight = Arc::<Mutex<InFlight>>::default();
    let client = transport::Client::builder(tenant, AccessToken::new("a.token").unwrap())
        .round_trip(Slow(Arc::clone(&in_flight)));
    let client = Client::from(client.build().unwrap());
    let job = Job::open(&path).unwrap();
    let summary = job
        .apply(&client, Apply::default(), Stop::new().1)
        .await
        .unwrap();
    assert_eq!((plan.rows, summary.counts.unlinked), (24, 24));
    let in_flight = in_flight.lock().unwrap();
    assert_eq!(in_flight.most_of_one, 1);
    assert!((2..=6).contains(&in_flight.most), "{}", in_flight.most);
}
