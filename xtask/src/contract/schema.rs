//! Checks successful answers, key by key, against the schema of the operations: the part of JSON Schema that it uses.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The keywords that are understood; another one is a mistake of the schema, not something to pass over.
const KEYWORDS: [&str; 9] = [
    "$comment",
    "$ref",
    "additionalProperties",
    "anyOf",
    "enum",
    "format",
    "items",
    "properties",
    "type",
];

/// What successful answers hold.
#[derive(Debug)]
pub(crate) struct Schema {
    operations: Map<String, Value>,
    definitions: Map<String, Value>,
}

/// What is not as the schema says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Findings {
    /// Missing keys, other types, other statuses.
    pub(crate) wrong: BTreeSet<String>,
    /// Keys that the schema does not know.
    pub(crate) undeclared: BTreeSet<String>,
}

impl Findings {
    fn add(&mut self, other: Self) {
        self.wrong.extend(other.wrong);
        self.undeclared.extend(other.undeclared);
    }
}

impl Schema {
    /// Reads a schema; the error names what is not understood.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let whole: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let part = |key: &str| {
            let part = whole[key].as_object().cloned();
            part.ok_or_else(|| format!("there is no {key}"))
        };
        let schema = Self {
            operations: part("operations")?,
            definitions: part("$defs")?,
        };
        for (name, definition) in &schema.definitions {
            schema.understands(definition, name)?;
        }
        for (name, operation) in &schema.operations {
            let answers = operation["answers"].as_object();
            for (status, answer) in answers.ok_or_else(|| format!("{name} has no answers"))? {
                if !answer.is_null() {
                    schema.understands(answer, &format!("{name}.{status}"))?;
                }
            }
        }
        Ok(schema)
    }

    /// The names of the operations.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &str> {
        self.operations.keys().map(String::as_str)
    }

    /// The operation that a request means, by its method and its path, which a query may follow.
    pub(crate) fn operation(&self, method: &str, target: &str) -> Option<&str> {
        let path = target.split('?').next().unwrap_or_default();
        let means = |operation: &&Value| {
            let pattern = operation["path"].as_str().unwrap_or_default();
            operation["method"] == method && fits(pattern, path)
        };
        let mut operations = self.operations.iter();
        let found = operations.find(|(_, operation)| means(operation));
        found.map(|(name, _)| name.as_str())
    }

    /// What is not as it should be in a successful answer; `body` is none if there was none.
    pub(crate) fn check(
        &self,
        operation: &str,
        target: &str,
        status: u16,
        body: Option<&Value>,
    ) -> Findings {
        let answers = &self.operations[operation]["answers"];
        let Some(schema) = answers.get(status.to_string()) else {
            return wrong(operation, format!("no success of it has status {status}"));
        };
        let names_fields = target
            .split_once('?')
            .is_some_and(|(_, query)| query.split('&').any(|part| part.starts_with("fields=")));
        match (schema.is_null(), body) {
            (true, None) => Findings::default(),
            (true, Some(_)) => wrong(operation, "has a body, and should have none".into()),
            (false, None) => wrong(operation, "has no body".into()),
            (false, Some(body)) => self.value(schema, body, operation, !names_fields),
        }
    }

    fn value(&self, schema: &Value, value: &Value, place: &str, is_whole: bool) -> Findings {
        if let Some(name) = schema["$ref"].as_str() {
            return match self.definition(name) {
                Some(definition) => self.value(definition, value, place, is_whole),
                None => wrong(place, format!("the schema has no {name}")),
            };
        }
        if let Some(alternatives) = schema["anyOf"].as_array() {
            let tried = alternatives.iter().map(|one| {
                let found = self.value(one, value, place, is_whole);
                (is_of_type(&one["type"], value), found)
            });
            let best = tried
                .min_by_key(|(fits, found)| (!fits, found.wrong.len(), found.undeclared.len()));
            return best.map(|(_, found)| found).unwrap_or_default();
        }
        if !is_of_type(&schema["type"], value) {
            let expected = schema["type"].to_string();
            return wrong(place, format!("is {}, not {expected}", kind(value)));
        }
        let mut findings = Findings::default();
        if let Some(allowed) = schema["enum"].as_array().filter(|all| !all.contains(value)) {
            findings.add(wrong(
                place,
                format!("is {value}, none of {}", Value::from(allowed.clone())),
            ));
        }
        if schema["format"] == "date-time" && !value.as_str().is_some_and(is_date_time) {
            findings.add(wrong(place, format!("is {value}, no date and time")));
        }
        match value {
            Value::Array(values) => {
                for value in values {
                    let place = format!("{place}[]");
                    findings.add(self.value(&schema["items"], value, &place, is_whole));
                }
            }
            Value::Object(object) => {
                findings.add(self.object(schema, object, place, is_whole));
            }
            _ => {}
        }
        findings
    }

    fn object(
        &self,
        schema: &Value,
        object: &Map<String, Value>,
        place: &str,
        is_whole: bool,
    ) -> Findings {
        let mut findings = Findings::default();
        let required = schema["required"].as_array().filter(|_| is_whole);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                findings.add(wrong(place, format!("lacks {key}")));
            }
        }
        for (key, value) in object {
            let place = format!("{place}.{key}");
            match schema["properties"].get(key) {
                // What is inside was named by nobody.
                Some(property) => findings.add(self.value(property, value, &place, true)),
                None if schema["additionalProperties"] == true => {}
                None => {
                    findings.undeclared.insert(place);
                }
            }
        }
        findings
    }

    fn definition(&self, name: &str) -> Option<&Value> {
        self.definitions.get(name.strip_prefix("#/$defs/")?)
    }

    fn understands(&self, schema: &Value, place: &str) -> Result<(), String> {
        let Some(object) = schema.as_object() else {
            return Err(format!("{place} is no schema"));
        };
        for (key, value) in object {
            match key.as_str() {
                "$ref" if value.as_str().and_then(|it| self.definition(it)).is_none() => {
                    return Err(format!("{place} refers to {value}, which there is not"));
                }
                "items" => self.understands(value, &format!("{place}[]"))?,
                "anyOf" => {
                    for one in value.as_array().into_iter().flatten() {
                        self.understands(one, place)?;
                    }
                }
                "properties" => {
                    for (name, property) in value.as_object().into_iter().flatten() {
                        self.understands(property, &format!("{place}.{name}"))?;
                    }
                }
                "required" => {}
                known if KEYWORDS.contains(&known) => {}
                unknown => return Err(format!("{place}: {unknown} is not understood")),
            }
        }
        let holds = |kind: &str| {
            let types = &schema["type"];
            *types == kind
                || types
                    .as_array()
                    .is_some_and(|all| all.contains(&kind.into()))
        };
        if holds("object") && !schema["additionalProperties"].is_boolean() {
            return Err(format!("{place} does not say whether more keys may come"));
        }
        if holds("array") && schema["items"].is_null() {
            return Err(format!("{place} does not say what its items are"));
        }
        Ok(())
    }
}

fn wrong(place: &str, problem: String) -> Findings {
    Findings {
        wrong: BTreeSet::from([format!("{place}: {problem}")]),
        ..Findings::default()
    }
}

/// Whether a path has as many segments as the pattern, the same where it has no `{variable}`.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut expected, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some(expected), Some(given)) if expected.starts_with('{') || expected == given => {}
            _ => return false,
        }
    }
}

fn is_of_type(types: &Value, value: &Value) -> bool {
    let is = |name: &Value| *name == kind(value);
    match types {
        Value::Array(types) => types.iter().any(is),
        Value::String(_) => is(types),
        _ => true,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a text has the form `2023-01-25T19:00:59.837Z`.
fn is_date_time(text: &str) -> bool {
    let form = text.bytes().map(|byte| match byte {
        b'0'..=b'9' => b'0',
        other => other,
    });
    form.eq(*b"0000-00-00T00:00:00.000Z")
}

#[cfg(test)]
mod tests {
    use super::{Findings, Schema};
    use serde_json::{Value, json};

    fn schema(answer: &Value) -> Result<Schema, String> {
        let whole = json!({
            "operations": { "read": { "method": "GET", "path": "/users/{id}", "answers": { "200": answer, "204": null } } },
            "$defs": { "name": { "type": "string" } },
        });
        Schema::read(&whole.to_string())
    }

    fn user() -> Value {
        json!({
            "type": "object",
            "properties": {
                "id": { "type": ["string", "integer"] },
                "name": { "$ref": "#/$defs/name" },
                "at": { "type": "string", "format": "date-time" },
                "kind": { "enum": ["a", "b"] },
                "more": { "type": "object", "additionalProperties": true },
                "all": { "type": "array", "items": { "$ref": "#/$defs/name" } },
            },
            "required": ["id"],
            "additionalProperties": false,
        })
    }

    fn is_right_by(schema: &Schema, target: &str, status: u16, body: Option<&Value>) -> bool {
        schema.check("read", target, status, body) == Findings::default()
    }

    #[test]
    fn an_answer_is_checked_key_by_key() {
        let schema = schema(&user()).unwrap();
        let table = [
            (
                json!({ "id": 1, "name": "x", "kind": "b", "more": { "y": [1] }, "all": ["z"] }),
                "",
                "",
            ),
            (
                json!({ "id": "1", "at": "2023-01-25T19:00:59.837Z" }),
                "",
                "",
            ),
            (json!({}), "read: lacks id", ""),
            (
                json!({ "id": null }),
                "read.id: is null, not [\"string\",\"integer\"]",
                "",
            ),
            (
                json!({ "id": 1.5 }),
                "read.id: is number, not [\"string\",\"integer\"]",
                "",
            ),
            (
                json!({ "id": 1, "name": 2 }),
                "read.name: is integer, not \"string\"",
                "",
            ),
            (
                json!({ "id": 1, "at": "yesterday" }),
                "read.at: is \"yesterday\", no date and time",
                "",
            ),
            (
                json!({ "id": 1, "kind": "c" }),
                "read.kind: is \"c\", none of [\"a\",\"b\"]",
                "",
            ),
            (
                json!({ "id": 1, "all": ["x", 3] }),
                "read.all[]: is integer, not \"string\"",
                "",
            ),
            (json!({ "id": 1, "other": 2 }), "", "read.other"),
            (json!([]), "read: is array, not \"object\"", ""),
        ];
        for (body, wrong, undeclared) in table {
            let found = schema.check("read", "/users/1", 200, Some(&body));
            let told = |all: &std::collections::BTreeSet<String>| {
                all.iter().cloned().collect::<Vec<_>>().join("; ")
            };
            assert_eq!(
                (told(&found.wrong), told(&found.undeclared)),
                (wrong.into(), undeclared.into()),
                "{body}"
            );
        }
    }

    #[test]
    fn a_status_and_a_body_have_to_belong_together() {
        let schema = schema(&user()).unwrap();
        let body = json!({ "id": 1 });
        for (status, body, is_right) in [
            (200, Some(&body), true),
            (204, None, true),
            (200, None, false),
            (204, Some(&body), false),
            (201, Some(&body), false),
        ] {
            assert_eq!(
                is_right_by(&schema, "/users/1", status, body),
                is_right,
                "{status} {body:?}"
            );
        }
    }

    #[test]
    fn of_answers_with_named_fields_nothing_is_required() {
        let schema = schema(&user()).unwrap();
        let nothing = json!({});
        let passes = |target: &str| is_right_by(&schema, target, 200, Some(&nothing));
        assert!(passes("/users/1?fields=name"));
        assert!(!passes("/users/1?x=fields"));
    }

    #[test]
    fn the_alternative_that_fits_best_is_told_of() {
        let schema = schema(
            &json!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, user()] }),
        )
        .unwrap();
        assert!(is_right_by(&schema, "", 200, Some(&json!(["x"]))));
        let found = schema.check("read", "", 200, Some(&json!({ "id": 1, "name": 1 })));
        assert_eq!(
            found.wrong.into_iter().collect::<Vec<_>>(),
            ["read.name: is integer, not \"string\""]
        );
    }

    #[test]
    fn an_operation_is_found_by_its_path() {
        let schema = schema(&user()).unwrap();
        assert_eq!(
            schema.operation("GET", "/users/a%7Cb?fields=x"),
            Some("read")
        );
        for (method, target) in [
            ("DELETE", "/users/1"),
            ("GET", "/users/1/x"),
            ("GET", "/users"),
        ] {
            assert_eq!(schema.operation(method, target), None, "{method} {target}");
        }
    }

    #[test]
    fn a_schema_that_is_not_understood_is_refused() {
        for answer in [
            json!({ "type": "string", "minLength": 1 }),
            json!({ "$ref": "#/$defs/nobody" }),
            json!({ "type": "object" }),
            json!({ "type": "array" }),
            json!({ "anyOf": [{ "not": {} }] }),
            json!("string"),
        ] {
            assert!(schema(&answer).is_err(), "{answer}");
        }
    }
}
