//! The tenant's own log, which `GET /logs` shows: what was done and by whom, kept small and written out when somebody reads.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::account::IdentityId;
use crate::call::{Inbound, Reply};
use crate::clock::Millis;
use crate::jwt::Claims;
use crate::limiter::Notice;
use crate::provenance::Behaviour;
use crate::redact;
use crate::tenant::Tenant;

/// How much of a correlation id is kept.
const LONGEST_CORRELATION_ID: usize = 64;

/// A body beyond this is left out, a text cut off: a log with a cap on entries alone has none on bytes.
const LONGEST: usize = 4096;

/// What is told of a program; browsers are not told apart here.
const USER_AGENT: &str = "Other 0.0.0 / Other 0.0.0";

/// How entries name the operations that change something: the titles of Auth0's own reference.
const DESCRIPTIONS: &[(&str, &str)] = &[
    ("delete_user_identity_by_user_id", "Unlink a User Identity"),
    ("delete_users_by_id", "Delete a User"),
    ("patch_users_by_id", "Update a User"),
    ("post_identities", "Link a User Account"),
    ("post_users", "Create a User"),
    ("post_users-exports", "Create export users job"),
];

/// The operations whose entries were recorded.
const RECORDED: [&str; 2] = ["delete_users_by_id", "post_users"];

/// Something that was done.
#[derive(Debug)]
pub(crate) struct Event {
    at: Millis,
    /// Never before that of an earlier entry, whatever the clock was told: entries are in the order of their ids.
    mark: Millis,
    by: Caller,
    what: What,
}

/// Where a request came from.
#[derive(Debug)]
struct Caller {
    ip: IpAddr,
    client_id: Option<Box<str>>,
    user_agent: Option<Box<str>>,
    auth0_client: Option<Box<str>>,
}

/// What was done.
#[derive(Debug)]
pub(crate) enum What {
    /// A call that changes something.
    Call(Box<ApiCall>),
    /// An account was made in a database.
    SignedUp(Box<Person>),
    /// A user is gone.
    Deleted(Box<Person>),
    /// A client asked for a token.
    Exchanged {
        granted: bool,
        client_id: Option<Box<str>>,
        audience: Option<Box<str>>,
        scope: Option<Box<str>>,
        refusal: Option<Box<str>>,
    },
    /// A limit is reached, or nearly.
    Limit {
        notice: Notice,
        method: Method,
        path: Box<str>,
    },
}

/// A call of the Management API that changes something.
#[derive(Debug)]
pub(crate) struct ApiCall {
    operation: &'static str,
    claims: Arc<Claims>,
    method: Method,
    path: Box<str>,
    query: Option<Box<str>>,
    body: Box<[u8]>,
    is_form: bool,
    correlation_id: Option<Box<str>>,
    status: StatusCode,
    answer: Box<[u8]>,
}

/// The user that an entry is about.
#[derive(Debug)]
pub(crate) struct Person {
    user_id: Arc<str>,
    identity: IdentityId,
    name: Option<Box<str>>,
    connection: Arc<str>,
    strategy: Box<str>,
}

impl What {
    /// What a limit told of the request that was counted last.
    pub(crate) fn limit(notice: Notice, inbound: &Inbound) -> Self {
        Self::Limit {
            notice,
            method: inbound.method.clone(),
            path: cut(&inbound.path),
        }
    }
}

impl Event {
    pub(crate) fn new(at: Millis, after: Option<&Self>, inbound: &Inbound, what: What) -> Self {
        let client_id = match &what {
            What::Call(call) => call.claims.authorized_party.as_deref().map(Into::into),
            What::Exchanged { client_id, .. } => client_id.clone(),
            _ => None,
        };
        Self {
            at,
            mark: after.map_or(at, |last| last.mark.max(at)),
            by: Caller {
                ip: inbound.peer,
                client_id,
                user_agent: kept(inbound, "user-agent"),
                auth0_client: kept(inbound, "auth0-client"),
            },
            what,
        }
    }

    /// Its id, given its number: of the recorded form, and later than the id of every earlier entry.
    pub(crate) fn id(&self, seq: u64) -> String {
        format!("900{}{seq:036}", self.mark.digits())
    }

    /// Whether entries like it were recorded; what is told of others is concluded from those.
    pub(crate) fn is_as_recorded(&self) -> bool {
        match &self.what {
            What::Call(call) => RECORDED.contains(&call.operation) && call.status.is_success(),
            What::SignedUp(_) => true,
            What::Exchanged { granted, .. } => *granted,
            What::Deleted(_) | What::Limit { .. } => false,
        }
    }

    /// What decides that there is such an entry, if that is not known.
    pub(crate) fn rests_on(&self) -> Option<Behaviour> {
        match &self.what {
            What::Call(call) if !call.status.is_success() => Some(Behaviour::LogRefused),
            What::Deleted(_) => Some(Behaviour::LogDeletion),
            What::Limit { notice, .. } if !notice.is_warning => Some(Behaviour::LogLimit),
            _ => None,
        }
    }

    /// As `GET /logs` shows it.
    pub(crate) fn spelt_out(&self, seq: u64) -> Value {
        let id = self.id(seq);
        let mut entry = json!({
            "_id": id, "log_id": id, "date": self.at.iso(), "description": "",
            "connection": null, "connection_id": null, "organization_id": null, "organization_name": null,
            "client_id": self.by.client_id, "client_name": "", "ip": self.by.ip.to_string(), "hostname": null,
            "user_id": null, "user_name": null, "user_agent": USER_AGENT, "audience": null,
            "strategy": null, "strategy_type": null, "isMobile": false, "location_info": null,
        });
        if let Some(client) = self.by.auth0_client.as_deref().and_then(unpacked) {
            entry["auth0_client"] = client;
        }
        match &self.what {
            What::Call(call) => call.write(&mut entry, &self.by),
            What::SignedUp(person) => {
                entry["type"] = "ss".into();
                person.write(&mut entry);
            }
            What::Deleted(person) => {
                entry["type"] = "sdu".into();
                person.write(&mut entry);
            }
            What::Exchanged {
                granted,
                audience,
                scope,
                refusal,
                ..
            } => {
                entry["type"] = if *granted { "seccft" } else { "feccft" }.into();
                entry["description"] = refusal.as_deref().unwrap_or_default().into();
                entry["audience"] = json!(audience);
                entry["scope"] = json!(scope);
                entry["details"] = Value::Null;
            }
            What::Limit {
                notice,
                method,
                path,
            } => {
                let kind = if notice.is_warning {
                    "api_limit_warning"
                } else {
                    "api_limit"
                };
                entry["type"] = kind.into();
                entry["description"] = notice.description().into();
                entry["details"] = json!({
                    "limit": { "bucket": notice.bucket, "global": notice.is_global, "size": notice.size },
                    "request": { "method": method.as_str().to_lowercase(), "path": path },
                });
            }
        }
        entry
    }
}

impl ApiCall {
    pub(crate) fn new(
        operation: &'static str,
        inbound: &Inbound,
        claims: &Arc<Claims>,
        reply: &Reply,
    ) -> Self {
        let short = |body: &[u8]| match body.len() {
            0..=LONGEST => body.into(),
            _ => Box::default(),
        };
        let correlation_id = kept(inbound, "x-correlation-id")
            .map(|id| id.chars().take(LONGEST_CORRELATION_ID).collect());
        Self {
            operation,
            claims: Arc::clone(claims),
            method: inbound.method.clone(),
            path: cut(&inbound.path),
            query: inbound.query.as_deref().map(cut),
            body: short(&inbound.body),
            is_form: inbound.is_form(),
            correlation_id,
            status: reply.status,
            answer: short(&reply.body),
        }
    }

    fn write(&self, entry: &mut Value, by: &Caller) {
        let described = DESCRIPTIONS.iter().find(|(id, _)| *id == self.operation);
        let kind = if self.status.is_success() {
            "sapi"
        } else {
            "fapi"
        };
        entry["type"] = kind.into();
        entry["description"] = described.map_or(self.operation, |(_, text)| text).into();
        if let Some(id) = &self.correlation_id {
            entry["references"] = json!({ "correlation_id": id });
        }
        // A machine is no user.
        let user = self.claims.subject.as_deref();
        if let Some(user) = user.filter(|subject| !subject.ends_with("@clients")) {
            entry["user_id"] = user.into();
        }
        let query = self.query.as_deref().unwrap_or_default();
        entry["details"] = json!({
            "request": {
                "auth": {
                    "credentials": { "scopes": self.claims.scopes }, "strategy": "jwt", "user": {},
                },
                "body": self.sent(),
                "channel": "api",
                "ip": by.ip.to_string(),
                "method": self.method.as_str().to_lowercase(),
                "path": self.path,
                "query": pairs(query.as_bytes()),
                "userAgent": by.user_agent,
            },
            "response": {
                "statusCode": self.status.as_u16(),
                "body": read(&self.answer).unwrap_or_else(|| json!({})),
            },
        });
    }

    fn sent(&self) -> Value {
        match self.is_form {
            true => masked(pairs(&self.body)),
            false => read(&self.body).unwrap_or_default(),
        }
    }
}

impl Person {
    /// The user with this id.
    pub(crate) fn of(tenant: &Tenant, user_id: &str) -> Option<Self> {
        let account = tenant.account(user_id)?;
        let main = account.identities.first()?;
        let names = ["username", "email", "phone_number", "name"].iter();
        let name = names.filter_map(|key| account.attribute(key)?.as_str());
        let mut connections = tenant.connections().iter();
        let connection = connections.find(|known| *known.name == *main.connection);
        let strategy = connection.map_or(&*main.provider, |known| &known.strategy);
        Some(Self {
            user_id: Arc::clone(&account.user_id),
            identity: main.user_id.clone(),
            name: name.map(Into::into).next(),
            connection: Arc::clone(&main.connection),
            strategy: strategy.into(),
        })
    }

    /// Whether it logs in at a database.
    pub(crate) fn is_in_database(&self) -> bool {
        &*self.strategy == "auth0"
    }

    fn write(&self, entry: &mut Value) {
        let strategy_type = match &*self.strategy {
            "auth0" => "database",
            "email" | "sms" => "passwordless",
            _ => "social",
        };
        entry["connection"] = (*self.connection).into();
        entry["strategy"] = (*self.strategy).into();
        entry["strategy_type"] = strategy_type.into();
        entry["user_id"] = (*self.user_id).into();
        entry["user_name"] = json!(self.name);
        entry["identity_user_id"] = match &self.identity {
            IdentityId::Text(text) => (**text).into(),
            IdentityId::Integer(number) => number.to_string().into(),
        };
        entry["details"] = json!({ "body": { "connection": *self.connection } });
    }
}

fn kept(inbound: &Inbound, header: &str) -> Option<Box<str>> {
    let value = inbound.headers.get(header)?;
    Some(cut(&String::from_utf8_lossy(value.as_bytes())))
}

fn cut(text: &str) -> Box<str> {
    match text.len() {
        0..=LONGEST => text.into(),
        _ => text.chars().take(LONGEST).collect(),
    }
}

/// What an SDK says of itself: JSON in base64, of either alphabet.
fn unpacked(header: &str) -> Option<Value> {
    let padded = |text: &str| format!("{text}{}", "=".repeat(text.len().wrapping_neg() % 4));
    let text = padded(header.trim_end_matches('='));
    let bytes = STANDARD
        .decode(&text)
        .or_else(|_| URL_SAFE.decode(&text))
        .ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    value.is_object().then_some(value)
}

fn pairs(query: &[u8]) -> Value {
    form_urlencoded::parse(query)
        .map(|(key, value)| (key.into_owned(), Value::from(value.into_owned())))
        .collect()
}

/// A body without its secrets; nothing if it is no JSON.
fn read(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok().map(masked)
}

/// Secrets show as they do in recorded entries.
fn masked(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(masked).collect(),
        Value::Object(object) => {
            let mask = |(key, value): (String, Value)| match redact::is_secret(&key) {
                true => (key, "*****".into()),
                false => (key, masked(value)),
            };
            Value::Object(object.into_iter().map(mask).collect::<Map<_, _>>())
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{masked, unpacked};

    #[test]
    fn secrets_are_masked_at_any_depth() {
        let body =
            json!({ "password": "x", "identities": [{ "access_token": "y", "user_id": 1 }] });
        assert_eq!(
            masked(body),
            json!({ "password": "*****", "identities": [{ "access_token": "*****", "user_id": 1 }] })
        );
    }

    #[test]
    fn an_sdk_is_read_from_either_alphabet_padded_or_not() {
        let sdk = json!({ "name": "x" });
        for header in ["eyJuYW1lIjoieCJ9", "eyJuYW1lIjoieCJ9=="] {
            assert_eq!(unpacked(header), Some(sdk.clone()), "{header}");
        }
        assert_eq!(
            unpacked("eyJuYW1lIjoixZHFkcWRIn0"),
            Some(json!({ "name": "őőő" }))
        );
        assert_eq!(unpacked("no json"), None);
        assert_eq!(unpacked("MQ=="), None);
    }
}
