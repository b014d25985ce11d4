//! Why a document is not what the API documents, and where in it.

use std::fmt;

/// The error for JSON that is not what the API documents.
///
/// It names the place ([`path`](Self::path)) and the kind of value found there, never the value: a document may hold
/// tokens and personal data.
///
/// ```
/// let error = identity_model::User::from_json(br#"{"identities":[{"user_id":true}]}"#).unwrap_err();
/// assert_eq!(error.path(), "identities[0].user_id");
/// assert_eq!(error.to_string(), "identities[0].user_id: expected a string or an integer, found a boolean");
/// ```
#[derive(Debug)]
pub struct DecodeError {
    path: String,
    problem: Problem,
}

#[derive(Debug)]
pub(crate) enum Problem {
    /// Holds an error about syntax, which tells a place and quotes nothing.
    Syntax(serde_json::Error),
    Unexpected {
        expected: &'static str,
        found: &'static str,
    },
    Missing,
    Repeated,
    /// JSON, but not Unicode: `"\ud83d"`, what is left where a program cut a text inside an emoji.
    HalfSurrogate,
    /// What was asked for by a caller's own type.
    NotAsked,
}

impl DecodeError {
    pub(crate) fn new(path: &impl fmt::Display, problem: Problem) -> Self {
        Self {
            path: path.to_string(),
            problem,
        }
    }

    /// Returns the place in the document, such as `identities[1].user_id`; empty for the document itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Tells whether the text is not JSON at all, as when a proxy answers with a page of its own.
    #[must_use]
    pub const fn is_syntax(&self) -> bool {
        matches!(self.problem, Problem::Syntax(_))
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        match &self.problem {
            Problem::Syntax(_) => f.write_str("not valid JSON"),
            Problem::Unexpected { expected, found } => {
                write!(f, "expected {expected}, found {found}")
            }
            Problem::Missing => f.write_str("the key is missing"),
            Problem::Repeated => f.write_str("the key occurs twice"),
            Problem::HalfSurrogate => f.write_str("the text holds half of a `\\u` surrogate pair"),
            Problem::NotAsked => f.write_str("not of the type asked for"),
        }
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Syntax(error) => Some(error),
            _ => None,
        }
    }
}
