//! `undo`: what it says before it starts, what comes back and what does not.

use crate::{desk::Desk, support::cli};

/// A job of the GitHub and SAML accounts of three users, applied.
fn desk(more: &[&str]) -> Desk {
    let desk = Desk::of_users(3);
    desk.export("export.json");
    let words = [
        "plan",
        "--from",
        "export.json",
        "--connection",
        "old",
        "--connection",
        "github",
        "-o",
        "job.db",
    ];
    desk.expect(0, &[&words[..], more].concat());
    let domain = desk.sandbox.domain();
    desk.expect(
        0,
        &["apply", "job.db", "--yes", "--confirm-tenant", &domain],
    );
    desk
}

fn identities(desk: &Desk, user: &str) -> Vec<String> {
    let user = desk.sandbox.user(user).unwrap();
    let identities = user["identities"].as_array().unwrap().iter();
    identities
        .map(|identity| {
            format!(
                "{}|{}",
                identity["provider"].as_str().unwrap(),
                identity["user_id"]
            )
            .replace('"', "")
        })
        .collect()
}

#[test]
fn rows_come_back_and_what_cannot_is_said_before() {
    let desk = desk(&[]);
    let told = |words: &[&str]| {
        format!(
            "$ auth0-unlink {}\n{}",
            words.join(" "),
            desk.told(&desk.run(words))
        )
    };
    let before = desk.sandbox.requests().len();
    let mut all = vec![
        told(&["undo", "job.db", "--rows", "2,3-4"]),
        told(&["undo", "job.db", "--dry-run"]),
    ];
    assert_eq!(desk.sandbox.requests().len(), before);
    all.extend([
        told(&["undo", "job.db", "--rows", "2,3-4", "--yes"]),
        told(&["undo", "job.db", "--rows", "2,3-4", "--yes"]),
        told(&["status", "job.db"]),
    ]);
    insta::assert_snapshot!("undo", all.join("\n"));
    assert_eq!(identities(&desk, "auth0|1"), ["auth0|1", "samlp|old|1"]);
    assert_eq!(
        identities(&desk, "auth0|2"),
        ["auth0|2", "samlp|old|2", "github|1002"]
    );
    assert_eq!(identities(&desk, "auth0|3"), ["auth0|3"]);
    desk.expect(0, &["undo", "job.db", "--yes"]);
    assert_eq!(
        identities(&desk, "auth0|3"),
        ["auth0|3", "samlp|old|3", "github|1003"]
    );
}

#[test]
fn an_account_that_someone_uses_is_left_alone_unless_told_otherwise() {
    let desk = desk(&[]);
    let mut state = desk.sandbox.state();
    let users = state["users"].as_array_mut().unwrap();
    let used = users
        .iter_mut()
        .find(|user| user["user_id"] == "github|1001")
        .unwrap();
    used["app_metadata"] = serde_json::json!({ "plan": "gold" });
    desk.sandbox
        .restore(unlink_sandbox::Seed::from_json(&state.to_string()).unwrap());
    let ran = desk.expect(1, &["undo", "job.db", "--rows", "1", "--yes"]);
    insta::assert_snapshot!("undo_used", desk.told(&ran));
    assert_eq!(identities(&desk, "auth0|1"), ["auth0|1"]);
    let page = desk.expect(0, &["report", "job.db", "-o", "job.csv"]);
    assert!(desk.read("job.csv").contains("has metadata"), "{page:?}");
    desk.expect(
        0,
        &["undo", "job.db", "--rows", "1", "--yes", "--even-if-used"],
    );
    assert_eq!(identities(&desk, "auth0|1"), ["auth0|1", "github|1001"]);
}

#[test]
fn accounts_that_the_job_deleted_do_not_come_back() {
    let desk = desk(&["--delete"]);
    let before = desk.sandbox.requests().len();
    let ran = desk.expect(0, &["undo", "job.db", "--yes"]);
    assert!(ran.err.contains("there is nothing to link back"), "{ran:?}");
    assert!(
        ran.err.contains("6 accounts were deleted by this job"),
        "{ran:?}"
    );
    assert_eq!(desk.sandbox.requests().len(), before);
}

#[test]
fn results_are_lines_and_the_last_is_the_summary() {
    let desk = desk(&[]);
    let ran = desk.expect(0, &["undo", "job.db", "--rows", "1-2", "--yes", "--json"]);
    let lines: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [first, second, summary] = lines.as_slice() else {
        panic!("{ran:?}");
    };
    assert_eq!(
        (&first["row"], &second["row"]),
        (&2.into(), &1.into()),
        "the last row first"
    );
    assert_eq!(first["outcome"], "linked back");
    assert_eq!(
        (&summary["ending"], &summary["run"]["linked_back"]),
        (&"complete".into(), &2.into())
    );
}

#[test]
fn rows_and_tenants_that_are_none_are_refused() {
    let desk = desk(&[]);
    for rows in ["0", "3-", "9-7", "x", ""] {
        let ran = desk.run(&["undo", "job.db", "--rows", rows, "--yes"]);
        assert_eq!(ran.code, Some(2), "{rows} {ran:?}");
    }
    let elsewhere = cli(&["undo", "job.db", "--yes", "--domain", "http://127.0.0.1:1"])
        .env("AUTH0_API_TOKEN", "planted.token")
        .dir(&desk.path(""))
        .run();
    assert_eq!(elsewhere.code, Some(1), "{elsewhere:?}");
    assert!(
        elsewhere.err.contains("not for 127.0.0.1:1"),
        "{elsewhere:?}"
    );
}
