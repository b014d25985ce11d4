//! A job of format 1, as the program of that time left it, and how this one takes it.

use std::{fs, path::Path};

use unlink_batch::{
    Apply, Ending, ErrorKind, Job, Outcome, Selection, Status, Stop, Undo, UndoOutcome, View,
};

use crate::{
    applying::{Bench, SCOPES, client, export, people, sandbox},
    undoing::links,
};

/// The tables of format 1.
const TABLES: &str = "
CREATE TABLE job (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE user (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE,
    identities TEXT,
    read_at INTEGER
);
CREATE TABLE row (
    number INTEGER PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES user (id),
    provider TEXT NOT NULL,
    identity_user_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    UNIQUE (user, provider, identity_user_id)
);
CREATE INDEX row_identity ON row (identity_user_id, provider);
CREATE TABLE lost (user_id TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE intent (row INTEGER PRIMARY KEY REFERENCES row (number), run INTEGER NOT NULL);
CREATE TABLE result (
    row INTEGER PRIMARY KEY REFERENCES row (number),
    run INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    message TEXT
);
CREATE TABLE run (
    number INTEGER PRIMARY KEY,
    began INTEGER NOT NULL,
    ended INTEGER,
    client TEXT NOT NULL,
    operator TEXT NOT NULL,
    options TEXT NOT NULL,
    ending TEXT
);
";

/// Writes the job at `from`, of this format, to `to` as format 1 has it.
fn as_first_format(from: &Path, to: &Path) {
    let file = rusqlite::Connection::open(to).unwrap();
    file.execute_batch(TABLES).unwrap();
    file.pragma_update(None, "application_id", 0x4130_756c)
        .unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
    file.pragma_update(None, "journal_mode", "wal").unwrap();
    file.execute("ATTACH ? AS new", [from.to_str().unwrap()])
        .unwrap();
    file.execute_batch(
        "INSERT INTO job SELECT * FROM new.job
            WHERE name NOT IN ('source_made_at', 'without_login', 'keeps_profiles');
         INSERT INTO user SELECT id, user_id, identities, read_at FROM new.user;
         INSERT INTO row SELECT number, user, provider, identity_user_id, line FROM new.row;
         INSERT INTO lost SELECT * FROM new.lost;
         INSERT INTO intent SELECT * FROM new.intent;
         INSERT INTO result SELECT row, run, outcome, is_open, at, attempts, message FROM new.result;
         INSERT INTO run SELECT number, began, ended, client, operator, options, ending FROM new.run;",
    )
    .unwrap();
}

/// A job of format 1 that is half applied, with a row in doubt.
async fn half_applied() -> Bench {
    let sandbox = sandbox(people(20));
    let source = export(&sandbox);
    let mut bench = Bench::planned(sandbox, &source, |planner| {
        let selection = Selection::default().connection("google-oauth2");
        planner.selection(selection)
    });
    bench
        .apply(Apply::default().max(8).by("client-1", "olga"))
        .await;
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("job.db");
    as_first_format(&bench.path(), &old);
    let file = rusqlite::Connection::open(&old).unwrap();
    file.execute("INSERT INTO intent VALUES (9, 1)", [])
        .unwrap();
    drop(file);
    bench.folder = folder;
    bench
}

#[tokio::test]
async fn looking_at_an_old_job_leaves_it_as_it_is() {
    let bench = half_applied().await;
    let before = fs::read(bench.path()).unwrap();
    let view = View::open(bench.path()).unwrap();
    let status = view.status().unwrap();
    assert_eq!(
        (
            status.counts.unlinked,
            status.counts.unknown,
            status.counts.pending
        ),
        (8, 1, 11)
    );
    let row = view.row(1).unwrap().unwrap();
    assert_eq!(
        (row.outcome, row.connection.as_deref()),
        (Some(Outcome::Unlinked), Some("google-oauth2"))
    );
    let runs = view.runs().unwrap();
    assert_eq!(
        (
            runs.len(),
            runs[0].operator.as_str(),
            runs[0].answer.as_str()
        ),
        (1, "olga", "")
    );
    drop(view);
    assert_eq!(fs::read(bench.path()).unwrap(), before);
    assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_old_job_is_migrated_in_a_copy_and_gone_on_with() {
    let bench = half_applied().await;
    let linked = links(&bench.sandbox);
    let summary = bench.apply(Apply::default()).await;
    assert!(matches!(summary.ending, Ending::Complete), "{summary:?}");
    let status = Status::read(bench.path()).unwrap();
    assert_eq!((status.counts.unlinked, status.counts.pending), (20, 0));
    assert_eq!(status.plan.digest, bench.plan.digest);
    // The row in doubt was read first.
    let requests = bench.sandbox.requests();
    assert_eq!(requests[8].method, "GET");
    let mut names: Vec<_> = fs::read_dir(bench.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["job.db", "job.db.v1"]);
    #[cfg(unix)]
    for name in names {
        use std::os::unix::fs::PermissionsExt as _;
        let kept = fs::metadata(bench.folder.path().join(&name)).unwrap();
        let is_new = name == "job.db";
        assert!(!is_new || kept.permissions().mode() & 0o777 == 0o600);
    }
    let kept = View::open(bench.folder.path().join("job.db.v1")).unwrap();
    assert_eq!(kept.status().unwrap().counts.unlinked, 8);
    drop(kept);
    // What the old program unlinked is proven, too.
    let client = client(bench.sandbox.url(), &bench.sandbox.token(&SCOPES));
    let job = Job::open(bench.path()).unwrap();
    let summary = job
        .undo(&client, Undo::default(), Stop::new().1)
        .await
        .unwrap();
    assert_eq!(summary.undone.linked_back, 20, "{summary:?}");
    assert_ne!(links(&bench.sandbox), linked, "eight had been taken off");
    let row = View::open(bench.path()).unwrap().row(1).unwrap().unwrap();
    assert_eq!(row.undone.unwrap().outcome, Some(UndoOutcome::LinkedBack));
}

#[tokio::test]
async fn an_old_job_is_not_migrated_over_another_file_nor_twice_at_once() {
    let bench = half_applied().await;
    let kept = bench.folder.path().join("job.db.v1");
    fs::write(&kept, "mine").unwrap();
    let before = fs::read(bench.path()).unwrap();
    assert_eq!(
        Job::open(bench.path()).unwrap_err().kind(),
        ErrorKind::Exists
    );
    assert_eq!(fs::read(&kept).unwrap(), b"mine");
    assert_eq!(
        View::open(bench.path())
            .unwrap()
            .status()
            .unwrap()
            .counts
            .unlinked,
        8
    );
    let _ = before;
    fs::remove_file(&kept).unwrap();
    let job = Job::open(bench.path()).unwrap();
    assert_eq!(
        Job::open(bench.path()).unwrap_err().kind(),
        ErrorKind::Locked
    );
    drop(job);
    assert!(Job::open(bench.path()).is_ok());
}
