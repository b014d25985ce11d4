//! The file of an export: one line of JSON or CSV for each user, compressed.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::request::{Field, Format, Wanted};
use crate::account::Account;
use crate::view::{Fields, UserView, View};

/// What a CSV file holds if the order names nothing.
const CSV_FIELDS: [&str; 7] = [
    "user_id",
    "email",
    "email_verified",
    "name",
    "nickname",
    "created_at",
    "updated_at",
];

pub(super) fn gzip(wanted: &Wanted, users: &[Arc<Account>]) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    for line in lines(wanted, users) {
        // Writing to memory does not fail.
        let _ = writeln!(file, "{line}");
    }
    file.finish().unwrap_or_default()
}

fn lines(wanted: &Wanted, users: &[Arc<Account>]) -> impl Iterator<Item = String> {
    let fields = match (&wanted.fields, wanted.format) {
        (Some(fields), _) => Some(fields.clone()),
        (None, Format::Json) => None,
        (None, Format::Csv) => Some(CSV_FIELDS.map(column).to_vec()),
    };
    let header = fields.as_ref().filter(|_| wanted.format == Format::Csv);
    let header = header.map(|fields| {
        let names = fields.iter().map(|field| quoted(&field.export_as));
        names.collect::<Vec<_>>().join(",")
    });
    let format = wanted.format;
    let needed = Fields {
        named: fields.as_deref().map(roots),
        excluded: false,
    };
    let line = move |account: &Arc<Account>| {
        let user = UserView {
            account,
            view: WITHOUT_TOKENS,
            fields: &needed,
        };
        match (&fields, format) {
            (None, _) => serde_json::to_string(&user).unwrap_or_default(),
            (Some(fields), Format::Json) => {
                let user = value(&user);
                let named = fields.iter().filter_map(|field| {
                    Some((field.export_as.clone(), at(&user, &field.name)?.clone()))
                });
                named.collect::<Value>().to_string()
            }
            (Some(fields), Format::Csv) => {
                let user = value(&user);
                let cells = fields.iter().map(|field| cell(at(&user, &field.name)));
                cells.collect::<Vec<_>>().join(",")
            }
        }
    };
    header.into_iter().chain(users.iter().map(line))
}

fn column(name: &str) -> Field {
    Field {
        name: name.to_owned(),
        export_as: name.to_owned(),
    }
}

/// The tokens of identity providers are in no file.
const WITHOUT_TOKENS: View = View {
    tokens: false,
    main_profile: false,
};

/// The keys at the root of a user that these paths begin with.
fn roots(fields: &[Field]) -> Vec<String> {
    let root = |field: &Field| field.name.split(['.', '[']).next().map(str::to_owned);
    fields.iter().filter_map(root).collect()
}

fn value(user: &UserView<'_>) -> Value {
    // A map with text keys throughout, so writing it cannot fail.
    serde_json::to_value(user).unwrap_or_default()
}

/// The value at a path such as `identities[0].connection`.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let path = path.replace('[', ".").replace(']', "");
    path.split('.').try_fold(value, |value, key| match value {
        Value::Array(values) => values.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// Texts carry an apostrophe, so that a spreadsheet takes them for texts; objects are left out.
fn cell(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => quoted(&format!("'{text}")),
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => String::new(),
        Some(value) => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{at, cell};

    #[test]
    fn paths_lead_through_objects_and_arrays() {
        let user = json!({ "identities": [{ "connection": "db" }], "user_metadata": { "a": 1 } });
        assert_eq!(at(&user, "identities[0].connection"), Some(&json!("db")));
        assert_eq!(at(&user, "user_metadata.a"), Some(&json!(1)));
        assert_eq!(at(&user, "identities[1].connection"), None);
    }

    #[test]
    fn a_cell_is_quoted_and_marked_as_text() {
        assert_eq!(cell(Some(&json!("say \"x\""))), "\"'say \"\"x\"\"\"");
        assert_eq!(cell(Some(&json!(true))), "true");
        assert_eq!(cell(Some(&json!({}))), "");
        assert_eq!(cell(None), "");
    }
}
