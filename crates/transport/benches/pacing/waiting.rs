//! What waiting requests cost: memory, and time once they may go.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::join_all;
use transport::{
    AccessToken, BoxFuture, Client, DecodeError, Operation, Path, Request, Response, RoundTrip,
    RoundTripError, Tenant,
};

const WAITING: usize = 10_000;

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

/// Answers nothing until it is told to.
struct Held(Arc<tokio::sync::Semaphore>);

impl RoundTrip for Held {
    fn round_trip(
        &self,
        _: http::Request<Bytes>,
        _: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        let permits = Arc::clone(&self.0);
        Box::pin(async move {
            permits.acquire().await.unwrap().forget();
            Ok(http::Response::new(Bytes::new()))
        })
    }
}

pub(super) fn measure() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let permits = Arc::new(tokio::sync::Semaphore::new(0));
        let tenant: Tenant = "example.eu.auth0.com".parse().unwrap();
        let client = Client::builder(tenant, AccessToken::new("a.b.c").unwrap())
            .pacing(transport::Pacing::default().in_flight(std::num::NonZeroU32::MIN))
            .round_trip(Held(Arc::clone(&permits)))
            .build()
            .unwrap();
        let read = Arc::new(Read(Request::get(Path::new(["api", "v2", "users", "a"]).unwrap())));
        let before = resident();
        let calls = (0..WAITING).map(|_| {
            let (call, read) = (client.call(), Arc::clone(&read));
            tokio::spawn(async move { call.execute(Shared(read)).await.unwrap() })
        });
        let calls: Vec<_> = calls.collect();
        while client.pace().waiting < WAITING - 1 {
            tokio::task::yield_now().await;
        }
        let each = (resident() - before) / WAITING as u64;
        let begun = Instant::now();
        permits.add_permits(WAITING);
        join_all(calls).await;
        let took = begun.elapsed().as_secs_f64() * 1e6 / WAITING as f64;
        println!("{WAITING} requests that wait for their turn: {each} bytes each, and {took:.1} µs each once they may go\n");
    });
}

struct Shared(Arc<Read>);

impl Operation for Shared {
    type Output = ();

    fn request(&self) -> &Request {
        self.0.request()
    }

    fn decode(&self, response: &Response) -> Result<(), DecodeError> {
        self.0.decode(response)
    }
}

/// Bytes of memory in use.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
