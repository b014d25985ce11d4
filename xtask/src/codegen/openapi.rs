//! Brings the spec list up to a published OpenAPI document: names are added or marked, never dropped.

use super::{
    date::Date,
    spec::{OpenApi, Provider, Spec},
};
use serde_json::Value;

const PATH: &str = "/users/{id}/identities/{provider}/{user_id}";
/// More hops than a sane document has, fewer than a loop.
const REF_HOPS: usize = 16;

/// Applies `document`, published on `date`, and returns a summary; on a failure `spec` is as it was.
pub(crate) fn update(spec: &mut Spec, document: &str, date: Date) -> Result<String, String> {
    if let Some(recorded) = spec
        .openapi
        .as_ref()
        .filter(|recorded| date < recorded.date)
    {
        return Err(format!(
            "the list already has the document of {}, which is newer than {date}",
            recorded.date
        ));
    }
    let document: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    let published = provider_names(&document)?;

    let mut providers = spec.providers().to_vec();
    let mut lines = Vec::new();
    for provider in &mut providers {
        let (name, variant) = (&provider.name, provider.variant());
        let is_published = published.contains(&name.as_str());
        match provider.removed_from_openapi {
            None if !is_published => {
                lines.push(format!("- {name} (Provider::{variant}), removed on {date}"));
                provider.removed_from_openapi = Some(date);
            }
            Some(removed) if is_published => {
                lines.push(format!(
                    "~ {name} (Provider::{variant}), back after its removal on {removed}"
                ));
                provider.removed_from_openapi = None;
            }
            _ => {}
        }
    }
    for name in &published {
        if providers.iter().all(|provider| provider.name != *name) {
            let provider = Provider::new((*name).to_owned());
            lines.push(format!("+ {name} (Provider::{})", provider.variant()));
            providers.push(provider);
        }
    }
    if lines.is_empty() {
        lines.push("no name was added, removed or came back".to_owned());
    }
    lines.push(format!(
        "{} names in the document, {} in the list",
        published.len(),
        providers.len()
    ));

    spec.set_providers(providers)?;
    let version = document["info"]["version"]
        .as_str()
        .unwrap_or("unknown")
        .to_owned();
    spec.openapi = Some(OpenApi { version, date });
    Ok(lines.join("\n"))
}

/// The enum of the unlink operation's `provider` parameter, in the document's order.
fn provider_names(document: &Value) -> Result<Vec<&str>, String> {
    let item = document["paths"].get(PATH).ok_or_else(|| {
        format!("has no path {PATH}; is this the Management API's OpenAPI document?")
    })?;
    let item = resolve(document, item)?;
    let operation = item
        .get("delete")
        .ok_or_else(|| format!("has no DELETE {PATH}"))?;
    // A parameter of the operation overrides its namesake of the path.
    let mut parameter = None;
    for declared in [item, operation]
        .into_iter()
        .filter_map(|at| at["parameters"].as_array())
        .flatten()
    {
        let declared = resolve(document, declared)?;
        if declared["name"] == "provider" && declared["in"] == "path" {
            parameter = Some(declared);
        }
    }
    let parameter =
        parameter.ok_or_else(|| format!("DELETE {PATH} has no path parameter `provider`"))?;
    let schema = resolve(document, &parameter["schema"])?;
    let names = schema["enum"].as_array().ok_or_else(|| {
        format!("the parameter `provider` of DELETE {PATH} has no enum: {schema}")
    })?;
    if names.is_empty() {
        return Err(format!(
            "the enum of the parameter `provider` of DELETE {PATH} is empty"
        ));
    }
    let mut published = Vec::with_capacity(names.len());
    for name in names {
        let name = name
            .as_str()
            .ok_or_else(|| format!("the provider enum holds {name}, which is no text"))?;
        if !published.contains(&name) {
            published.push(name);
        }
    }
    Ok(published)
}

/// Follows `$ref` until there is none.
fn resolve<'a>(document: &'a Value, mut value: &'a Value) -> Result<&'a Value, String> {
    for _ in 0..REF_HOPS {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Ok(value);
        };
        value = reference
            .strip_prefix('#')
            .and_then(percent_decoded)
            .and_then(|pointer| document.pointer(&pointer))
            .ok_or_else(|| format!("the reference {reference} leads nowhere in this document"))?;
    }
    Err(format!(
        "a reference was still not resolved after {REF_HOPS} hops: {value}"
    ))
}

/// A pointer in a URI fragment is percent-encoded; `None` when it is so wrongly.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits)
                .ok()
                .filter(|digits| !digits.contains('+'))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}
