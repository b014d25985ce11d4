//! What a job shows of itself: rows, failures, counts, runs and traffic.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use unlink_batch::{Apply, Counts, Job, Outcome, Reason, Row, Slice, Status, Step, View, Work};
use unlink_sandbox::{Fault, Kind, Sandbox};

use crate::{
    applying::{Bench, people, sandbox},
    planning::{plan, planner},
};

fn rejecting(times: u64) -> Fault {
    let bad = Kind::Status {
        status: 400,
        headers: BTreeMap::new(),
        body: r#"{"statusCode":400,"error":"Bad Request","message":"no"}"#.to_owned(),
    };
    Fault::new(bad).method("DELETE").times(times)
}

fn failing(people_count: usize, times: u64) -> Sandbox {
    let sandbox = sandbox(people(people_count));
    sandbox.inject(rejecting(times));
    sandbox
}

fn all(view: &View) -> Vec<Row> {
    let mut rows = Vec::new();
    let take = |row| {
        rows.push(row);
        Ok(())
    };
    view.rows(take).unwrap();
    rows
}

#[tokio::test]
async fn rows_tell_what_came_of_them_and_what_to_do() {
    let bench = Bench::exported(failing(10, 2));
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let options = Apply::default().max(8).on_result(move |progress| {
        let failed = progress.step == Step::Applied(Outcome::Failed);
        tell.lock()
            .unwrap()
            .push((progress.row, failed, progress.reason));
    });
    bench.apply(options).await;
    let view = View::open(bench.path()).unwrap();
    let rows = all(&view);
    assert_eq!(rows.len() as u64, bench.plan.rows);
    let mut told = told.lock().unwrap().clone();
    told.sort_unstable();
    let held: Vec<_> = rows
        .iter()
        .filter(|row| row.outcome.is_some())
        .map(|row| (row.number, row.outcome == Some(Outcome::Failed), row.reason))
        .collect();
    assert_eq!(held, told);
    let failed: Vec<_> = rows
        .iter()
        .filter(|row| row.outcome == Some(Outcome::Failed))
        .collect();
    assert_eq!(failed.len(), 2);
    for row in &failed {
        assert_eq!((row.reason, row.is_open), (Some(Reason::Rejected), false));
        assert_eq!(
            row.message.as_deref(),
            Some("the tenant answered 400 Bad Request: no")
        );
        assert_eq!(row.advice(), Some(Reason::Rejected.advice()));
        assert_eq!(view.row(row.number).unwrap().as_ref(), Some(*row));
    }
    let unlinked = rows
        .iter()
        .find(|row| row.outcome == Some(Outcome::Unlinked));
    let unlinked = unlinked.unwrap();
    assert_eq!(
        (unlinked.attempts, unlinked.advice(), unlinked.run),
        (1, None, Some(1))
    );
    assert!(unlinked.connection.is_some() && unlinked.at.is_some());
    let last = view.last_failures(1).unwrap();
    assert_eq!((last.len(), last[0].outcome), (1, Some(Outcome::Failed)));
    let pending = rows.last().unwrap();
    assert_eq!(
        (pending.outcome, pending.is_open, pending.line > 0),
        (None, true, true)
    );
}

#[tokio::test]
async fn a_list_of_failures_is_a_plan_of_them() {
    let bench = Bench::exported(failing(10, 3));
    bench.apply(Apply::default()).await;
    let view = View::open(bench.path()).unwrap();
    let mut list = Vec::new();
    assert_eq!(view.write_failures(&mut list).unwrap(), 3);
    let failed: Vec<_> = all(&view)
        .into_iter()
        .filter(|row| row.outcome == Some(Outcome::Failed))
        .map(|row| (row.user_id, row.provider, row.identity_user_id))
        .collect();
    let again = plan(planner(), &list).unwrap();
    let planned: Vec<_> = all(again.job().view())
        .into_iter()
        .map(|row| (row.user_id, row.provider, row.identity_user_id))
        .collect();
    assert_eq!(planned, failed);
    let first: serde_json::Value =
        serde_json::from_slice(list.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!(first["outcome"], "failed");
    assert_eq!(first["reason"], "the tenant answered 400 Bad Request: no");
}

#[tokio::test]
async fn the_breakdown_adds_up_to_the_counts() {
    let bench = Bench::exported(failing(30, 4));
    bench.apply(Apply::default().max(25)).await;
    let view = View::open(bench.path()).unwrap();
    let groups = view.breakdown().unwrap();
    let connections: Vec<_> = groups
        .iter()
        .map(|group| {
            (
                group.provider.as_str(),
                group.connection.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        connections,
        [
            ("github", "github"),
            ("google-oauth2", "google-oauth2"),
            ("samlp", "acme-saml")
        ]
    );
    let mut sum = Counts::default();
    for group in groups {
        sum.unlinked += group.counts.unlinked;
        sum.failed += group.counts.failed;
        sum.pending += group.counts.pending;
    }
    assert_eq!(sum, view.counts().unwrap());
}

#[tokio::test]
async fn the_traffic_of_runs_is_in_the_job() {
    let bench = Bench::exported(failing(40, 3));
    let begun = SystemTime::now();
    let first = bench.apply(Apply::default().max(20)).await;
    let second = bench.apply(Apply::default()).await;
    let sent = bench.sandbox.requests().len() as u64;
    assert_eq!(first.traffic.requests + second.traffic.requests, sent);
    let view = View::open(bench.path()).unwrap();
    let runs = view.runs().unwrap();
    for (kept, told) in [(&runs[0], &first), (&runs[1], &second)] {
        let (kept, told) = (kept.traffic, told.traffic);
        assert_eq!((kept.requests, kept.refused), (told.requests, told.refused));
        // The file has milliseconds.
        let lost = told.waited - kept.waited;
        assert!(lost < Duration::from_millis(5), "{kept:?} {told:?}");
    }
    let slices = view.timeline().unwrap();
    let sum = |of: fn(&Slice) -> u64| slices.iter().map(of).sum::<u64>();
    assert_eq!(sum(|slice| slice.traffic.requests), sent);
    assert_eq!(sum(|slice| slice.rows), bench.plan.rows);
    assert_eq!(sum(|slice| slice.failures), 3);
    for slice in &slices {
        assert!(slice.at + Slice::LENGTH > begun && slice.at <= SystemTime::now());
    }
    let status = Status::read(bench.path()).unwrap();
    assert!(status.rate.unwrap() > 0.0);
    assert_eq!(status.last_run.unwrap().number, 2);
}

#[tokio::test]
async fn the_lowest_remaining_quota_is_kept() {
    let sandbox = Sandbox::builder()
        .seed(people(10))
        .plan(unlink_sandbox::Plan::custom(500, 1))
        .start()
        .unwrap();
    let bench = Bench::exported(sandbox);
    let summary = bench.apply(Apply::default()).await;
    let lowest = bench
        .plan
        .rows
        .checked_sub(500)
        .map_or(500 - bench.plan.rows, |_| 0);
    let told = summary.traffic.lowest_remaining.unwrap();
    // The bucket fills a little on the way.
    assert!((lowest..lowest + 5).contains(&told), "{told}");
    let runs = View::open(bench.path()).unwrap().runs().unwrap();
    assert_eq!(runs[0].traffic.lowest_remaining, Some(told));
}

#[tokio::test]
async fn who_ran_it_how_and_with_which_answer_is_in_the_job() {
    let bench = Bench::exported(sandbox(people(3)));
    let job = Job::open(bench.path()).unwrap();
    job.declined(Work::Apply, "client-1", "olga", "n").unwrap();
    drop(job);
    let options = Apply::default()
        .max(5)
        .until(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000))
        .expect(bench.plan.digest)
        .canary(2)
        .by("client-1", "noor")
        .answer("y");
    bench.apply(options).await;
    let runs = View::open(bench.path()).unwrap().runs().unwrap();
    let told: Vec<_> = runs
        .iter()
        .map(|run| {
            let options = run
                .options
                .replace(&bench.plan.digest.to_string(), "DIGEST");
            let ending = run.ending.as_deref().unwrap();
            format!(
                "{} {} {} {} [{options}] {ending}",
                run.work.as_str(),
                run.client,
                run.operator,
                run.answer
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    apply client-1 olga n [] declined
    apply client-1 noor y [max 5, max failures 10, concurrency 16, expect DIGEST, until 4000000000, read auto, canary 2] canary
    ");
    assert!(
        runs.iter()
            .all(|run| run.version == env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn a_view_is_one_moment_of_a_job_that_goes_on() {
    let bench = Bench::exported(sandbox(people(20)));
    let path = bench.path();
    let views = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&views);
    let options = Apply::default().on_result(move |_| {
        let mut views = kept.lock().unwrap();
        if views.len() < 5 {
            let view = View::open(&path).unwrap();
            view.status().unwrap();
            views.push(view);
        }
    });
    bench.apply(options).await;
    for view in views.lock().unwrap().iter() {
        let done = all(view).iter().filter(|row| row.outcome.is_some()).count() as u64;
        let counts = view.counts().unwrap();
        assert_eq!(
            (counts.unlinked, counts.unlinked < bench.plan.rows),
            (done, true)
        );
    }
    let job = Job::open(bench.path()).unwrap();
    assert_eq!(job.view().counts().unwrap().unlinked, bench.plan.rows);
}
