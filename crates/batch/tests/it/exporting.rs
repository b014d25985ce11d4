//! Planning from a live export, and what planning sends at all.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use unlink::transport::Downloads;
use unlink_batch::{
    Apply, Check, Error, ErrorKind, Export, ExportProgress, Exported, Job, Planner, Reader,
    Selection, Stop, View,
};
use unlink_sandbox::{Fault, Kind, Sandbox};

use crate::applying::{Bench, SCOPES, client, export, people, sandbox};

fn reader(sandbox: &Sandbox) -> Reader {
    let token = sandbox.token(&["read:users", "read:connections"]);
    Reader::new(&client(sandbox.url(), &token))
}

async fn exported(sandbox: &Sandbox, options: Export) -> Result<Exported, Error> {
    let folder = tempfile::tempdir().unwrap();
    let exported = reader(sandbox)
        .export(&Downloads::new(), folder.path(), options, Stop::new().1)
        .await;
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "no file is left"
    );
    exported
}

fn saml() -> Selection {
    Selection::default().connection("google-oauth2")
}

#[tokio::test]
async fn a_live_export_gives_the_plan_of_the_same_export_from_a_file() {
    let sandbox = sandbox(people(50));
    let reference = Bench::planned(
        crate::applying::sandbox(people(50)),
        &export(&sandbox),
        |planner| planner.selection(saml()),
    );
    let live = exported(&sandbox, Export::default()).await.unwrap();
    let name = live.name();
    assert!(
        name.starts_with("export job_") && name.contains("127.0.0.1"),
        "{name}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.db");
    let connections = reader(&sandbox).connections().await.unwrap();
    let plan = Planner::new(sandbox.url().parse().unwrap())
        .selection(saml())
        .connections(connections)
        .source_made_at(live.ordered_at())
        .plan(&path, &name, live)
        .unwrap();
    assert_eq!(
        (
            plan.rows,
            plan.users,
            plan.rows_with_snapshot,
            plan.without_login
        ),
        (reference.plan.rows, 50, plan.rows, 0)
    );
    assert_eq!(
        (plan.without_email, plan.bad),
        (reference.plan.without_email, 0)
    );
    // Evidence enough for one request a row.
    let before = sandbox.requests().len();
    let client = client(sandbox.url(), &sandbox.token(&SCOPES));
    let job = Job::open(&path).unwrap();
    let summary = job
        .apply(&client, Apply::default(), Stop::new().1)
        .await
        .unwrap();
    assert_eq!(summary.counts.unlinked, plan.rows);
    assert_eq!((sandbox.requests().len() - before) as u64, plan.rows);
}

#[tokio::test]
async fn planning_sends_nothing_but_reads_and_the_order_of_an_export() {
    let sandbox = sandbox(people(10));
    Bench::planned(
        crate::applying::sandbox(people(1)),
        &export(&sandbox),
        |planner| planner.selection(saml()),
    );
    assert!(
        sandbox.requests().is_empty(),
        "a plan from a file asks nobody"
    );
    let live = exported(&sandbox, Export::default().with_profiles())
        .await
        .unwrap();
    reader(&sandbox).connections().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let planner = Planner::new(sandbox.url().parse().unwrap()).selection(saml());
    let path = folder.path().join("job.db");
    planner.keep_profiles().plan(&path, "export", live).unwrap();
    let user = &sandbox.users()[0];
    let kept = View::open(&path)
        .unwrap()
        .profile(user["user_id"].as_str().unwrap());
    let kept: serde_json::Value = serde_json::from_str(&kept.unwrap().unwrap()).unwrap();
    assert_eq!(
        (&kept["name"], &kept["identities"]),
        (&user["name"], &user["identities"])
    );
    let bench = Bench::listed(sandbox);
    let job = Job::open(bench.path()).unwrap();
    let reader = reader(&bench.sandbox);
    job.check(&reader, Check::default(), Stop::new().1)
        .await
        .unwrap();
    let mut sent = BTreeMap::<_, u64>::new();
    for request in bench.sandbox.requests() {
        let folder = request
            .path
            .split('/')
            .nth(3)
            .unwrap_or(&request.path)
            .to_owned();
        // Whoever has the link may have the file: the token stays here.
        let has_token = request.headers.contains_key("authorization");
        let kind = request.path.starts_with("/exports/");
        assert_eq!(has_token, !kind, "{}", request.path);
        let folder = if kind { "exports".to_owned() } else { folder };
        *sent.entry((request.method, folder)).or_default() += 1;
    }
    let sent: Vec<_> = sent
        .iter()
        .map(|((method, folder), count)| format!("{count} {method} {folder}"))
        .collect();
    assert_eq!(
        sent,
        [
            "1 GET connections",
            "1 GET exports",
            "1 GET jobs",
            "10 GET users",
            "1 POST jobs"
        ]
    );
    assert!(bench.sandbox.effects().is_empty());
}

#[tokio::test]
async fn an_export_is_waited_for() {
    let sandbox = Sandbox::builder()
        .seed(people(3))
        .export_duration(Duration::from_secs(600))
        .frozen_at(std::time::SystemTime::now())
        .start()
        .unwrap();
    let sandbox = Arc::new(sandbox);
    let (clock, told) = (Arc::clone(&sandbox), Arc::new(Mutex::new(Vec::new())));
    let tell = Arc::clone(&told);
    let options = Export::default().on_progress(move |progress| {
        clock.advance(Duration::from_secs(600));
        tell.lock().unwrap().push(progress.clone());
    });
    exported(&sandbox, options).await.unwrap();
    let told = told.lock().unwrap().clone();
    assert!(
        matches!(told[0], ExportProgress::Written { percent: None, .. }),
        "{told:?}"
    );
    assert!(matches!(
        told.last(),
        Some(ExportProgress::Fetched { bytes: 1.. })
    ));
    // For as long as it may take, and until it is stopped.
    let sandbox = Sandbox::builder()
        .export_duration(Duration::from_secs(600))
        .start()
        .unwrap();
    let error = exported(&sandbox, Export::default().patience(Duration::ZERO)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Export);
    assert!(
        error.to_string().ends_with("was not written in time"),
        "{error}"
    );
    let (stopper, stop) = Stop::new();
    let options = Export::default().on_progress(move |_| stopper.finish());
    let folder = tempfile::tempdir().unwrap();
    let stopped = reader(&sandbox)
        .export(&Downloads::new(), folder.path(), options, stop)
        .await;
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Stopped);
}

#[tokio::test]
async fn a_file_that_breaks_off_is_fetched_again_with_a_fresh_link() {
    let sandbox = sandbox(people(30));
    let broken = Fault::new(Kind::Truncate { after: 100 }).path("/exports/**");
    sandbox.inject(broken.times(2));
    let live = exported(&sandbox, Export::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plan = Planner::new(sandbox.url().parse().unwrap())
        .selection(saml())
        .plan(folder.path().join("job.db"), "export", live)
        .unwrap();
    assert_eq!((plan.users, plan.rows), (30, 30));
    let links: Vec<_> = sandbox
        .requests()
        .iter()
        .filter(|request| request.path.starts_with("/exports/"))
        .map(|request| request.query.clone())
        .collect();
    assert_eq!(links.len(), 3);
    assert!(
        links
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            == 3
    );
    // Not for ever.
    sandbox.inject(Fault::new(Kind::Truncate { after: 100 }).path("/exports/**"));
    let error = exported(&sandbox, Export::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Export);
}

#[tokio::test]
async fn an_export_that_the_tenant_does_not_make_says_why() {
    let sandbox = sandbox(people(3));
    let answer = |body: &str| Kind::Status {
        status: 200,
        headers: BTreeMap::new(),
        body: body.to_owned(),
    };
    let failed = answer(r#"{"status":"failed","status_details":"too many users"}"#);
    sandbox.inject(Fault::new(failed).method("GET").path("/api/v2/jobs/*"));
    let error = exported(&sandbox, Export::default()).await.unwrap_err();
    let job = error.to_string();
    assert!(
        job.starts_with("the tenant gave up on the export job_"),
        "{job}"
    );
    assert!(job.ends_with(": too many users"), "{job}");
    sandbox.clear_faults();
    // A tenant that does not answer for a while goes on writing.
    let down = Kind::Status {
        status: 503,
        headers: BTreeMap::new(),
        body: String::new(),
    };
    sandbox.inject(
        Fault::new(down)
            .method("GET")
            .path("/api/v2/jobs/*")
            .times(5),
    );
    exported(&sandbox, Export::default()).await.unwrap();
    let reader = Reader::new(&client(sandbox.url(), &sandbox.token(&["update:users"])));
    let folder = tempfile::tempdir().unwrap();
    let error = reader
        .export(
            &Downloads::new(),
            folder.path(),
            Export::default(),
            Stop::new().1,
        )
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tenant);
    assert!(error.to_string().contains("read:users"), "{error}");
}
