//! CSV: rows, or Auth0's users export with the columns of the identities.

use std::borrow::Cow;

use csv_core::{ReadRecordResult, Reader as Splitter};
use unlink::{IdentityKey, ProviderName, UserId};

use super::{
    Refusal,
    record::{Exported, ExportedIdentity, IdText, Record},
};
use crate::error::{Error, ErrorKind};

/// What the columns of a CSV file of rows are called.
#[derive(Clone, Debug)]
pub struct Columns {
    user_id: String,
    provider: String,
    identity_user_id: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            user_id: "user_id".to_owned(),
            provider: "provider".to_owned(),
            identity_user_id: "identity_user_id".to_owned(),
        }
    }
}

impl Columns {
    /// The column of the user's id; `user_id` if not said.
    #[must_use]
    pub fn user_id(mut self, name: impl Into<String>) -> Self {
        self.user_id = name.into();
        self
    }

    /// The column of the identity's provider; `provider` if not said.
    #[must_use]
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.provider = name.into();
        self
    }

    /// The column of the id inside the identity; `identity_user_id` if not said.
    #[must_use]
    pub fn identity_user_id(mut self, name: impl Into<String>) -> Self {
        self.identity_user_id = name.into();
        self
    }
}

enum Layout {
    Rows {
        user_id: usize,
        provider: usize,
        identity_user_id: usize,
    },
    Export {
        user_id: usize,
        email: Option<usize>,
        email_verified: Option<usize>,
        blocked: Option<usize>,
        identities: Vec<IdentityColumns>,
    },
}

struct IdentityColumns {
    provider: usize,
    user_id: usize,
    connection: Option<usize>,
    email: Option<usize>,
    email_verified: Option<usize>,
}

pub(super) struct Reader {
    splitter: Box<Splitter>,
    layout: Layout,
    width: usize,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl Reader {
    pub(super) fn new(header: &str, columns: &Columns) -> Result<Self, Error> {
        let mut reader = Self {
            splitter: Box::new(Splitter::new()),
            layout: Layout::Rows {
                user_id: 0,
                provider: 0,
                identity_user_id: 0,
            },
            width: 0,
            fields: Vec::new(),
            ends: Vec::new(),
        };
        reader.split(header);
        let names: Vec<String> = (0..reader.ends.len())
            .map(|index| plain(reader.field(index)).trim().to_owned())
            .collect();
        reader.width = names.len();
        reader.layout = layout(&names, columns)?;
        Ok(reader)
    }

    pub(super) fn parse<'a>(&'a mut self, record: &'a str) -> Result<Record<'a>, Refusal> {
        self.split(record);
        if self.ends.len() != self.width {
            let reason = format!(
                "{} fields, but the header has {}",
                self.ends.len(),
                self.width
            );
            return Err(Refusal::new(1, reason));
        }
        let at = |index: usize| column_of(record, index);
        match &self.layout {
            Layout::Rows {
                user_id,
                provider,
                identity_user_id,
            } => {
                let user: UserId = self
                    .field(*user_id)
                    .parse()
                    .map_err(|error| Refusal::new(at(*user_id), error))?;
                let name: ProviderName = self
                    .field(*provider)
                    .parse()
                    .map_err(|error| Refusal::new(at(*provider), error))?;
                let id = self
                    .field(*identity_user_id)
                    .parse()
                    .map_err(|error| Refusal::new(at(*identity_user_id), error))?;
                Ok(Record::Row(user, IdentityKey::new(name, id), at(*provider)))
            }
            Layout::Export {
                user_id,
                email,
                email_verified,
                blocked,
                identities,
            } => {
                if plain(self.field(*user_id)).is_empty() {
                    return Err(Refusal::new(at(*user_id), "user_id is empty"));
                }
                Ok(Record::User(Exported {
                    user_id: self.text(*user_id),
                    email: self.optional(*email),
                    email_verified: self.is_true(*email_verified),
                    blocked: self.is_true(*blocked),
                    line: record,
                    identities: identities
                        .iter()
                        .filter_map(|columns| self.identity(columns))
                        .collect(),
                }))
            }
        }
    }

    /// A user with fewer identities than columns leaves the last ones empty.
    fn identity(&self, columns: &IdentityColumns) -> Option<ExportedIdentity<'_>> {
        let (provider, id) = (self.text(columns.provider), self.text(columns.user_id));
        (!provider.is_empty() && !id.is_empty()).then(|| ExportedIdentity {
            provider,
            user_id: IdText {
                text: id,
                is_integer: false,
            },
            connection: self.optional(columns.connection),
            email: self.optional(columns.email),
            email_verified: self.is_true(columns.email_verified),
        })
    }

    fn text(&self, index: usize) -> Cow<'_, str> {
        Cow::Borrowed(plain(self.field(index)))
    }

    fn optional(&self, index: Option<usize>) -> Option<Cow<'_, str>> {
        index
            .map(|index| self.text(index))
            .filter(|text| !text.is_empty())
    }

    fn is_true(&self, index: Option<usize>) -> bool {
        index.is_some_and(|index| plain(self.field(index)) == "true")
    }

    fn field(&self, index: usize) -> &str {
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied();
        let end = self.ends.get(index).copied().unwrap_or(0);
        let bytes = self.fields.get(start.unwrap_or(0)..end).unwrap_or_default();
        // Splitting text at ASCII bytes leaves text.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Splits a record that is whole.
    fn split(&mut self, record: &str) {
        self.splitter.reset();
        self.fields.resize(record.len() + 1, 0);
        self.ends.resize(record.len() + 2, 0);
        let (_, mut read, mut written, mut ended) =
            self.splitter
                .read_record(record.as_bytes(), &mut self.fields, &mut self.ends);
        // Reading nothing more says that the input has ended.
        for _ in 0..2 {
            let (result, more_read, more_written, more_ended) = self.splitter.read_record(
                &record.as_bytes()[read..],
                &mut self.fields[written..],
                &mut self.ends[ended..],
            );
            // An end counts from the start of its call's output.
            read += more_read;
            written += more_written;
            ended += more_ended;
            if matches!(result, ReadRecordResult::Record | ReadRecordResult::End) {
                break;
            }
        }
        self.ends.truncate(ended);
    }
}

fn layout(names: &[String], columns: &Columns) -> Result<Layout, Error> {
    let find = |name: &str| names.iter().position(|found| found == name);
    let needed = |name: &str| {
        find(name).ok_or_else(|| {
            let message = format!(
                "the header has no column {name}: it has {} (a file of rows needs {}, {} and {}; an export needs user_id, \
                 identities[0].provider and identities[0].user_id, and the same of its further identities)",
                names.join(", "),
                columns.user_id,
                columns.provider,
                columns.identity_user_id,
            );
            Error::new(ErrorKind::Input, message)
        })
    };
    let identities: Vec<IdentityColumns> = (0..)
        .map_while(|index| {
            let find = |name: &str| find(&format!("identities[{index}].{name}"));
            Some(IdentityColumns {
                provider: find("provider")?,
                user_id: find("user_id")?,
                connection: find("connection"),
                email: find("profileData.email"),
                email_verified: find("profileData.email_verified"),
            })
        })
        .collect();
    if identities.is_empty() {
        return Ok(Layout::Rows {
            user_id: needed(&columns.user_id)?,
            provider: needed(&columns.provider)?,
            identity_user_id: needed(&columns.identity_user_id)?,
        });
    }
    Ok(Layout::Export {
        user_id: needed("user_id")?,
        email: find("email"),
        email_verified: find("email_verified"),
        blocked: find("blocked"),
        identities,
    })
}

/// An export puts a `'` before every text, against spreadsheets that would take it for a formula.
fn plain(field: &str) -> &str {
    field.strip_prefix('\'').unwrap_or(field)
}

/// Where a field starts in its record, in bytes from 1.
fn column_of(record: &str, field: usize) -> usize {
    let mut is_quoted = false;
    let mut commas = record.bytes().enumerate().filter(|(_, byte)| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    });
    match field.checked_sub(1) {
        None => 1,
        Some(before) => commas.nth(before).map_or(1, |(at, _)| at + 2),
    }
}
