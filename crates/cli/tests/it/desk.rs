//! A desk to work on jobs at: a folder of files, and a tenant.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use unlink_sandbox::{Sandbox, Seed};

use crate::support::{Cli, Ran, cli};

/// Everything that the commands on jobs need.
pub(crate) const SCOPES: [&str; 4] = [
    "read:users",
    "update:users",
    "delete:users",
    "read:connections",
];

pub(crate) struct Desk {
    folder: TempDir,
    pub(crate) sandbox: Sandbox,
    token: String,
}

impl Desk {
    /// With a tenant of users `auth0|1` to `auth0|N`, to each of whom `github|100N` and `samlp|old|N` are linked.
    pub(crate) fn of_users(users: usize) -> Self {
        Self::at(Sandbox::builder().seed(linked(users)).start().unwrap())
    }

    pub(crate) fn at(sandbox: Sandbox) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            token: sandbox.token(&SCOPES),
            sandbox,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Writes what an export of all users would hold now.
    pub(crate) fn export(&self, name: &str) {
        let lines = self.sandbox.users().into_iter();
        self.write(
            name,
            lines.map(|user| format!("{user}\n")).collect::<String>(),
        );
    }

    /// A command that is run in the folder, with the tenant and a token in its environment.
    pub(crate) fn cli(&self, words: &[&str]) -> Cli {
        cli(words)
            .env("AUTH0_DOMAIN", self.sandbox.url())
            .env("AUTH0_API_TOKEN", &self.token)
            .env("USER", "night-operator")
            .env("TZ", "UTC0")
            .dir(self.folder.path())
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.cli(words).run()
    }

    /// Runs it, and sees that it ends like this.
    pub(crate) fn expect(&self, code: i32, words: &[&str]) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(code), "{words:?} {ran:?}");
        ran
    }

    /// A plan of everything on a connection, as `job.db`.
    pub(crate) fn plan(&self, connection: &str, more: &[&str]) {
        self.export("export.json");
        let words = [
            "plan",
            "--from",
            "export.json",
            "--connection",
            connection,
            "-o",
            "job.db",
        ];
        self.expect(0, &[&words[..], more].concat());
    }

    /// All that a user sees, with what differs from run to run made the same.
    pub(crate) fn told(&self, ran: &Ran) -> String {
        let folder = self.folder.path().to_string_lossy();
        let told = ran.told_of(self.sandbox.url());
        let told = told.replace(&self.sandbox.domain(), "LOCAL");
        without_waits(&stable(&told.replace(&*folder, "FOLDER")))
    }

    /// How often a request of this method came.
    pub(crate) fn sent(&self, method: &str) -> usize {
        let requests = self.sandbox.requests();
        assert_eq!(self.sandbox.overflow().requests, 0, "the log is whole");
        requests
            .iter()
            .filter(|request| request.method == method)
            .count()
    }
}

impl Cli {
    pub(crate) fn dir(self, folder: &Path) -> Self {
        let mut cli = self;
        cli.command_mut().current_dir(folder);
        cli
    }
}

/// Users `auth0|1` to `auth0|N` with a GitHub and a SAML account linked to each.
pub(crate) fn linked(users: usize) -> Seed {
    let users: Vec<_> = (1..=users)
        .map(|number| {
            let id = number.to_string();
            serde_json::json!({
                "user_id": format!("auth0|{id}"),
                "email": format!("user{id}@example.com"),
                "email_verified": true,
                "identities": [
                    { "connection": "db", "provider": "auth0", "user_id": id },
                    { "connection": "github", "provider": "github", "user_id": 1000 + number },
                    { "connection": "old", "provider": "samlp", "user_id": format!("old|{id}") },
                ],
            })
        })
        .collect();
    Seed::from_json(&serde_json::json!({ "users": users }).to_string()).unwrap()
}

/// The text without how long requests took, which a loaded machine makes longer.
fn without_waits(text: &str) -> String {
    let line = |line: &str| {
        let Some((before, after)) = line
            .split_once(" in ")
            .filter(|(before, _)| before.ends_with(" request") || before.ends_with(" requests"))
        else {
            return format!("{line}\n");
        };
        // Up to what the rate limit had left; and how long that took, if it was long enough to be told.
        let end = after.find(';').unwrap_or(after.len());
        let refused = after[..end]
            .split(", ")
            .filter(|part| part.contains("refused"));
        let refused: String = refused.map(|part| format!(", {part}")).collect();
        format!("{before} in A WHILE{refused}{}\n", &after[end..])
    };
    text.lines().map(line).collect()
}

/// The text with digests, times, durations and process-wide names replaced.
pub(crate) fn stable(text: &str) -> String {
    let mut stable = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (taken, name) = token(rest);
        if taken > 0 {
            stable += name;
            rest = &rest[taken..];
            continue;
        }
        // The rest of a word is not looked at: it does not begin anything.
        let word = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let step = word.max(c.len_utf8());
        stable += &rest[..step];
        rest = &rest[step..];
    }
    stable
}

/// What a text begins with that differs from run to run: its length, and what stands for it.
fn token(text: &str) -> (usize, &'static str) {
    let hex = text
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(text.len());
    if hex == 64 {
        return (64, "DIGEST");
    }
    let shape = |shape: &str| {
        text.len() >= shape.len()
            && text.bytes().zip(shape.bytes()).all(|(c, s)| match s {
                b'0' => c.is_ascii_digit(),
                s => c == s,
            })
    };
    if shape("0000-00-00T00:00:00Z") {
        return (20, "TIME");
    }
    if shape("0000-00-00T00:00:00+00:00") {
        return (25, "TIME");
    }
    (0, "")
}
