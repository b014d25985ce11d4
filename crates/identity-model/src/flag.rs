//! A boolean that some tenants hold as a string.

use serde_core::{Serialize, Serializer};

use crate::DecodeError;
use crate::decode::Node;

/// Keeps the form it was written in.
#[derive(Clone, Debug)]
pub(crate) enum Flag {
    Boolean(bool),
    Text(String),
}

impl Flag {
    pub(crate) fn decode(node: Node<'_>) -> Result<Self, DecodeError> {
        if node.is_string() {
            node.text().map(Self::Text)
        } else {
            node.boolean()
                .map(Self::Boolean)
                .map_err(|_| node.unexpected("a boolean or a string"))
        }
    }

    /// What it says, if it says either.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Self::Text(_) => None,
        }
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}
