//! What an export is to hold, read from its order.

use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::errors::{ApiError, Part};
use crate::provenance::{Behaviour, Rules};

const LONGEST_NAME: usize = 100;

const MOST_CSV_FIELDS: usize = 30;

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
}

impl Format {
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// A column of the file.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// The path of the attribute.
    pub(super) name: String,
    pub(super) export_as: String,
}

/// What was ordered.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) format: Format,
    /// The name of the connection.
    pub(super) connection: Option<String>,
    pub(super) limit: usize,
    /// None if the order names none.
    pub(super) fields: Option<Vec<Field>>,
}

impl Wanted {
    /// Reads an order; beside it, what its answer repeats.
    pub(super) fn read(
        order: Map<String, Value>,
        engine: &mut Engine,
    ) -> Result<(Self, Map<String, Value>), ApiError> {
        let mut wanted = Self {
            format: Format::Csv,
            connection: None,
            limit: usize::MAX,
            fields: None,
        };
        let mut shown = Map::new();
        for (key, value) in &order {
            match key.as_str() {
                "format" => {
                    wanted.format = match value.as_str() {
                        Some("json") => Format::Json,
                        Some("csv") => Format::Csv,
                        _ => return Err(invalid(&mut engine.rules, "No enum match", key)),
                    }
                }
                "limit" => {
                    let limit = value.as_u64().filter(|limit| *limit > 0);
                    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else {
                        return Err(invalid(
                            &mut engine.rules,
                            "Expected an integer of 1 or more",
                            key,
                        ));
                    };
                    wanted.limit = limit;
                }
                "fields" => wanted.fields = Some(fields(value, &mut engine.rules)?),
                "connection_id" => {
                    let name = connection(value, engine)?;
                    shown.insert("connection".into(), name.as_str().into());
                    wanted.connection = Some(name);
                }
                _ => {
                    let problem = format!("Additional properties not allowed: {key}");
                    return Err(ApiError::invalid(&mut engine.rules, Part::Body, problem));
                }
            }
            shown.insert(key.clone(), value.clone());
        }
        shown.insert("format".into(), wanted.format.extension().into());
        let columns = wanted.fields.as_ref().map_or(0, Vec::len);
        if wanted.format == Format::Csv && columns > MOST_CSV_FIELDS {
            return Err(invalid(&mut engine.rules, "Array is too long", "fields"));
        }
        Ok((wanted, shown))
    }
}

/// The name of the connection with this id.
fn connection(id: &Value, engine: &mut Engine) -> Result<String, ApiError> {
    let mut known = engine.tenant.connections().iter();
    if let Some(found) = known.find(|known| *id == *known.id) {
        return Ok(found.name.clone());
    }
    engine.rules.decide(Behaviour::ExportUnknownConnection)?;
    let message = "The connection does not exist.";
    Err(ApiError::bad_request("inexistent_connection", message))
}

fn fields(value: &Value, rules: &mut Rules) -> Result<Vec<Field>, ApiError> {
    let field = |value: &Value| {
        let object = value.as_object()?;
        let text = |key: &str| match object.get(key).map(Value::as_str) {
            None => Some(None),
            Some(Some(text)) if (1..=LONGEST_NAME).contains(&text.chars().count()) => {
                Some(Some(text))
            }
            Some(_) => None,
        };
        let (name, export_as) = (text("name")??, text("export_as")?);
        let is_known = |key: &String| ["name", "export_as"].contains(&key.as_str());
        object.keys().all(is_known).then(|| Field {
            name: name.to_owned(),
            export_as: export_as.unwrap_or(name).to_owned(),
        })
    };
    let fields = value.as_array().map(|fields| fields.iter().map(field));
    match fields.and_then(Iterator::collect::<Option<Vec<Field>>>) {
        Some(fields) => Ok(fields),
        None => Err(invalid(
            rules,
            "Expected an array of name and export_as",
            "fields",
        )),
    }
}

fn invalid(rules: &mut Rules, problem: &str, key: &str) -> ApiError {
    ApiError::invalid_value(rules, Part::Body, problem, key)
}
