//! The job as a file: who may read it, what is taken for one, who may work on it.

use unlink_batch::{Error, ErrorKind, Job, Status};

use crate::planning::{plan, planner};

const SOURCE: &[u8] = b"{\"user_id\":\"auth0|1\",\"identity\":\"github|12\"}\n";

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let planned = plan(planner(), SOURCE).unwrap();
    let _job = planned.job();
    for entry in std::fs::read_dir(planned.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn a_file_that_is_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.db");
    std::fs::write(&path, "mine").unwrap();
    let error = planner().plan(&path, "source", SOURCE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no draft is left"
    );
}

#[test]
fn what_is_no_job_is_refused() {
    let planned = plan(planner(), SOURCE).unwrap();
    let path = planned.folder.path().join("job.db");
    let told = |error: Error| format!("{:?}: {error}", error.kind());
    let foreign = planned.folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    insta::assert_snapshot!(told(Job::open(&foreign).unwrap_err()), @"NotAJob: the file is no job: it is a database of another program");
    let text = planned.folder.path().join("text.db");
    std::fs::write(&text, "user_id,provider,identity_user_id\n".repeat(100)).unwrap();
    insta::assert_snapshot!(told(Job::open(&text).unwrap_err()), @"NotAJob: the file is no job: it is not an SQLite database");
    insta::assert_snapshot!(told(Status::read(&text).unwrap_err()), @"NotAJob: the file is no job: it is not an SQLite database");
    let job = rusqlite::Connection::open(&path).unwrap();
    job.pragma_update(None, "user_version", 3).unwrap();
    drop(job);
    insta::assert_snapshot!(told(Job::open(&path).unwrap_err()), @"NewerJob: the job was made by a newer version of this program (format 3, and this one knows 2): use that");
    assert_eq!(
        Job::open(planned.folder.path().join("none"))
            .unwrap_err()
            .kind(),
        ErrorKind::Storage
    );
}

#[test]
fn one_works_on_it_and_others_may_look() {
    let planned = plan(planner(), SOURCE).unwrap();
    let path = planned.folder.path().join("job.db");
    let job = planned.job();
    assert_eq!(Job::open(&path).unwrap_err().kind(), ErrorKind::Locked);
    let status = Status::read(&path).unwrap();
    assert_eq!(
        (status.counts.pending, status.plan.digest),
        (1, planned.plan.digest)
    );
    drop(job);
    assert!(Job::open(&path).is_ok());
}
