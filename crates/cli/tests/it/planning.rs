//! `plan`: what it makes of lists and exports, good and bad, and that it changes nothing.

use std::io::Write as _;

use unlink_sandbox::Sandbox;

use crate::{
    desk::Desk,
    support::{Ran, cli},
};

const HEADER: &str = "user_id,provider,identity_user_id\n";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A desk whose tenant nobody needs.
fn desk() -> Desk {
    Desk::at(Sandbox::start().unwrap())
}

#[test]
fn an_export_is_planned_with_all_that_is_to_be_known() {
    let desk = Desk::of_users(3);
    desk.export("export.json");
    // One whose main identity is on the connection, and one without a verified address but there.
    let more = r#"{"user_id":"samlp|old|9","email":"nine@example.com","email_verified":true,"identities":[{"provider":"samlp","user_id":"old|9","connection":"old"}]}
{"user_id":"auth0|8","email":"eight@example.com","email_verified":false,"identities":[{"provider":"auth0","user_id":"8","connection":"db"},{"provider":"samlp","user_id":"old|8","connection":"old"}]}
"#;
    desk.write("export.json", desk.read("export.json") + more);
    let words = [
        "plan",
        "--from",
        "export.json",
        "--connection",
        "old",
        "-o",
        "job.db",
    ];
    insta::assert_snapshot!("plan_export", desk.told(&desk.expect(0, &words)));
    let words = [
        "plan",
        "--from",
        "export.json",
        "--connection",
        "old",
        "-o",
        "two.db",
        "--json",
    ];
    let document = desk.expect(0, &words).document();
    insta::assert_snapshot!(
        "plan_export_json",
        crate::desk::stable(&serde_json::to_string_pretty(&document).unwrap())
            .replace(document["id"].as_str().unwrap(), "ID")
            .replace(&desk.sandbox.domain(), "LOCAL")
    );
    assert_eq!(desk.sandbox.requests().len(), 0);
}

#[test]
fn a_plan_needs_a_tenant_and_no_credentials() {
    let desk = desk();
    desk.write("list.csv", format!("{HEADER}auth0|1,github,2\n"));
    let ran = cli(&[
        "plan",
        "--from",
        "list.csv",
        "-o",
        "job.db",
        "--offline",
        "--domain",
        "example.eu.auth0.com",
    ])
    .dir(&desk.path(""))
    .run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out
            .contains("for example.eu.auth0.com: unlink 1 identity."),
        "{ran:?}"
    );
    let status = cli(&["status", "job.db"]).dir(&desk.path("")).run();
    assert_eq!(status.code, Some(0), "{status:?}");
}

#[test]
fn the_users_of_a_list_are_read_unless_that_is_left_out() {
    let desk = Desk::of_users(3);
    let rows = "auth0|1,github,1001\nauth0|2,github,77\nauth0|9,github,1009\nauth0|3,samlp,old|3\n";
    desk.write("list.csv", format!("{HEADER}{rows}"));
    let ran = desk.expect(0, &["plan", "--from", "list.csv", "-o", "job.db"]);
    insta::assert_snapshot!("plan_list_read", desk.told(&ran));
    let sent = desk.sandbox.requests();
    assert!(
        sent.iter().all(|request| request.method == "GET"),
        "planning changes nothing"
    );
    assert_eq!(desk.sandbox.effects().len(), 0);
    // The evidence is there: the rows that are as planned are one request each, the others none that changes anything.
    let ran = desk.expect(3, &["apply", "job.db", "--yes", "--json"]);
    assert_eq!(desk.sent("DELETE"), 2, "{ran:?}");

    let before = desk.sandbox.requests().len();
    desk.expect(
        0,
        &[
            "plan",
            "--from",
            "list.csv",
            "-o",
            "offline.db",
            "--offline",
        ],
    );
    assert_eq!(desk.sandbox.requests().len(), before);
    // Without credentials nothing is read, and no half-made job is left behind.
    let words = [
        "plan",
        "--from",
        "list.csv",
        "-o",
        "none.db",
        "--domain",
        &desk.sandbox.domain(),
    ];
    let ran = cli(&words).dir(&desk.path("")).run();
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.err.contains("with --offline they are not"), "{ran:?}");
    assert!(!desk.has("none.db"));
}

#[test]
fn reading_that_was_cut_off_is_gone_on_with() {
    let desk = Desk::of_users(3);
    desk.write(
        "list.csv",
        format!("{HEADER}auth0|1,github,1001\nauth0|2,github,1002\n"),
    );
    let token = desk.sandbox.token(&["read:connections"]);
    let refused = desk
        .cli(&["plan", "--from", "list.csv", "-o", "job.db"])
        .env("AUTH0_API_TOKEN", &token)
        .run();
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(
        refused
            .err
            .contains("go on with auth0-unlink plan --check -o job.db"),
        "{refused:?}"
    );
    let document = desk
        .expect(0, &["plan", "--check", "-o", "job.db", "--json"])
        .document();
    assert_eq!(
        (
            &document["rows_with_snapshot"],
            &document["checked"]["as_planned"]
        ),
        (&2.into(), &2.into())
    );
    let before = desk.sandbox.requests().len();
    desk.expect(0, &["plan", "--check", "-o", "job.db"]);
    assert_eq!(
        desk.sandbox.requests().len(),
        before,
        "nothing is read twice"
    );
}

#[test]
fn a_check_of_an_export_knows_which_connections_are_gone() {
    let desk = Desk::of_users(2);
    let gone = r#"{"user_id":"auth0|7","email":"a@b.c","email_verified":true,"identities":[{"provider":"auth0","user_id":"7","connection":"removed"},{"provider":"github","user_id":1007,"connection":"github"}]}"#;
    desk.export("export.json");
    desk.write("export.json", desk.read("export.json") + gone);
    let words = [
        "plan",
        "--from",
        "export.json",
        "--connection",
        "github",
        "--json",
    ];
    let document = |more: &[&str]| desk.expect(0, &[&words[..], more].concat()).document();
    assert_eq!(document(&["-o", "one.db"])["without_login"]["count"], 0);
    assert_eq!(
        document(&["-o", "two.db", "--check"])["without_login"]["first"],
        serde_json::json!(["auth0|7"])
    );
    assert!(
        desk.sandbox
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[test]
fn an_old_export_is_no_evidence() {
    let desk = Desk::of_users(2);
    desk.export("export.json");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(desk.path("export.json"))
        .unwrap();
    let written = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 60 * 60);
    file.set_modified(written).unwrap();
    let ran = desk.expect(
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
    assert!(ran.out.contains("more than a day old"), "{ran:?}");
    assert!(!ran.out.contains("BY WHAT WAS SEEN"), "{ran:?}");
    desk.expect(0, &["apply", "job.db", "--yes"]);
    assert_eq!((desk.sent("GET"), desk.sent("DELETE")), (2, 2));
}

#[test]
fn profiles_are_kept_only_where_that_is_asked_for() {
    let desk = Desk::of_users(1);
    for (job, more, kept) in [
        ("no.db", &[][..], false),
        ("yes.db", &["--keep-profiles"], true),
    ] {
        desk.export("export.json");
        let words = [
            "plan",
            "--from",
            "export.json",
            "--connection",
            "old",
            "-o",
            job,
        ];
        desk.expect(0, &[&words[..], more].concat());
        let bytes = std::fs::read(desk.path(job)).unwrap();
        let has = bytes.windows(17).any(|bytes| bytes == b"user1@example.com");
        assert_eq!(has, kept, "{job}");
    }
}

#[cfg(unix)]
#[test]
fn what_a_plan_writes_only_its_owner_may_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let desk = desk();
    desk.write("list.csv", format!("{HEADER}auth0|1,github,2\nauth0|1\n"));
    desk.expect(
        0,
        &[
            "plan",
            "--from",
            "list.csv",
            "-o",
            "job.db",
            "--skip-bad",
            "bad.json",
            "--offline",
        ],
    );
    for name in ["job.db", "bad.json"] {
        let mode = desk.path(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn each_form_of_a_list_is_taken() {
    let desk = desk();
    let forms: [(&str, Vec<u8>, &[&str]); 6] = [
        ("plain", format!("{HEADER}auth0|1,github,2\n").into(), &[]),
        (
            "crlf",
            format!("\u{feff}{HEADER}auth0|1,github,2\n")
                .replace('\n', "\r\n")
                .into(),
            &[],
        ),
        (
            "gzip",
            gzip(format!("{HEADER}auth0|1,github,2\n").as_bytes()),
            &[],
        ),
        (
            "named",
            "who,where,what\nauth0|1,github,2\n".into(),
            &[
                "--user-id-column",
                "who",
                "--provider-column",
                "where",
                "--identity-column",
                "what",
            ],
        ),
        (
            "ndjson",
            r#"{"user_id":"auth0|1","provider":"github","identity_user_id":2}"#.into(),
            &[],
        ),
        (
            "pairs",
            r#"{"user_id":"auth0|1","identity":"github|2"}"#.into(),
            &[],
        ),
    ];
    let mut digests = Vec::new();
    for (name, content, more) in forms {
        desk.write("list", content);
        let job = format!("{name}.db");
        let words = ["plan", "--from", "list", "-o", &job, "--json", "--offline"];
        let document = desk.expect(0, &[&words[..], more].concat()).document();
        digests.push(document["digest"].to_string());
    }
    let piped = desk.cli(&[
        "plan",
        "--from",
        "-",
        "-o",
        "piped.db",
        "--json",
        "--offline",
    ]);
    let piped = piped.input(&format!("{HEADER}auth0|1,github,2\n")).run();
    assert_eq!(piped.code, Some(0), "{piped:?}");
    digests.push(piped.document()["digest"].to_string());
    digests.dedup();
    assert_eq!(
        digests.len(),
        1,
        "the same rows are the same plan: {digests:?}"
    );
}

#[test]
fn every_selection_narrows() {
    let desk = Desk::of_users(4);
    desk.export("export.json");
    let rows = |name: &str, words: &[&str]| {
        let job = format!("{name}.db");
        let all = [
            &["plan", "--from", "export.json", "-o", &job, "--json"],
            words,
        ]
        .concat();
        desk.expect(0, &all).document()["rows"].as_u64().unwrap()
    };
    assert_eq!(rows("one", &["--connection", "old"]), 4);
    assert_eq!(
        rows("two", &["--connection", "old", "--connection", "github"]),
        8
    );
    assert_eq!(rows("three", &["--provider", "github"]), 4);
    assert_eq!(rows("four", &["--identity", "github|1002"]), 1);
    for more in [
        &["--provider", "github", "--connection", "old"][..],
        &["--where-email-differs"],
    ] {
        let words = [
            &["plan", "--from", "export.json", "-o", "none.db"][..],
            more,
        ]
        .concat();
        let ran = desk.expect(1, &words);
        assert!(ran.err.contains("there is nothing to unlink"), "{ran:?}");
        assert!(!desk.has("none.db"));
    }
}

#[test]
fn nothing_to_unlink_is_said_and_makes_no_job() {
    let desk = Desk::of_users(2);
    desk.export("export.json");
    desk.write("empty.csv", "");
    desk.write("blank.ndjson", "\n\r\n");
    desk.write("header.csv", HEADER);
    desk.write("empty.gz", gzip(b""));
    desk.write("bad.csv", format!("{HEADER}auth0|1\n"));
    let mut told = Vec::new();
    for words in [
        &["--from", "empty.csv"][..],
        &["--from", "blank.ndjson"],
        &["--from", "header.csv"],
        &["--from", "empty.gz"],
        &["--from", "-"],
        &["--from", "bad.csv", "--skip-bad", "left-out.json"],
        &["--from", "export.json", "--connection", "Old"],
        &["--from", "export.json", "--connection", "Old", "--check"],
        &["--from", "export.json", "--connection", "new", "--check"],
        &["--export", "--provider", "apple"],
    ] {
        let all = [&["plan"], words, &["-o", "job.db"]].concat();
        let ran = desk.run(&all);
        assert!(!desk.has("job.db"), "{words:?}");
        told.push(format!("$ {}\n{}", all.join(" "), desk.told(&ran)));
    }
    let told = told.join("\n");
    // The name of the export job.
    let told = match told.split_once("export job_") {
        Some((before, after)) => format!("{before}export job_N{}", &after[16..]),
        None => told,
    };
    insta::assert_snapshot!("nothing_to_unlink", told);
    // What was left out says why there is nothing.
    assert!(desk.has("left-out.json"));
    // Nobody can be unlinked, but somebody has to be looked at: that is kept.
    let words = [
        "plan",
        "--from",
        "export.json",
        "--connection",
        "db",
        "-o",
        "main.db",
    ];
    let ran = desk.expect(0, &words);
    assert!(
        ran.out.contains("2 users have the main identity"),
        "{ran:?}"
    );
    assert!(ran.out.contains("auth0-unlink report main.db"), "{ran:?}");
    assert!(!ran.out.contains("auth0-unlink apply"), "{ran:?}");
}

#[test]
fn a_plan_that_fails_leaves_nothing_that_the_next_try_meets() {
    let desk = desk();
    let rows = format!("{HEADER}auth0|1\nauth0|1,github,2\n");
    let whole = gzip(rows.as_bytes());
    let words = ["plan", "--skip-bad", "bad.json", "-o", "job.db", "--from"];
    // The first is cut off; the users of the second cannot be read without credentials.
    desk.write("list.gz", &whole[..whole.len() - 4]);
    desk.expect(1, &[&words[..], &["list.gz"]].concat());
    desk.write("list.csv", rows);
    let mut without = cli(&[&words[..], &["list.csv"]].concat()).dir(&desk.path(""));
    without = without.env("AUTH0_DOMAIN", "example.eu.auth0.com");
    let ran = without.run();
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(!desk.has("bad.json") && !desk.has("job.db"));
    desk.expect(0, &[&words[..], &["list.csv", "--offline"]].concat());
    // What is there already is none of the plan's own.
    let ran = desk.expect(1, &[&words[..], &["list.csv", "--offline"]].concat());
    assert!(ran.err.contains("job.db is there already"), "{ran:?}");
    assert!(desk.has("bad.json") && desk.has("job.db"));
}

#[test]
fn bad_input_says_what_is_wrong_and_makes_no_job() {
    let desk = desk();
    let tell = |name: &str, content: &[u8], more: &[&str]| {
        desk.write(name, content);
        let words = [&["plan", "--from", name, "-o", "job.db"], more].concat();
        let ran = desk.run(&words);
        assert!(!desk.has("job.db"), "{name}");
        assert_eq!(ran.out, "", "{name}");
        format!("{name}: exit {}\n{}", ran.code.unwrap(), ran.err)
    };
    let rows = format!(
        "{HEADER}auth0|1,github,2\nauth0|1,github\n,github,2\nauth0|1,,2\nauth0|1,github,\nauth0|1,auth0,1\nauth0|1,github,\"2\n"
    );
    let whole = gzip(format!("{HEADER}auth0|1,github,2\n").as_bytes());
    let export = r#"{"user_id":"auth0|1","identities":[{"provider":"auth0","user_id":"1","connection":"db"}]}"#;
    let told = [
        tell("rows.csv", rows.as_bytes(), &[]),
        tell(
            "rows.ndjson",
            b"{\"user_id\":\"auth0|1\",\"identity\":\"github\"}\n{\"user_id\":7}\n{\n",
            &[],
        ),
        tell(
            "not-utf8.csv",
            &[HEADER.as_bytes(), b"auth0|\xff,github,2\n"].concat(),
            &[],
        ),
        tell("cut-off.csv.gz", &whole[..whole.len() - 9], &[]),
        tell(
            "damaged.csv.gz",
            &[&whole[..whole.len() - 8], b"????????"].concat(),
            &[],
        ),
        tell("no-column.csv", b"user_id,provider\nauth0|1,github\n", &[]),
        tell("unselected.json", export.as_bytes(), &[]),
        tell(
            "selected.csv",
            format!("{HEADER}auth0|1,github,2\n").as_bytes(),
            &["--connection", "old"],
        ),
        tell(
            "long.ndjson",
            &[
                b"{\"user_id\":\"".as_slice(),
                &vec![b'x'; 33 << 20],
                b"\"}\n",
            ]
            .concat(),
            &[],
        ),
    ];
    insta::assert_snapshot!("bad_input", told.join("\n"));
}

#[test]
fn a_bad_line_is_a_document_for_scripts() {
    let desk = desk();
    desk.write("list.csv", format!("{HEADER}auth0|1,github\n"));
    let ran = desk.expect(1, &["plan", "--from", "list.csv", "-o", "job.db", "--json"]);
    insta::assert_snapshot!("bad_lines_json", desk.told(&ran));
}

#[test]
fn bad_lines_can_be_left_out_into_a_file_of_their_own() {
    let desk = desk();
    desk.write(
        "list.csv",
        format!("{HEADER}auth0|1,github,2\nauth0|1,github\nauth0|1,github,2\n"),
    );
    let words = [
        "plan",
        "--from",
        "list.csv",
        "-o",
        "job.db",
        "--skip-bad",
        "bad.json",
        "--offline",
    ];
    let ran = desk.expect(0, &words);
    assert!(
        ran.out
            .contains("1 row, 1 duplicate folded into them, 1 bad line left out"),
        "{ran:?}"
    );
    insta::assert_snapshot!(desk.read("bad.json"), @r#"{"column":1,"line":3,"reason":"2 fields, but the header has 3","text":"auth0|1,github"}"#);
    // The source itself is not written over.
    let words = [
        "plan",
        "--from",
        "list.csv",
        "-o",
        "other.db",
        "--skip-bad",
        "list.csv",
        "--offline",
    ];
    let ran = desk.expect(1, &words);
    assert!(ran.err.contains("list.csv is there already"), "{ran:?}");
    assert!(desk.read("list.csv").starts_with(HEADER), "{ran:?}");
    assert!(!desk.has("other.db"));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let desk = desk();
    desk.write("list.csv", format!("{HEADER}auth0|1,github,2\n"));
    desk.expect(
        0,
        &["plan", "--from", "list.csv", "-o", "job.db", "--offline"],
    );
    // Another program's database, and a job of a version to come: the number stands in the header, after "user version".
    let mut job = std::fs::read(desk.path("job.db")).unwrap();
    job[60..64].copy_from_slice(&99_i32.to_be_bytes());
    desk.write("newer.db", &job);
    job[68..72].copy_from_slice(&7_i32.to_be_bytes());
    desk.write("foreign.db", &job);
    let told = |words: &[&str]| {
        let ran: Ran = desk.run(words);
        format!(
            "$ {}\nexit {}\n{}",
            words.join(" "),
            ran.code.unwrap(),
            ran.err
        )
    };
    let all = [
        told(&["plan", "--from", "nowhere.csv", "-o", "new.db"]),
        told(&["plan", "--from", ".", "-o", "new.db"]),
        told(&["plan", "--from", "list.csv", "-o", "job.db"]),
        told(&["status", "nowhere.db"]),
        told(&["status", "list.csv"]),
        told(&["status", "foreign.db"]),
        told(&["status", "newer.db"]),
        told(&["verify", "job.db", "--from", "list.csv"]),
        told(&["plan", "--from", "-", "--token-file", "-", "-o", "new.db"]),
    ];
    let folder = desk.path("").to_string_lossy().into_owned();
    insta::assert_snapshot!("unusable_files", all.join("\n").replace(&folder, "FOLDER/"));
    assert!(!desk.has("new.db"));
}

#[test]
fn a_fresh_export_is_ordered_and_planned_from() {
    let desk = Desk::of_users(5);
    let words = ["plan", "--export", "--connection", "old", "-o", "job.db"];
    let ran = desk.expect(0, &words);
    assert!(ran.out.contains("unlink 5 identities"), "{ran:?}");
    let posts: Vec<_> = desk
        .sandbox
        .requests()
        .into_iter()
        .filter(|request| request.method != "GET")
        .collect();
    let [order] = posts.as_slice() else {
        panic!("{posts:?}");
    };
    assert_eq!(
        (order.method.as_str(), order.path.as_str()),
        ("POST", "/api/v2/jobs/users-exports")
    );
    assert_eq!(desk.sandbox.effects().len(), 0);
    // Where the job cannot be written, no export is ordered.
    let before = desk.sandbox.requests().len();
    desk.expect(1, &words);
    assert_eq!(desk.sandbox.requests().len(), before);
    // It is no older than the order, so what it shows is evidence.
    desk.expect(0, &["apply", "job.db", "--yes"]);
    assert_eq!(desk.sent("DELETE"), 5);
    let ran = desk.expect(0, &["verify", "job.db", "--export"]);
    insta::assert_snapshot!("verify_export", desk.told(&ran));
}

#[test]
fn what_an_export_still_shows_or_shows_anew_is_told() {
    let desk = Desk::of_users(3);
    desk.plan("old", &[]);
    desk.expect(7, &["apply", "job.db", "--yes", "--max", "2"]);
    desk.export("fresh.json");
    let new = r#"{"user_id":"auth0|8","email":"e@example.com","email_verified":true,"identities":[{"provider":"auth0","user_id":"8","connection":"db"},{"provider":"samlp","user_id":"old|8","connection":"old"}]}"#;
    desk.write("fresh.json", desk.read("fresh.json") + new);
    let ran = desk.expect(1, &["verify", "job.db", "--from", "fresh.json"]);
    insta::assert_snapshot!("verify_left", desk.told(&ran));
    desk.expect(0, &["apply", "job.db", "--yes"]);
    let ran = desk.expect(1, &["verify", "job.db", "--from", "fresh.json"]);
    assert!(ran.err.contains("make a plan of this export"), "{ran:?}");
    desk.expect(0, &["undo", "job.db", "--rows", "1", "--yes"]);
    let ordered = ["verify", "job.db", "--export"];
    let ran = desk.expect(1, &ordered);
    assert!(ran.err.contains("undo linked them back"), "{ran:?}");
    desk.expect(0, &["link", "auth0|2", "samlp|old|2", "--yes"]);
    let ran = desk.expect(1, &ordered);
    assert!(ran.err.contains("another plan by plan --export"), "{ran:?}");
    let elsewhere = cli(&[
        "verify",
        "job.db",
        "--export",
        "--domain",
        "http://127.0.0.1:1",
    ])
    .env("AUTH0_API_TOKEN", "planted.token")
    .dir(&desk.path(""))
    .run();
    assert!(
        elsewhere.err.contains("not for 127.0.0.1:1"),
        "{elsewhere:?}"
    );
}
