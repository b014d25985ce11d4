//! Why a job could not be planned, opened or applied.

use std::{error::Error as StdError, fmt, io};

use crate::input::BadLine;

/// Why something about a job failed.
pub struct Error {
    kind: ErrorKind,
    message: String,
    bad_lines: Vec<BadLine>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What failed, for a caller to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source cannot be read, or its gzip data is cut off or damaged.
    Source,
    /// The source as a whole is not what was expected: no header, nothing selected from an export.
    Input,
    /// Some lines of the source are bad; [`Error::bad_lines`] has the first of them.
    BadLines,
    /// There is a file at the job's place already.
    Exists,
    /// The file is on a file system of another machine, where neither locks nor durability can be relied on.
    NetworkFileSystem,
    /// The file is no job.
    NotAJob,
    /// The job was made by a newer version of this program.
    NewerJob,
    /// Another process works on the job.
    Locked,
    /// The ids of people were removed from the job, so that nothing is left to be done.
    Purged,
    /// The job is not finished, so that it may not be purged.
    NotFinished,
    /// The job is for another tenant.
    OtherTenant,
    /// The job is not what was reviewed: its digest is another.
    Digest,
    /// The first rows were done for a look at them, and nobody has said yet that they are right.
    CanaryWaits,
    /// The job file cannot be read or written.
    Storage,
    /// The tenant could not be asked; the source is the facade's error.
    Tenant,
    /// It was stopped from outside.
    Stopped,
    /// The export of the tenant's users failed, or did not end in time.
    Export,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            bad_lines: Vec::new(),
            source: None,
        }
    }

    pub(crate) fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// Names the source where that is what is wrong.
    pub(crate) fn in_source(self, name: &str) -> Self {
        let message = match self.kind {
            ErrorKind::Source => format!("{name}: {}", self.message),
            _ => return self,
        };
        Self { message, ..self }
    }

    pub(crate) fn bad(message: impl Into<String>, first: Vec<BadLine>) -> Self {
        Self {
            bad_lines: first,
            ..Self::new(ErrorKind::BadLines, message)
        }
    }

    /// What failed.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The first of the bad lines, for [`ErrorKind::BadLines`].
    #[must_use]
    pub fn bad_lines(&self) -> &[BadLine] {
        &self.bad_lines
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let kind = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => ErrorKind::NotAJob,
            _ => ErrorKind::Storage,
        };
        let message = match kind {
            ErrorKind::NotAJob => "the file is no job: it is not an SQLite database",
            _ => "the job file cannot be read or written",
        };
        Self::new(kind, message).with_source(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&**self.source.as_ref()?)
    }
}

/// An error of the file system, with what was being done.
pub(crate) fn storage(doing: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("cannot {doing}")).with_source(error)
}

/// An error and its causes, in a line.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told.push_str(": ");
        told.push_str(&error.to_string());
        cause = error.source();
    }
    told
}
