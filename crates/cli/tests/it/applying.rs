//! `apply`, `status` and `verify`: consent, caps, gates, what is told, and what the tenant saw of it.

use unlink_sandbox::{Apply, Change, Fault, Kind, Plan, Sandbox};

use crate::{
    desk::{Desk, linked},
    support::{Ran, cli},
};

const APPLY: [&str; 3] = ["apply", "job.db", "--yes"];

fn apply<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&APPLY[..], more].concat()
}

/// How many identities were unlinked at the tenant.
fn unlinked(desk: &Desk) -> usize {
    let effects = desk.sandbox.effects();
    let is_unlinking = |change: &Change| matches!(change, Change::IdentityUnlinked { .. });
    effects
        .iter()
        .filter(|effect| is_unlinking(&effect.change))
        .count()
}

/// The results that a run printed, before its summary.
fn results(ran: &Ran) -> Vec<serde_json::Value> {
    let lines = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut documents: Vec<serde_json::Value> = lines.collect();
    let summary = documents.pop().unwrap();
    assert!(summary["ending"].is_string(), "{ran:?}");
    documents
}

#[test]
fn a_job_is_planned_applied_looked_at_and_verified() {
    let desk = Desk::of_users(3);
    desk.plan("old", &[]);
    let told = |words: &[&str]| {
        format!(
            "$ auth0-unlink {}\n{}",
            words.join(" "),
            desk.told(&desk.run(words))
        )
    };
    let mut all = vec![
        told(&["apply", "job.db"]),
        told(&["apply", "job.db", "--dry-run"]),
    ];
    let dry = desk
        .expect(0, &["apply", "job.db", "--dry-run", "--json", "--max", "2"])
        .document();
    assert_eq!(
        (&dry["ending"], &dry["rows"]),
        (&"dry_run".into(), &2.into())
    );
    assert_eq!(desk.sandbox.requests().len(), 0);
    all.extend([told(&APPLY), told(&["status", "job.db"]), told(&APPLY)]);
    desk.export("fresh.json");
    all.push(told(&["verify", "job.db", "--from", "fresh.json"]));
    insta::assert_snapshot!("job", all.join("\n"));
    assert_eq!(unlinked(&desk), 3);
    // An export of the last hour is evidence enough.
    assert_eq!((desk.sent("DELETE"), desk.sent("GET")), (3, 0));
}

#[test]
fn results_are_lines_and_the_last_is_the_summary() {
    let desk = Desk::of_users(2);
    desk.plan("github", &[]);
    let ran = desk.expect(0, &apply(&["--json", "--concurrency", "1"]));
    let summary: serde_json::Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert!(summary["seconds"].as_f64().unwrap() > 0.0);
    let ran = Ran {
        out: ran
            .out
            .replace(&summary["seconds"].to_string(), "SECONDS")
            .replace(&summary["traffic"]["waited_seconds"].to_string(), "SECONDS"),
        ..ran
    };
    insta::assert_snapshot!("apply_json", desk.told(&ran));
    let status = desk.expect(0, &["status", "job.db", "--json"]).document();
    let id = status["id"].as_str().unwrap();
    insta::assert_snapshot!(
        "status_json",
        crate::desk::stable(&serde_json::to_string_pretty(&status).unwrap())
            .replace(id, "ID")
            .replace(&desk.sandbox.domain(), "LOCAL")
    );
    // The tenant's own log can be matched with the job.
    let correlated = desk.sandbox.requests().into_iter().filter_map(|request| {
        let mut headers = request.headers.into_iter();
        headers.find_map(|(name, value)| (name == "x-correlation-id").then_some(value))
    });
    assert_eq!(
        correlated.collect::<Vec<_>>(),
        [format!("{id}-1"), format!("{id}-2")]
    );
}

#[test]
fn only_what_was_looked_at_is_applied_and_only_where_it_was_planned_for() {
    let desk = Desk::of_users(2);
    desk.plan("old", &[]);
    let digest = desk.expect(0, &["status", "job.db", "--json"]).document()["digest"].clone();
    let digest = digest.as_str().unwrap().to_owned();
    let other = "0".repeat(64);
    let refused = desk.expect(1, &apply(&["--expect", &other]));
    assert!(
        refused
            .err
            .contains(&format!("the job's digest is {digest}, not {other}")),
        "{refused:?}"
    );
    let typed = desk.expect(2, &apply(&["--expect", "0123"]));
    assert!(typed.err.contains("64 hexadecimal digits"), "{typed:?}");
    let elsewhere = desk
        .cli(&apply(&["--expect", &digest]))
        .env("AUTH0_DOMAIN", "http://127.0.0.1:1")
        .run();
    assert_eq!(elsewhere.code, Some(1), "{elsewhere:?}");
    assert!(
        elsewhere.err.contains("not for 127.0.0.1:1"),
        "{elsewhere:?}"
    );
    assert_eq!(desk.sandbox.requests().len(), 0);
    desk.expect(0, &apply(&["--expect", &digest]));
    assert_eq!(unlinked(&desk), 2);
}

#[test]
fn rows_that_someone_changed_are_not_applied() {
    let desk = Desk::of_users(2);
    desk.plan("old", &[]);
    // As an editor of the file would: another identity in the place of one, in the table and its indexes.
    let mut changed = std::fs::read(desk.path("job.db")).unwrap();
    for (before, after) in [
        (b"samlpold|2", b"samlpold|3"),
        (b"old|2samlp", b"old|3samlp"),
    ] {
        while let Some(place) = changed.windows(10).position(|bytes| bytes == before) {
            changed[place..place + 10].copy_from_slice(after);
        }
    }
    desk.write("job.db", &changed);
    let ran = desk.expect(1, &APPLY);
    assert!(ran.err.contains("someone changed the file"), "{ran:?}");
    assert_eq!(desk.sandbox.requests().len(), 0);
}

#[test]
fn a_cap_ends_a_run_and_the_next_one_goes_on() {
    let desk = Desk::of_users(5);
    desk.plan("old", &[]);
    let ran = desk.expect(7, &apply(&["--max", "2"]));
    insta::assert_snapshot!("max", desk.told(&ran));
    assert_eq!(unlinked(&desk), 2);
    // What goes on ends when this one was to end: the time that was meant, and not the next of its kind.
    let ran = desk.expect(
        7,
        &apply(&["--max", "2", "--until", "2199-01-31T06:00+01:00"]),
    );
    let until = "--max 2 --until 2199-01-31T05:00:00+00:00 --yes";
    assert!(ran.err.trim_end().ends_with(until), "{ran:?}");
    desk.expect(0, &apply(&["--max", "2"]));
    assert_eq!((unlinked(&desk), desk.sent("DELETE")), (5, 5));
}

#[test]
fn a_run_of_failures_ends_and_leaves_a_list_that_plan_takes() {
    let desk = Desk::of_users(6);
    desk.plan("old", &[]);
    let refused = Kind::Status {
        status: 400,
        headers: Default::default(),
        body: r#"{"statusCode":400,"error":"Bad Request","message":"not, \"today\"","errorCode":"invalid_body"}"#.into(),
    };
    desk.sandbox
        .inject(Fault::new(refused).method("DELETE").times(3));
    let ran = desk.expect(7, &apply(&["--max-failures", "3", "--concurrency", "1"]));
    insta::assert_snapshot!("max_failures", desk.told(&ran));
    assert_eq!(desk.sent("DELETE"), 3);
    insta::assert_snapshot!("failures_file", desk.read("job.failures.jsonl"));
    let again = desk.expect(
        0,
        &[
            "plan",
            "--from",
            "job.failures.jsonl",
            "-o",
            "again.db",
            "--offline",
            "--json",
        ],
    );
    assert_eq!(again.document()["rows"], 3);
    // The rows that are left, and how the job then stands.
    let ran = desk.expect(3, &apply(&[]));
    assert!(
        ran.err
            .contains("not all was done: 3 rows failed or left alone"),
        "{ran:?}"
    );
    assert_eq!(unlinked(&desk), 3);
}

#[test]
fn the_list_of_failures_does_not_take_the_place_of_the_job() {
    let desk = Desk::of_users(1);
    desk.plan("old", &[]);
    for (place, problem) in [
        ("./job.db", "would take the place of the job"),
        ("nowhere/list.jsonl", "there is no folder nowhere"),
    ] {
        let ran = desk.expect(2, &apply(&["--failures", place]));
        assert!(ran.err.contains(problem), "{ran:?}");
    }
    assert_eq!(desk.sandbox.requests().len(), 0);
    desk.expect(0, &["status", "job.db"]);
}

#[test]
fn what_is_unlinked_and_not_deleted_is_half_done() {
    let desk = Desk::of_users(1);
    desk.plan("old", &["--delete"]);
    let refused = Kind::Status {
        status: 400,
        headers: Default::default(),
        body: r#"{"statusCode":400,"error":"Bad Request","message":"not now"}"#.into(),
    };
    desk.sandbox.inject(
        Fault::new(refused)
            .method("DELETE")
            .path("/api/v2/users/*")
            .times(1),
    );
    let domain = desk.sandbox.domain();
    let words = ["apply", "job.db", "--confirm-tenant", &domain];
    let ran = desk.expect(3, &words);
    assert!(ran.out.contains("not deleted  1"), "{ran:?}");
    assert!(desk.sandbox.user("samlp|old|1").is_some());
    desk.expect(0, &words);
    assert!(desk.sandbox.user("samlp|old|1").is_none());
}

#[test]
fn a_row_that_nobody_knows_of_is_not_called_done() {
    let desk = Desk::of_users(2);
    desk.plan("old", &[]);
    desk.sandbox.inject(
        Fault::new(Kind::Drop)
            .apply(Apply::Never)
            .method("DELETE")
            .path("/api/v2/users/auth0%7C1/**"),
    );
    let ran = desk.run(&apply(&["--timeout", "2"]));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.err
            .contains("of 1 row it is not known whether it was done"),
        "{ran:?}"
    );
    desk.sandbox.clear_faults();
    desk.expect(0, &APPLY);
    assert_eq!(unlinked(&desk), 2);
}

#[test]
fn the_first_rows_are_a_gate_that_yes_does_not_pass() {
    let desk = Desk::of_users(5);
    desk.plan("old", &[]);
    let ran = desk.expect(6, &apply(&["--canary", "2"]));
    insta::assert_snapshot!("canary", desk.told(&ran));
    assert_eq!((unlinked(&desk), desk.sent("GET")), (2, 4));
    let again = desk.expect(6, &APPLY);
    assert!(again.err.contains("--canary-ok"), "{again:?}");
    assert_eq!(unlinked(&desk), 2);
    let status = desk.expect(0, &["status", "job.db"]);
    assert!(
        status
            .out
            .contains("waits until someone has looked at them"),
        "{status:?}"
    );
    desk.expect(0, &apply(&["--canary-ok"]));
    assert_eq!(unlinked(&desk), 5);
}

#[test]
fn first_rows_that_come_out_wrong_are_told() {
    let desk = Desk::of_users(3);
    desk.plan("old", &[]);
    let gone = Kind::Status {
        status: 404,
        headers: Default::default(),
        body: r#"{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}"#.into(),
    };
    desk.sandbox
        .inject(Fault::new(gone).method("GET").user("samlp|old|1"));
    let ran = desk.expect(3, &apply(&["--canary", "1"]));
    assert!(
        ran.err
            .contains("the first rows did not come out as they should"),
        "{ran:?}"
    );
    desk.expect(6, &APPLY);
}

#[test]
fn a_job_that_deletes_wants_the_tenants_name() {
    let desk = Desk::of_users(2);
    desk.plan("old", &["--delete"]);
    let ran = desk.expect(6, &APPLY);
    insta::assert_snapshot!("delete_needs_a_name", desk.told(&ran));
    let wrong = desk.expect(2, &apply(&["--confirm-tenant", "example.auth0.com"]));
    assert!(
        wrong.err.contains("the tenant is not example.auth0.com"),
        "{wrong:?}"
    );
    assert_eq!(desk.sandbox.requests().len(), 0);
    let ran = desk.expect(
        0,
        &[
            "apply",
            "job.db",
            "--confirm-tenant",
            &desk.sandbox.domain(),
        ],
    );
    assert!(ran.out.contains("deleted   2"), "{ran:?}");
    assert!(desk.sandbox.user("samlp|old|1").is_none());
}

#[test]
fn what_is_not_as_planned_is_left_alone_and_told() {
    let desk = Desk::of_users(3);
    desk.plan("old", &[]);
    // One is not linked any more, another user is gone.
    let ran = cli(&["unlink", "auth0|1", "samlp|old|1", "--yes"])
        .env("AUTH0_DOMAIN", desk.sandbox.url())
        .env(
            "AUTH0_API_TOKEN",
            &desk.sandbox.token(&["read:users", "update:users"]),
        )
        .run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut state = desk.sandbox.state();
    state["users"]
        .as_array_mut()
        .unwrap()
        .retain(|user| user["user_id"] != "auth0|2");
    desk.sandbox
        .restore(unlink_sandbox::Seed::from_json(&state.to_string()).unwrap());
    let ran = desk.expect(3, &apply(&["--read", "always", "--json"]));
    let mut outcomes: Vec<_> = results(&ran)
        .iter()
        .map(|result| format!("{} {}", result["user_id"], result["outcome"]))
        .collect();
    outcomes.sort();
    assert_eq!(
        outcomes,
        [
            r#""auth0|1" "not linked""#,
            r#""auth0|2" "stale""#,
            r#""auth0|3" "unlinked""#
        ]
    );
}

#[test]
fn each_way_of_reading_sends_what_it_says() {
    for (read, reads) in [("auto", 0), ("always", 2), ("never", 0)] {
        let desk = Desk::of_users(2);
        desk.plan("old", &[]);
        desk.expect(0, &apply(&["--read", read]));
        assert_eq!(
            (desk.sent("GET"), desk.sent("DELETE")),
            (reads, 2),
            "{read}"
        );
    }
    let desk = Desk::of_users(2);
    desk.write(
        "list.csv",
        "user_id,provider,identity_user_id\nauth0|1,github,1001\nauth0|2,github,1002\n",
    );
    desk.expect(
        0,
        &["plan", "--from", "list.csv", "-o", "job.db", "--offline"],
    );
    desk.expect(0, &apply(&["--max-failures", "1"]));
    assert_eq!(
        (desk.sent("GET"), desk.sent("DELETE")),
        (2, 2),
        "a list shows nothing of its users"
    );
}

/// A time of day so many seconds from now, as it is typed.
fn in_seconds(seconds: u64) -> String {
    let at = std::time::SystemTime::now() + std::time::Duration::from_secs(seconds);
    let date = httpdate::fmt_http_date(at);
    date.split(' ').nth(4).unwrap().to_owned()
}

#[test]
fn others_keep_their_share_of_the_rate_limit() {
    for (reserve, others) in [("0%", 0), ("60%", 30), ("30", 30)] {
        let plan = Plan::named("enterprise").unwrap();
        let sandbox = Sandbox::builder()
            .seed(linked(60))
            .plan(plan)
            .start()
            .unwrap();
        let desk = Desk::at(sandbox);
        desk.plan("old", &[]);
        let ran = desk.expect(7, &apply(&["--reserve", reserve, "--json", "--max", "50"]));
        let summary: serde_json::Value =
            serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
        let lowest = summary["traffic"]["lowest_remaining"].as_u64().unwrap();
        assert!(
            (others..others + 20).contains(&lowest),
            "{reserve} {summary}"
        );
        assert_eq!(summary["traffic"]["refused"], 0, "{summary}");
        assert!(
            ran.err.contains(&format!("--reserve {reserve}")),
            "the command that goes on: {ran:?}"
        );
    }
    let desk = Desk::of_users(1);
    desk.plan("old", &[]);
    for reserve in ["100%", "-5%", "NaN%", "5.5", "some"] {
        let refused = desk.expect(2, &apply(&[&format!("--reserve={reserve}")]));
        assert!(
            refused.err.contains("something has to be left for this"),
            "{refused:?}"
        );
    }
}

#[test]
fn a_rate_is_kept() {
    let desk = Desk::of_users(40);
    desk.plan("old", &[]);
    let until = in_seconds(3);
    desk.expect(
        130,
        &apply(&["--rate", "2", "--concurrency", "1", "--until", &until]),
    );
    // At most 2 a second for 3 seconds, and the one that was begun when the time was up.
    let sent = desk.sent("DELETE");
    assert!((1..=8).contains(&sent), "{sent}");
    for rate in ["0", "-1", "nan", "fast"] {
        desk.expect(2, &apply(&["--rate", rate]));
    }
}

#[test]
fn a_token_that_may_not_ends_the_run_at_once() {
    let desk = Desk::of_users(20);
    desk.plan("old", &[]);
    let token = desk.sandbox.token(&["read:users"]);
    let ran = desk
        .cli(&apply(&["--concurrency", "1"]))
        .env("AUTH0_API_TOKEN", &token)
        .run();
    assert_eq!(ran.code, Some(4), "{ran:?}");
    insta::assert_snapshot!("apply_lacks_scope", desk.told(&ran));
    assert_eq!(desk.sent("DELETE"), 1);
}

#[test]
fn a_switch_of_the_environment_keeps_everything_dry() {
    let desk = Desk::of_users(1);
    desk.plan("old", &[]);
    let ran = desk.cli(&APPLY).env("AUTH0_DRY_RUN", "true").run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(desk.sandbox.requests().len(), 0);
}

#[test]
fn a_time_that_is_past_is_refused_before_anything_is_asked() {
    let desk = Desk::of_users(1);
    desk.plan("old", &[]);
    let ran = desk.expect(2, &apply(&["--until", "2001-01-01T06:00"]));
    assert!(
        ran.err
            .contains("--until: 2001-01-01T06:00:00+00:00 is past"),
        "{ran:?}"
    );
    let ran = desk.expect(2, &apply(&["--until", "tomorrow"]));
    assert!(ran.err.contains("give a time such as 06:00"), "{ran:?}");
    let ran = desk
        .cli(&apply(&["--until", "06:00", "--dry-run"]))
        .env("TZ", "<nowhere>")
        .run();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let ran = desk
        .cli(&apply(&["--until", "06:00", "--dry-run"]))
        .env("TZ", "XXX-5:30")
        .run();
    assert!(ran.out.contains("T06:00:00+05:30"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn a_job_that_another_process_works_on_is_refused_and_can_be_looked_at() {
    let desk = Desk::of_users(1);
    desk.plan("old", &[]);
    let held = locked(&desk);
    let ran = desk.expect(1, &APPLY);
    assert!(
        ran.err.contains("is being worked on by another process"),
        "{ran:?}"
    );
    desk.expect(0, &["status", "job.db"]);
    // By name: a process that another test is just starting may have the file open, too.
    rustix::fs::flock(&held, rustix::fs::FlockOperation::Unlock).unwrap();
    desk.expect(0, &APPLY);
}

/// The lock that a run holds.
#[cfg(unix)]
fn locked(desk: &Desk) -> std::fs::File {
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(desk.path("job.db"))
        .unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    file
}
