//! Reading the users that the source of a plan did not show.

use std::collections::BTreeMap;

use unlink_batch::{Apply, Check, Ending, Job, Planner, Reader, Stop, Summary, View, Warning};
use unlink_sandbox::{Fault, Kind, RecordedRequest};

use crate::applying::{Bench, client, people, sandbox};

async fn check(bench: &Bench, options: Check, stop: Stop) -> Summary {
    // A token that could not change anything.
    let token = bench.sandbox.token(&["read:users", "read:connections"]);
    let reader = Reader::new(&client(bench.sandbox.url(), &token));
    let job = Job::open(bench.path()).unwrap();
    job.check(&reader, options, stop).await.unwrap()
}

fn gets(requests: &[RecordedRequest]) -> usize {
    assert!(requests.iter().all(|request| request.method == "GET"));
    requests.len()
}

#[tokio::test]
async fn each_user_is_read_once_and_is_evidence_afterwards() {
    let bench = Bench::listed(sandbox(people(20)));
    assert!(bench.plan.rows > 20 && bench.plan.rows_with_snapshot == 0);
    let summary = check(&bench, Check::default(), Stop::new().1).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(
        (summary.checked.as_planned, summary.traffic.requests),
        (20, 20)
    );
    assert_eq!(gets(&bench.sandbox.requests()), 20);
    let view = View::open(bench.path()).unwrap();
    assert_eq!(view.plan().rows_with_snapshot, bench.plan.rows);
    assert_eq!(view.plan().digest, bench.plan.digest);
    assert_eq!(
        view.plan().estimate().requests_by_snapshot(),
        bench.plan.rows
    );
    drop(view);
    check(&bench, Check::default(), Stop::new().1).await;
    assert_eq!(bench.sandbox.requests().len(), 20, "read is read");
    let summary = bench.apply(Apply::default()).await;
    assert_eq!(summary.counts.unlinked, bench.plan.rows);
    assert_eq!(bench.sandbox.requests().len() as u64, 20 + bench.plan.rows);
}

#[tokio::test]
async fn a_check_that_ends_early_is_gone_on_with() {
    let bench = Bench::listed(sandbox(people(20)));
    let summary = check(&bench, Check::default().max(7), Stop::new().1).await;
    assert!(matches!(summary.ending, Ending::Max), "{summary:?}");
    let (stopper, stop) = Stop::new();
    let options = Check::default().on_result(move |_| stopper.at_once());
    check(&bench, options, stop).await;
    let summary = check(&bench, Check::default(), Stop::new().1).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    let mut reads = BTreeMap::<_, u64>::new();
    for request in bench.sandbox.requests() {
        *reads.entry(request.path).or_default() += 1;
    }
    assert_eq!(reads.len(), 20);
    let view = View::open(bench.path()).unwrap();
    assert_eq!(view.plan().rows_with_snapshot, bench.plan.rows);
    let works: Vec<_> = view
        .runs()
        .unwrap()
        .iter()
        .map(|run| run.work.as_str())
        .collect();
    assert_eq!(works, ["check", "check", "check"]);
}

#[tokio::test]
async fn what_is_not_as_planned_is_told_and_found_again() {
    let sandbox = sandbox(people(3));
    let users = sandbox.users();
    let id = |index: usize| users[index]["user_id"].as_str().unwrap();
    let rows = [
        // Linked; not linked; a main identity that the id does not give away; no such user.
        serde_json::json!({"user_id": id(0), "provider": "google-oauth2", "identity_user_id": users[0]["identities"][1]["user_id"]}),
        serde_json::json!({"user_id": id(1), "identity": "github|1"}),
        serde_json::json!({"user_id": id(2), "identity": format!("auth0|Username-Password-Authentication|{}", &id(2)[6..])}),
        serde_json::json!({"user_id": "auth0|nobody", "identity": "github|2"}),
    ];
    let source: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let bench = Bench::planned(sandbox, &source, |planner| planner);
    let counts = check(&bench, Check::default(), Stop::new().1).await.checked;
    assert_eq!(
        (
            counts.as_planned,
            counts.differs,
            counts.no_such_user,
            counts.failed
        ),
        (1, 2, 1, 0)
    );
    let view = View::open(bench.path()).unwrap();
    assert_eq!(view.plan().main_identities, 1);
    let mut lost = Vec::new();
    let take = |user: &str, warning| {
        lost.push((user.to_owned(), warning));
        Ok(())
    };
    view.warnings(take).unwrap();
    assert_eq!(lost[0], (id(2).to_owned(), Warning::MainIdentity));
    drop(view);
    let counts = bench.apply(Apply::default()).await.counts;
    assert_eq!((counts.unlinked, counts.stale, counts.failed), (1, 3, 0));
}

#[tokio::test]
async fn profiles_are_kept_without_tokens_where_that_was_asked_for() {
    let bench = Bench::listed(sandbox(people(2)));
    check(&bench, Check::default(), Stop::new().1).await;
    let user = bench.sandbox.users()[0].clone();
    let id = user["user_id"].as_str().unwrap();
    assert_eq!(View::open(bench.path()).unwrap().profile(id).unwrap(), None);
    let email = user["email"].as_str().unwrap();
    let holds = |bench: &Bench, text: &str| {
        let file = std::fs::read(bench.path()).unwrap();
        file.windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    };
    assert!(!holds(&bench, email));
    let bench = Bench::listed_with(sandbox(people(2)), Planner::keep_profiles);
    check(&bench, Check::default(), Stop::new().1).await;
    let profile = View::open(bench.path())
        .unwrap()
        .profile(id)
        .unwrap()
        .unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&profile).unwrap(),
        user
    );
}

#[tokio::test]
async fn a_user_that_cannot_be_read_is_left_for_the_next_check() {
    let sandbox = sandbox(people(3));
    let bad = Kind::Status {
        status: 400,
        headers: BTreeMap::new(),
        body: String::new(),
    };
    let user = sandbox.users()[0]["user_id"].as_str().unwrap().to_owned();
    sandbox.inject(Fault::new(bad).user(user));
    let bench = Bench::listed(sandbox);
    let summary = check(&bench, Check::default(), Stop::new().1).await;
    assert_eq!((summary.checked.as_planned, summary.checked.failed), (2, 1));
    bench.sandbox.clear_faults();
    let summary = check(&bench, Check::default(), Stop::new().1).await;
    assert_eq!(summary.checked.as_planned, 1);
}
