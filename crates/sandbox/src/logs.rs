//! `GET /logs`: the tenant's log by checkpoint or by page, and `GET /logs/{id}`.

use http::StatusCode;
use http::header::LINK;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::call::{Call, Inbound, Reply, fields};
use crate::engine::Engine;
use crate::errors::{ApiError, Part};
use crate::events::Event;
use crate::provenance::{Behaviour, Rules};
use crate::ring::Ring;
use crate::search::{self, CAP, DEFAULT_PER_PAGE, MOST_PER_PAGE, TOO_FAR, query::Query};
use crate::view::Fields;

/// A page with its place in the whole.
#[derive(Serialize)]
struct Page {
    start: usize,
    limit: usize,
    length: usize,
    logs: Vec<Value>,
    total: usize,
}

/// `GET /logs`: with `from`, what came after that entry, oldest first; else the newest first, by page.
pub(crate) fn list(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    engine.rules.detail(Behaviour::LogDelay);
    match call.inbound.query("from") {
        Some(from) => after(engine, call.inbound, &from),
        None => by_page(engine, call.inbound),
    }
}

/// `GET /logs/{id}`.
pub(crate) fn get(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (id, log) = (call.segment(0), &engine.events);
    let seq = first_not_before(log, id);
    match log.get(seq).filter(|event| event.id(seq) == *id) {
        None => Err(ApiError::no_such_log(&mut engine.rules)),
        Some(event) => {
            lean(&mut engine.rules, event);
            Ok(Reply::json(StatusCode::OK, &event.spelt_out(seq)))
        }
    }
}

/// All other parameters are ignored beside these two.
fn after(engine: &mut Engine, inbound: &Inbound, from: &str) -> Result<Reply, ApiError> {
    let (log, rules) = (&engine.events, &mut engine.rules);
    let take = inbound
        .query_number(rules, "take", 1, MOST_PER_PAGE)?
        .unwrap_or(DEFAULT_PER_PAGE);
    let mut next = first_not_before(log, from);
    if log.get(next).is_some_and(|event| event.id(next) == from) {
        next += 1;
    } else if rules.decide(Behaviour::LogCheckpoint)? == "400" {
        let problem = format!("There is no log entry {from}");
        return Err(ApiError::invalid_value(rules, Part::Query, problem, "from"));
    }
    let numbers = (next..log.numbers().end).take(take);
    let shown: Vec<Value> = numbers
        .filter_map(|seq| Some((seq, log.get(seq)?)))
        .inspect(|(_, event)| lean(rules, event))
        .map(|(seq, event)| event.spelt_out(seq))
        .collect();
    // Nothing new: the same place again.
    let last = shown.last().and_then(|entry| entry["log_id"].as_str());
    let mut again = form_urlencoded::Serializer::new(String::new());
    again.append_pair("from", last.unwrap_or(from));
    again.append_pair("take", &take.to_string());
    let url = format!("{}/api/v2/logs?{}", inbound.base_url, again.finish());
    let link = format!("<{url}>; rel=\"next\"");
    Ok(Reply::json(StatusCode::OK, &shown).with(LINK, &link))
}

fn by_page(engine: &mut Engine, inbound: &Inbound) -> Result<Reply, ApiError> {
    let (log, rules) = (&engine.events, &mut engine.rules);
    let fields = fields(inbound, rules)?;
    let page = inbound.query_number(rules, "page", 0, usize::MAX)?;
    let limit = inbound
        .query_number(rules, "per_page", 0, MOST_PER_PAGE)?
        .unwrap_or(DEFAULT_PER_PAGE);
    let totals = inbound.query_bool(rules, "include_totals")?;
    let oldest_first = oldest_first(inbound, rules)?;
    let query = search::asked(inbound, rules, "get_logs")?;
    let start = page.unwrap_or(0).saturating_mul(limit);
    if start.saturating_add(limit) > CAP {
        rules.decide(Behaviour::LogPaging)?;
        return Err(ApiError::bad_request("invalid_paging", TOO_FAR));
    }
    let mut found: Vec<u64> = match query {
        Query::Everyone => log.numbers().collect(),
        query => {
            let fits = |seq: &u64| {
                let event = log.get(*seq);
                event.is_some_and(|event| query.fits(&event.spelt_out(*seq)))
            };
            log.numbers().filter(fits).collect()
        }
    };
    if !oldest_first {
        found.reverse();
    }
    let shown = found.iter().skip(start).take(limit);
    let logs: Vec<Value> = shown
        .filter_map(|seq| Some((*seq, log.get(*seq)?)))
        .inspect(|(_, event)| lean(rules, event))
        .map(|(seq, event)| shown_fields(event.spelt_out(seq), &fields))
        .collect();
    Ok(match totals {
        Some(true) => {
            let page = Page {
                start,
                limit,
                length: logs.len(),
                logs,
                total: found.len(),
            };
            Reply::json(StatusCode::OK, &page)
        }
        _ => Reply::json(StatusCode::OK, &logs),
    })
}

fn oldest_first(inbound: &Inbound, rules: &mut Rules) -> Result<bool, ApiError> {
    if inbound.query("search").is_some() {
        return Err(ApiError::not_served("the parameter search of get_logs"));
    }
    match inbound.query("sort").as_deref() {
        None | Some("date:-1") => Ok(false),
        Some("date:1") => Ok(true),
        Some(sort) if sort.ends_with(":1") || sort.ends_with(":-1") => {
            let what = format!("the order {sort} of get_logs");
            Err(ApiError::not_served(what))
        }
        Some(sort) => {
            let problem = format!("String does not match pattern field:1 or field:-1: {sort}");
            Err(ApiError::invalid_value(rules, Part::Query, problem, "sort"))
        }
    }
}

/// The number of the first entry whose id is this or a later one; ids are as long as each other, and so in order as text.
fn first_not_before(log: &Ring<Event>, id: &str) -> u64 {
    let (mut low, mut high) = (log.numbers().start, log.numbers().end);
    while low < high {
        let middle = low + (high - low) / 2;
        match log.get(middle) {
            Some(event) if *event.id(middle) < *id => low = middle + 1,
            _ => high = middle,
        }
    }
    low
}

fn lean(rules: &mut Rules, event: &Event) {
    let existence = event.rests_on();
    let form = (!event.is_as_recorded()).then_some(Behaviour::LogEntries);
    for behaviour in existence.into_iter().chain(form) {
        if !rules.leans_on(behaviour) {
            rules.detail(behaviour);
        }
    }
}

fn shown_fields(entry: Value, fields: &Fields) -> Value {
    match entry {
        Value::Object(entry) => {
            let shown = entry.into_iter().filter(|(key, _)| fields.show(key));
            shown.collect::<Map<_, _>>().into()
        }
        entry => entry,
    }
}
