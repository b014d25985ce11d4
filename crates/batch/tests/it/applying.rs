//! Applying a job against a tenant with state.

use std::{collections::BTreeMap, num::NonZeroUsize, time::SystemTime};

use unlink::{AccessToken, Client};
use unlink_batch::{
    Action, Apply, Counts, Ending, ErrorKind, Evidence, Job, Plan, Planner, Reason, Selection,
    Status, Stop, Summary, View,
};
use unlink_sandbox::{Change, Fault, Kind, Population, Sandbox, Seed};

pub(crate) const SCOPES: [&str; 4] = [
    "read:users",
    "update:users",
    "delete:users",
    "read:connections",
];

pub(crate) fn sandbox(seed: Seed) -> Sandbox {
    Sandbox::builder().seed(seed).start().unwrap()
}

pub(crate) fn people(count: usize) -> Seed {
    Population::new(count).linked(1.0).rng_seed(5).generate()
}

pub(crate) fn client(url: &str, token: &str) -> Client {
    Client::new(url.parse().unwrap(), AccessToken::new(token).unwrap()).unwrap()
}

/// What an export of the tenant holds.
pub(crate) fn export(sandbox: &Sandbox) -> String {
    sandbox
        .users()
        .iter()
        .map(|user| format!("{user}\n"))
        .collect()
}

/// The identities that can be unlinked, as a file of rows.
fn rows(sandbox: &Sandbox) -> String {
    let mut rows = String::new();
    for user in sandbox.users() {
        for identity in &user["identities"].as_array().unwrap()[1..] {
            let row = serde_json::json!({
                "user_id": user["user_id"], "provider": identity["provider"], "identity_user_id": identity["user_id"],
            });
            rows.push_str(&format!("{row}\n"));
        }
    }
    rows
}

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) plan: Plan,
}

impl Bench {
    /// All secondary identities, from an export.
    pub(crate) fn exported(sandbox: Sandbox) -> Self {
        let selection = ["google-oauth2", "github", "acme-saml"]
            .into_iter()
            .fold(Selection::default(), Selection::connection);
        let source = export(&sandbox);
        Self::planned(sandbox, &source, |planner| planner.selection(selection))
    }

    pub(crate) fn listed(sandbox: Sandbox) -> Self {
        Self::listed_with(sandbox, |planner| planner)
    }

    /// All secondary identities, from a file of rows.
    pub(crate) fn listed_with(
        sandbox: Sandbox,
        with: impl FnOnce(Planner<'static>) -> Planner<'static>,
    ) -> Self {
        let source = rows(&sandbox);
        Self::planned(sandbox, &source, with)
    }

    pub(crate) fn planned(
        sandbox: Sandbox,
        source: &str,
        with: impl FnOnce(Planner<'static>) -> Planner<'static>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let planner = with(Planner::new(sandbox.url().parse().unwrap()));
        let plan = planner
            .plan(folder.path().join("job.db"), "source", source.as_bytes())
            .unwrap();
        Self {
            sandbox,
            folder,
            plan,
        }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("job.db")
    }

    pub(crate) async fn apply(&self, options: Apply) -> Summary {
        self.try_apply(options, Stop::new().1).await.unwrap()
    }

    async fn try_apply(&self, options: Apply, stop: Stop) -> Result<Summary, unlink_batch::Error> {
        let client = client(self.sandbox.url(), &self.sandbox.token(&SCOPES));
        Job::open(self.path())?.apply(&client, options, stop).await
    }

    fn counts(&self) -> Counts {
        Status::read(self.path()).unwrap().counts
    }

    fn deletes(&self) -> usize {
        let requests = self.sandbox.requests();
        requests
            .iter()
            .filter(|request| request.method == "DELETE")
            .count()
    }
}

/// How often each identity was really unlinked.
pub(crate) fn unlinkings(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let mut unlinkings = BTreeMap::new();
    for effect in sandbox.effects() {
        if let Change::IdentityUnlinked { identity, .. } = effect.change {
            *unlinkings.entry(identity).or_default() += 1;
        }
    }
    unlinkings
}

pub(crate) fn is_all_separate(sandbox: &Sandbox) -> bool {
    sandbox
        .users()
        .iter()
        .all(|user| user["identities"].as_array().unwrap().len() == 1)
}

#[tokio::test]
async fn an_export_is_evidence_so_each_row_is_one_request() {
    let bench = Bench::exported(sandbox(people(60)));
    let summary = bench
        .apply(Apply::default().expect(bench.plan.digest))
        .await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(summary.counts.unlinked, bench.plan.rows);
    assert_eq!(bench.sandbox.requests().len() as u64, bench.plan.rows);
    assert!(is_all_separate(&bench.sandbox));
    let counts = bench.counts();
    assert_eq!(
        (counts.unlinked, counts.pending, counts.unknown),
        (bench.plan.rows, 0, 0)
    );
    // Every request carries its row's name.
    let requests = bench.sandbox.requests();
    let labels: std::collections::BTreeSet<_> = requests
        .iter()
        .filter_map(|request| request.headers.get("x-correlation-id"))
        .collect();
    assert_eq!(labels.len() as u64, bench.plan.rows);
    assert!(labels.contains(&format!("{}-1", bench.plan.job)));
}

#[tokio::test]
async fn rows_without_a_snapshot_are_read_first() {
    let bench = Bench::listed(sandbox(people(20)));
    let summary = bench.apply(Apply::default()).await;
    assert_eq!(summary.counts.unlinked, bench.plan.rows);
    // A user's second row may rest on the first one's read.
    let mut first = BTreeMap::new();
    for request in bench.sandbox.requests() {
        let user = request
            .path
            .split("/identities/")
            .next()
            .unwrap()
            .to_owned();
        first.entry(user).or_insert(request.method);
    }
    assert_eq!(first.len(), 20);
    assert!(first.values().all(|method| method == "GET"));
    assert!(is_all_separate(&bench.sandbox));
}

#[tokio::test]
async fn without_evidence_nothing_is_called_unlinked() {
    let bench = Bench::listed(sandbox(people(5)));
    let summary = bench
        .apply(Apply::default().evidence(Evidence::Unread))
        .await;
    assert_eq!(
        (summary.counts.unlinked, summary.counts.absent),
        (0, bench.plan.rows)
    );
}

#[tokio::test]
async fn rows_of_one_user_are_never_in_flight_together() {
    let sandbox = sandbox(people(40));
    // Answers that come late overlap, if they can.
    sandbox.inject(Fault::new(Kind::Delay { ms: 5 }).method("DELETE"));
    let bench = Bench::exported(sandbox);
    assert!(bench.plan.rows > 45, "some users have several");
    let summary = bench
        .apply(Apply::default().concurrency(NonZeroUsize::new(64).unwrap()))
        .await;
    assert_eq!(summary.counts.unlinked, bench.plan.rows);
    assert_eq!(
        bench.deletes() as u64,
        bench.plan.rows,
        "none was judged by another's answer"
    );
}

#[tokio::test]
async fn what_has_changed_since_the_plan_is_left_alone() {
    let bench = Bench::listed(sandbox(people(4)));
    let users = bench.sandbox.users();
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let id = |index: usize| {
        users[index]["user_id"]
            .as_str()
            .unwrap()
            .parse::<unlink::UserId>()
            .unwrap()
    };
    // One is unlinked already; one is gone, with all its identities.
    let unlinked = client.user(&id(0)).await.unwrap().secondary_identities()[0]
        .key()
        .unwrap();
    client.unlink(&id(0), &unlinked).await.unwrap();
    let gone = id(1);
    let rows_of_gone = users[1]["identities"].as_array().unwrap().len() as u64 - 1;
    let state = bench.sandbox.state();
    let mut left = state.clone();
    left["users"]
        .as_array_mut()
        .unwrap()
        .retain(|user| user["user_id"] != gone.as_str());
    bench
        .sandbox
        .restore(Seed::from_json(&left.to_string()).unwrap());
    let summary = bench.apply(Apply::default()).await;
    let counts = summary.counts;
    assert_eq!(
        (counts.not_linked, counts.stale, counts.failed),
        (1, rows_of_gone, 0)
    );
    assert_eq!(counts.unlinked, bench.plan.rows - 1 - rows_of_gone);
    let mut failures = Vec::new();
    let take = |failed| {
        failures.push(failed);
        Ok(())
    };
    View::open(bench.path()).unwrap().failures(take).unwrap();
    assert_eq!(failures.len() as u64, rows_of_gone);
    assert_eq!(failures[0].user_id, gone.as_str());
    assert_eq!(
        failures[0].message.as_deref(),
        Some("the user does not exist any more")
    );
    assert_eq!(failures[0].reason, Some(Reason::NoSuchUser));
}

#[tokio::test]
async fn a_run_does_no_more_than_it_may_and_the_next_goes_on() {
    let bench = Bench::exported(sandbox(people(30)));
    let summary = bench.apply(Apply::default().max(7)).await;
    assert!(matches!(summary.ending, Ending::Max), "{summary:?}");
    assert_eq!((summary.counts.unlinked, bench.deletes()), (7, 7));
    assert_eq!(summary.counts.pending, bench.plan.rows - 7);
    let summary = bench.apply(Apply::default()).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(bench.deletes() as u64, bench.plan.rows);
    let summary = bench.apply(Apply::default()).await;
    assert!(matches!(summary.ending, Ending::Complete) && summary.counts.unlinked == 0);
    assert_eq!(bench.deletes() as u64, bench.plan.rows, "done is done");
}

#[tokio::test]
async fn a_canary_of_all_there_is_is_the_whole_job() {
    let bench = Bench::exported(sandbox(people(3)));
    let all = Apply::default().canary(bench.plan.rows);
    let summary = bench.apply(all).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(summary.counts.unlinked, bench.plan.rows);
    assert!(!Status::read(bench.path()).unwrap().canary_waits);
}

#[tokio::test]
async fn the_canary_stops_until_someone_says_that_it_is_right() {
    let bench = Bench::exported(sandbox(people(20)));
    let summary = bench.apply(Apply::default().canary(3)).await;
    assert!(matches!(summary.ending, Ending::Canary), "{summary:?}");
    assert_eq!(bench.deletes(), 3);
    assert_eq!(
        bench.sandbox.requests().len(),
        3 + 2 * 3,
        "both accounts of each are read"
    );
    assert!(Status::read(bench.path()).unwrap().canary_waits);
    let refused = bench
        .try_apply(Apply::default(), Stop::new().1)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::CanaryWaits);
    assert_eq!(bench.deletes(), 3);
    let summary = bench
        .apply(Apply::default().canary(3).canary_is_right())
        .await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert!(!Status::read(bench.path()).unwrap().canary_waits);
}

#[tokio::test]
async fn failures_end_a_bad_run_and_are_tried_again() {
    let sandbox = sandbox(people(30));
    let bad = Kind::Status {
        status: 400,
        headers: BTreeMap::new(),
        body: r#"{"statusCode":400,"error":"Bad Request","message":"no"}"#.to_owned(),
    };
    sandbox.inject(Fault::new(bad).method("DELETE"));
    let bench = Bench::exported(sandbox);
    let one = NonZeroUsize::MIN;
    let summary = bench
        .apply(Apply::default().max_failures(4).concurrency(one))
        .await;
    assert!(matches!(summary.ending, Ending::MaxFailures), "{summary:?}");
    assert_eq!((summary.counts.failed, bench.deletes()), (4, 4));
    assert_eq!(
        summary.counts.pending,
        bench.plan.rows - 4,
        "intents of what was not begun are taken back"
    );
    assert_eq!(summary.counts.unknown, 0);
}

#[tokio::test]
async fn a_token_that_may_not_ends_the_run_and_leaves_the_rows() {
    let bench = Bench::exported(sandbox(people(10)));
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&["read:users"]));
    let job = Job::open(bench.path()).unwrap();
    let summary = job
        .apply(&client, Apply::default(), Stop::new().1)
        .await
        .unwrap();
    assert!(matches!(summary.ending, Ending::Refused(_)), "{summary:?}");
    assert_eq!(summary.counts.pending, bench.plan.rows);
    assert_eq!(
        bench.apply(Apply::default()).await.counts.unlinked,
        bench.plan.rows
    );
}

#[tokio::test]
async fn a_job_of_another_tenant_or_digest_is_not_applied() {
    let bench = Bench::exported(sandbox(people(3)));
    let other = sandbox(people(3));
    let other_client = client(other.url(), &other.token(&SCOPES));
    let job = Job::open(bench.path()).unwrap();
    let error = job
        .apply(&other_client, Apply::default(), Stop::new().1)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherTenant);
    let other_digest = "0".repeat(64).parse().unwrap();
    let error = bench
        .try_apply(Apply::default().expect(other_digest), Stop::new().1)
        .await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Digest);
    let file = rusqlite::Connection::open(bench.path()).unwrap();
    file.execute("UPDATE row SET provider = 'samlp' WHERE number = 1", [])
        .unwrap();
    drop(file);
    let error = bench.try_apply(Apply::default(), Stop::new().1).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Digest);
    assert!(bench.sandbox.requests().is_empty() && other.requests().is_empty());
}

#[tokio::test]
async fn a_stop_waits_for_what_is_in_flight_or_for_nothing() {
    let sandbox = sandbox(people(60));
    let bench = Bench::exported(sandbox);
    let (stopper, stop) = Stop::new();
    let told = stopper.clone();
    let options = Apply::default().on_result(move |progress| {
        if progress.counts.unlinked == 5 {
            told.finish();
        }
    });
    let summary = bench.try_apply(options, stop).await.unwrap();
    assert!(matches!(summary.ending, Ending::Stopped), "{summary:?}");
    assert_eq!(summary.counts.unknown, 0);
    assert_eq!(
        summary.counts.unlinked,
        unlinkings(&bench.sandbox).len() as u64
    );
    assert!(summary.counts.pending > 0, "{summary:?}");
    // At once, while answers are on their way.
    bench.sandbox.inject(
        Fault::new(Kind::Delay { ms: 60_000 })
            .method("DELETE")
            .skip(1),
    );
    let (stopper, stop) = Stop::new();
    let options = Apply::default().on_result(move |_| stopper.at_once());
    let summary = bench.try_apply(options, stop).await.unwrap();
    assert!(summary.counts.unknown > 0, "{summary:?}");
    bench.sandbox.clear_faults();
    let summary = bench.apply(Apply::default()).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(bench.counts().unlinked, bench.plan.rows);
    assert!(unlinkings(&bench.sandbox).values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_row_that_never_works_holds_nothing_up() {
    let sandbox = sandbox(people(6));
    let bad = sandbox.users()[0]["user_id"].as_str().unwrap().to_owned();
    let broken = Kind::Status {
        status: 500,
        headers: BTreeMap::new(),
        body: String::new(),
    };
    sandbox.inject(Fault::new(broken).user(bad));
    let bench = Bench::exported(sandbox);
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    // Calls that give up soon, so that the test does not wait for a tenant to come round.
    let soon = std::time::Duration::from_millis(200);
    let client = Client::from(client.transport().with_deadline(soon));
    let job = Job::open(bench.path()).unwrap();
    let summary = job
        .apply(&client, Apply::default(), Stop::new().1)
        .await
        .unwrap();
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    let of_bad = bench.sandbox.users()[0]["identities"]
        .as_array()
        .unwrap()
        .len() as u64
        - 1;
    assert_eq!(summary.counts.unlinked, bench.plan.rows - of_bad);
    assert_eq!(
        summary.counts.failed + summary.counts.unknown,
        of_bad,
        "{summary:?}"
    );
    bench.sandbox.clear_faults();
    bench.apply(Apply::default()).await;
    assert_eq!(
        bench.counts().unlinked,
        bench.plan.rows,
        "open rows are tried again"
    );
}

#[tokio::test]
async fn a_fresh_export_shows_what_is_left_and_what_is_new() {
    let bench = Bench::exported(sandbox(people(20)));
    let selection = Selection::default().connection("google-oauth2");
    let verify = || {
        let fresh = export(&bench.sandbox);
        let view = View::open(bench.path()).unwrap();
        let verified = view.verify("fresh", fresh.as_bytes(), &selection).unwrap();
        (
            verified.left,
            verified.new,
            verified.accounts,
            verified.split_off,
        )
    };
    assert_eq!(verify(), (20, 0, 0, 0));
    bench.apply(Apply::default()).await;
    assert_eq!(verify(), (0, 0, 20, 20));
    // Someone links one of them elsewhere.
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let users = bench.sandbox.users();
    let of = |provider: &str| {
        let mut ids = users.iter().map(|user| user["user_id"].as_str().unwrap());
        ids.find(|id| id.starts_with(provider)).unwrap()
    };
    let account: unlink::IdentityKey = of("google-oauth2").parse().unwrap();
    let stranger = of("github").parse().unwrap();
    client.link(&stranger, &account.into()).await.unwrap();
    assert_eq!(verify(), (0, 1, 19, 19));
}

#[test]
fn what_is_left_of_a_list_is_found_however_its_ids_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.db");
    let list = "user_id,provider,identity_user_id\n\
                auth0|1,github,github|2\nauth0|1,samlp,old|jane\nauth0|1,samlp,samlp|old|joe\nauth0|2,github,3\n";
    Planner::new("example.eu.auth0.com".parse().unwrap())
        .plan(&path, "list", list.as_bytes())
        .unwrap();
    let fresh = r#"{"user_id":"auth0|1","identities":[
        {"provider":"auth0","user_id":"1","connection":"Users"},
        {"provider":"github","user_id":2,"connection":"github"},
        {"provider":"samlp","user_id":"jane","connection":"old"},
        {"provider":"samlp","user_id":"old|joe","connection":"old"}]}"#;
    let view = View::open(&path).unwrap();
    let left = |selection| {
        let fresh = fresh.replace('\n', "");
        let verified = view.verify("fresh", fresh.as_bytes(), &selection).unwrap();
        (verified.left, verified.new)
    };
    assert_eq!(left(Selection::default()), (3, 0));
    assert_eq!(left(Selection::default().connection("old")), (2, 0));
    assert_eq!(left(Selection::default().where_email_differs()), (3, 0));
}

#[tokio::test]
async fn the_job_lists_its_runs() {
    let bench = Bench::exported(sandbox(people(4)));
    bench
        .apply(Apply::default().max(1).by("client-1", "olga"))
        .await;
    bench.apply(Apply::default().by("client-1", "noor")).await;
    let runs = View::open(bench.path()).unwrap().runs().unwrap();
    let told: Vec<_> = runs
        .iter()
        .map(|run| {
            (
                run.client.as_str(),
                run.operator.as_str(),
                run.ending.as_deref(),
                run.ended >= Some(run.began),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("client-1", "olga", Some("max"), true),
            ("client-1", "noor", Some("complete"), true)
        ]
    );
}

#[tokio::test]
async fn a_run_whose_time_is_up_begins_nothing() {
    let bench = Bench::exported(sandbox(people(5)));
    let summary = bench.apply(Apply::default().until(SystemTime::now())).await;
    assert!(matches!(summary.ending, Ending::Until), "{summary:?}");
    assert!(bench.sandbox.requests().is_empty());
    assert_eq!(summary.counts.pending, bench.plan.rows);
}

#[tokio::test]
async fn a_job_that_deletes_deletes_what_it_split_off_and_nothing_else() {
    let sandbox = sandbox(people(12));
    let selection = Selection::default().connection("github");
    let source = export(&sandbox);
    let bench = Bench::planned(sandbox, &source, |planner| {
        planner.selection(selection).action(Action::UnlinkAndDelete)
    });
    assert!(bench.plan.rows > 0);
    let users = bench.sandbox.users().len();
    let summary = bench.apply(Apply::default()).await;
    assert_eq!(summary.counts.deleted, bench.plan.rows, "{summary:?}");
    assert_eq!(bench.sandbox.users().len(), users);
    let left = bench.sandbox.state().to_string();
    assert!(!left.contains(r#""provider":"github""#));
}

#[tokio::test]
async fn a_tenant_that_comes_back_is_gone_on_with() {
    let sandbox = sandbox(people(10));
    let down = Kind::Status {
        status: 503,
        headers: BTreeMap::new(),
        body: String::new(),
    };
    // More than one call tries by itself.
    sandbox.inject(Fault::new(down).times(8));
    let bench = Bench::exported(sandbox);
    let summary = bench.apply(Apply::default()).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    assert_eq!(bench.counts().unlinked, bench.plan.rows);
}

#[tokio::test]
async fn patience_ends_with_a_tenant_that_is_not_there() {
    let bench = Bench::exported(sandbox(people(3)));
    let url = bench.sandbox.url().to_owned();
    let token = bench.sandbox.token(&SCOPES);
    let (path, plan, folder) = (bench.path(), bench.plan.clone(), bench.folder);
    drop(bench.sandbox);
    let client = client(&url, &token);
    let job = Job::open(path).unwrap();
    let options = Apply::default().patience(std::time::Duration::ZERO);
    let summary = job.apply(&client, options, Stop::new().1).await.unwrap();
    assert!(
        matches!(summary.ending, Ending::Unreachable(_)),
        "{summary:?}"
    );
    assert_eq!(
        summary.counts.pending, plan.rows,
        "nothing was sent, so nothing is in doubt"
    );
    drop(folder);
}
