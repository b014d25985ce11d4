//! Renders the provider table of the documentation.

use super::spec::Spec;
use std::fmt::Write;

/// Returns the Markdown page.
pub(crate) fn render(spec: &Spec) -> String {
    let total = spec.providers().len();
    let current = spec
        .providers()
        .iter()
        .filter(|provider| provider.removed_from_openapi.is_none())
        .count();
    let source = &spec.source;
    let compared = spec.openapi.as_ref().map_or_else(String::new, |openapi| {
        format!(
            "\nLast compared with: {} {} of {}.\n",
            openapi.title, openapi.version, openapi.date
        )
    });
    let mut page = format!(
        "<!-- Made by `cargo xtask codegen` from xtask/spec/identity-providers.json: hands off, edit that list instead. -->
# Identity providers

The {total} provider names that `identity_model::Provider` knows. Auth0's current OpenAPI document lists {current} of
them; the others have left it, but an identity of an old tenant may still carry such a name. A name that is not in the
table at all is kept as it came, in an `identity_model::ProviderName`.
{compared}
Source: {source}.

| Provider | Variant | In the current OpenAPI |
| --- | --- | --- |
"
    );
    for provider in spec.providers() {
        let openapi = provider
            .removed_from_openapi
            .map_or_else(|| "yes".to_owned(), |date| format!("removed on {date}"));
        // Writing to a String cannot fail.
        _ = writeln!(
            page,
            "| `{}` | `Provider::{}` | {openapi} |",
            provider.name,
            provider.variant()
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::super::spec::Spec;
    use insta::assert_snapshot;

    #[test]
    fn the_page_counts_and_lists() {
        let spec = Spec::parse(
            r#"{"source": "a page", "openapi": {"title": "An API", "version": "2.0", "date": "2026-06-25"}, "providers": [
                {"name": "aol", "removed_from_openapi": "2026-04-07"}, {"name": "google-oauth2"}]}"#,
        );
        assert_snapshot!(super::render(&spec.unwrap()), @"
        <!-- Made by `cargo xtask codegen` from xtask/spec/identity-providers.json: hands off, edit that list instead. -->
        # Identity providers

        The 2 provider names that `identity_model::Provider` knows. Auth0's current OpenAPI document lists 1 of
        them; the others have left it, but an identity of an old tenant may still carry such a name. A name that is not in the
        table at all is kept as it came, in an `identity_model::ProviderName`.

        Last compared with: An API 2.0 of 2026-06-25.

        Source: a page.

        | Provider | Variant | In the current OpenAPI |
        | --- | --- | --- |
        | `aol` | `Provider::Aol` | removed on 2026-04-07 |
        | `google-oauth2` | `Provider::GoogleOauth2` | yes |
        ");
    }
}
