//! Exports of users: the job, its state, and the file it makes, behind a link that does not last.

mod file;
mod request;

use std::sync::Arc;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::account::Account;
use crate::call::{Call, Inbound, Reply};
use crate::clock::Millis;
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::provenance::Behaviour;
use request::Wanted;

/// How long a link to a file is good, in seconds.
const LINK_LIFETIME: i64 = 60;

/// How long a job is kept, in seconds.
const JOB_LIFETIME: i64 = 24 * 60 * 60;

/// Where files are, below the tenant's address.
const FOLDER: &str = "/exports/";

/// An export that was ordered.
#[derive(Debug)]
pub(crate) struct Job {
    id: String,
    created_at: Millis,
    /// As the answer to its order shows it, but for its state.
    shown: Map<String, Value>,
    wanted: Wanted,
    /// The users at the time of the order.
    users: Vec<Arc<Account>>,
    /// The secret parts of the links given out, with their ends in Unix seconds.
    links: Vec<(String, i64)>,
}

impl Job {
    fn is_done(&self, engine: &Engine, now: Millis) -> bool {
        let took = i64::try_from(engine.settings.export_duration.as_millis()).unwrap_or(i64::MAX);
        now.0 >= self.created_at.0.saturating_add(took)
    }

    fn is_kept(&self, now: Millis) -> bool {
        now.seconds() < self.created_at.seconds() + JOB_LIFETIME
    }

    fn file_name(&self) -> String {
        format!("{}.{}.gz", self.id, self.wanted.format.extension())
    }

    fn body(&self, status: &'static str) -> Map<String, Value> {
        let mut body = self.shown.clone();
        body.insert("status".into(), status.into());
        body
    }
}

/// `POST /jobs/users-exports`.
pub(crate) fn order(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let body = match call.inbound.body.is_empty() {
        true => Map::new(),
        false => call.inbound.object(&mut engine.rules)?,
    };
    let (wanted, mut shown) = Wanted::read(body, engine)?;
    let id = format!("job_{}", engine.new_id().get(..16).unwrap_or_default());
    shown.insert("type".into(), "users_export".into());
    shown.insert("created_at".into(), (&*call.date).into());
    shown.insert("id".into(), id.as_str().into());
    let in_connection = |account: &&Arc<Account>| {
        let main = account.identities.first();
        let held = main.map(|identity| &*identity.connection);
        wanted.connection.is_none() || held == wanted.connection.as_deref()
    };
    let places = engine.tenant.places().iter().flatten();
    let users = places.filter(in_connection);
    let job = Job {
        id,
        created_at: call.now,
        shown,
        users: users.take(wanted.limit).map(Arc::clone).collect(),
        wanted,
        links: Vec::new(),
    };
    let reply = Reply::json(StatusCode::OK, &job.body("pending"));
    engine.exports.retain(|job| job.is_kept(call.now));
    engine.exports.push(job);
    Ok(reply)
}

/// `GET /jobs/{id}`; each time with a fresh link, once the file is there.
pub(crate) fn job(engine: &mut Engine, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (now, link) = (call.now, engine.new_id());
    let wanted = |job: &Job| job.id == call.segment(0) && job.is_kept(now);
    let Some(place) = engine.exports.iter().position(wanted) else {
        let message = "Job not found.";
        return Err(ApiError::new(StatusCode::NOT_FOUND, None, message));
    };
    if !engine.exports[place].is_done(engine, now) {
        let body = engine.exports[place].body("pending");
        return Ok(Reply::json(StatusCode::OK, &body));
    }
    engine.rules.detail(Behaviour::ExportFile);
    let job = &mut engine.exports[place];
    job.links.retain(|(_, end)| *end > now.seconds());
    job.links
        .push((link.clone(), now.seconds() + LINK_LIFETIME));
    let mut body = job.body("completed");
    let (base, name) = (&call.inbound.base_url, job.file_name());
    let location = format!("{base}{FOLDER}{name}?signature={link}");
    body.insert("location".into(), location.into());
    body.insert("percentage_done".into(), 100.into());
    body.insert("time_left_seconds".into(), 0.into());
    Ok(Reply::json(StatusCode::OK, &body))
}

/// The file behind a link; whoever has the link may have the file, while it lasts.
pub(crate) fn download(engine: &mut Engine, inbound: &Inbound, now: Millis) -> Reply {
    engine.rules.detail(Behaviour::ExportFile);
    let name = inbound.path.strip_prefix(FOLDER).unwrap_or_default();
    let signature = inbound.query("signature").unwrap_or_default();
    let mut jobs = engine.exports.iter();
    let Some(job) = jobs.find(|job| job.file_name() == name) else {
        return Reply::from(ApiError::not_found());
    };
    let mut links = job.links.iter();
    if !links.any(|(link, end)| *link == signature && now.seconds() < *end) {
        let message = "Request has expired";
        return Reply::from(ApiError::new(StatusCode::FORBIDDEN, None, message));
    }
    let file = Reply {
        body: file::gzip(&job.wanted, &job.users),
        ..Reply::empty(StatusCode::OK)
    };
    file.with_static(CONTENT_TYPE, "application/gzip")
}
