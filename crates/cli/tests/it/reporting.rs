//! `report`: what each form holds, that it holds no more when redacted, and that a browser shows the page.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use unlink_sandbox::{Fault, Kind};

use crate::{desk::Desk, support::Ran};

/// A job with a row of each fate: 1 unlinked and linked back, 2 failed with markup in its reason, 3 unlinked, 4 pending.
fn desk() -> Desk {
    let desk = Desk::of_users(4);
    desk.export("export.json");
    let lost = r#"{"user_id":"samlp|old|9","email":"nine@example.com","email_verified":true,"identities":[{"provider":"samlp","user_id":"old|9","connection":"old"}]}"#;
    desk.write("export.json", desk.read("export.json") + lost);
    desk.expect(
        0,
        &[
            "plan",
            "--from",
            "export.json",
            "--connection",
            "old",
            "-o",
            "job.db",
        ],
    );
    let refused = Kind::Status {
        status: 400,
        headers: Default::default(),
        body: r#"{"statusCode":400,"error":"Bad Request","message":"<script>alert(1)</script> of auth0|2, user2@example.com"}"#.into(),
    };
    desk.sandbox
        .inject(Fault::new(refused).method("DELETE").user("auth0|2"));
    desk.expect(
        7,
        &[
            "apply",
            "job.db",
            "--yes",
            "--max",
            "3",
            "--concurrency",
            "1",
        ],
    );
    desk.expect(0, &["undo", "job.db", "--yes", "--rows", "1"]);
    desk
}

fn report(desk: &Desk, name: &str, more: &[&str]) -> String {
    let ran = desk.expect(0, &[&["report", "job.db", "-o", name], more].concat());
    assert!(ran.out.starts_with(&format!("Wrote {name}. ")), "{ran:?}");
    desk.read(name)
}

#[test]
fn a_table_has_a_line_for_each_row() {
    let desk = desk();
    let table = report(&desk, "job.csv", &[]);
    insta::assert_snapshot!("report_csv", crate::desk::stable(&table));
    // What it says is no formula for a spreadsheet, and `plan` finds its columns in it.
    let planned = desk.expect(
        0,
        &[
            "plan",
            "--from",
            "job.csv",
            "-o",
            "again.db",
            "--offline",
            "--json",
        ],
    );
    assert_eq!(planned.document()["rows"], 4);
}

#[test]
fn lines_of_json_have_everything() {
    let desk = desk();
    let lines = report(&desk, "job.jsonl", &[]);
    let documents: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<_> = documents
        .iter()
        .map(|document| document["kind"].as_str().unwrap())
        .collect();
    let count = |kind: &str| kinds.iter().filter(|other| **other == kind).count();
    assert_eq!(
        (count("job"), count("row"), count("warning"), count("run")),
        (1, 4, 1, 2)
    );
    assert!(count("slice") >= 2, "{kinds:?}");
    let run = documents
        .iter()
        .find(|document| document["kind"] == "run")
        .unwrap();
    // Who did it: whom the token is about, and the operating system's user.
    assert_eq!(
        run["client"],
        format!("{}@clients", desk.sandbox.client_id())
    );
    assert!(
        run["operator"]
            .as_str()
            .unwrap()
            .starts_with("night-operator"),
        "{run}"
    );
    assert_eq!(
        (&run["answer"], &run["ending"]),
        (&"--yes".into(), &"max".into())
    );
    assert_eq!(run["traffic"]["requests"], 3);
}

#[test]
fn a_page_says_all_of_it_in_itself() {
    let desk = desk();
    let page = report(&desk, "job.html", &[]);
    for part in [
        "<h1>job.db: unlink 4 identities</h1>",
        "1 user has the main identity in this selection",
        "<h2>By provider and connection</h2>",
        "<h2>Runs</h2>",
        "<h2>To be looked at</h2>",
        "&lt;script&gt;alert(1)&lt;/script&gt; of auth0|2",
        "the same request will be refused again until that is mended",
        "<h2>Undone</h2>",
        "<h2>Still to be done</h2>",
        "night-operator",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // Nothing is fetched, and nothing of the tenant's is run.
    for outside in [
        "http://", "https://", "<script", "<link", "<img", "@import", "url(",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn redacted_reports_hold_no_ids() {
    let desk = desk();
    for name in ["job.html", "job.csv", "job.jsonl"] {
        let plain = report(&desk, name, &[]);
        assert!(
            plain.contains("auth0|2")
                && plain.contains("old|2")
                && plain.contains("user2@example.com"),
            "{name}"
        );
        let redacted = report(&desk, name, &["--redact"]);
        for id in [
            "auth0|1",
            "auth0|2",
            "auth0|3",
            "auth0|4",
            "old|1",
            "old|2",
            "old|3",
            "old|9",
            "example.com",
        ] {
            assert!(!redacted.contains(id), "{name} {id}");
        }
        assert!(redacted.contains("auth0|#"), "{name}");
    }
}

#[test]
fn where_a_report_goes_is_said_plainly() {
    let desk = desk();
    let told = |words: &[&str]| {
        let ran: Ran = desk.run(words);
        format!(
            "$ {}\nexit {}\n{}",
            words.join(" "),
            ran.code.unwrap(),
            ran.err
        )
    };
    fs::copy(desk.path("job.db"), desk.path("job.html")).unwrap();
    let before = fs::read(desk.path("job.html")).unwrap();
    let all = [
        told(&["report", "job.db", "-o", "report.pdf"]),
        told(&["report", "job.db", "-o", "report"]),
        told(&["report", "job.db", "-o", "no-folder/report.html"]),
        told(&["report", "nowhere.db", "-o", "report.html"]),
        told(&["report", "job.html", "-o", "./job.html"]),
    ];
    insta::assert_snapshot!("report_places", all.join("\n"));
    assert!(
        !desk.has("report.html"),
        "nothing is written for a job that cannot be read"
    );
    assert_eq!(fs::read(desk.path("job.html")).unwrap(), before);
}

/// The browser of this machine, if there is one.
fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let is_there = |name: &&str| {
        let asked = Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    names.into_iter().find(is_there)
}

/// The page as the browser has it once it is loaded, in one colour scheme; its console is on standard error.
fn shown(browser: &str, page: &Path, dark: bool) -> Ran {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()));
    if dark {
        command.arg("--force-dark-mode");
    }
    command.stdin(Stdio::null()).output().unwrap().into()
}

#[test]
fn a_browser_shows_the_page() {
    let Some(browser) = browser() else {
        // To the stream itself: what is printed by a test that passes is not shown.
        let told =
            "skipped: no browser (chromium) is installed, so nothing showed the report's page\n";
        std::io::stderr().write_all(told.as_bytes()).unwrap();
        return;
    };
    let desk = desk();
    let page = report(&desk, "job.html", &[]);
    for dark in [false, true] {
        let ran = shown(browser, &desk.path("job.html"), dark);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        // What it made of the page is what was written: each table, heading and picture is there, and no script.
        for part in [
            "<h1", "<h2", "<table", "<svg", "<tr", "<details", "<caption",
        ] {
            let count = |text: &str| text.matches(part).count();
            assert_eq!(count(&ran.out), count(&page), "{part}");
        }
        assert!(!ran.out.contains("<script"), "{ran:?}");
        // The page's own policy lets its style pass and nothing else asks for anything.
        assert!(!ran.err.contains("Content Security Policy"), "{ran:?}");
    }
}
