//! A user's identities as a table.

use unlink::{Identity, ListedIdentity};

use crate::{io::Paint, text};

/// What a table shows of one identity; empty where nothing is known.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) provider: String,
    pub(crate) id: String,
    pub(crate) connection: String,
    pub(crate) email: String,
}

impl Row {
    /// An identity that was read in full.
    pub(crate) fn read(identity: &Identity) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            provider: text(identity.provider().map(|provider| provider.as_str())),
            id: text(identity.user_id().map(|id| id.as_str())),
            connection: text(identity.connection()),
            email: text(identity.profile_data().and_then(|profile| profile.email())),
        }
    }

    /// An identity of which no more is known than what names it.
    pub(crate) fn listed(identity: &ListedIdentity) -> Self {
        Self {
            provider: identity.key().provider().to_string(),
            id: identity.key().user_id().to_string(),
            connection: identity.connection().unwrap_or_default().to_owned(),
            email: String::new(),
        }
    }
}

/// A line for each identity under a header; the e-mail column only where there is one.
///
/// No other than the first can be the main one; whether that is may be unknown.
pub(crate) fn table(
    paint: Paint,
    rows: impl IntoIterator<Item = Row>,
    first_is_main: Option<bool>,
) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let has_email = rows.iter().any(|row| !row.email.is_empty());
    let cells: Vec<_> = rows
        .into_iter()
        .enumerate()
        .map(|(index, row)| {
            let role = match first_is_main {
                Some(true) if index == 0 => "primary",
                None if index == 0 => "not known",
                _ => "secondary",
            };
            [
                index.to_string(),
                role.to_owned(),
                row.provider,
                row.id,
                row.connection,
                row.email,
            ]
        })
        .collect();
    let email = if has_email { "E-MAIL" } else { "" };
    let header = ["#", "ROLE", "PROVIDER", "ID", "CONNECTION", email];
    let lines = text::table(header, &cells);
    let painted = lines.iter().enumerate().map(|(index, line)| match index {
        0 => paint.strong(line) + "\n",
        _ => format!("{line}\n"),
    });
    painted.collect()
}
