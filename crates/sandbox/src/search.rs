//! `GET /users`: the users that fit a query, by page, as the search index knows them.

pub(crate) mod index;
pub(crate) mod query;

use std::cmp::Ordering;

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::account::Account;
use crate::call::{Call, Inbound, Reply, fields};
use crate::engine::Engine;
use crate::errors::{ApiError, Part};
use crate::provenance::{Behaviour, Rules};
use crate::users;
use crate::view::UserView;
use query::{Problem, Query};

pub(crate) const DEFAULT_PER_PAGE: usize = 50;

pub(crate) const MOST_PER_PAGE: usize = 100;

/// A search shows nothing beyond this.
pub(crate) const CAP: usize = 1000;

/// A page with its place in the whole, in the recorded order of keys.
#[derive(Serialize)]
struct Page<'a> {
    start: usize,
    limit: usize,
    length: usize,
    users: Vec<UserView<'a>>,
    total: usize,
}

/// `GET /users`.
pub(crate) fn list(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (inbound, rules) = (call.inbound, &mut engine.rules);
    let fields = fields(inbound, rules)?;
    let page = inbound.query_number(rules, "page", 0, usize::MAX)?;
    let limit = inbound
        .query_number(rules, "per_page", 0, MOST_PER_PAGE)?
        .unwrap_or(DEFAULT_PER_PAGE);
    let totals = inbound.query_bool(rules, "include_totals")?;
    inbound.query_bool(rules, "primary_order")?;
    let query = query(inbound, rules)?;
    let sort = sort(inbound, rules)?;
    let start = page.unwrap_or(0).saturating_mul(limit);
    if start.saturating_add(limit) > CAP {
        return Err(ApiError::bad_request("invalid_paging", TOO_FAR));
    }
    if sort.is_none() {
        engine.rules.detail(Behaviour::SearchOrder);
    }
    let mut found: Vec<&Account> = engine
        .searchable(call.now)
        .filter(|account| query.fits(*account))
        .collect();
    if let Some(sort) = &sort {
        found.sort_by(|one, other| sort.compare(one, other));
    }
    let total = found.len();
    let shown: Vec<UserView<'_>> = found
        .into_iter()
        .skip(start)
        .take(limit)
        .map(|account| users::show(account, &fields, call))
        .collect();
    Ok(match totals {
        Some(true) => {
            let page = Page {
                start,
                limit,
                length: shown.len(),
                users: shown,
                total,
            };
            Reply::json(StatusCode::OK, &page)
        }
        _ => Reply::json(StatusCode::OK, &shown),
    })
}

pub(crate) const TOO_FAR: &str = "You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation";

/// The query; the engines before the third, and what only they knew, are gone.
fn query(inbound: &Inbound, rules: &mut Rules) -> Result<Query, ApiError> {
    if let Some(engine) = inbound.query("search_engine").filter(|name| name != "v3") {
        let problem = format!("The search engine {engine} is not available, use v3");
        return Err(ApiError::invalid_value(
            rules,
            Part::Query,
            problem,
            "search_engine",
        ));
    }
    if inbound.query("connection").is_some() {
        return Err(ApiError::not_served(
            "the parameter connection of get_users",
        ));
    }
    asked(inbound, rules, "get_users")
}

/// What the parameter `q` of an operation asks.
pub(crate) fn asked(
    inbound: &Inbound,
    rules: &mut Rules,
    operation: &str,
) -> Result<Query, ApiError> {
    let text = inbound.query("q").unwrap_or_default();
    Query::parse(&text).map_err(|problem| match problem {
        Problem::Malformed(problem) => ApiError::invalid_value(rules, Part::Query, problem, "q"),
        Problem::NotServed(what) => ApiError::not_served(format!("{what} of {operation}")),
    })
}

/// An order of users by one attribute.
struct Sort {
    field: String,
    is_descending: bool,
}

fn sort(inbound: &Inbound, rules: &mut Rules) -> Result<Option<Sort>, ApiError> {
    let Some(text) = inbound.query("sort") else {
        return Ok(None);
    };
    let (field, is_descending) = match text.rsplit_once(':') {
        Some((field, "1")) if !field.is_empty() => (field, false),
        Some((field, "-1")) if !field.is_empty() => (field, true),
        _ => {
            let problem = format!("String does not match pattern field:1 or field:-1: {text}");
            return Err(ApiError::invalid_value(rules, Part::Query, problem, "sort"));
        }
    };
    Ok(Some(Sort {
        field: field.to_owned(),
        is_descending,
    }))
}

impl Sort {
    /// Users that lack the attribute come last, either way.
    fn compare(&self, one: &Account, other: &Account) -> Ordering {
        let value = |account: &Account| query::value(account, &self.field);
        match (value(one), value(other)) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => match self.is_descending {
                true => order(&other, &one),
                false => order(&one, &other),
            },
        }
    }
}

fn order(one: &Value, other: &Value) -> Ordering {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => query::text(one).cmp(&query::text(other)),
    }
}
