//! The keys that creating and updating a user share, and their kinds.

use serde_json::{Map, Value};

use crate::errors::{ApiError, Part};
use crate::provenance::Rules;

/// What a value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bool,
    Object,
}

impl Kind {
    fn admits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Bool => value.is_boolean(),
            Self::Object => value.is_object(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Bool => "boolean",
            Self::Object => "object",
        }
    }
}

/// The attributes a caller can set.
pub(crate) const STORED: &[(&str, Kind)] = &[
    ("app_metadata", Kind::Object),
    ("blocked", Kind::Bool),
    ("email", Kind::Text),
    ("email_verified", Kind::Bool),
    ("family_name", Kind::Text),
    ("given_name", Kind::Text),
    ("name", Kind::Text),
    ("nickname", Kind::Text),
    ("phone_number", Kind::Text),
    ("phone_verified", Kind::Bool),
    ("picture", Kind::Text),
    ("user_metadata", Kind::Object),
    ("username", Kind::Text),
];

/// The kind of a key that is stored or listed in `more`.
pub(crate) fn kind(key: &str, more: &[(&str, Kind)]) -> Option<Kind> {
    STORED
        .iter()
        .chain(more)
        .find(|(known, _)| *known == key)
        .map(|(_, kind)| *kind)
}

/// A form carries everything as text: what should be true or false becomes so.
pub(crate) fn read_form(body: &mut Map<String, Value>, more: &[(&str, Kind)]) {
    for (key, value) in body {
        let boolean = match value.as_str() {
            Some("true") => true,
            Some("false") => false,
            _ => continue,
        };
        if kind(key, more) == Some(Kind::Bool) {
            *value = boolean.into();
        }
    }
}

/// Refuses unknown keys and values of the wrong kind.
pub(crate) fn check(
    rules: &mut Rules,
    body: &Map<String, Value>,
    more: &[(&str, Kind)],
) -> Result<(), ApiError> {
    let unknown: Vec<&str> = body
        .keys()
        .map(String::as_str)
        .filter(|key| kind(key, more).is_none())
        .collect();
    if !unknown.is_empty() {
        let problem = format!("Additional properties not allowed: {}", unknown.join(","));
        return Err(ApiError::invalid(rules, Part::Body, problem));
    }
    check_kinds(rules, body, more)
}

/// Refuses values of the wrong kind.
pub(crate) fn check_kinds(
    rules: &mut Rules,
    body: &Map<String, Value>,
    more: &[(&str, Kind)],
) -> Result<(), ApiError> {
    for (key, value) in body {
        if let Some(kind) = kind(key, more).filter(|kind| !kind.admits(value)) {
            let problem = format!("Expected type {}", kind.name());
            return Err(ApiError::invalid_value(rules, Part::Body, problem, key));
        }
    }
    Ok(())
}
