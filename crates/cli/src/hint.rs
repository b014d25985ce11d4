//! What a person can do about a refusal.

use unlink::{Error, ErrorKind, Tenant, UserId, transport::ErrorKind as Request};

use crate::text::shell_word;

const WHERE_SCOPES_ARE: &str = "in the Auth0 dashboard under Applications > APIs > Auth0 Management API > \
                                Machine to Machine Applications";

/// The next steps after this failure, the most useful first.
pub(crate) fn of(error: &Error, tenant: &Tenant, user: &UserId) -> Vec<String> {
    let mut hints = Vec::new();
    if let (ErrorKind::Request(kind), Some(request)) = (error.kind(), error.request()) {
        let code = request.answer().and_then(|answer| answer.error_code());
        match kind {
            Request::Forbidden if code == Some("unowned_resource") => {
                hints.push("a user's own token acts on that user alone".to_owned());
            }
            Request::Forbidden => hints.extend(scopes(&request.missing_scopes())),
            Request::Unauthorized => hints.push(format!(
                "the token has expired or belongs to another domain; get one for the audience {}",
                tenant.audience()
            )),
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
