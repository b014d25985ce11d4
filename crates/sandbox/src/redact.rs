//! Keeps credentials out of the request log.

use serde_json::{Map, Value};

use crate::call::Inbound;

pub(crate) const REDACTED: &str = "<redacted>";

/// The parameters whose values are credentials.
const CREDENTIALS: &[&str] = &["client_assertion", "client_secret", "link_with", "password"];

/// What identity providers gave, beside what clients send.
const TOKENS: &[&str] = &[
    "access_token",
    "access_token_secret",
    "id_token",
    "refresh_token",
];

/// Whether the value under this key opens a door.
pub(crate) fn is_secret(key: &str) -> bool {
    CREDENTIALS.contains(&key) || TOKENS.contains(&key)
}

/// The body of a request as text, credentials replaced.
pub(crate) fn body(inbound: &Inbound) -> String {
    let text = String::from_utf8_lossy(&inbound.body);
    if !CREDENTIALS.iter().any(|name| text.contains(name)) {
        return text.into_owned();
    }
    if inbound.is_form() {
        return form(&inbound.body);
    }
    match serde_json::from_str::<Map<String, Value>>(&text) {
        Ok(mut object) => {
            for (key, value) in &mut object {
                if CREDENTIALS.contains(&key.as_str()) {
                    *value = REDACTED.into();
                }
            }
            Value::from(object).to_string()
        }
        // Whatever this is, it may hold a credential.
        Err(_) => REDACTED.into(),
    }
}

fn form(body: &[u8]) -> String {
    let mut redacted = form_urlencoded::Serializer::new(String::new());
    for (key, value) in form_urlencoded::parse(body) {
        let hidden = CREDENTIALS.contains(&key.as_ref());
        redacted.append_pair(&key, if hidden { REDACTED } else { &value });
    }
    redacted.finish()
}
