//! The spec list: the providers Auth0 names, read strictly and written in one canonical layout.

use super::date::Date;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    collections::{HashMap, HashSet},
    fmt,
};

/// Keeps every generated line within rustfmt's width, so that no layout has to be guessed.
const LONGEST_NAME: usize = 36;

/// A valid list: at least one provider, each with a name and a variant of its own.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) source: String,
    pub(crate) openapi: Option<OpenApi>,
    providers: Vec<Provider>,
}

/// The OpenAPI document the list was last compared with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenApi {
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) date: Date,
}

/// One provider as the list has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    pub(crate) name: String,
    /// Only where the name's own words do not serve.
    variant: Option<String>,
    pub(crate) removed_from_openapi: Option<Date>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    source: String,
    openapi: Option<OpenApi>,
    #[serde(borrow)]
    providers: Vec<&'a RawValue>,
}

impl Spec {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let file: File<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        // Entry by entry, so that a mistake can be shown with the entry that has it.
        let entry = |raw: &RawValue| {
            serde_json::from_str(raw.get())
                .map_err(|error| format!("entry {}: {}", raw.get(), without_position(&error)))
        };
        let providers = file
            .providers
            .into_iter()
            .map(entry)
            .collect::<Result<_, _>>()?;
        let spec = Self {
            source: file.source,
            openapi: file.openapi,
            providers,
        };
        spec.validated()
    }

    pub(crate) fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// Replaces the providers, unless the new ones would make a list that [`Spec::parse`] refuses.
    pub(crate) fn set_providers(&mut self, providers: Vec<Provider>) -> Result<(), String> {
        *self = Self {
            providers,
            ..self.clone()
        }
        .validated()?;
        Ok(())
    }

    fn validated(self) -> Result<Self, String> {
        if self.providers.is_empty() {
            return Err("the list of providers is empty".to_owned());
        }
        let mut name_of_variant = HashMap::new();
        let mut names = HashSet::new();
        for provider in &self.providers {
            let name = &provider.name;
            provider
                .validate()
                .map_err(|problem| format!("entry `{name}`: {problem}"))?;
            if !names.insert(name) {
                return Err(format!("entry `{name}`: the name is there twice"));
            }
            if let Some(other) = name_of_variant.insert(provider.variant(), name) {
                return Err(format!(
                    "entry `{name}`: gives Provider::{}, and so does `{other}`; give one of them its own \"variant\"",
                    provider.variant(),
                ));
            }
        }
        Ok(self)
    }
}

impl Provider {
    /// A provider the current OpenAPI document has.
    pub(crate) const fn new(name: String) -> Self {
        Self {
            name,
            variant: None,
            removed_from_openapi: None,
        }
    }

    /// The variant's name: the entry's own, else the words of the provider's name, each capitalised.
    pub(crate) fn variant(&self) -> String {
        let capitalised = |word: &str| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        };
        self.variant.clone().unwrap_or_else(|| {
            let words = self.name.split(|c: char| !c.is_ascii_alphanumeric());
            words.map(capitalised).collect()
        })
    }

    fn validate(&self) -> Result<(), String> {
        if self.name.is_empty() {
            return Err("the name is empty".to_owned());
        }
        if self.name.len() > LONGEST_NAME {
            return Err(format!("the name is longer than {LONGEST_NAME} characters"));
        }
        // A `|` would split user ids elsewhere; quotes, backslashes and `<` would end the text they are put in.
        let unfit = |c: char| !c.is_ascii_graphic() || "|\"\\`<>".contains(c);
        if let Some(unfit) = self.name.chars().find(|&c| unfit(c)) {
            return Err(format!("a provider's name cannot hold {unfit:?}"));
        }
        let variant = self.variant();
        let shape = |c: char| c.is_ascii_alphanumeric();
        if !variant.starts_with(|c: char| c.is_ascii_uppercase()) || !variant.chars().all(shape) {
            return Err(format!(
                "`{variant}` cannot name a variant; write \"variant\" with a capital first, then letters and digits"
            ));
        }
        // The one keyword that starts with a capital.
        if variant == "Self" {
            return Err("`Self` is a keyword; write another \"variant\"".to_owned());
        }
        if variant.len() > LONGEST_NAME {
            return Err(format!(
                "the variant is longer than {LONGEST_NAME} characters"
            ));
        }
        Ok(())
    }
}

/// The canonical layout: one entry a line.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{{\n  \"source\": {},", json(&self.source))?;
        if let Some(openapi) = &self.openapi {
            writeln!(f, "  \"openapi\": {openapi},")?;
        }
        let entries: Vec<String> = self
            .providers
            .iter()
            .map(|entry| format!("    {entry}"))
            .collect();
        writeln!(f, "  \"providers\": [\n{}\n  ]\n}}", entries.join(",\n"))
    }
}

impl fmt::Display for OpenApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (title, version, date) = (json(&self.title), json(&self.version), self.date);
        write!(
            f,
            "{{\"title\": {title}, \"version\": {version}, \"date\": \"{date}\"}}"
        )
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"name\": {}", json(&self.name))?;
        if let Some(variant) = &self.variant {
            write!(f, ", \"variant\": {}", json(variant))?;
        }
        if let Some(date) = self.removed_from_openapi {
            write!(f, ", \"removed_from_openapi\": \"{date}\"")?;
        }
        f.write_str("}")
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The position is that inside the entry, which would mislead: the entry itself is shown.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or_else(|| text.clone(), |(text, _)| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Spec;
    use insta::assert_snapshot;

    fn list(entries: &str) -> String {
        format!(r#"{{"source": "a page", "providers": [{entries}]}}"#)
    }

    fn refusal(entries: &str) -> String {
        Spec::parse(&list(entries)).unwrap_err()
    }

    #[test]
    fn words_are_split_at_whatever_is_no_letter_or_digit() {
        let entries = r#"{"name": "google-oauth2"}, {"name": "auth0-oidc"}, {"name": "a_b.c"}, {"name": "office365"},
            {"name": "9gag", "variant": "NineGag"}"#;
        let spec = Spec::parse(&list(entries)).unwrap();
        let variants: Vec<String> = spec
            .providers()
            .iter()
            .map(super::Provider::variant)
            .collect();
        assert_eq!(
            variants,
            ["GoogleOauth2", "Auth0Oidc", "ABC", "Office365", "NineGag"]
        );
    }

    #[test]
    fn the_layout_is_one_entry_a_line_and_is_read_back() {
        let text = r#"{"openapi": {"date": "2026-06-25", "version": "2.0", "title": "An \"API\""}, "source": "a page",
            "providers": [{"removed_from_openapi": "2026-04-07", "variant": "Zwei", "name": "two"}, {"name": "one"}]}"#;
        let written = Spec::parse(text).unwrap().to_string();
        assert_snapshot!(written, @r#"
        {
          "source": "a page",
          "openapi": {"title": "An \"API\"", "version": "2.0", "date": "2026-06-25"},
          "providers": [
            {"name": "two", "variant": "Zwei", "removed_from_openapi": "2026-04-07"},
            {"name": "one"}
          ]
        }
        "#);
        assert_eq!(Spec::parse(&written).unwrap().to_string(), written);
    }

    #[test]
    fn mistakes_in_an_entry_name_it() {
        let two = |first: &str, second: &str| refusal(&format!("{first}, {second}"));
        assert_snapshot!(two(r#"{"name": "box"}"#, r#"{"name": "box"}"#), @"entry `box`: the name is there twice");
        assert_snapshot!(two(r#"{"name": "pay-pal"}"#, r#"{"name": "pay_pal"}"#), @r#"entry `pay_pal`: gives Provider::PayPal, and so does `pay-pal`; give one of them its own "variant""#);
        assert_snapshot!(two(r#"{"name": "a"}"#, r#"{"name": "b", "variant": "A"}"#), @r#"entry `b`: gives Provider::A, and so does `a`; give one of them its own "variant""#);
        assert_snapshot!(refusal(r#"{"name": "", "variant": "A"}"#), @"entry ``: the name is empty");
        assert_snapshot!(refusal(r#"{"name": "--"}"#), @r#"entry `--`: `` cannot name a variant; write "variant" with a capital first, then letters and digits"#);
        assert_snapshot!(refusal(r#"{"name": "9gag"}"#), @r#"entry `9gag`: `9gag` cannot name a variant; write "variant" with a capital first, then letters and digits"#);
        assert_snapshot!(refusal(r#"{"name": "café"}"#), @"entry `café`: a provider's name cannot hold 'é'");
        assert_snapshot!(refusal(r#"{"name": "a|b"}"#), @"entry `a|b`: a provider's name cannot hold '|'");
        assert_snapshot!(refusal(r#"{"name": "self"}"#), @r#"entry `self`: `Self` is a keyword; write another "variant""#);
        assert_snapshot!(refusal(r#"{"name": "a", "variant": "type"}"#), @r#"entry `a`: `type` cannot name a variant; write "variant" with a capital first, then letters and digits"#);
        assert_snapshot!(refusal(r#"{"name": "a", "variant": "A b"}"#), @r#"entry `a`: `A b` cannot name a variant; write "variant" with a capital first, then letters and digits"#);
        assert_snapshot!(refusal(r#"{"name": "a", "removed": "2026-04-07"}"#), @r#"entry {"name": "a", "removed": "2026-04-07"}: unknown field `removed`, expected one of `name`, `variant`, `removed_from_openapi`"#);
        assert_snapshot!(refusal(r#"{"name": "a", "name": "b"}"#), @r#"entry {"name": "a", "name": "b"}: duplicate field `name`"#);
        assert_snapshot!(refusal(r#"{"variant": "A"}"#), @r#"entry {"variant": "A"}: missing field `name`"#);
        assert_snapshot!(refusal(r#"{"name": "a", "removed_from_openapi": "2026-02-30"}"#), @r#"entry {"name": "a", "removed_from_openapi": "2026-02-30"}: `2026-02-30` is not a date written YYYY-MM-DD"#);
    }

    #[test]
    fn names_and_variants_have_a_longest_length() {
        assert!(Spec::parse(&list(&format!(r#"{{"name": "{}"}}"#, "a".repeat(36)))).is_ok());
        assert_snapshot!(refusal(&format!(r#"{{"name": "{}"}}"#, "a".repeat(37))), @"entry `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`: the name is longer than 36 characters");
        assert_snapshot!(refusal(&format!(r#"{{"name": "a", "variant": "{}"}}"#, "A".repeat(37))), @"entry `a`: the variant is longer than 36 characters");
    }

    #[test]
    fn mistakes_around_the_entries_are_refused() {
        assert_snapshot!(refusal(""), @"the list of providers is empty");
        assert_snapshot!(Spec::parse(r#"{"providers": [{"name": "a"}]}"#).unwrap_err(), @"missing field `source` at line 1 column 30");
        assert_snapshot!(Spec::parse("{\n\"sauce\": \"\"}").unwrap_err(), @"unknown field `sauce`, expected one of `source`, `openapi`, `providers` at line 2 column 7");
        assert_snapshot!(Spec::parse("").unwrap_err(), @"EOF while parsing a value at line 1 column 0");
    }
}
