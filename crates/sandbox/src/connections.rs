//! The connections of the tenant, listed.

use http::StatusCode;
use serde_json::{Value, json};

use crate::call::{Call, Reply, fields};
use crate::engine::Engine;
use crate::errors::{ApiError, Part};
use crate::tenant::Connection;

const MOST_PER_PAGE: usize = 100;

/// How many connections a checkpoint page holds if it is not said.
const DEFAULT_TAKE: usize = 50;

/// `GET /connections`, by page or checkpoint, name and strategy.
pub(crate) fn list(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (inbound, rules) = (call.inbound, &mut engine.rules);
    let fields = fields(inbound, rules)?;
    let page = inbound
        .query_number(rules, "page", 0, usize::MAX)?
        .unwrap_or(0);
    let limit = inbound
        .query_number(rules, "per_page", 1, MOST_PER_PAGE)?
        .unwrap_or(MOST_PER_PAGE);
    let totals = inbound
        .query_bool(rules, "include_totals")?
        .unwrap_or(false);
    let (name, strategies) = (inbound.query("name"), inbound.query_all("strategy"));
    let wanted: Vec<&Connection> = engine
        .tenant
        .connections()
        .iter()
        .filter(|connection| name.as_ref().is_none_or(|name| connection.name == *name))
        .filter(|connection| strategies.is_empty() || strategies.contains(&connection.strategy))
        .collect();
    let show = |connection: &&Connection| -> Value {
        let listed = connection.listed().into_iter();
        listed.filter(|(key, _)| fields.show(key)).collect()
    };
    let (from, take) = (
        inbound.query("from"),
        inbound.query_number(rules, "take", 1, MOST_PER_PAGE)?,
    );
    if from.is_some() || take.is_some() {
        let Some(rest) = after(&wanted, from.as_deref()) else {
            let problem = "Unknown checkpoint";
            return Err(ApiError::invalid_value(rules, Part::Query, problem, "from"));
        };
        let taken = take.unwrap_or(DEFAULT_TAKE).min(rest.len());
        let mut body = json!({ "connections": rest[..taken].iter().map(show).collect::<Value>() });
        if let Some(last) = rest[..taken].last().filter(|_| taken < rest.len()) {
            body["next"] = last.id.as_str().into();
        }
        return Ok(Reply::json(StatusCode::OK, &body));
    }
    let start = page.saturating_mul(limit);
    let shown: Vec<Value> = wanted.iter().skip(start).take(limit).map(show).collect();
    let body = if totals {
        json!({ "start": start, "limit": limit, "total": wanted.len(), "connections": shown })
    } else {
        shown.into()
    };
    Ok(Reply::json(StatusCode::OK, &body))
}

/// What follows a checkpoint, which is the id of the last connection shown; nothing if there is no such connection.
fn after<'a, 'b>(all: &'b [&'a Connection], from: Option<&str>) -> Option<&'b [&'a Connection]> {
    let Some(from) = from else {
        return Some(all);
    };
    let last = all.iter().position(|connection| connection.id == from)?;
    all.get(last + 1..)
}
