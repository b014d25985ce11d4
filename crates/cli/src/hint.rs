//! What a person can do about a refusal.

use unlink::{
    Error, ErrorKind, Tenant, UserId,
    transport::{self, ErrorKind as Request, Hint},
};

use crate::{failure::beneath, text::shell_word};

const WHERE_SCOPES_ARE: &str = "in the Auth0 dashboard under Applications > APIs > Auth0 Management API > \
                                Machine to Machine Applications";

/// The next steps after this failure, the most useful first.
pub(crate) fn of(error: &Error, tenant: &Tenant) -> Vec<String> {
    let mut hints = Vec::new();
    if let Some(request) = error.request() {
        hints.extend(request.hints().into_iter().map(where_to_act));
    }
    if let (ErrorKind::Request(kind), Some(request)) = (error.kind(), error.request()) {
        let code = request.answer().and_then(|answer| answer.error_code());
        hints.extend(match kind {
            Request::Forbidden if code == Some("unowned_resource") => {
                Some("this is a user's own token, which acts on that user alone".to_owned())
            }
            Request::Unauthorized => Some(audience(tenant)),
            Request::Token => beneath(request).and_then(application),
            _ => None,
        });
    }
    hints
}

/// The next step with a token that is not one of this tenant's.
pub(crate) fn audience(tenant: &Tenant) -> String {
    format!(
        "get a token that has not expired, for the audience {}",
        tenant.audience()
    )
}

/// The next step where it is not known whether `user` was changed.
pub(crate) fn look_again(user: &UserId) -> String {
    format!(
        "something may have been changed all the same; look with auth0-unlink list {}",
        shell_word(user.as_str())
    )
}

/// The next step for a token without this scope.
pub(crate) fn missing_scope(scope: &str) -> String {
    where_to_act(Hint::MissingScopes(vec![scope.to_owned()]))
}

fn where_to_act(hint: Hint) -> String {
    if hint == Hint::UntrustedCertificate {
        return format!("{hint}, with --ca-file");
    }
    let Hint::MissingScopes(scopes) = &hint else {
        return hint.to_string();
    };
    let which = if scopes.len() == 1 {
        "it"
    } else {
        "one of them"
    };
    format!("{hint}; grant {which} to the application {WHERE_SCOPES_ARE}, then get a new token")
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
