//! What a person can do about a refusal.

use unlink::{
    Error, ErrorKind, Tenant, UserId,
    transport::{self, ErrorKind as Request},
};

use crate::{failure::beneath, text::shell_word};

const WHERE_SCOPES_ARE: &str = "in the Auth0 dashboard under Applications > APIs > Auth0 Management API > \
                                Machine to Machine Applications";

/// The next steps after this failure, the most useful first.
pub(crate) fn of(error: &Error, tenant: &Tenant, user: &UserId) -> Vec<String> {
    let mut hints = Vec::new();
    if let (ErrorKind::Request(kind), Some(request)) = (error.kind(), error.request()) {
        let code = request.answer().and_then(|answer| answer.error_code());
        match kind {
            Request::Forbidden if code == Some("unowned_resource") => {
                hints.push("this is a user's own token, which acts on that user alone".to_owned());
            }
            Request::Forbidden => hints.extend(scopes(&request.missing_scopes())),
            Request::Unauthorized => hints.push(format!(
                "the token has expired or belongs to another domain; get one for the audience {}",
                tenant.audience()
            )),
            Request::Token => hints.extend(beneath(request).and_then(application)),
            Request::RateLimited => hints.extend(
                request
                    .retry_at()
                    .map(|at| format!("try again after {}", httpdate::fmt_http_date(at))),
            ),
            _ => {}
        }
    }
    if error.may_have_been_applied() {
        hints.push(format!(
            "something may have been changed all the same; look with auth0-unlink list {}",
            shell_word(user.as_str())
        ));
    }
    hints
}

/// What is wrong with the application that asked for a token.
fn application(error: &transport::Error) -> Option<String> {
    match error.kind() {
        Request::Unauthorized => Some("check AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET".to_owned()),
        Request::Forbidden => Some(format!(
            "authorize the application {WHERE_SCOPES_ARE}; AUTH0_AUDIENCE is for custom domains only"
        )),
        _ => None,
    }
}

fn scopes(missing: &[&str]) -> Option<String> {
    let named = match missing {
        [] => return None,
        [one] => format!("the token lacks the scope {one}; grant it"),
        any => format!(
            "the token has none of the scopes {}; grant one",
            any.join(", ")
        ),
    };
    Some(format!(
        "{named} to the application {WHERE_SCOPES_ARE}, then get a new token"
    ))
}
