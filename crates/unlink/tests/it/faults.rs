//! Random faults against a local tenant: whatever happens on the way, what is reported is what was done.

use std::{collections::BTreeMap, error::Error as _, time::Duration};

use fastrand::Rng;
use futures_util::{StreamExt, stream};
use transport::ClientCredentials;
use unlink::{AccessToken, Client, Error, ErrorKind, Outcome, SettledBy};
use unlink_sandbox::{Apply, Change, Fault, Kind, Plan, Sandbox, Seed};

const SEQUENCES: usize = 1_000;
const AT_ONCE: usize = 250;
/// What a call has whose faults last longer.
const SHORT: Duration = Duration::from_secs(4);

/// A user with one secondary identity.
fn user(number: usize) -> serde_json::Value {
    serde_json::json!({
        "user_id": format!("auth0|{number}"),
        "identities": [
            { "connection": "Users", "provider": "auth0", "user_id": number.to_string(), "isSocial": false },
            { "connection": "github", "provider": "github", "user_id": number, "isSocial": true, "profileData": {} },
        ],
    })
}

pub(crate) fn seed() -> Seed {
    let users: Vec<_> = (0..SEQUENCES).map(user).collect();
    let seed = serde_json::json!({
        "connections": [
            { "id": "con_0000000000000001", "name": "Users", "strategy": "auth0" },
            { "id": "con_0000000000000002", "name": "github", "strategy": "github" },
        ],
        "users": users,
    });
    Seed::from_json(&seed.to_string()).unwrap()
}

/// Whether the last fault of this user is there for as long as a call lasts.
const fn is_lasting(number: usize) -> bool {
    number.is_multiple_of(8)
}

/// One to four faults on the way to this user, and one more that lasts where it is this one's turn.
fn faults(number: usize) -> Vec<Fault> {
    let mut rng = Rng::with_seed(number as u64);
    let fault = |rng: &mut Rng| {
        let kind = match rng.u8(..11) {
            0 => Kind::Drop,
            1 => Kind::Reset,
            2 => Kind::Status {
                status: [500, 502, 503, 524, 408][rng.usize(..5)],
                headers: BTreeMap::new(),
                body: String::new(),
            },
            3 => Kind::Html,
            4 => Kind::Redirect {
                location: "/elsewhere".to_owned(),
                status: None,
            },
            5 => Kind::ExpiredToken,
            6 => Kind::TooManyRequests {
                retry_after: Some(0),
                reset_in: None,
            },
            7 => Kind::Truncate {
                after: rng.usize(..20),
            },
            8 => Kind::Stall {
                after: rng.usize(..20),
            },
            9 => Kind::Endless,
            _ => Kind::Delay { ms: rng.u64(..600) },
        };
        // A tenant that says no does nothing, and one that is slow does what it says; all others tell nothing.
        let honest = matches!(
            kind,
            Kind::ExpiredToken | Kind::TooManyRequests { .. } | Kind::Delay { .. }
        );
        let fault = Fault::new(kind)
            .user(format!("auth0|{number}"))
            .times(rng.u64(1..3));
        let fault = fault.method(["DELETE", "DELETE", "GET"][rng.usize(..3)]);
        match rng.u8(..4) {
            _ if honest => fault,
            0 => fault.apply(Apply::Now),
            1 => fault.apply(Apply::Never),
            2 => fault.apply(Apply::AfterMs(rng.u64(..400))),
            _ => fault.apply(Apply::AfterNextRead),
        }
    };
    let mut faults: Vec<_> = (0..rng.usize(1..5)).map(|_| fault(&mut rng)).collect();
    if is_lasting(number) {
        let kind = [
            Kind::Drop,
            Kind::Reset,
            Kind::Html,
            Kind::Stall { after: 1 },
        ][rng.usize(..4)]
        .clone();
        let lasting = Fault::new(kind).user(format!("auth0|{number}"));
        let (reads, deletes) = (lasting.clone().method("GET"), lasting.method("DELETE"));
        match rng.u8(..4) {
            // Nothing can be read any more once a request was lost, whether it was applied or not.
            0 => {
                let apply = [Apply::Now, Apply::Never][rng.usize(..2)];
                faults.extend([deletes.apply(apply), reads.skip(1)]);
            }
            1 => faults.push(reads),
            2 => faults.push(deletes.apply(Apply::Never)),
            _ => faults.push(deletes.apply(Apply::AfterNextRead)),
        }
    }
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reported_outcome_is_what_was_done() {
    let sandbox = Sandbox::builder()
        .seed(seed())
        .plan(Plan::custom(5_000, 5_000))
        .log_capacity(100_000)
        .start()
        .unwrap();
    for number in 0..SEQUENCES {
        for fault in faults(number) {
            sandbox.inject(fault);
        }
    }
    let credentials = ClientCredentials::new(sandbox.client_id(), sandbox.client_secret());
    let transport = transport::Client::builder(sandbox.url().parse().unwrap(), credentials);
    let client: Client = transport
        .attempt_timeout(Duration::from_millis(500))
        .build()
        .unwrap()
        .into();

    let short = client.with_transport(client.transport().with_deadline(SHORT));
    let unlink = |number: usize| {
        let (user, identity) = (format!("auth0|{number}"), format!("github|{number}"));
        let client = if is_lasting(number) { &short } else { &client };
        let unlinking = client.unlink(&user.parse().unwrap(), &identity.parse().unwrap());
        async move { (number, unlinking.await) }
    };
    let mut outcomes: BTreeMap<usize, Result<Outcome, Error>> = stream::iter(0..SEQUENCES)
        .map(unlink)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(outcomes.len(), SEQUENCES);
    // What is delayed on its way lands now, at the latest: an effect that was ordered for after the next read.
    sandbox.clear_faults();
    for number in 0..SEQUENCES {
        client
            .identities(&format!("auth0|{number}").parse().unwrap())
            .await
            .unwrap();
    }
    assert_eq!(
        (sandbox.overflow().requests, sandbox.overflow().effects),
        (0, 0)
    );

    let mut unlinked = vec![0; SEQUENCES];
    for effect in sandbox.effects() {
        if let Change::IdentityUnlinked { user_id, .. } = effect.change {
            unlinked[user_id["auth0|".len()..].parse::<usize>().unwrap()] += 1;
        }
    }
    let (mut deletes, mut reads) = (vec![0; SEQUENCES], vec![0; SEQUENCES]);
    for request in sandbox.requests() {
        let Some(rest) = request.path.strip_prefix("/api/v2/users/auth0%7C") else {
            continue;
        };
        let number: usize = rest.split('/').next().unwrap().parse().unwrap();
        match (request.method.as_str(), request.status) {
            ("DELETE", status) if !matches!(status, Some(401 | 429)) => deletes[number] += 1,
            ("GET", Some(200)) => reads[number] += 1,
            _ => {}
        }
    }
    let mut unknown = [0, 0];
    for number in 0..SEQUENCES {
        let outcome = outcomes.remove(&number).unwrap();
        let told = format!("{number}: {outcome:?} after {:?}", faults(number));
        // The last read is this test's own.
        let mut showed_it_linked = reads[number] - 1;
        match outcome {
            Ok(Outcome::Unlinked(done)) => {
                assert_eq!(unlinked[number], 1, "{told}");
                showed_it_linked -= usize::from(done.settled_by == SettledBy::Probe);
            }
            Ok(other) => panic!("{other:?} {told}"),
            Err(error) if error.may_have_been_applied() => {
                assert_eq!(error.kind(), UNKNOWN, "{told}");
                // Two 401s in a row end a call for good, too.
                assert!(is_lasting(number) || unauthorized(&error), "{told}");
                unknown[unlinked[number]] += 1;
            }
            Err(_) => assert_eq!(unlinked[number], 0, "{told}"),
        }
        assert!(
            deletes[number] <= showed_it_linked,
            "{} DELETEs, {showed_it_linked} reads: {told}",
            deletes[number]
        );
    }
    // Unknown is what it says: some were done, and some were not.
    assert!(unknown[0] > 0 && unknown[1] > 0, "{unknown:?}");
}

/// The DELETEs and the GETs of a user, with the status each was answered with.
fn asked(sandbox: &Sandbox) -> (usize, usize) {
    let requests = sandbox.requests();
    let count = |method: &str| {
        requests
            .iter()
            .filter(|request| request.method == method)
            .count()
    };
    (count("DELETE"), count("GET"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_to_lose_an_answer_is_settled_whether_it_was_applied_or_not() {
    let status = || Kind::Status {
        status: 503,
        headers: BTreeMap::new(),
        body: String::new(),
    };
    let kinds = [
        Kind::Drop,
        Kind::Reset,
        status(),
        Kind::Html,
        Kind::Stall { after: 1 },
        Kind::Truncate { after: 1 },
    ];
    for kind in kinds {
        // (DELETEs, reads): one read before; where it was applied one more settles it, where not it is sent again.
        for (apply, expected) in [
            (Apply::Now, (1, 2)),
            (Apply::Never, (2, 2)),
            // It lands after the read that showed it linked; the second answer shows it gone.
            (Apply::AfterNextRead, (2, 2)),
        ] {
            let sandbox = Sandbox::builder().seed(seed()).start().unwrap();
            let token = AccessToken::new(sandbox.token(&["read:users", "update:users"])).unwrap();
            let transport = transport::Client::builder(sandbox.url().parse().unwrap(), token);
            let client: Client = transport
                .attempt_timeout(Duration::from_millis(300))
                .build()
                .unwrap()
                .into();
            sandbox.inject(
                Fault::new(kind.clone())
                    .apply(apply)
                    .method("DELETE")
                    .times(1),
            );
            let outcome = client
                .unlink(&"auth0|1".parse().unwrap(), &"github|1".parse().unwrap())
                .await;
            let Ok(Outcome::Unlinked(done)) = outcome else {
                panic!("{kind:?} {apply:?}: {outcome:?}")
            };
            assert_ne!(done.settled_by, SettledBy::Answer, "{kind:?} {apply:?}");
            assert_eq!(asked(&sandbox), expected, "{kind:?} {apply:?}");
            let unlinked = |effect: &unlink_sandbox::Effect| {
                matches!(effect.change, Change::IdentityUnlinked { .. })
            };
            assert_eq!(
                sandbox
                    .effects()
                    .iter()
                    .filter(|effect| unlinked(effect))
                    .count(),
                1,
                "{kind:?} {apply:?}"
            );
        }
    }
}

const UNKNOWN: ErrorKind = ErrorKind::Request(transport::ErrorKind::OutcomeUnknown);

/// Whether a 401 is what ended the call, with its outcome unknown.
fn unauthorized(error: &Error) -> bool {
    let cause = error
        .source()
        .and_then(|source| source.downcast_ref::<transport::Error>());
    error.kind() == UNKNOWN
        && cause.is_some_and(|cause| cause.kind() == transport::ErrorKind::Unauthorized)
}
