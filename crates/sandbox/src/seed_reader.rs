//! Reads the objects of a seed strictly, and says where in the document something is wrong.

use serde_json::{Map, Value};

use crate::clock::Millis;
use crate::misspelling::misspelt;
use crate::seed::SeedError;

/// A JSON object that is being read, and its place in the document.
pub(crate) struct Object {
    pub(crate) fields: Map<String, Value>,
    path: String,
}

impl Object {
    pub(crate) fn new(value: Value, path: &str) -> Result<Self, SeedError> {
        match value {
            Value::Object(fields) => Ok(Self {
                fields,
                path: path.to_owned(),
            }),
            _ => Err(SeedError::new(path, "must be an object")),
        }
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    pub(crate) fn error(&self, key: &str, problem: impl Into<String>) -> SeedError {
        SeedError::new(self.path_of(key), problem)
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.fields.remove(key)
    }

    pub(crate) fn text(&mut self, key: &str) -> Result<String, SeedError> {
        match self.take(key) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            Some(Value::String(_)) => Err(self.error(key, "must not be empty")),
            Some(_) => Err(self.error(key, "must be a text")),
            None => Err(self.error(key, "is missing")),
        }
    }

    pub(crate) fn array(&mut self, key: &str) -> Result<Vec<Value>, SeedError> {
        match self.take(key) {
            Some(Value::Array(values)) => Ok(values),
            Some(_) => Err(self.error(key, "must be an array")),
            None => Err(self.error(key, "is missing")),
        }
    }

    /// Checks what is left as attributes of a person: open, but dates are dates and nothing looks like a slip.
    pub(crate) fn check_attributes(&self) -> Result<(), SeedError> {
        for (key, value) in &self.fields {
            if let Some(meant) = misspelt(key) {
                return Err(self.error(key, format!("is not a known key; is {meant} meant?")));
            }
            let fits = match key.as_str() {
                "app_metadata" | "user_metadata" => value.is_object(),
                "email_verified" => {
                    value.is_boolean() || matches!(value.as_str(), Some("true" | "false"))
                }
                "blocked" | "phone_verified" => value.is_boolean(),
                "logins_count" => value.is_u64(),
                "created_at" | "updated_at" | "last_login" => {
                    value.as_str().and_then(Millis::parse).is_some()
                }
                "email" | "name" | "nickname" | "phone_number" | "username" => value.is_string(),
                _ => true,
            };
            if !fits {
                return Err(self.error(key, "has a value of the wrong kind"));
            }
        }
        Ok(())
    }

    pub(crate) fn finish(&self) -> Result<(), SeedError> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(key) => Err(self.error(key, "is not a known key")),
        }
    }
}
