//! Runs that are killed at seeded instants, and gone on with: the end is that of an undisturbed run, undoing it too.
//!
//! `UNLINK_BATCH_KILLS` says how many kills (3 if unset), `UNLINK_BATCH_SEED` which ones.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use unlink_batch::{Apply, Ending, Evidence, Job, Progress, Status, Stop, Undo};
use unlink_sandbox::{Apply as Effect, Change, Fault, Kind, Plan, RecordedRequest, Sandbox};

use crate::{
    applying::{Bench, SCOPES, client, is_all_separate, people, unlinkings},
    undoing::links,
};

/// The process that is killed: this binary, with this test alone.
#[tokio::test]
#[ignore = "started by the tests that kill it"]
async fn applies_a_job_until_killed() {
    let set = |name: &str| env::var(name).expect("set by the test that starts this");
    let client = client(&set("UNLINK_BATCH_URL"), &set("UNLINK_BATCH_TOKEN"));
    let tell = |progress: &Progress| {
        // Whoever reads this may have gone on to kill.
        let _ = writeln!(std::io::stderr(), "row {}", progress.row);
    };
    let job = Job::open(set("UNLINK_BATCH_JOB")).unwrap();
    let (_stopper, stop) = Stop::new();
    let apply = Apply::default().max(u64::MAX).on_result(tell);
    match &*set("UNLINK_BATCH_WORK") {
        "undo" => {
            let options = Undo::default().max(u64::MAX).on_result(tell);
            job.undo(&client, options, stop).await.unwrap();
        }
        "apply, reading" => {
            let options = apply.evidence(Evidence::Read);
            job.apply(&client, options, stop).await.unwrap();
        }
        _ => drop(job.apply(&client, apply, stop).await.unwrap()),
    }
}

/// Makes that process of a program, which may be this one.
pub(crate) fn worker(program: &mut Command, bench: &Bench, work: &str) -> Child {
    program
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "kills::applies_a_job_until_killed",
        ])
        .env("UNLINK_BATCH_URL", bench.sandbox.url())
        .env("UNLINK_BATCH_TOKEN", bench.sandbox.token(&SCOPES))
        .env("UNLINK_BATCH_JOB", bench.path())
        .env("UNLINK_BATCH_WORK", work)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What is killed, and what it sends.
#[derive(Clone, Copy)]
struct Killed {
    work: &'static str,
    intents: &'static str,
    method: &'static str,
}

const APPLY: Killed = Killed {
    work: "apply",
    intents: "intent",
    method: "DELETE",
};

const UNDO: Killed = Killed {
    work: "undo",
    intents: "undo_intent",
    method: "POST",
};

/// Starts a run and kills it after this many results; false if it ended before.
fn run_and_kill(bench: &Bench, killed: Killed, results: usize) -> bool {
    let mut program = Command::new(env::current_exe().unwrap());
    let mut child = worker(&mut program, bench, killed.work);
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
fn in_doubt(bench: &Bench, killed: Killed) -> Vec<String> {
    let file = rusqlite::Connection::open(bench.path()).unwrap();
    let users = format!(
        "SELECT user.user_id FROM {} AS intent JOIN row ON row.number = intent.row JOIN user ON user.id = row.user",
        killed.intents
    );
    let mut users = file.prepare(&users).unwrap();
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

/// By the log: between two requests that would change the same there is a read of the user.
fn assert_no_blind_repeat(requests: &[RecordedRequest], method: &str) {
    let mut last: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (index, request) in requests.iter().enumerate() {
        if request.method != method {
            continue;
        }
        let user = request.path.split("/identities").next().unwrap();
        if let Some(before) = last.insert((&request.path, &request.body), index) {
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

/// By the logs: what had its effect is not asked for again, since whoever might have done so has read first that it had.
fn assert_nothing_is_sent_after_its_effect(bench: &Bench, method: &str) {
    let requests = bench.sandbox.requests();
    let of_method = || requests.iter().filter(|request| request.method == method);
    for effect in bench.sandbox.effects() {
        let Some(done) = of_method().find(|request| request.seq == effect.request) else {
            continue;
        };
        let again = of_method().find(|request| {
            request.seq > done.seq && (&request.path, &request.body) == (&done.path, &done.body)
        });
        assert_eq!(again, None, "{effect:?}");
    }
}

/// One answer in ten is lost after what was asked for is done, and some requests are refused for the rate limit.
fn disturb(bench: &Bench, method: &str) {
    bench.sandbox.clear_faults();
    let lost = Fault::new(Kind::Drop).apply(Effect::Now).method(method);
    bench.sandbox.inject(lost.probability(0.1));
    // A client that keeps below the limit never meets it; another one of the tenant's may have used it up.
    let used_up = Kind::TooManyRequests {
        retry_after: None,
        reset_in: Some(1),
    };
    let some = Fault::new(used_up).skip(bench.plan.rows / 3).times(8);
    bench.sandbox.inject(some.method(method));
}

/// Kills runs at seeded instants, then lets one end; checks by the log that none repeated anything blindly.
fn kill_and_resume(bench: &Bench, killed: Killed, kills: usize, random: &mut fastrand::Rng) {
    disturb(bench, killed.method);
    let first = settled_requests(bench).len();
    let rows = usize::try_from(bench.plan.rows).unwrap();
    let (mut survived, mut reads) = (0, 0);
    for kill in 0..=kills {
        let doubt = in_doubt(bench, killed);
        let before = settled_requests(bench).len();
        let results = if kill == kills {
            usize::MAX
        } else {
            random.usize(1..=rows / (kills + 2))
        };
        survived += usize::from(!run_and_kill(bench, killed, results));
        reads += reads_come_first(&doubt, &settled_requests(bench)[before..]);
    }
    assert_eq!(
        survived, 1,
        "every run but the last was killed before its end"
    );
    assert!(reads > 0, "some rows were in doubt");
    let requests = bench.sandbox.requests().split_off(first);
    assert_no_blind_repeat(&requests, killed.method);
    assert_nothing_is_sent_after_its_effect(bench, killed.method);
    let of_method = || {
        requests
            .iter()
            .filter(|request| request.method == killed.method)
    };
    assert!(of_method().any(|request| request.status == Some(429)));
    assert!(of_method().any(|request| request.status.is_none() && request.fault.is_some()));
}

fn killed(people_count: usize, kills: usize, seed: u64) {
    let sandbox = Sandbox::builder()
        .seed(people(people_count))
        .plan(Plan::custom(60, 600))
        .rng_seed(seed)
        .start()
        .unwrap();
    let linked = links(&sandbox);
    let bench = Bench::exported(sandbox);
    let rows = usize::try_from(bench.plan.rows).unwrap();
    let mut random = fastrand::Rng::with_seed(seed);

    kill_and_resume(&bench, APPLY, kills, &mut random);
    let counts = Status::read(bench.path()).unwrap().counts;
    assert_eq!(
        (counts.unlinked, counts.pending, counts.unknown),
        (bench.plan.rows, 0, 0),
        "{counts:?}"
    );
    assert!(is_all_separate(&bench.sandbox));
    let times = unlinkings(&bench.sandbox);
    assert_eq!(times.len(), rows);
    assert!(times.values().all(|times| *times == 1));

    kill_and_resume(&bench, UNDO, kills, &mut random);
    assert_eq!(
        links(&bench.sandbox),
        linked,
        "what was linked is linked again"
    );
    let status = Status::read(bench.path()).unwrap();
    assert_eq!(
        (status.undone.linked_back, status.undone.unknown),
        (bench.plan.rows, 0),
        "{status:?}"
    );
    let mut linkings = BTreeMap::<_, u64>::new();
    for effect in bench.sandbox.effects() {
        if let Change::IdentityLinked { identity, .. } = effect.change {
            *linkings.entry(identity).or_default() += 1;
        }
    }
    assert_eq!(linkings.len(), rows);
    assert!(linkings.values().all(|times| *times == 1));
}

#[test]
fn killed_runs_end_as_an_undisturbed_one_and_are_undone_alike() {
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

#[tokio::test]
async fn rows_in_doubt_count_towards_the_caps_of_a_run_like_any_other() {
    let bench = Bench::exported(crate::applying::sandbox(people(12)));
    let rows = bench.plan.rows;
    // As a run leaves it that was killed before any request went out.
    let put_in_doubt = |intents| {
        let file = rusqlite::Connection::open(bench.path()).unwrap();
        let all = format!("INSERT INTO {intents} SELECT number, 1 FROM row");
        file.execute(&all, []).unwrap();
    };
    put_in_doubt("intent");
    let summary = bench.apply(Apply::default().canary(3)).await;
    assert!(matches!(summary.ending, Ending::Canary), "{summary:?}");
    assert_eq!(unlinkings(&bench.sandbox).len(), 3);
    assert_eq!(
        (summary.counts.unlinked, summary.counts.unknown),
        (3, rows - 3)
    );
    let more = Apply::default().canary_is_right();
    let summary = bench.apply(more.max(2)).await;
    assert!(matches!(summary.ending, Ending::Max), "{summary:?}");
    assert_eq!(unlinkings(&bench.sandbox).len(), 5);
    let summary = bench.apply(Apply::default().max(rows - 5)).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");

    put_in_doubt("undo_intent");
    let undo = async |options| {
        let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
        let job = Job::open(bench.path()).unwrap();
        job.undo(&client, options, Stop::new().1).await.unwrap()
    };
    let linked = || links(&bench.sandbox).values().map(Vec::len).sum::<usize>();
    // Nobody asked for the others.
    let summary = undo(Undo::default().rows("2-4".parse().unwrap())).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(linked(), 3);
    assert_eq!(summary.undone.unknown, rows - 3);
    let summary = undo(Undo::default().max(1)).await;
    assert!(matches!(summary.ending, Ending::Max), "{summary:?}");
    assert_eq!(linked(), 4);
    let summary = undo(Undo::default()).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(linked() as u64, rows);
}
