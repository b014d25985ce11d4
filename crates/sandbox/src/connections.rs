//! The connections of the tenant, listed.

use http::StatusCode;
use serde_json::{Value, json};

use crate::call::{Call, Reply, fields};
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::tenant::Connection;

const MOST_PER_PAGE: usize = 100;

/// `GET /connections`, by page, name and strategy.
pub(crate) fn list(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (inbound, rules) = (call.inbound, &mut engine.rules);
    if inbound.query("from").is_some() || inbound.query("take").is_some() {
        let message = "Checkpoint paging of get_connections is not served by this local tenant.";
        return Err(ApiError::new(
            StatusCode::NOT_IMPLEMENTED,
            Some("not_served"),
            message,
        ));
    }
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
    let start = page.saturating_mul(limit);
    let shown: Vec<Value> = wanted
        .iter()
        .skip(start)
        .take(limit)
        .map(|connection| {
            connection
                .listed()
                .into_iter()
                .filter(|(key, _)| fields.show(key))
                .collect()
        })
        .collect();
    let body = if totals {
        json!({ "start": start, "limit": limit, "total": wanted.len(), "connections": shown })
    } else {
        shown.into()
    };
    Ok(Reply::json(StatusCode::OK, &body))
}
