//! Renders the provider enum. The text is laid out as rustfmt would, so no formatter has to run.

use super::spec::Spec;
use std::fmt::Write;

const HEAD: &str = "\
// Made by `cargo xtask codegen` from xtask/spec/identity-providers.json: hands off, edit that list instead.
//! The identity providers Auth0 names.

/// An identity provider Auth0 names, in the order of its reference page.
///
/// The list is closed: parsing refuses a name that is not in it. It holds every name the page has listed, those that
/// have since left Auth0's OpenAPI document included, because an identity of an old tenant may still carry one.
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
