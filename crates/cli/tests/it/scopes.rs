//! The README's table of scopes, row by row: what it says is enough is, and nothing of it can be left out.

use std::fs;

use unlink_sandbox::Sandbox;

use crate::{
    desk::Desk,
    support::{JANE, JANES_GOOGLE, at, cli},
};

const README: &str = include_str!("../../../../README.md");

/// An account that is linked to another of the built-in users.
const SOMEONES_GOOGLE: &str = "google-oauth2|113920485517620394415";

/// All that a user's own token can have.
const EVERY_OWN: [&str; 2] = ["read:current_user", "update:current_user_identities"];

/// One command, and what one kind of token needs for it.
struct Row {
    command: String,
    /// Whether the token is the user's own.
    own: bool,
    needed: Vec<String>,
    /// With these too the command looks before it acts.
    looking: Vec<String>,
}

fn rows() -> Vec<Row> {
    let table = README
        .lines()
        .skip_while(|line| !line.starts_with("| Command | Scopes"));
    let lines = table.skip(2).take_while(|line| line.starts_with('|'));
    let mut rows = Vec::new();
    for line in lines {
        let cells: Vec<Vec<String>> = line.trim_matches('|').split('|').map(code).collect();
        let [commands, needed, looking, own_needed, own_looking] = cells.as_slice() else {
            panic!("{line}");
        };
        for command in commands {
            for (own, needed, looking) in
                [(false, needed, looking), (true, own_needed, own_looking)]
            {
                rows.push(Row {
                    command: command.clone(),
                    own,
                    needed: needed.clone(),
                    looking: looking.clone(),
                });
            }
        }
    }
    let is_own = |scope: &String| EVERY_OWN.contains(&scope.as_str());
    for row in rows.iter().filter(|row| row.own) {
        assert!(row.needed.iter().chain(&row.looking).all(is_own));
    }
    rows
}

/// What stands between backquotes.
fn code(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

impl Row {
    /// Whether no scope is enough: so it is with a user's own token where the cell is empty.
    fn is_impossible(&self) -> bool {
        self.needed.is_empty()
    }

    fn token(&self, sandbox: &Sandbox, scopes: &[&str]) -> String {
        match self.own {
            true => sandbox.user_token(JANE, scopes),
            false => sandbox.token(scopes),
        }
    }

    /// Whether `doctor` says of a token with exactly these scopes that it is enough for the command.
    fn doctor_agrees_with(&self, scopes: &[&str]) -> bool {
        let sandbox = Sandbox::start().unwrap();
        let ran = cli(&["doctor", "--json"])
            .env("AUTH0_DOMAIN", sandbox.url())
            .env("AUTH0_API_TOKEN", &self.token(&sandbox, scopes))
            .run();
        let document = ran.document();
        let serves = document["serves"].as_array().unwrap();
        serves.contains(&self.command.as_str().into())
    }

    /// Whether the command is one on a job.
    fn is_on_a_job(&self) -> bool {
        let name = self.command.split(' ').next();
        matches!(name, Some("plan" | "apply" | "verify" | "undo"))
    }

    /// Runs the command with a token that has exactly these scopes, at a tenant where there is something to do.
    fn exit_with(&self, scopes: &[&str]) -> Option<i32> {
        if self.is_on_a_job() {
            return self.exit_on_a_job_with(scopes);
        }
        let sandbox = Sandbox::start().unwrap();
        let links = self.command.starts_with("link");
        if links {
            let unlinked = at(&sandbox, &["unlink", JANE, JANES_GOOGLE, "--yes"]).run();
            assert_eq!(unlinked.code, Some(0));
        }
        let proof = tempfile::NamedTempFile::new().unwrap();
        fs::write(proof.path(), sandbox.id_token(JANES_GOOGLE)).unwrap();
        let mut words = vec![];
        for (index, word) in self.command.split(' ').enumerate() {
            words.push(match word {
                "NAME" => "google-oauth2",
                "FILE" => proof.path().to_str().unwrap(),
                word => word,
            });
            if index == 0 {
                words.push(JANE);
                if word != "list" {
                    words.extend([JANES_GOOGLE, "--yes"]);
                }
            }
        }
        let token = self.token(&sandbox, scopes);
        let before = sandbox.effects().len();
        let ran = cli(&words)
            .env("AUTH0_DOMAIN", sandbox.url())
            .env("AUTH0_API_TOKEN", &token)
            .run();
        let changes = words.contains(&"--yes") && !words.contains(&"--dry-run");
        let changed = sandbox.effects().len() > before;
        assert_eq!(
            changed,
            changes && ran.code == Some(0),
            "{words:?} {scopes:?} {ran:?}"
        );
        ran.code
    }

    /// The same for a job of someone else's identity, of which all is done that comes before the command.
    fn exit_on_a_job_with(&self, scopes: &[&str]) -> Option<i32> {
        let desk = Desk::at(Sandbox::start().unwrap());
        let identity = ["--identity", SOMEONES_GOOGLE];
        desk.export("export.json");
        let planned = ["plan", "--from", "export.json", "-o", "job.db"];
        let mut words: Vec<&str> = self.command.split(' ').collect();
        let domain = desk.sandbox.domain();
        match words.as_mut_slice() {
            ["plan", "--export"] => words.extend(["-o", "new.db", identity[0], identity[1]]),
            ["plan", "--check"] => {
                let row = "user_id,provider,identity_user_id\nsamlp|example-saml|jane@example.com,google-oauth2,113920485517620394415\n";
                desk.write("list.csv", row);
                desk.expect(
                    0,
                    &["plan", "--from", "list.csv", "-o", "job.db", "--offline"],
                );
                words.extend(["-o", "job.db"]);
            }
            ["apply", "--confirm-tenant", name] => {
                *name = &domain;
                desk.expect(0, &[&planned[..], &identity, &["--delete"]].concat());
                words.push("job.db");
            }
            ["apply"] => {
                desk.expect(0, &[&planned[..], &identity].concat());
                words.extend(["job.db", "--yes"]);
            }
            ["verify", "--export"] | ["undo"] => {
                desk.expect(0, &[&planned[..], &identity].concat());
                desk.expect(0, &["apply", "job.db", "--yes"]);
                words.extend(["job.db"]);
                if words[0] == "undo" {
                    words.push("--yes");
                }
            }
            _ => panic!("{}", self.command),
        }
        let before = desk.sandbox.effects().len();
        let token = self.token(&desk.sandbox, scopes);
        let ran = desk.cli(&words).env("AUTH0_API_TOKEN", &token).run();
        let changes = matches!(words[0], "apply" | "undo");
        let changed = desk.sandbox.effects().len() > before;
        assert_eq!(
            changed,
            changes && ran.code == Some(0),
            "{words:?} {scopes:?} {ran:?}"
        );
        ran.code
    }
}

#[test]
fn each_row_of_the_readme_holds() {
    let rows = rows();
    assert!(rows.len() >= 26, "the table was not found");
    for row in &rows {
        if row.is_impossible() {
            assert!(row.own, "{} needs scopes", row.command);
            assert_eq!(row.exit_with(&EVERY_OWN), Some(4), "{}", row.command);
            continue;
        }
        let needed: Vec<&str> = row.needed.iter().map(String::as_str).collect();
        let looking: Vec<&str> = row.looking.iter().map(String::as_str).collect();
        let all = [&needed[..], &looking[..]].concat();
        assert_eq!(row.exit_with(&all), Some(0), "{} {all:?}", row.command);
        assert_eq!(
            row.exit_with(&needed),
            Some(0),
            "{} {needed:?}",
            row.command
        );
        for left_out in &needed {
            let rest: Vec<&str> = all
                .iter()
                .copied()
                .filter(|scope| scope != left_out)
                .collect();
            assert_eq!(row.exit_with(&rest), Some(4), "{} {rest:?}", row.command);
        }
    }
}

#[test]
fn doctor_knows_the_same_scopes() {
    // A command with an option that leaves something out needs no more than the command.
    let leaves_out =
        |row: &Row| row.command.ends_with("--no-read") || row.command.ends_with("--dry-run");
    let mut rows = rows();
    rows.retain(|row| !leaves_out(row));
    assert!(rows.len() >= 20, "the table was not found");
    for row in &rows {
        if row.is_impossible() {
            assert!(!row.doctor_agrees_with(&EVERY_OWN), "{}", row.command);
            continue;
        }
        let needed: Vec<&str> = row.needed.iter().map(String::as_str).collect();
        assert!(
            row.doctor_agrees_with(&needed),
            "{} {needed:?}",
            row.command
        );
        for left_out in &needed {
            let rest: Vec<&str> = needed
                .iter()
                .copied()
                .filter(|scope| scope != left_out)
                .collect();
            assert!(!row.doctor_agrees_with(&rest), "{} {rest:?}", row.command);
        }
    }
}
