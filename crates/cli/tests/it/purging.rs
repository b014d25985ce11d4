//! `purge`: ids leave the job, counts stay, and what still holds ids is named.

use std::fs;

use crate::desk::Desk;

#[test]
fn ids_go_and_counts_stay() {
    let desk = Desk::of_users(3);
    desk.plan("old", &[]);
    desk.expect(7, &["apply", "job.db", "--yes", "--max", "2"]);
    let unfinished = desk.expect(1, &["purge", "job.db", "--yes"]);
    assert!(
        unfinished.err.contains("--even-if-unfinished"),
        "{unfinished:?}"
    );
    desk.expect(0, &["apply", "job.db", "--yes"]);
    let asked = desk.expect(6, &["purge", "job.db"]);
    assert!(
        asked
            .err
            .contains("to go ahead, run auth0-unlink purge job.db --yes"),
        "{asked:?}"
    );
    desk.write("job.failures.jsonl", "left by an earlier run");
    let before = desk.sandbox.requests().len();
    insta::assert_snapshot!(
        "purge",
        desk.told(&desk.expect(0, &["purge", "job.db", "--yes"]))
    );
    assert_eq!(desk.sandbox.requests().len(), before);
    let bytes = fs::read(desk.path("job.db")).unwrap();
    assert!(!bytes.windows(5).any(|bytes| bytes == b"old|1"));
    let status = desk.expect(0, &["status", "job.db"]);
    assert!(status.out.contains("unlinked  3"), "{status:?}");
    assert!(
        status.out.contains("nothing can be applied or undone"),
        "{status:?}"
    );
    for words in [
        &["apply", "job.db", "--yes"][..],
        &["undo", "job.db", "--yes"],
        &["verify", "job.db", "--export"],
        &["purge", "job.db", "--yes"],
    ] {
        let ran = desk.expect(1, words);
        assert!(ran.err.contains("the job was purged"), "{ran:?}");
    }
    for name in ["job.html", "job.csv", "job.jsonl"] {
        let written = desk.expect(0, &["report", "job.db", "-o", name]);
        assert!(
            written.out.contains("No ids of users are in it"),
            "{written:?}"
        );
        assert!(!desk.read(name).contains("auth0|1"), "{name}");
    }
    assert!(desk.read("job.html").contains("only counts are left"));
}
