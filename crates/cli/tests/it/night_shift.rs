//! A connection with 8,000 linked accounts is emptied overnight, from the export to the purge, as one transcript.

use std::time::{Duration, SystemTime};

use unlink_sandbox::{Plan, Sandbox, Seed};

use crate::desk::Desk;

const ACCOUNTS: usize = 8_000;
/// The plan `enterprise` adds 16 requests a second, so that in this time one comes in and a bit more: a limit that was
/// used up is whole again after a while.
const STEP: Duration = Duration::from_millis(100);

/// From the end of one night to the next.
const DAY: Duration = Duration::from_secs(12 * 60 * 60);

/// Users with an account of the connection linked, every thousandth without a verified address; and two whose main
/// identity is on it.
fn seed() -> Seed {
    let linked = (1..=ACCOUNTS).map(|number| {
        serde_json::json!({
            "user_id": format!("auth0|{number}"),
            "email": format!("user{number}@example.com"),
            "email_verified": number % 1_000 != 0,
            "identities": [
                { "connection": "db", "provider": "auth0", "user_id": number.to_string() },
                { "connection": "old-saml", "provider": "samlp", "user_id": format!("old-saml|{number}") },
            ],
        })
    });
    let lost = (1..=2).map(|number| {
        let id = format!("old-saml|main{number}");
        serde_json::json!({
            "user_id": format!("samlp|{id}"),
            "email": format!("main{number}@example.com"),
            "email_verified": true,
            "identities": [{ "connection": "old-saml", "provider": "samlp", "user_id": id }],
        })
    });
    let users: Vec<_> = linked.chain(lost).collect();
    Seed::from_json(&serde_json::json!({ "users": users }).to_string()).unwrap()
}

/// The night's commands and what each showed, as far as it is the same every night.
struct Night {
    desk: Desk,
    transcript: String,
}

impl Night {
    /// Runs a command whose end is known.
    fn does(&mut self, code: i32, words: &[&str]) {
        let ran = self.desk.expect(code, words);
        let told = self.desk.told(&ran);
        self.tell(words, &told);
    }

    /// The same, where the numbers depend on how fast this machine is.
    fn does_as_fast_as_it_can(&mut self, code: i32, words: &[&str]) {
        let ran = self.desk.expect(code, words);
        let mut told = String::new();
        for line in self.desk.told(&ran).lines() {
            // The columns are as wide as the numbers.
            let words: Vec<_> = line
                .split_whitespace()
                .map(
                    |word| match word.starts_with(|c: char| c.is_ascii_digit()) {
                        true => "N",
                        false => word,
                    },
                )
                .collect();
            told += &(words.join(" ") + "\n");
        }
        self.tell(words, &told);
    }

    fn tell(&mut self, words: &[&str], told: &str) {
        let told = told
            .lines()
            // Lines of progress come by the clock.
            .filter(|line| !line.contains(" rows, ") || line.contains("Rows"))
            // How well an export compresses is not ours.
            .map(|line| {
                line.split_once(" lines, ")
                    .map_or(line, |(source, _)| source)
            })
            .map(|line| format!("{line}\n"))
            .collect::<String>();
        self.transcript +=
            &crate::desk::stable(&format!("$ auth0-unlink {}\n{told}\n", words.join(" ")));
    }

    fn status(&self) -> serde_json::Value {
        self.desk
            .expect(0, &["status", "night.db", "--json"])
            .document()
    }

    fn is_linked(&self, number: usize) -> bool {
        let user = self.desk.sandbox.user(&format!("auth0|{number}")).unwrap();
        user["identities"].as_array().unwrap().len() == 2
    }
}

/// A time so many seconds from now, as it is typed.
fn in_seconds(seconds: u64) -> String {
    let at = SystemTime::now() + Duration::from_secs(seconds);
    let date = httpdate::fmt_http_date(at);
    let clock = date.split(' ').nth(4).unwrap();
    clock.to_owned()
}

#[test]
fn eight_thousand_accounts_leave_a_connection_overnight() {
    let plan = Plan::named("enterprise").unwrap();
    let sandbox = Sandbox::builder().seed(seed()).plan(plan).start().unwrap();
    // The limit adds what each request takes: the tenant's night passes as fast as this machine can send.
    sandbox.step(STEP);
    let evening = sandbox.now();
    let mut night = Night {
        desk: Desk::at(sandbox),
        transcript: String::new(),
    };

    // The first operator plans.
    night.does(
        0,
        &[
            "plan",
            "--export",
            "--connection",
            "old-saml",
            "-o",
            "night.db",
        ],
    );
    let digest = night.status()["digest"].as_str().unwrap().to_owned();

    // The second looks at it, and agrees to this digest.
    night.does(0, &["report", "night.db", "-o", "night.html"]);
    let page = night.desk.read("night.html");
    for part in [
        "unlink 8,000 identities",
        "Nothing of it is done yet.",
        digest.as_str(),
        "2 users have the main identity in this selection, and are not in this job",
        "<li class=\"id\">samlp|old-saml|main1</li>",
        "8 users are left without a verified e-mail address",
        "<td>old-saml</td><td class=\"number\">8,000</td>",
        "the first 500, all are in the .csv report",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(
        night.desk.sandbox.effects().len(),
        0,
        "so far nothing was changed"
    );

    // It is applied: nobody can be asked, then a few to look at, then until the morning.
    let apply = ["apply", "night.db", "--expect", &digest, "--max", "8000"];
    night.does(6, &apply);
    night.does(6, &[&apply[..], &["--yes", "--canary", "5"]].concat());
    assert!((1..=5).all(|number| !night.is_linked(number)) && night.is_linked(6));
    // Now the tenant's time is this machine's: 16 a second, which is far from enough until then.
    night.desk.sandbox.resume();
    let until = in_seconds(4);
    night.does_as_fast_as_it_can(
        130,
        &[&apply[..], &["--yes", "--canary-ok", "--until", &until]].concat(),
    );
    night.transcript = night.transcript.replace(&until, "06:00");
    let status = night.status();
    let counts = &status["counts"];
    let (done, pending) = (
        counts["unlinked"].as_u64().unwrap(),
        counts["pending"].as_u64().unwrap(),
    );
    assert_eq!(
        (done + pending, &counts["unknown"]),
        (ACCOUNTS as u64, &0.into()),
        "{status}"
    );
    assert!(pending > 7_500, "{status}");

    // The next night the same command goes on, with a limit that is whole again.
    night.desk.sandbox.step(STEP);
    night.desk.sandbox.advance(DAY);
    night.does_as_fast_as_it_can(0, &[&apply[..], &["--yes"]].concat());
    assert_eq!(night.status()["counts"]["unlinked"], ACCOUNTS);
    assert!((1..=ACCOUNTS).all(|number| !night.is_linked(number)));

    night.does(0, &["verify", "night.db", "--export"]);
    night.does(0, &["report", "night.db", "-o", "night.html"]);
    let page = night.desk.read("night.html");
    // Whether there is anything to draw depends on how fast this machine is.
    for part in [
        "Every row has a result.",
        "canary",
        "until",
        "complete",
        "night-operator",
    ] {
        assert!(page.contains(part), "{part}");
    }

    // Three were a mistake.
    night.does(0, &["undo", "night.db", "--rows", "3,7-8", "--yes"]);
    let linked: Vec<usize> = (1..=ACCOUNTS)
        .filter(|number| night.is_linked(*number))
        .collect();
    assert_eq!(linked, [3, 7, 8]);

    night.does(0, &["purge", "night.db", "--yes"]);
    let bytes = std::fs::read(night.desk.path("night.db")).unwrap();
    assert!(!bytes.windows(9).any(|bytes| bytes == b"old-saml|"));
    assert_eq!(night.status()["counts"]["unlinked"], ACCOUNTS);
    insta::assert_snapshot!(night.transcript);

    // At the tenant it took the time that its limit makes of it.
    let took = night.desk.sandbox.now().duration_since(evening).unwrap();
    assert!(
        took >= DAY + Duration::from_secs(ACCOUNTS as u64 / 16),
        "{took:?}"
    );
}
