//! 600 unlinkings over real sockets on a tenant that lets 50 pass at once and 50 a second from then on: `cargo bench -p unlink`.
//!
//! Ideally that takes 11 s. As many calls wait at once as a service might have; the figures are the client's and the tenant's.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench measures and prints"
)]

use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use unlink::{AccessToken, Client, IdentityKey, ListedIdentity, Outcome, Snapshot, UserId};
use unlink_sandbox::{Plan, Sandbox, Seed};

const UNLINKINGS: usize = 600;
const IDEAL: f64 = (UNLINKINGS as f64 - 50.0) / 50.0;

fn seed() -> Seed {
    let user = |number: usize| {
        serde_json::json!({
            "user_id": format!("auth0|{number}"),
            "identities": [
                { "connection": "Users", "provider": "auth0", "user_id": number.to_string(), "isSocial": false },
                { "connection": "github", "provider": "github", "user_id": number, "isSocial": true, "profileData": {} },
            ],
        })
    };
    let seed = serde_json::json!({
        "connections": [
            { "id": "con_0000000000000001", "name": "Users", "strategy": "auth0" },
            { "id": "con_0000000000000002", "name": "github", "strategy": "github" },
        ],
        "users": (0..UNLINKINGS).map(user).collect::<Vec<_>>(),
    });
    Seed::from_json(&seed.to_string()).unwrap()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    println!("{UNLINKINGS} unlinkings, 50 at once and 50 a second; ideal {IDEAL:.2} s");
    for at_once in [1, 16, 64, UNLINKINGS] {
        let sandbox = Sandbox::builder()
            .seed(seed())
            .plan(Plan::custom(50, 50))
            .start()
            .unwrap();
        let token = AccessToken::new(sandbox.token(&["update:users"])).unwrap();
        let client = Client::new(sandbox.url().parse().unwrap(), token).unwrap();
        let begun = Instant::now();
        let unlinked = stream::iter(0..UNLINKINGS)
            .map(|number| {
                let user: UserId = format!("auth0|{number}").parse().unwrap();
                let identity: IdentityKey = format!("github|{number}").parse().unwrap();
                let main = ListedIdentity::new(format!("auth0|{number}").parse().unwrap(), None);
                let seen = vec![main, ListedIdentity::new(identity.clone(), None)];
                let client = client.clone();
                async move {
                    client
                        .unlink_seen(&Snapshot::new(user, seen), &identity)
                        .await
                }
            })
            .buffer_unordered(at_once)
            .filter(|outcome| std::future::ready(matches!(outcome, Ok(Outcome::Unlinked(_)))))
            .count()
            .await;
        let took = begun.elapsed().as_secs_f64();
        let pace = client.transport().pace();
        println!(
            "{at_once:>3} calls at once: {took:.2} s, {:+.1} %; {} answers 429 of {}; {unlinked} unlinked",
            100.0 * (took / IDEAL - 1.0),
            pace.refused,
            pace.sent
        );
    }
}
