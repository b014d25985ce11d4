//! Runs that are killed at seeded instants, and gone on with: the end is that of an undisturbed run.
//!
//! `UNLINK_BATCH_KILLS` says how many kills (3 if unset), `UNLINK_BATCH_SEED` which ones.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write as _},
    process::{Command, Stdio},
};

use unlink_batch::{Apply, Ending, Job, Status, Stop};
use unlink_sandbox::{Apply as Effect, Fault, Kind, Plan, RecordedRequest, Sandbox};

use crate::applying::{Bench, SCOPES, client, is_all_separate, people, unlinkings};

/// The process that is killed: this binary, with this test alone.
#[tokio::test]
#[ignore = "started by the tests that kill it"]
async fn applies_a_job_until_killed() {
    let set = |name: &str| env::var(name).expect("set by the test that starts this");
    let client = client(&set("UNLINK_BATCH_URL"), &set("UNLINK_BATCH_TOKEN"));
    let options = Apply::default().max(u64::MAX).on_result(|progress| {
        // Whoever reads this may have gone on to kill.
        let _ = writeln!(std::io::stderr(), "row {}", progress.row);
    });
    let job = Job::open(set("UNLINK_BATCH_JOB")).unwrap();
    job.apply(&client, options, Stop::new().1).await.unwrap();
}

/// Starts a run and kills it after this many results; false if it ended before.
fn run_and_kill(bench: &Bench, results: usize) -> bool {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "kills::applies_a_job_until_killed",
        ])
        .env("UNLINK_BATCH_URL", bench.sandbox.url())
        .env("UNLINK_BATCH_TOKEN", bench.sandbox.token(&SCOPES))
        .env("UNLINK_BATCH_JOB", bench.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let seen = lines
        .map_while(Result::ok)
        .filter(|line| line.starts_with("row "));
    let is_killed = seen.take(results).count() == results;
    child.kill().unwrap();
    child.wait().unwrap();
    is_killed
}

/// The users whose rows have an intent and no result.
fn in_doubt(bench: &Bench) -> Vec<String> {
    let file = rusqlite::Connection::open(bench.path()).unwrap();
    let mut users = file
        .prepare("SELECT user.user_id FROM intent JOIN row ON row.number = intent.row JOIN user ON user.id = row.user")
        .unwrap();
    let users = users.query_map([], |row| row.get(0)).unwrap();
    users.map(Result::unwrap).collect()
}

fn user_path(user: &str) -> String {
    format!("/api/v2/users/{}", user.replace('|', "%7C"))
}

/// By the log: whoever was in doubt is read before anything else is sent for them. Returns how many were read.
fn reads_come_first(users: &[String], since: &[RecordedRequest]) -> usize {
    let first = users.iter().filter_map(|user| {
        let path = user_path(user);
        let first = since
            .iter()
            .find(|request| request.path.starts_with(&path))?;
        Some((path, first))
    });
    first
        .map(|(path, first)| {
            assert_eq!((first.method.as_str(), &first.path), ("GET", &path));
        })
        .count()
}

/// The requests so far, those of a killed process that were on their way included.
fn settled_requests(bench: &Bench) -> Vec<RecordedRequest> {
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // The tenant answers in turn, so that what came before this was received.
    runtime
        .block_on(client.users_by_email("nobody@example.com"))
        .unwrap();
    bench.sandbox.requests()
}

/// By the log: between two deletions of one identity there is a read of its user.
fn assert_no_blind_repeat(requests: &[RecordedRequest]) {
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, request) in requests.iter().enumerate() {
        if request.method != "DELETE" {
            continue;
        }
        let user = request.path.split("/identities/").next().unwrap();
        if let Some(before) = last.insert(&request.path, index) {
            let between = &requests[before..index];
            // An answer of 429 says that nothing was done.
            let is_refused = requests[before].status == Some(429);
            let is_read = between
                .iter()
                .any(|other| other.method == "GET" && other.path == user);
            assert!(
                is_refused || is_read,
                "{} was repeated blindly",
                request.path
            );
        }
    }
}

fn killed(people_count: usize, kills: usize, seed: u64) {
    let sandbox = Sandbox::builder()
        .seed(people(people_count))
        .plan(Plan::custom(60, 600))
        .rng_seed(seed)
        .start()
        .unwrap();
    let lost = Fault::new(Kind::Drop)
        .apply(Effect::Now)
        .method("DELETE")
        .probability(0.1);
    sandbox.inject(lost);
    let bench = Bench::exported(sandbox);
    let rows = usize::try_from(bench.plan.rows).unwrap();
    // A client that keeps below the limit never meets it; another one of the tenant's may have used it up.
    let used_up = Kind::TooManyRequests {
        retry_after: None,
        reset_in: Some(1),
    };
    let some = Fault::new(used_up).skip(rows as u64 / 3).times(8);
    bench.sandbox.inject(some.method("DELETE"));
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut survived, mut reads) = (0, 0);
    for _ in 0..kills {
        let doubt = in_doubt(&bench);
        let before = settled_requests(&bench).len();
        survived += usize::from(!run_and_kill(&bench, random.usize(1..=rows / (kills + 2))));
        reads += reads_come_first(&doubt, &settled_requests(&bench)[before..]);
    }
    assert_eq!(survived, 0, "every run was killed before its end");
    let doubt = in_doubt(&bench);
    let before = settled_requests(&bench).len();
    run_and_kill(&bench, usize::MAX);
    reads += reads_come_first(&doubt, &settled_requests(&bench)[before..]);
    assert!(reads > 0, "some rows were in doubt");
    let counts = Status::read(bench.path()).unwrap().counts;
    assert_eq!(
        (counts.unlinked, counts.pending, counts.unknown),
        (bench.plan.rows, 0, 0),
        "{counts:?}"
    );
    assert!(is_all_separate(&bench.sandbox));
    let unlinkings = unlinkings(&bench.sandbox);
    assert_eq!(unlinkings.len(), rows);
    assert!(unlinkings.values().all(|times| *times == 1));
    let requests = bench.sandbox.requests();
    assert_no_blind_repeat(&requests);
    let is_refused = |request: &RecordedRequest| request.status == Some(429);
    let is_lost = |request: &RecordedRequest| request.fault.is_some();
    assert!(requests.iter().any(is_refused) && requests.iter().any(is_lost));
}

#[test]
fn killed_runs_end_as_an_undisturbed_one() {
    let number = |name: &str, unset: u64| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(unset)
    };
    let kills = usize::try_from(number("UNLINK_BATCH_KILLS", 3)).unwrap();
    let people = if kills > 3 { 500 } else { 80 };
    killed(people, kills, number("UNLINK_BATCH_SEED", 11));
}

#[tokio::test]
async fn what_was_gone_before_it_was_ever_seen_is_nobodys() {
    let bench = Bench::exported(crate::applying::sandbox(people(2)));
    // As a run leaves it that was killed between intent and result, without evidence.
    let file = rusqlite::Connection::open(bench.path()).unwrap();
    file.execute_batch(
        "INSERT INTO intent SELECT number, 1 FROM row; UPDATE user SET identities = NULL; UPDATE row SET is_seen = 0",
    )
    .unwrap();
    drop(file);
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    for user in bench.sandbox.users() {
        let id: unlink::UserId = user["user_id"].as_str().unwrap().parse().unwrap();
        let read = client.user(&id).await.unwrap();
        for identity in read.secondary_identities() {
            client.unlink(&id, &identity.key().unwrap()).await.unwrap();
        }
    }
    let job = Job::open(bench.path()).unwrap();
    let summary = job
        .apply(&client, Apply::default(), Stop::new().1)
        .await
        .unwrap();
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(
        (summary.counts.absent, summary.counts.unlinked),
        (bench.plan.rows, 0)
    );
}
