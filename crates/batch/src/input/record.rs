//! What a line of a source says.

use std::{borrow::Cow, fmt};

use unlink::{IdentityKey, UserId};

use super::Refusal;

/// A line that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadLine {
    /// The line, counted from 1; of a CSV record of several lines, its first.
    pub line: u64,
    /// The byte of the line, or of the CSV record, that the reason is about, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

impl BadLine {
    pub(super) fn new(line: u64, refusal: Refusal) -> Self {
        Self {
            line,
            column: refusal.column,
            reason: refusal.reason,
        }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.reason)
    }
}

/// What a line says.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    /// This identity of this user is to be unlinked; the number is the column of the identity.
    Row(UserId, IdentityKey, usize),
    /// A user of an export.
    User(Exported<'a>),
}

/// A user as an export shows it.
#[derive(Debug)]
pub(crate) struct Exported<'a> {
    pub(crate) user_id: Cow<'a, str>,
    pub(crate) email: Option<Cow<'a, str>>,
    pub(crate) email_verified: bool,
    pub(crate) blocked: bool,
    pub(crate) identities: Vec<ExportedIdentity<'a>>,
    /// As it came.
    pub(crate) line: &'a str,
}

/// An identity as an export shows it.
#[derive(Debug)]
pub(crate) struct ExportedIdentity<'a> {
    pub(crate) provider: Cow<'a, str>,
    pub(crate) user_id: IdText<'a>,
    pub(crate) connection: Option<Cow<'a, str>>,
    pub(crate) email: Option<Cow<'a, str>>,
    pub(crate) email_verified: bool,
}

/// The id inside an identity, and how JSON writes it.
#[derive(Debug)]
pub(crate) struct IdText<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) is_integer: bool,
}
