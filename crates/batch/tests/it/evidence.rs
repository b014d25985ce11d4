//! What a row is judged by, and what became of that when a run is gone on with.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde_json::Value;
use unlink_batch::{
    Action, Apply, Ending, Evidence, Outcome, Planner, Reason, Row, Selection, Undo, View,
};
use unlink_sandbox::{Fault, Kind, Sandbox, Seed};

use crate::{
    applying::{Bench, SCOPES, client, export, people, sandbox},
    undoing::{change, undo},
};

/// One user with two linked accounts of a kind.
fn one_of_two() -> Sandbox {
    let seed = r#"{"connections":[{"id":"con_0000000000000001","name":"Users","strategy":"auth0"},{"id":"con_0000000000000002","name":"github","strategy":"github"},{"id":"con_0000000000000003","name":"line","strategy":"line"}],
        "users":[{"user_id":"auth0|1","email":"a@x.org","identities":[{"connection":"Users","user_id":"1","provider":"auth0","isSocial":false},
            {"connection":"github","user_id":11,"provider":"github","isSocial":true,"profileData":{}},
            {"connection":"line","user_id":"12","provider":"line","isSocial":true,"profileData":{}}]}]}"#;
    sandbox(Seed::from_json(seed).unwrap())
}

fn both(planner: Planner<'static>) -> Planner<'static> {
    let both = Selection::default().connection("github").connection("line");
    planner.selection(both)
}

fn row(bench: &Bench, number: u64) -> Row {
    let view = View::open(bench.path()).unwrap();
    view.row(number).unwrap().unwrap()
}

fn methods(bench: &Bench) -> Vec<String> {
    let requests = bench.sandbox.requests();
    requests.into_iter().map(|request| request.method).collect()
}

#[tokio::test]
async fn an_account_is_deleted_later_although_its_user_was_read_again_since() {
    let sandbox = one_of_two();
    let source = export(&sandbox);
    let bench = Bench::planned(sandbox, &source, |planner| {
        both(planner).action(Action::UnlinkAndDelete)
    });
    // The first row's account cannot be deleted for now; the second row reads the user again.
    let down = Kind::Status {
        status: 400,
        headers: BTreeMap::new(),
        body: String::new(),
    };
    bench
        .sandbox
        .inject(Fault::new(down).user("github|11").method("DELETE"));
    let summary = bench.apply(Apply::default()).await;
    assert_eq!((summary.counts.deleted, summary.counts.not_deleted), (1, 1));
    bench.sandbox.clear_faults();
    let summary = bench.apply(Apply::default()).await;
    assert_eq!(summary.counts.deleted, 1, "{summary:?}");
    assert_eq!(bench.sandbox.users().len(), 1);
}

#[tokio::test]
async fn a_row_in_doubt_is_known_to_have_been_linked_although_its_user_was_read_since() {
    let sandbox = one_of_two();
    let source = export(&sandbox);
    let bench = Bench::planned(sandbox, &source, both);
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    // As a killed run leaves it: sent, applied, and its answer not seen; then the other row's read was kept.
    client
        .unlink(&"auth0|1".parse().unwrap(), &"github|11".parse().unwrap())
        .await
        .unwrap();
    let file = rusqlite::Connection::open(bench.path()).unwrap();
    let without = r#"[{"provider":"auth0","user_id":"1","connection":"Users"},{"provider":"line","user_id":"12","connection":"line"}]"#;
    file.execute("UPDATE user SET identities = ?", [without])
        .unwrap();
    file.execute("INSERT INTO intent VALUES (1, 1)", [])
        .unwrap();
    drop(file);
    let summary = bench.apply(Apply::default()).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(row(&bench, 1).outcome, Some(Outcome::Unlinked));
    // When it was unlinked nobody knows, so a login since the export may have been to the account of its own.
    let now = bench.sandbox.users()[0]["updated_at"].clone();
    change(&bench.sandbox, "github|11", |user| user["last_login"] = now);
    undo(&bench, Undo::default()).await;
    let undone = row(&bench, 1).undone.unwrap();
    assert_eq!(undone.reason, Some(Reason::HasLogin));
}

#[tokio::test]
async fn an_old_export_is_no_evidence_unless_told_so() {
    let planned = |age: Duration| {
        let sandbox = sandbox(people(3));
        let source = export(&sandbox);
        Bench::planned(sandbox, &source, |planner| {
            planner
                .selection(Selection::default().connection("google-oauth2"))
                .source_made_at(SystemTime::now() - age)
        })
    };
    const HOUR: Duration = Duration::from_secs(60 * 60);
    for (age, evidence, requests) in [
        (HOUR, Evidence::Auto, 3),
        (25 * HOUR, Evidence::Auto, 6),
        (HOUR, Evidence::Read, 6),
        (25 * HOUR, Evidence::Unread, 3),
    ] {
        let bench = planned(age);
        let summary = bench.apply(Apply::default().evidence(evidence)).await;
        assert_eq!(summary.counts.unlinked, 3, "{summary:?}");
        assert_eq!(methods(&bench).len(), requests, "{age:?} {evidence:?}");
    }
}

#[tokio::test]
async fn an_account_that_another_one_took_the_place_of_is_left_alone() {
    let bench = Bench::exported(one_of_two_in("github"));
    let mut state = bench.sandbox.state();
    // The same provider and id, of a connection that was made since.
    let connections = state["connections"].as_array_mut().unwrap();
    connections.push(
        serde_json::json!({"id": "con_0000000000000004", "name": "github-2", "strategy": "github"}),
    );
    let user = &mut state["users"][0];
    user["identities"][1]["connection"] = "github-2".into();
    let other = Seed::from_json(&state.to_string()).unwrap();
    bench.sandbox.restore(other);
    let summary = bench.apply(Apply::default().evidence(Evidence::Read)).await;
    assert_eq!(summary.counts.stale, 1, "{summary:?}");
    let row = row(&bench, 1);
    assert_eq!(row.reason, Some(Reason::OtherConnection));
    assert_eq!(methods(&bench), ["GET"]);
}

/// One user with one linked account.
fn one_of_two_in(connection: &str) -> Sandbox {
    let state = one_of_two().state();
    let mut seed: Value = state;
    let identities = seed["users"][0]["identities"].as_array_mut().unwrap();
    identities.retain(|identity| {
        ["Users", connection].contains(&identity["connection"].as_str().unwrap())
    });
    sandbox(Seed::from_json(&seed.to_string()).unwrap())
}

#[tokio::test]
async fn what_became_a_main_identity_since_is_left_alone() {
    let bench = Bench::exported(one_of_two_in("github"));
    let read = r#"{"user_id":"auth0|1","identities":[{"connection":"github","user_id":11,"provider":"github"},{"connection":"Users","user_id":"1","provider":"auth0"}]}"#;
    let swapped = Kind::Status {
        status: 200,
        headers: BTreeMap::new(),
        body: read.to_owned(),
    };
    bench.sandbox.inject(Fault::new(swapped).method("GET"));
    let summary = bench.apply(Apply::default().evidence(Evidence::Read)).await;
    assert_eq!(summary.counts.stale, 1, "{summary:?}");
    assert_eq!(row(&bench, 1).reason, Some(Reason::MainIdentity));
    assert_eq!(methods(&bench), ["GET"]);
}
