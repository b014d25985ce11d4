//! Jobs that delete what they split off, where the second half does not work at once.

use std::{collections::BTreeMap, time::Duration};

use unlink::Client;
use unlink_batch::{
    Action, Apply, Ending, Job, Outcome, Reason, Row, Selection, Stop, Summary, View,
};
use unlink_sandbox::{Apply as Effect, Fault, Kind};

use crate::applying::{Bench, SCOPES, client, export, people, sandbox};

const ACCOUNTS: &str = "/api/v2/users/*";
/// Long enough for a machine that is busy, and no longer.
const SOON: Duration = Duration::from_secs(2);

fn planned(people_count: usize) -> Bench {
    let sandbox = sandbox(people(people_count));
    let source = export(&sandbox);
    Bench::planned(sandbox, &source, |planner| {
        let selection = Selection::default().connection("google-oauth2");
        planner.selection(selection).action(Action::UnlinkAndDelete)
    })
}

fn status(status: u16) -> Kind {
    Kind::Status {
        status,
        headers: BTreeMap::new(),
        body: String::new(),
    }
}

/// With calls that give up soon, so that the test does not wait for a tenant to come round.
async fn apply_soon(bench: &Bench) -> Summary {
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let soon = client.transport().with_deadline(SOON);
    let job = Job::open(bench.path()).unwrap();
    let options = Apply::default().patience(Duration::ZERO);
    job.apply(&Client::from(soon), options, Stop::new().1)
        .await
        .unwrap()
}

fn rows(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    let take = |row| {
        rows.push(row);
        Ok(())
    };
    View::open(bench.path()).unwrap().rows(take).unwrap();
    rows
}

#[tokio::test]
async fn a_token_that_may_not_delete_ends_the_run_with_what_it_has_begun() {
    let bench = planned(40);
    let token = bench.sandbox.token(&["read:users", "update:users"]);
    let client = client(bench.sandbox.url(), &token);
    let job = Job::open(bench.path()).unwrap();
    let summary = job
        .apply(&client, Apply::default(), Stop::new().1)
        .await
        .unwrap();
    assert!(matches!(summary.ending, Ending::Refused(_)), "{summary:?}");
    let begun: Vec<_> = rows(&bench)
        .into_iter()
        .filter(|row| row.outcome.is_some())
        .collect();
    // No more than were on their way.
    assert!((1..=16).contains(&begun.len()), "{}", begun.len());
    assert!(
        begun
            .iter()
            .all(|row| row.outcome == Some(Outcome::NotDeleted) && row.is_open)
    );
    assert_eq!(summary.counts.not_deleted, begun.len() as u64);
    let summary = bench.apply(Apply::default()).await;
    assert_eq!(summary.counts.deleted, bench.plan.rows, "{summary:?}");
    assert_eq!(bench.sandbox.users().len(), 40);
}

#[tokio::test]
async fn a_deletion_that_does_not_work_now_is_tried_again() {
    let bench = planned(5);
    let down = Fault::new(status(503)).method("DELETE").path(ACCOUNTS);
    bench.sandbox.inject(down.times(30));
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let soon = client.transport().with_deadline(SOON);
    let job = Job::open(bench.path()).unwrap();
    let options = Apply::default().max_failures(u64::MAX);
    let summary = job
        .apply(&Client::from(soon), options, Stop::new().1)
        .await
        .unwrap();
    // Some may have been tried often enough for one run.
    let counts = summary.counts;
    assert_eq!(counts.deleted + counts.not_deleted, 5, "{summary:?}");
    bench.sandbox.clear_faults();
    bench.apply(Apply::default()).await;
    assert!(
        rows(&bench)
            .iter()
            .all(|row| row.outcome == Some(Outcome::Deleted))
    );
    assert_eq!(bench.sandbox.users().len(), 5);
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_done_once_it_is_seen_to_be() {
    let bench = planned(1);
    let account = {
        let row = &rows(&bench)[0];
        format!("{}|{}", row.provider, row.identity_user_id)
    };
    // Applied, and neither its answer nor a read comes back until the run gives up.
    let lost = Fault::new(Kind::Drop).apply(Effect::Now).method("DELETE");
    bench.sandbox.inject(lost.path(ACCOUNTS));
    let unread = Fault::new(status(503)).method("GET").user(account);
    bench.sandbox.inject(unread.skip(1));
    let summary = apply_soon(&bench).await;
    assert_eq!(summary.counts.not_deleted, 1, "{summary:?}");
    let row = rows(&bench).remove(0);
    assert_eq!((row.reason, row.is_open), (Some(Reason::Unsure), true));
    bench.sandbox.clear_faults();
    let summary = apply_soon(&bench).await;
    assert_eq!(summary.counts.deleted, 1, "{summary:?}");
    assert_eq!(bench.sandbox.users().len(), 1);
}

#[tokio::test]
async fn an_account_of_another_connection_is_not_the_one_that_was_split_off() {
    let bench = planned(1);
    let row = &rows(&bench)[0];
    let (provider, id) = (row.provider.to_string(), row.identity_user_id.to_string());
    let account = format!("{provider}|{id}");
    let other = serde_json::json!({
        "user_id": account,
        "identities": [{ "provider": provider, "user_id": id, "connection": "another" }],
    });
    let read = Kind::Status {
        status: 200,
        headers: BTreeMap::new(),
        body: other.to_string(),
    };
    let read = Fault::new(read).method("GET").user(account.clone());
    bench.sandbox.inject(read);
    let summary = bench.apply(Apply::default()).await;
    assert_eq!(summary.counts.not_deleted, 1, "{summary:?}");
    assert_eq!(rows(&bench)[0].reason, Some(Reason::InUse));
    assert!(bench.sandbox.user(&account).is_some());
}

#[tokio::test]
async fn half_of_a_row_is_kept_when_the_run_ends_before_the_other() {
    let bench = planned(3);
    // The tenant is there for the reads of the users, and for the first half.
    let away = Fault::new(status(503)).method("GET").path(ACCOUNTS);
    bench.sandbox.inject(away.skip(3));
    let summary = apply_soon(&bench).await;
    assert!(
        matches!(summary.ending, Ending::Unreachable(_)),
        "{summary:?}"
    );
    assert_eq!((summary.counts.not_deleted, summary.counts.unknown), (3, 0));
    bench.sandbox.clear_faults();
    let summary = bench.apply(Apply::default()).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert!(
        rows(&bench)
            .iter()
            .all(|row| row.outcome == Some(Outcome::Deleted))
    );
}
