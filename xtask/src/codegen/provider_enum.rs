//! Renders the provider enum. The text is laid out as rustfmt would, so no formatter has to run.

use super::spec::Spec;
use std::fmt::Write;

const HEAD: &str = "\
// Made by `cargo xtask codegen` from xtask/spec/identity-providers.json: hands off, edit that list instead.
//! The identity providers Auth0 names.

/// An identity provider Auth0 names, in the order of its reference page.
///
/// The list is closed: parsing refuses a name that is not in it, and [`ProviderName`](crate::ProviderName) keeps any.
/// It holds every name the page has listed, those that have since left Auth0's OpenAPI document included, because an
/// identity of an old tenant may still carry one.
///
/// Source: [Unlink a user identity](https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::AsRefStr,
    strum::Display,
    strum::EnumCount,
    strum::EnumIter,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[non_exhaustive]
pub enum Provider {
";

/// Returns the Rust source. One line an arm, so that a change of one provider is a change of its own lines.
pub(crate) fn render(spec: &Spec) -> String {
    let mut variants = String::new();
    let mut names = String::new();
    let mut current = String::new();
    for provider in spec.providers() {
        let (name, variant) = (&provider.name, provider.variant());
        let removal = provider
            .removed_from_openapi
            .map(|date| format!(", removed from Auth0's OpenAPI on {date}"))
            .unwrap_or_default();
        // Writing to a String cannot fail.
        _ = write!(
            variants,
            "    /// `{name}`{removal}.\n    #[strum(serialize = \"{name}\")]\n    {variant},\n"
        );
        _ = writeln!(names, "            Self::{variant} => \"{name}\",");
        let is_current = provider.removed_from_openapi.is_none();
        _ = writeln!(current, "            Self::{variant} => {is_current},");
    }
    format!(
        "{HEAD}{variants}}}

impl Provider {{
    /// Returns the name Auth0 uses on the wire, such as `google-oauth2`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {{
        match self {{
{names}        }}
    }}

    /// Tells whether Auth0's current OpenAPI document still lists this provider.
    #[must_use]
    pub const fn is_in_current_openapi(self) -> bool {{
        match self {{
{current}        }}
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::{super::spec::Spec, render};
    use insta::assert_snapshot;
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    fn spec(entries: &str) -> Spec {
        Spec::parse(&format!(
            r#"{{"source": "a page", "providers": [{entries}]}}"#
        ))
        .unwrap()
    }

    #[test]
    fn the_enum_has_its_names_its_docs_and_its_removals() {
        let entries = r#"{"name": "google-oauth2"}, {"name": "aol", "removed_from_openapi": "2026-04-07"},
            {"name": "9gag", "variant": "NineGag"}"#;
        let text = render(&spec(entries));
        assert_eq!(text.lines().next(), super::HEAD.lines().next());
        assert_snapshot!(text.split_once("#[non_exhaustive]\n").unwrap().1, @r#"
        pub enum Provider {
            /// `google-oauth2`.
            #[strum(serialize = "google-oauth2")]
            GoogleOauth2,
            /// `aol`, removed from Auth0's OpenAPI on 2026-04-07.
            #[strum(serialize = "aol")]
            Aol,
            /// `9gag`.
            #[strum(serialize = "9gag")]
            NineGag,
        }

        impl Provider {
            /// Returns the name Auth0 uses on the wire, such as `google-oauth2`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::GoogleOauth2 => "google-oauth2",
                    Self::Aol => "aol",
                    Self::NineGag => "9gag",
                }
            }

            /// Tells whether Auth0's current OpenAPI document still lists this provider.
            #[must_use]
            pub const fn is_in_current_openapi(self) -> bool {
                match self {
                    Self::GoogleOauth2 => true,
                    Self::Aol => false,
                    Self::NineGag => true,
                }
            }
        }
        "#);
    }

    /// The text must not depend on a formatter, so it must already be what one would write.
    #[test]
    fn rustfmt_leaves_the_text_alone() {
        let runs = Command::new("rustfmt").arg("--version").output();
        if !runs.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there is no rustfmt on this machine");
            return;
        }
        let longest = "a".repeat(36);
        let removed = format!(r#"{{"name": "{longest}", "removed_from_openapi": "2026-04-07"}}"#);
        for entries in [
            r#"{"name": "ad"}"#,
            r#"{"name": "ad"}, {"name": "aol"}"#,
            &removed,
        ] {
            let text = render(&spec(entries));
            assert_eq!(formatted(&text), text);
        }
        let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/spec/identity-providers.json");
        let text = render(&Spec::parse(&std::fs::read_to_string(committed).unwrap()).unwrap());
        assert_eq!(formatted(&text), text);
    }

    fn formatted(text: &str) -> String {
        let mut rustfmt = Command::new("rustfmt")
            .args(["--edition", "2024"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        rustfmt
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = rustfmt.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }
}
