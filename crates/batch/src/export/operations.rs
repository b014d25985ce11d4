//! The two requests of an export: its order, and how far it is.

use std::time::Duration;

use unlink::transport::{DecodeError, Operation, Path, PathError, Request, Response};

use crate::reader::Reads;

/// Orders an export of all users: `POST /api/v2/jobs/users-exports`.
///
/// Source: [Create export users job](https://auth0.com/docs/api/management/v2/jobs/post-users-exports).
pub(super) struct OrderExport(Request);

impl OrderExport {
    pub(super) fn new(with_profiles: bool) -> Result<Self, PathError> {
        const NEEDED: [&str; 5] = [
            "user_id",
            "email",
            "email_verified",
            "blocked",
            "identities",
        ];
        const PROFILE: [&str; 13] = [
            "name",
            "nickname",
            "username",
            "given_name",
            "family_name",
            "phone_number",
            "phone_verified",
            "picture",
            "created_at",
            "last_login",
            "logins_count",
            "user_metadata",
            "app_metadata",
        ];
        let more = with_profiles.then_some(PROFILE).into_iter().flatten();
        let fields: Vec<_> = NEEDED
            .into_iter()
            .chain(more)
            .map(|name| serde_json::json!({ "name": name }))
            .collect();
        let body = serde_json::json!({ "format": "json", "fields": fields }).to_string();
        let path = Path::new(["api", "v2", "jobs", "users-exports"])?;
        Ok(Self(Request::post_json(path, body.into())))
    }
}

fn document(response: &Response) -> Result<serde_json::Value, DecodeError> {
    serde_json::from_slice(response.body().expose()).map_err(|error| DecodeError::json(&error))
}

impl Operation for OrderExport {
    /// The id of the tenant's job.
    type Output = String;

    fn name(&self) -> &'static str {
        "order export"
    }

    fn request(&self) -> &Request {
        &self.0
    }

    /// A second export is one too many, and changes nothing.
    fn is_repeatable(&self) -> bool {
        true
    }

    fn decode(&self, response: &Response) -> Result<String, DecodeError> {
        let job = document(response)?;
        let id = job["id"].as_str().filter(|id| !id.is_empty());
        Ok(id
            .ok_or_else(|| DecodeError::new("a job without an id"))?
            .to_owned())
    }
}

impl Reads for OrderExport {}

/// Reads how far an export is: `GET /api/v2/jobs/{id}`.
///
/// Source: [Get a job](https://auth0.com/docs/api/management/v2/jobs/get-jobs-by-id).
pub(super) struct ExportJob(Request);

impl ExportJob {
    pub(super) fn new(id: &str) -> Result<Self, PathError> {
        Ok(Self(Request::get(Path::new(["api", "v2", "jobs", id])?)))
    }
}

/// How far an export is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progressed {
    /// Its file is behind this link, for a minute.
    Written {
        location: String,
    },
    Failed {
        reason: String,
    },
    /// Not yet; the tenant's documentation names no full list of states, so any other is taken for this.
    Pending {
        percent: Option<u64>,
        left: Option<Duration>,
    },
}

impl Operation for ExportJob {
    type Output = Progressed;

    fn name(&self) -> &'static str {
        "read export job"
    }

    fn request(&self) -> &Request {
        &self.0
    }

    fn decode(&self, response: &Response) -> Result<Progressed, DecodeError> {
        let job = document(response)?;
        Ok(match job["status"].as_str() {
            Some("completed") => Progressed::Written {
                location: job["location"]
                    .as_str()
                    .ok_or_else(|| DecodeError::new("a completed export without a location"))?
                    .to_owned(),
            },
            Some("failed") => Progressed::Failed {
                reason: match &job["status_details"] {
                    serde_json::Value::String(reason) => reason.clone(),
                    serde_json::Value::Null => "it says no reason".to_owned(),
                    other => other.to_string(),
                },
            },
            Some(_) => Progressed::Pending {
                percent: job["percentage_done"].as_u64(),
                left: job["time_left_seconds"].as_u64().map(Duration::from_secs),
            },
            None => return Err(DecodeError::new("a job without a status")),
        })
    }
}

impl Reads for ExportJob {}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn read(body: &'static str) -> Result<Progressed, DecodeError> {
        let response = http::Response::new(Bytes::from_static(body.as_bytes()));
        ExportJob::new("job_1").unwrap().decode(&response.into())
    }

    #[test]
    fn every_state_that_is_no_end_is_waited_for() {
        for (body, expected) in [
            (
                r#"{"status":"pending"}"#,
                Progressed::Pending {
                    percent: None,
                    left: None,
                },
            ),
            (
                r#"{"status":"processing","percentage_done":40,"time_left_seconds":9}"#,
                Progressed::Pending {
                    percent: Some(40),
                    left: Some(Duration::from_secs(9)),
                },
            ),
            (
                r#"{"status":"completed","location":"https://x/y"}"#,
                Progressed::Written {
                    location: "https://x/y".to_owned(),
                },
            ),
            (
                r#"{"status":"failed","status_details":"too much"}"#,
                Progressed::Failed {
                    reason: "too much".to_owned(),
                },
            ),
        ] {
            assert_eq!(read(body).unwrap(), expected, "{body}");
        }
        assert!(read(r#"{"status":"completed"}"#).is_err());
        assert!(read("{}").is_err());
    }
}
