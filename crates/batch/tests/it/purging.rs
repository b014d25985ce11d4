//! Removing the ids of people from a job.

use std::fs;

use unlink_batch::{Apply, ErrorKind, Job, Planner, RowRanges, Selection, Stop, Undo, View, Work};

use crate::applying::{Bench, SCOPES, client, export, people, sandbox};

fn holds(bench: &Bench, text: &str) -> bool {
    fs::read_dir(bench.folder.path()).unwrap().any(|entry| {
        let file = fs::read(entry.unwrap().path()).unwrap();
        file.windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    })
}

#[tokio::test]
async fn no_id_is_left_and_the_counts_are() {
    let sandbox = sandbox(people(20));
    let (source, users) = (export(&sandbox), sandbox.users());
    let bench = Bench::planned(sandbox, &source, |planner: Planner<'static>| {
        let selection = Selection::default().connection("google-oauth2");
        planner.selection(selection).keep_profiles()
    });
    bench.apply(Apply::default().by("client-1", "olga")).await;
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let undo = Undo::default().rows("1-2".parse().unwrap());
    let job = Job::open(bench.path()).unwrap();
    job.undo(&client, undo, Stop::new().1).await.unwrap();
    let ids: Vec<&str> = users
        .iter()
        .flat_map(|user| {
            let identity = &user["identities"][1]["user_id"];
            [&user["user_id"], &user["email"], identity].map(|text| text.as_str().unwrap())
        })
        .collect();
    assert!(ids.iter().all(|id| holds(&bench, id)));
    let before = View::open(bench.path()).unwrap();
    let (status, groups) = (before.status().unwrap(), before.breakdown().unwrap());
    let timeline = before.timeline().unwrap();
    drop(before);

    let beside = ["job.db.v1", "job.db.77.draft"].map(|name| bench.folder.path().join(name));
    for path in beside
        .iter()
        .chain([&bench.folder.path().join("job.db.html")])
    {
        fs::write(path, "").unwrap();
    }
    let purged = Job::open(bench.path()).unwrap().purge(false).unwrap();
    assert_eq!((purged.rows, purged.users), (20, 20));
    let mut kept = purged.kept_beside;
    kept.reverse();
    assert_eq!(kept, beside);
    for id in ids {
        assert!(!holds(&bench, id), "{id}");
    }
    let view = View::open(bench.path()).unwrap();
    let left = view.status().unwrap();
    assert_eq!((left.counts, left.undone), (status.counts, status.undone));
    assert_eq!(left.plan.digest, status.plan.digest);
    // What was selected may name identities, so it goes too.
    let selected = Selection::default().connection("google-oauth2");
    assert_eq!(status.plan.selection, selected);
    assert!(left.plan.selection.is_empty());
    assert!(left.plan.purged_at.is_some());
    assert_eq!(view.breakdown().unwrap(), groups);
    assert_eq!(view.timeline().unwrap(), timeline);
    let runs = view.runs().unwrap();
    assert_eq!(
        (runs[0].operator.as_str(), runs[1].work),
        ("olga", Work::Undo)
    );
    view.rows(|row| panic!("{row:?}")).unwrap();
    // Nothing more is done with it.
    let kinds = [
        view.undo_preview(&RowRanges::all()).unwrap_err(),
        view.verify("fresh", &b""[..], &Selection::default())
            .unwrap_err(),
        Job::open(bench.path()).unwrap().purge(false).unwrap_err(),
        Job::open(bench.path())
            .unwrap()
            .apply(&client, Apply::default(), Stop::new().1)
            .await
            .unwrap_err(),
        Job::open(bench.path())
            .unwrap()
            .undo(&client, Undo::default(), Stop::new().1)
            .await
            .unwrap_err(),
    ];
    assert!(
        kinds.iter().all(|error| error.kind() == ErrorKind::Purged),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn a_job_that_is_not_finished_stays() {
    let bench = Bench::exported(sandbox(people(5)));
    bench.apply(Apply::default().max(2)).await;
    let error = Job::open(bench.path()).unwrap().purge(false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFinished);
    let rows = bench.plan.rows - 2;
    let expected = format!("{rows} rows are pending, 0 in doubt, and 0 to be tried again");
    assert!(error.to_string().contains(&expected), "{error}");
    let status = View::open(bench.path()).unwrap().status().unwrap();
    assert_eq!(status.counts.pending, rows);
    Job::open(bench.path()).unwrap().purge(true).unwrap();
    let left = View::open(bench.path()).unwrap().status().unwrap();
    assert_eq!(left.counts, status.counts);
}
