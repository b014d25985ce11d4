//! What was let out, as traces or as shown values of which types, and the search for secrets in it.

use std::{
    any::type_name,
    collections::BTreeSet,
    error::Error as StdError,
    fmt::{Debug, Display, Write as _},
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::*};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that was traced or shown.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    text: Arc<Mutex<Vec<u8>>>,
    types: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl io::Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Seen {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Seen {
    pub(crate) fn show<T: Debug>(&self, value: &T) {
        self.types.lock().unwrap().insert(type_name::<T>());
        self.write(format!("{value:?} {value:#?}\n"));
    }

    pub(crate) fn say(&self, value: &(impl Debug + Display)) {
        self.show(value);
        self.write(format!("{value} {value:#}\n"));
    }

    /// An error and its causes, as a program reports them.
    pub(crate) fn chain(&self, error: &dyn StdError) {
        let mut text = format!("{error:?} {error:#?}\n");
        let mut cause = Some(error);
        while let Some(error) = cause {
            writeln!(text, "{error}").unwrap();
            cause = error.source();
        }
        self.write(text);
    }

    fn write(&self, text: String) {
        self.text.lock().unwrap().extend_from_slice(text.as_bytes());
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    /// Those of these types that were not shown, alone or within another type.
    pub(crate) fn missing(&self, types: Vec<Exported>) -> Vec<String> {
        let shown = self.types.lock().unwrap();
        let shown: BTreeSet<&str> = shown
            .iter()
            .flat_map(|name| name.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c))))
            .collect();
        let is_shown = |exported: &Exported| {
            let begin = [exported.of, "::"].concat();
            let end = ["::", exported.name].concat();
            let mut paths = shown.iter();
            paths.any(|path| path.starts_with(&begin) && path.ends_with(&end))
        };
        let missing = types.iter().filter(|exported| !is_shown(exported));
        missing
            .map(|exported| [exported.of, exported.name].join("::"))
            .collect()
    }
}

/// A type that a crate exports, and the crate it is of.
pub(crate) struct Exported {
    of: &'static str,
    name: &'static str,
}

/// What has no values of its own to show.
const TRAITS: [&str; 8] = [
    "BoxFuture",
    "EnumCount",
    "IntoEnumIterator",
    "MaybeSendSync",
    "Operation",
    "RoundTrip",
    "Time",
    "TokenSource",
];

/// The types that a crate exports, by the `pub use` lines of its root.
pub(crate) fn exported(of: &'static str, root: &'static str) -> Vec<Exported> {
    let statements = root.split("pub use ").skip(1);
    let statements = statements.map(|rest| rest.split(';').next().unwrap());
    let exported = statements.flat_map(|statement| {
        let first = statement.split("::").next().unwrap();
        let foreign = ["identity_model", "transport", "strum"];
        let of = foreign
            .into_iter()
            .find(|name| *name == first)
            .unwrap_or(of);
        let names = statement.split([',', '{', '}']);
        let names = names.map(|path| path.trim().rsplit("::").next().unwrap());
        names.map(move |name| Exported { of, name })
    });
    exported
        .filter(|exported| exported.name.starts_with(char::is_uppercase))
        .filter(|exported| !TRAITS.contains(&exported.name))
        .collect()
}

/// The forms a secret may be written in; base64 at each of the three places a secret can begin at.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let mut forms = vec![
        secret.to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        json[1..json.len() - 1].to_owned(),
    ];
    for offset in 0..3 {
        let padded = [&"x".repeat(offset), secret].concat();
        for encoded in [
            BASE64_STANDARD_NO_PAD.encode(&padded),
            BASE64_URL_SAFE_NO_PAD.encode(&padded),
        ] {
            // The outer characters depend on what stands beside the secret.
            forms.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    forms
}

pub(crate) fn found(text: &str, secret: &str) -> bool {
    forms(secret)
        .iter()
        .any(|form| text.contains(form.as_str()))
}
