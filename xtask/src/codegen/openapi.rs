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
    if !document["openapi"]
        .as_str()
        .is_some_and(|version| version.starts_with("3."))
    {
        return Err("is not an OpenAPI 3 document".to_owned());
    }
    let published = provider_names(&document)?;
    let recorded = OpenApi {
        title: info(&document, "title")?,
        version: info(&document, "version")?,
        date,
    };

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
    spec.openapi = Some(recorded);
    Ok(lines.join("\n"))
}

fn info(document: &Value, key: &str) -> Result<String, String> {
    let text = document["info"][key]
        .as_str()
        .ok_or_else(|| format!("has no info.{key}"))?;
    Ok(text.to_owned())
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

#[cfg(test)]
mod tests {
    use super::{super::spec::Spec, update};
    use insta::assert_snapshot;
    use serde_json::{Value, json};

    const LIST: &str = r#"{"source": "a page", "providers": [
        {"name": "box"},
        {"name": "aol", "removed_from_openapi": "2026-04-07"},
        {"name": "flickr", "variant": "Flickr1", "removed_from_openapi": "2026-04-09"},
        {"name": "ad"}]}"#;

    /// A document with `schema` for the provider, and a neighbour operation that must not be taken.
    fn document(schema: Value) -> Value {
        let decoy = json!({"name": "provider", "in": "query", "schema": {"enum": ["decoy"]}});
        let provider =
            json!({"name": "provider", "in": "path", "required": true, "schema": schema});
        json!({
            "openapi": "3.1.0",
            "info": {"title": "An API", "version": "2.0"},
            "paths": {
                "/users/{id}/identities": {"post": {"parameters": [decoy]}},
                super::PATH: {"delete": {"parameters": [decoy, provider]}}
            }
        })
    }

    fn run(document: &Value, date: &str) -> (Spec, Result<String, String>) {
        let mut spec = Spec::parse(LIST).unwrap();
        let summary = update(&mut spec, &document.to_string(), date.parse().unwrap());
        (spec, summary)
    }

    fn refusal(document: &Value) -> String {
        let (spec, summary) = run(document, "2026-06-25");
        assert_eq!(
            spec.to_string(),
            Spec::parse(LIST).unwrap().to_string(),
            "a failure must change nothing"
        );
        summary.unwrap_err()
    }

    #[test]
    fn names_are_appended_marked_and_unmarked_and_none_is_dropped() {
        let (spec, summary) = run(
            &document(json!({"enum": ["zeta-two", "ad", "aol", "alpha"]})),
            "2026-06-25",
        );
        assert_snapshot!(summary.unwrap(), @"
        - box (Provider::Box), removed on 2026-06-25
        ~ aol (Provider::Aol), back after its removal on 2026-04-07
        + zeta-two (Provider::ZetaTwo)
        + alpha (Provider::Alpha)
        4 names in the document, 6 in the list
        ");
        assert_snapshot!(spec, @r#"
        {
          "source": "a page",
          "openapi": {"title": "An API", "version": "2.0", "date": "2026-06-25"},
          "providers": [
            {"name": "box", "removed_from_openapi": "2026-06-25"},
            {"name": "aol"},
            {"name": "flickr", "variant": "Flickr1", "removed_from_openapi": "2026-04-09"},
            {"name": "ad"},
            {"name": "zeta-two"},
            {"name": "alpha"}
          ]
        }
        "#);
    }

    #[test]
    fn a_second_run_changes_nothing_but_the_date() {
        let document = document(json!({"enum": ["zeta-two", "ad", "aol"]}));
        let (mut spec, _) = run(&document, "2026-06-25");
        let before = spec.to_string();
        let summary = update(
            &mut spec,
            &document.to_string(),
            "2026-07-01".parse().unwrap(),
        )
        .unwrap();
        assert_eq!(
            spec.to_string(),
            before.replace("\"date\": \"2026-06-25\"", "\"date\": \"2026-07-01\"")
        );
        assert_snapshot!(summary, @"
        no name was added, removed or came back
        3 names in the document, 5 in the list
        ");
        let older = update(
            &mut spec,
            &document.to_string(),
            "2026-06-30".parse().unwrap(),
        );
        assert_snapshot!(older.unwrap_err(), @"the list already has the document of 2026-07-01, which is newer than 2026-06-30");
    }

    #[test]
    fn references_are_followed_wherever_they_stand() {
        let mut document = document(json!({}));
        document["paths"][super::PATH] = json!({"$ref": "#/components/pathItems/%75nlink"});
        let schema = json!({"$ref": "#/components/schemas/First"});
        document["components"] = json!({
            "pathItems": {"unlink": {
                "parameters": [{"$ref": "#/components/parameters/a~1b~0c%7Bd%7D"}],
                "delete": {}
            }},
            "parameters": {"a/b~c{d}": {"name": "provider", "in": "path", "schema": schema}},
            "schemas": {"First": {"$ref": "#/components/schemas/Second"}, "Second": {"enum": ["ad", "box", "new"]}}
        });
        let (_, summary) = run(&document, "2026-06-25");
        assert_snapshot!(summary.unwrap(), @"
        + new (Provider::New)
        3 names in the document, 5 in the list
        ");
    }

    #[test]
    fn a_parameter_of_the_operation_overrides_the_one_of_the_path() {
        let mut document = document(json!({"enum": ["ad", "box", "right"]}));
        let general = json!([{"name": "provider", "in": "path", "schema": {"enum": ["wrong"]}}]);
        document["paths"][super::PATH]["parameters"] = general;
        let (_, summary) = run(&document, "2026-06-25");
        assert_snapshot!(summary.unwrap(), @"
        + right (Provider::Right)
        3 names in the document, 5 in the list
        ");
    }

    #[test]
    fn a_document_that_does_not_say_is_refused() {
        let good = document(json!({"enum": ["ad"]}));
        let with = |pointer: &str, value: Value| {
            let mut document = good.clone();
            *document.pointer_mut(pointer).unwrap() = value;
            refusal(&document)
        };
        let item = "/paths/~1users~1{id}~1identities~1{provider}~1{user_id}";
        let schema = format!("{item}/delete/parameters/1/schema");
        assert_snapshot!(with("/openapi", json!("2.0")), @"is not an OpenAPI 3 document");
        assert_snapshot!(with("/info", json!({"title": "An API"})), @"has no info.version");
        assert_snapshot!(with("/paths", json!({})), @"has no path /users/{id}/identities/{provider}/{user_id}; is this the Management API's OpenAPI document?");
        assert_snapshot!(with(item, json!({"get": {}})), @"has no DELETE /users/{id}/identities/{provider}/{user_id}");
        assert_snapshot!(with(&format!("{item}/delete/parameters"), json!([])), @"DELETE /users/{id}/identities/{provider}/{user_id} has no path parameter `provider`");
        assert_snapshot!(with(&schema, json!({"type": "string"})), @r#"the parameter `provider` of DELETE /users/{id}/identities/{provider}/{user_id} has no enum: {"type":"string"}"#);
        assert_snapshot!(with(&schema, json!({"enum": []})), @"the enum of the parameter `provider` of DELETE /users/{id}/identities/{provider}/{user_id} is empty");
        assert_snapshot!(with(&schema, json!({"enum": ["ad", null]})), @"the provider enum holds null, which is no text");
        assert_snapshot!(with(&schema, json!({"enum": ["ad", "9gag"]})), @r#"entry `9gag`: `9gag` cannot name a variant; write "variant" with a capital first, then letters and digits"#);
        assert_snapshot!(with(&schema, json!({"$ref": "other.json#/Provider"})), @"the reference other.json#/Provider leads nowhere in this document");
        assert_snapshot!(with(&schema, json!({"$ref": "#/nowhere"})), @"the reference #/nowhere leads nowhere in this document");
        assert_snapshot!(with(&schema, json!({"$ref": "#/a%4"})), @"the reference #/a%4 leads nowhere in this document");
        let itself = format!("#{}", schema.replace('{', "%7B").replace('}', "%7D"));
        assert_snapshot!(with(&schema, json!({"$ref": itself})).split(':').next().unwrap(), @"a reference was still not resolved after 16 hops");
        let broken = update(
            &mut Spec::parse(LIST).unwrap(),
            "{",
            "2026-06-25".parse().unwrap(),
        );
        assert_snapshot!(broken.unwrap_err(), @"EOF while parsing an object at line 1 column 1");
    }
}
