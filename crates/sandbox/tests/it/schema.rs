//! Every successful answer holds, key by key, what the schema of the operations says; the contract lane uses the same.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use unlink_sandbox::{Population, Sandbox};

use crate::client::{Answer, send, send_json};

#[path = "../../../../xtask/src/contract/schema.rs"]
mod checker;

use checker::{Findings, Schema};

const SCHEMA: &str = include_str!("../../../../xtask/contract/schema.json");
const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";
const SCOPES: &[&str] = &[
    "read:users",
    "create:users",
    "update:users",
    "delete:users",
    "read:connections",
    "read:logs",
    "read:user_idp_tokens",
];

/// A tenant whose answers are checked as they come.
struct Checked {
    sandbox: Sandbox,
    schema: Schema,
    token: String,
    seen: BTreeSet<String>,
}

impl Checked {
    fn new(sandbox: Sandbox) -> Self {
        Self {
            token: sandbox.token(SCOPES),
            schema: Schema::read(SCHEMA).unwrap(),
            seen: BTreeSet::new(),
            sandbox,
        }
    }

    fn send(&mut self, method: &str, target: &str, body: Option<&Value>) -> Answer {
        let token = Some(self.token.as_str());
        let answer = match body {
            None => send(&self.sandbox, method, target, token),
            Some(body) => send_json(&self.sandbox, method, target, token, body),
        };
        let operation = self
            .schema
            .operation(method, target)
            .unwrap_or_else(|| panic!("{method} {target} has no schema"));
        let body = (!answer.body.is_empty()).then(|| answer.json());
        let found = self
            .schema
            .check(operation, target, answer.status, body.as_ref());
        assert_eq!(
            found,
            Findings::default(),
            "{method} {target}: {}",
            answer.body
        );
        self.seen.insert(operation.to_owned());
        answer
    }
}

#[test]
fn every_operation_answers_as_the_schema_says() {
    let mut tenant = Checked::new(Sandbox::start().unwrap());
    for target in [
        "connections",
        "connections?include_totals=true",
        "connections?take=1",
        "connections?fields=name",
        "users",
        "users?include_totals=true",
        "users?fields=user_id,email",
        "users-by-email?email=jane.doe%40example.com",
    ] {
        tenant.send("GET", &format!("/api/v2/{target}"), None);
    }
    let all = tenant.sandbox.users();
    for user in &all {
        let id = user["user_id"].as_str().unwrap().replace('|', "%7C");
        tenant.send("GET", &format!("/api/v2/users/{id}"), None);
    }
    // Unlinked, read as an account of its own, linked again, by a number and by text.
    for (provider, id) in [
        ("github", "58323117"),
        ("google-oauth2", "108357642915403298764"),
    ] {
        tenant.send(
            "DELETE",
            &format!("{JANES}/identities/{provider}/{id}"),
            None,
        );
        tenant.send("GET", &format!("/api/v2/users/{provider}%7C{id}"), None);
        let link = json!({ "provider": provider, "user_id": id });
        tenant.send("POST", &format!("{JANES}/identities"), Some(&link));
    }
    let new = json!({
        "connection": "Username-Password-Authentication", "email": "kim@example.com", "password": "a-Pass-word-1",
        "user_metadata": { "a": 1 }, "app_metadata": { "b": [] }, "blocked": false, "username": "kim",
    });
    let kim = tenant.send("POST", "/api/v2/users", Some(&new)).json();
    let kims = format!(
        "/api/v2/users/{}",
        kim["user_id"].as_str().unwrap().replace('|', "%7C")
    );
    let password =
        json!({ "password": "b-Pass-word-1", "connection": "Username-Password-Authentication" });
    tenant.send("PATCH", &kims, Some(&password));
    tenant.send("GET", &kims, None);
    tenant.send("DELETE", &kims, None);
    for wanted in [
        json!({}),
        json!({ "format": "json", "limit": 1, "fields": [{ "name": "email" }], "connection_id": "con_Zm4tQ7rX2bWc9LdK" }),
    ] {
        let job = tenant
            .send("POST", "/api/v2/jobs/users-exports", Some(&wanted))
            .json();
        tenant.send(
            "GET",
            &format!("/api/v2/jobs/{}", job["id"].as_str().unwrap()),
            None,
        );
    }
    let grant = json!({
        "grant_type": "client_credentials", "client_id": tenant.sandbox.client_id(),
        "client_secret": tenant.sandbox.client_secret(), "audience": format!("{}/api/v2/", tenant.sandbox.url()),
    });
    tenant.send("POST", "/oauth/token", Some(&grant));
    let logs = tenant.send("GET", "/api/v2/logs", None).json();
    assert!(logs.as_array().unwrap().len() > 8, "{logs}");
    tenant.send("GET", "/api/v2/logs?include_totals=true", None);
    tenant.send("GET", "/api/v2/logs?fields=type", None);
    tenant.send(
        "GET",
        &format!("/api/v2/logs/{}", logs[0]["log_id"].as_str().unwrap()),
        None,
    );

    let all: BTreeSet<String> = tenant.schema.operations().map(str::to_owned).collect();
    assert_eq!(tenant.seen, all);
    // And every operation of the Management API that is served has a schema.
    let reference = unlink_sandbox::reference_markdown();
    let (served, _) = reference.split_once("\n## ").unwrap();
    for line in served.lines().filter(|line| line.contains("/api/v2/")) {
        let name = line.split('`').nth(3).unwrap();
        assert!(all.contains(name), "{name} has no schema");
    }
}

#[test]
fn made_up_users_are_as_the_schema_says() {
    let seed = Population::new(300).linked(0.5).generate();
    let mut tenant = Checked::new(Sandbox::builder().seed(seed).start().unwrap());
    for page in 0..3 {
        let shown = tenant
            .send(
                "GET",
                &format!("/api/v2/users?per_page=100&page={page}"),
                None,
            )
            .json();
        assert_eq!(shown.as_array().unwrap().len(), 100);
    }
}
