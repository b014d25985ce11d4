//! The calls that a client noted: successful answers checked against the schema, and no secret among them.

use super::{FOLDER, schema::Findings, schema::Schema};
use crate::failure::{Failure, Result, read};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// What the clients get by ways of their own, unseen.
const UNSEEN: [&str; 1] = ["oauth_token"];

/// The file that a client notes its calls in.
pub(super) struct Exchanges {
    pub(super) file: PathBuf,
}

/// One call, as far as it is checked.
#[derive(Deserialize)]
struct Exchange {
    method: String,
    path: String,
    status: u16,
    body: Option<Value>,
}

/// What the answers of a run were like.
#[derive(Default)]
pub(super) struct Checked {
    /// How many were successes, and so checked.
    pub(super) answers: usize,
    pub(super) operations: BTreeSet<String>,
    pub(super) wrong: BTreeSet<String>,
    pub(super) undeclared: BTreeSet<String>,
}

impl Exchanges {
    /// An empty file.
    pub(super) fn begin(folder: &Path, name: &str) -> Result<Self> {
        let file = folder.join(format!("{name}.jsonl"));
        let emptied = fs::create_dir_all(folder).and_then(|()| fs::write(&file, ""));
        emptied
            .map(|()| Self { file: file.clone() })
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))
    }

    /// Checks every successful answer that was noted; one of an operation that the schema does not know is wrong.
    pub(super) fn check(&self, root: &Path) -> Result<(Schema, Checked)> {
        let schema = read(&root.join(FOLDER).join("schema.json"))?;
        let schema = Schema::read(&schema)
            .map_err(|problem| Failure::new(format!("schema.json: {problem}")))?;
        let mut checked = Checked::default();
        for line in read(&self.file)?.lines() {
            let exchange: Exchange = serde_json::from_str(line).map_err(|error| {
                Failure::new(format!("{}: {error}: {line}", self.file.display()))
            })?;
            // What the tenant refused, or what it has no answer for, is not looked at here.
            if !(200..300).contains(&exchange.status) || exchange.method == "OPTIONS" {
                continue;
            }
            checked.add(&schema, &exchange);
        }
        Ok((schema, checked))
    }

    /// Demands that every operation of the Management API was answered as the schema says; the number of answers.
    pub(super) fn check_all(&self, root: &Path) -> Result<usize> {
        let (schema, checked) = self.check(root)?;
        let unseen = |name: &&str| !checked.operations.contains(*name) && !UNSEEN.contains(name);
        let unseen: Vec<&str> = schema.operations().filter(unseen).collect();
        let mut problems: Vec<String> = checked.problems();
        problems.extend(
            unseen
                .iter()
                .map(|name| format!("{name}: was never answered")),
        );
        if problems.is_empty() {
            return Ok(checked.answers);
        }
        Err(Failure::new(format!(
            "contract: answers are not as {FOLDER}/schema.json says:\n  {}",
            problems.join("\n  ")
        )))
    }

    /// Demands that nothing noted opens a door; if something does, the file is gone.
    pub(super) fn demand_no_secret(&self, secrets: &[&str]) -> Result<()> {
        let text = read(&self.file)?;
        let found = secrets
            .iter()
            .any(|secret| !secret.is_empty() && text.contains(secret));
        // A token that is not among those known begins like this, whatever it says.
        if !found && !text.contains("eyJ") {
            return Ok(());
        }
        let removed = fs::remove_file(&self.file);
        let fate = match removed {
            Ok(()) => "it was deleted".to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "it is gone".to_owned(),
            Err(error) => format!("delete it: {error}"),
        };
        Err(Failure::new(format!(
            "contract: {} held a secret; {fate}",
            self.file.display()
        )))
    }
}

impl Checked {
    fn add(&mut self, schema: &Schema, exchange: &Exchange) {
        let Exchange {
            method,
            path,
            status,
            body,
        } = exchange;
        self.answers += 1;
        let Some(operation) = schema.operation(method, path) else {
            self.wrong.insert(format!("{method} {path}: no schema"));
            return;
        };
        let Findings { wrong, undeclared } = schema.check(operation, path, *status, body.as_ref());
        self.operations.insert(operation.to_owned());
        self.wrong.extend(wrong);
        self.undeclared.extend(undeclared);
    }

    /// What is not as the schema says, a line each.
    pub(super) fn problems(&self) -> Vec<String> {
        let undeclared = self.undeclared.iter();
        let undeclared = undeclared.map(|key| format!("{key}: is not declared"));
        self.wrong.iter().cloned().chain(undeclared).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Exchanges;
    use crate::failure::write;

    fn noted(text: &str) -> (tempfile::TempDir, Exchanges) {
        let folder = tempfile::tempdir().unwrap();
        let exchanges = Exchanges::begin(folder.path(), "x").unwrap();
        write(&exchanges.file, text).unwrap();
        (folder, exchanges)
    }

    #[test]
    fn what_is_wrong_undeclared_or_unknown_is_told_and_refusals_are_passed_over() {
        let (_folder, exchanges) = noted(concat!(
            r#"{"method":"GET","path":"/api/v2/users/a","status":200,"body":{"user_id":1,"identities":[],"shoe":2}}"#,
            "\n",
            r#"{"method":"GET","path":"/api/v2/users/b","status":404,"body":{"statusCode":404}}"#,
            "\n",
            r#"{"method":"DELETE","path":"/api/v2/users/a","status":204}"#,
            "\n",
            r#"{"method":"GET","path":"/api/v2/other","status":200,"body":{}}"#,
            "\n",
        ));
        let (_, checked) = exchanges.check(&crate::root()).unwrap();
        assert_eq!(checked.answers, 3);
        assert_eq!(
            checked.problems(),
            [
                "GET /api/v2/other: no schema",
                "get_users_by_id.user_id: is integer, not \"string\"",
                "get_users_by_id.shoe: is not declared",
            ]
        );
        let failure = exchanges.check_all(&crate::root()).unwrap_err().to_string();
        assert!(
            failure.contains("post_identities: was never answered"),
            "{failure}"
        );
    }

    #[test]
    fn a_record_with_a_secret_is_not_kept() {
        for (text, is_kept) in [
            ("{\"a\":\"harmless\"}", true),
            ("{\"a\":\"hush\"}", false),
            ("{\"a\":\"eyJhbGciOi\"}", false),
        ] {
            let (_folder, exchanges) = noted(text);
            assert_eq!(
                exchanges.demand_no_secret(&["", "hush"]).is_ok(),
                is_kept,
                "{text}"
            );
            assert_eq!(exchanges.file.exists(), is_kept, "{text}");
        }
    }
}
