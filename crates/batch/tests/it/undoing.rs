//! Linking back what a job took off.

use std::collections::BTreeMap;

use serde_json::Value;
use unlink::{IdentityKey, UserId};
use unlink_batch::{
    Action, Apply, Ending, ErrorKind, Job, Outcome, Reason, Row, Selection, Stop, Summary, Undo,
    UndoOutcome, View,
};
use unlink_sandbox::{Apply as Effect, Fault, Kind, Sandbox, Seed};

use crate::applying::{Bench, SCOPES, client, export, people, sandbox};

/// What is linked to whom, whatever the order.
pub(crate) fn links(sandbox: &Sandbox) -> BTreeMap<String, Vec<String>> {
    let key = |identity: &Value| {
        let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        format!(
            "{}|{}",
            text(&identity["provider"]),
            text(&identity["user_id"])
        )
    };
    let of = |user: &Value| {
        let mut linked: Vec<_> = user["identities"].as_array().unwrap()[1..]
            .iter()
            .map(key)
            .collect();
        linked.sort();
        (user["user_id"].as_str().unwrap().to_owned(), linked)
    };
    sandbox.users().iter().map(of).collect()
}

pub(crate) async fn undo(bench: &Bench, options: Undo) -> Summary {
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let job = Job::open(bench.path()).unwrap();
    job.undo(&client, options, Stop::new().1).await.unwrap()
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

/// A change to the state of the tenant that no call of ours makes.
pub(crate) fn change(sandbox: &Sandbox, user_id: &str, change: impl FnOnce(&mut Value)) {
    let mut state = sandbox.state();
    let users = state["users"].as_array_mut().unwrap();
    let user = users.iter_mut().find(|user| user["user_id"] == user_id);
    change(user.unwrap());
    sandbox.restore(Seed::from_json(&state.to_string()).unwrap());
}

async fn applied(sandbox: Sandbox) -> (Bench, BTreeMap<String, Vec<String>>) {
    let linked = links(&sandbox);
    let bench = Bench::exported(sandbox);
    let summary = bench.apply(Apply::default()).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    (bench, linked)
}

#[tokio::test]
async fn everything_is_linked_back_the_last_row_first() {
    let (bench, linked) = applied(sandbox(people(30))).await;
    let before = bench.sandbox.requests().len();
    let one = Undo::default().concurrency(std::num::NonZeroUsize::MIN);
    let summary = undo(&bench, one).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(summary.undone.linked_back, bench.plan.rows);
    assert_eq!(links(&bench.sandbox), linked);
    // Both accounts are read before each, and none of these is of a database.
    let since = bench.sandbox.requests().split_off(before);
    assert_eq!(since.len() as u64, 3 * bench.plan.rows);
    let posts: Vec<u64> = since
        .iter()
        .filter(|request| request.method == "POST")
        .map(|request| {
            let label = &request.headers["x-correlation-id"];
            label.rsplit_once('-').unwrap().1.parse().unwrap()
        })
        .collect();
    assert_eq!(posts.len() as u64, bench.plan.rows);
    assert!(posts.is_sorted_by(|one, next| one > next), "{posts:?}");
    let again = undo(&bench, Undo::default()).await;
    assert_eq!(
        (again.undone.linked_back, bench.sandbox.requests().len()),
        (0, before + since.len())
    );
    assert!(rows(&bench).iter().all(|row| {
        row.outcome == Some(Outcome::Unlinked)
            && row.undone.as_ref().unwrap().outcome == Some(UndoOutcome::LinkedBack)
    }));
}

#[tokio::test]
async fn rows_of_one_user_are_linked_one_after_the_other() {
    let (bench, linked) = applied(sandbox(people(40))).await;
    bench
        .sandbox
        .inject(Fault::new(Kind::Delay { ms: 5 }).method("POST"));
    assert!(linked.values().any(|linked| linked.len() > 1));
    let summary = undo(&bench, Undo::default().concurrency(64.try_into().unwrap())).await;
    assert_eq!(summary.undone.linked_back, bench.plan.rows, "{summary:?}");
    assert_eq!(links(&bench.sandbox), linked);
}

#[tokio::test]
async fn chosen_rows_alone_are_linked_back() {
    let (bench, _) = applied(sandbox(people(10))).await;
    let preview = View::open(bench.path()).unwrap();
    let chosen = "2,4-5".parse().unwrap();
    let preview = preview.undo_preview(&chosen).unwrap();
    assert_eq!(
        (preview.to_link, preview.deleted, preview.not_changed),
        (3, 0, 0)
    );
    assert!(
        preview
            .caveats()
            .iter()
            .any(|line| line.contains("user.deleted"))
    );
    let summary = undo(&bench, Undo::default().rows(chosen)).await;
    assert_eq!(summary.undone.linked_back, 3);
    let back: Vec<u64> = rows(&bench)
        .iter()
        .filter(|row| row.undone.is_some())
        .map(|row| row.number)
        .collect();
    assert_eq!(back, [2, 4, 5]);
    let status = View::open(bench.path()).unwrap().status().unwrap();
    assert_eq!(
        (status.undone.linked_back, status.counts.unlinked),
        (3, bench.plan.rows)
    );
}

#[tokio::test]
async fn a_run_ends_at_its_cap_unless_that_was_all() {
    let (bench, _) = applied(sandbox(people(10))).await;
    let rows = bench.plan.rows;
    let summary = undo(&bench, Undo::default().max(rows - 1)).await;
    assert!(matches!(summary.ending, Ending::Max), "{summary:?}");
    let summary = undo(&bench, Undo::default().max(1)).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
}

#[tokio::test]
async fn what_an_account_has_gained_is_not_thrown_away() {
    let (bench, linked) = applied(sandbox(people(6))).await;
    let separate = |row: &Row| format!("{}|{}", row.provider, row.identity_user_id);
    let all = rows(&bench);
    let owners: Vec<&Row> = {
        let mut of: BTreeMap<&str, &Row> = BTreeMap::new();
        for row in &all {
            of.insert(&row.user_id, row);
        }
        of.into_values().collect()
    };
    let [metadata, login, gone, elsewhere, identities] = owners[..5] else {
        panic!("five users")
    };
    change(&bench.sandbox, &separate(metadata), |user| {
        user["app_metadata"] = serde_json::json!({"roles": ["admin"]});
    });
    change(&bench.sandbox, &separate(login), |user| {
        user["last_login"] = "2100-01-01T00:00:00.000Z".into();
    });
    let token = bench.sandbox.token(&SCOPES);
    let client = client(bench.sandbox.url(), &token);
    let stranger: UserId = owners[5].user_id.parse().unwrap();
    let key = |row: &Row| separate(row).parse::<IdentityKey>().unwrap();
    client
        .link(&stranger, &key(elsewhere).into())
        .await
        .unwrap();
    // An account that was made a main one.
    let main: UserId = separate(identities).parse().unwrap();
    let spare = owners[5];
    client.link(&main, &key(spare).into()).await.unwrap();
    let mut state = bench.sandbox.state();
    let users = state["users"].as_array_mut().unwrap();
    users.retain(|user| user["user_id"] != separate(gone));
    let left = Seed::from_json(&state.to_string()).unwrap();
    bench.sandbox.restore(left);

    let summary = undo(&bench, Undo::default()).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    let reason = |row: &Row| {
        let row = View::open(bench.path())
            .unwrap()
            .row(row.number)
            .unwrap()
            .unwrap();
        assert!(row.advice().is_some());
        let undone = row.undone.unwrap();
        assert_eq!(undone.outcome, Some(UndoOutcome::Skipped));
        undone.reason.unwrap()
    };
    assert_eq!(reason(metadata), Reason::HasMetadata);
    assert_eq!(reason(login), Reason::HasLogin);
    assert_eq!(reason(gone), Reason::NoSuchAccount);
    assert_eq!(reason(elsewhere), Reason::NoSuchAccount);
    assert_eq!(reason(identities), Reason::HasIdentities);
    assert_eq!(reason(spare), Reason::NoSuchAccount);
    assert_eq!((summary.undone.skipped, summary.undone.failed), (6, 0));
    assert_eq!(summary.undone.linked_back, bench.plan.rows - 6);
    // Told otherwise, what was gained goes.
    let summary = undo(&bench, Undo::default().even_if_used()).await;
    assert!(summary.undone.linked_back >= 2, "{summary:?}");
    for row in [metadata, login] {
        assert_eq!(links(&bench.sandbox)[&row.user_id], linked[&row.user_id]);
    }
}

#[tokio::test]
async fn what_this_job_did_not_take_off_is_not_linked() {
    let bench = Bench::listed(sandbox(people(5)));
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    // Someone else was faster.
    let (user, identity) = {
        let row = &rows(&bench)[0];
        let identity = format!("{}|{}", row.provider, row.identity_user_id);
        (row.user_id.parse().unwrap(), identity.parse().unwrap())
    };
    client.unlink(&user, &identity).await.unwrap();
    bench.apply(Apply::default()).await;
    let before = links(&bench.sandbox)[user.as_str()].clone();
    let preview = View::open(bench.path()).unwrap();
    let preview = preview
        .undo_preview(&unlink_batch::RowRanges::all())
        .unwrap();
    assert_eq!(
        (preview.not_changed, preview.to_link),
        (1, bench.plan.rows - 1)
    );
    let summary = undo(&bench, Undo::default()).await;
    assert_eq!(summary.undone.linked_back, bench.plan.rows - 1);
    let after = &links(&bench.sandbox)[user.as_str()];
    assert!(
        !after.contains(&identity.to_string()),
        "{before:?} {after:?}"
    );
}

#[tokio::test]
async fn an_account_of_a_database_is_named_with_its_connection() {
    let seed = r#"{"connections":[{"id":"con_0000000000000001","name":"Users","strategy":"auth0"},{"id":"con_0000000000000002","name":"Old","strategy":"auth0"}],
        "users":[{"user_id":"auth0|1","email":"a@x.org","identities":[{"connection":"Users","user_id":"1","provider":"auth0","isSocial":false},{"connection":"Old","user_id":"2","provider":"auth0","isSocial":false,"profileData":{"email":"b@x.org"}}]}]}"#;
    let sandbox = sandbox(Seed::from_json(seed).unwrap());
    let linked = links(&sandbox);
    let source = export(&sandbox);
    let bench = Bench::planned(sandbox, &source, |planner| {
        planner.selection(Selection::default().connection("Old"))
    });
    bench.apply(Apply::default()).await;
    let summary = undo(&bench, Undo::default()).await;
    assert_eq!(summary.undone.linked_back, 1, "{summary:?}");
    assert_eq!(links(&bench.sandbox), linked);
    let requests = bench.sandbox.requests();
    let post = requests
        .iter()
        .find(|request| request.method == "POST")
        .unwrap();
    let body: Value = serde_json::from_str(&post.body).unwrap();
    assert_eq!(body["connection_id"], "con_0000000000000002");
}

#[tokio::test]
async fn a_deleted_account_is_counted_and_left_alone() {
    let sandbox = sandbox(people(12));
    let selection = Selection::default().connection("github");
    let source = export(&sandbox);
    let bench = Bench::planned(sandbox, &source, |planner| {
        planner.selection(selection).action(Action::UnlinkAndDelete)
    });
    bench.apply(Apply::default()).await;
    let view = View::open(bench.path()).unwrap();
    let preview = view.undo_preview(&unlink_batch::RowRanges::all()).unwrap();
    assert_eq!((preview.deleted, preview.to_link), (bench.plan.rows, 0));
    insta::assert_snapshot!(preview.caveats().join("\n").replace(&bench.plan.rows.to_string(), "N"), @"N accounts were deleted by this job: there is nothing to link back until those people log in again.");
    drop(view);
    let before = bench.sandbox.requests().len();
    let summary = undo(&bench, Undo::default()).await;
    assert_eq!(summary.undone, unlink_batch::UndoCounts::default());
    assert_eq!(bench.sandbox.requests().len(), before);
}

#[tokio::test]
async fn an_account_that_was_to_be_deleted_and_is_there_is_linked_back() {
    let sandbox = sandbox(people(12));
    let linked = links(&sandbox);
    let selection = Selection::default().connection("github");
    let source = export(&sandbox);
    let bench = Bench::planned(sandbox, &source, |planner| {
        planner.selection(selection).action(Action::UnlinkAndDelete)
    });
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let bad = Kind::Status {
        status: 400,
        headers: BTreeMap::new(),
        body: String::new(),
    };
    let delete = Fault::new(bad).method("DELETE").path("/api/v2/users/*");
    bench.sandbox.inject(delete);
    let options = Apply::default().max_failures(u64::MAX);
    let summary = bench.apply(options).await;
    bench.sandbox.clear_faults();
    assert_eq!(summary.counts.not_deleted, bench.plan.rows, "{summary:?}");
    // None of them is in doubt before it was sent.
    bench
        .sandbox
        .inject(Fault::new(Kind::Delay { ms: 60_000 }).method("GET"));
    let (stopper, stop) = Stop::new();
    let job = Job::open(bench.path()).unwrap();
    let before = bench.sandbox.requests().len();
    let stopping = async {
        while bench.sandbox.requests().len() == before {
            tokio::task::yield_now().await;
        }
        stopper.at_once();
    };
    let (stopped, ()) = tokio::join!(job.undo(&client, Undo::default(), stop), stopping);
    assert!(matches!(stopped.unwrap().ending, Ending::Stopped));
    let status = View::open(bench.path()).unwrap().status().unwrap();
    assert_eq!(status.undone.unknown, 0);
    bench.sandbox.clear_faults();
    let summary = undo(&bench, Undo::default()).await;
    assert_eq!(summary.undone.linked_back, bench.plan.rows, "{summary:?}");
    assert_eq!(links(&bench.sandbox), linked);
}

#[tokio::test]
async fn an_answer_that_is_lost_links_once() {
    let (bench, linked) = applied(sandbox(people(20))).await;
    let lost = Fault::new(Kind::Drop).apply(Effect::Now).method("POST");
    bench.sandbox.inject(lost.times(5));
    let summary = undo(&bench, Undo::default()).await;
    assert_eq!(summary.undone.linked_back, bench.plan.rows, "{summary:?}");
    assert_eq!(links(&bench.sandbox), linked);
    // At once, while answers are on their way; then resumed.
    let (bench, linked) = applied(sandbox(people(20))).await;
    let slow = Fault::new(Kind::Delay { ms: 60_000 }).method("POST");
    bench.sandbox.inject(slow.skip(1));
    let (stopper, stop) = Stop::new();
    let options = Undo::default().on_result(move |_| stopper.at_once());
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let job = Job::open(bench.path()).unwrap();
    let summary = job.undo(&client, options, stop).await.unwrap();
    assert!(summary.undone.unknown > 0, "{summary:?}");
    bench.sandbox.clear_faults();
    let before = bench.sandbox.requests().len();
    undo(&bench, Undo::default()).await;
    assert_eq!(links(&bench.sandbox), linked);
    let since = bench.sandbox.requests().split_off(before);
    assert_eq!(since[0].method, "GET");
    let all = rows(&bench);
    let back = |row: &Row| row.undone.as_ref().unwrap().outcome == Some(UndoOutcome::LinkedBack);
    assert!(all.iter().all(back));
}

#[tokio::test]
async fn a_token_that_may_not_ends_the_run() {
    let (bench, _) = applied(sandbox(people(3))).await;
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&["read:users"]));
    let job = Job::open(bench.path()).unwrap();
    let summary = job
        .undo(&client, Undo::default(), Stop::new().1)
        .await
        .unwrap();
    assert!(matches!(summary.ending, Ending::Refused(_)), "{summary:?}");
    assert_eq!(
        undo(&bench, Undo::default()).await.undone.linked_back,
        bench.plan.rows
    );
    let other = Undo::default().expect("0".repeat(64).parse().unwrap());
    let job = Job::open(bench.path()).unwrap();
    let error = job.undo(&client, other, Stop::new().1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Digest);
}
