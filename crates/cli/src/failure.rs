//! Why the command failed: what it is called, its chain of causes told once, and what to do next.

use std::{error::Error as StdError, fmt, io, path::Path};

use serde::Serialize;
use unlink::{
    ErrorKind, ListedIdentity, Tenant, UserId,
    transport::{self, ErrorKind as Request},
};

use crate::{
    exit::{Exit, Kind},
    hint,
    io::{Io, Paint},
    json,
    text::{printable, shell_word},
};

/// A failure as the user is told of it.
#[derive(Debug)]
pub(crate) struct Failure(Box<Told>);

#[derive(Debug)]
struct Told {
    kind: Kind,
    /// What failed, then what caused it, level by level.
    chain: Vec<String>,
    /// What is linked, each ready to be copied, where that helps to correct the command.
    listed: Vec<String>,
    hints: Vec<String>,
    /// How the command is used, whole lines.
    advice: String,
    status: Option<u16>,
    error_code: Option<String>,
    may_have_been_applied: bool,
    broken_pipe: bool,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Told {
            kind,
            chain: vec![message.into()],
            listed: Vec::new(),
            hints: Vec::new(),
            advice: String::new(),
            status: None,
            error_code: None,
            may_have_been_applied: false,
            broken_pipe: false,
        }))
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A command line that makes no sense, in the words of its parser.
    pub(crate) fn typed(rendered: &str) -> Self {
        let problem = rendered.strip_prefix("error: ").unwrap_or(rendered);
        let (message, rest) = problem.split_once("\n\n").unwrap_or((problem, ""));
        let message: Vec<_> = message.lines().map(str::trim).collect();
        let mut failure = Self::usage(message.join(" "));
        failure.0.advice = rest.trim().to_owned();
        failure
    }

    /// A file that cannot be read.
    pub(crate) fn file(kind: Kind, path: &Path, error: &io::Error) -> Self {
        Self::new(kind, format!("{} cannot be read", path.display())).because(error)
    }

    /// A result that cannot be written.
    pub(crate) fn output(error: &io::Error) -> Self {
        let mut failure = Self::new(Kind::File, "the result cannot be written").because(error);
        failure.0.broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        failure
    }

    /// An operation on the identities of `user` that failed.
    pub(crate) fn operation(error: &unlink::Error, tenant: &Tenant, user: &UserId) -> Self {
        let request = error.request().map(decisive);
        let kind = request.map_or(error.kind(), |request| ErrorKind::Request(request.kind()));
        let mut failure = Self::new(Kind::Operation(kind), error.to_string());
        if kind == ErrorKind::Request(Request::NotFound) {
            let missing = format!("there is no user {user} at {tenant}");
            failure.0.chain.insert(0, missing);
        }
        if let Some(cause) = error.source() {
            failure = failure.because(cause);
        }
        if kind != ErrorKind::NotChanged {
            failure.0.listed = listing(error.listed());
        }
        if let Some(answer) = request.and_then(answer) {
            // The token endpoint has its codes in another place.
            let of_token = error.kind() == ErrorKind::Request(Request::Token);
            let code = if of_token {
                answer.error()
            } else {
                answer.error_code()
            };
            failure.0.status = Some(answer.status().as_u16());
            failure.0.error_code = code.map(str::to_owned);
        }
        failure.0.may_have_been_applied = error.may_have_been_applied();
        failure.0.hints = hint::of(error, tenant, user);
        failure
    }

    /// Adds a cause and its own causes.
    pub(crate) fn because(mut self, cause: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            self.0.chain.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// Adds what the user can do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// The failure came after something was changed.
    pub(crate) fn after_a_change(mut self) -> Self {
        self.0.may_have_been_applied = true;
        self
    }

    /// Whoever reads the results has seen enough.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.0.broken_pipe
    }

    pub(crate) fn exit(&self) -> Exit {
        self.0.kind.name_and_exit().1
    }

    /// Tells the user, as text or as one document, on the stream for errors.
    pub(crate) fn tell(&self, io: &mut Io<'_>) {
        let told = if io.is_json() {
            json::line(&self.document()).unwrap_or_else(|_| self.text(io.err_paint()))
        } else {
            self.text(io.err_paint())
        };
        io.error(&told);
    }

    fn text(&self, paint: Paint) -> String {
        let told = &self.0;
        let mut text = String::new();
        for (level, message) in told.chain.iter().enumerate() {
            let label = if level == 0 {
                paint.error("error:")
            } else {
                "  caused by:".to_owned()
            };
            text += &format!("{label} {}\n", printable(message));
        }
        if !told.listed.is_empty() {
            text += "Its identities are:\n";
            text.extend(told.listed.iter().map(|line| format!("  {line}\n")));
        }
        if !told.advice.is_empty() {
            text += &format!("\n{}\n", told.advice);
        }
        text.extend(
            told.hints
                .iter()
                .map(|hint| format!("{} {}\n", paint.strong("hint:"), printable(hint))),
        );
        text
    }

    fn document(&self) -> impl Serialize + use<> {
        let told = &self.0;
        let mut message = told.chain.join(": ");
        if !told.listed.is_empty() {
            message += &format!("; its identities are: {}", told.listed.join(", "));
        }
        Document {
            error: ErrorDocument {
                kind: told.kind.name_and_exit().0,
                message,
                status: told.status,
                error_code: told.error_code.clone(),
                may_have_been_applied: told.may_have_been_applied,
            },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.chain.join(": "))
    }
}

#[derive(Serialize)]
struct Document {
    error: ErrorDocument,
}

#[derive(Serialize)]
struct ErrorDocument {
    kind: &'static str,
    message: String,
    status: Option<u16>,
    error_code: Option<String>,
    may_have_been_applied: bool,
}

/// The error to call it by: where the way to the token endpoint failed, that and not the token it was to bring.
fn decisive(error: &transport::Error) -> &transport::Error {
    match (error.kind(), beneath(error)) {
        (Request::Token, Some(cause)) if !is_refusal(cause.kind()) => cause,
        _ => error,
    }
}

const fn is_refusal(kind: Request) -> bool {
    matches!(
        kind,
        Request::Unauthorized
            | Request::Forbidden
            | Request::Rejected
            | Request::Input
            | Request::Token
    )
}

/// What the tenant answered, to this request or to the one for its token.
fn answer(error: &transport::Error) -> Option<&transport::Answer> {
    error.answer().or_else(|| beneath(error)?.answer())
}

/// The request that this one needed and that failed.
pub(crate) fn beneath(error: &transport::Error) -> Option<&transport::Error> {
    error.source()?.downcast_ref()
}

/// Each identity as the word that names it on a command line, the main one marked.
fn listing(listed: &[ListedIdentity]) -> Vec<String> {
    let line = |(index, identity): (usize, &ListedIdentity)| {
        let mark = if index == 0 { " (main)" } else { "" };
        format!("{}{mark}", shell_word(&identity.key().to_string()))
    };
    listed.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_cannot_be_fetched_is_not_a_token_that_is_refused() {
        for (cause, name, code) in [
            (Request::Connect, "connect", 1),
            (Request::Unavailable, "unavailable", 1),
            (Request::RateLimited, "rate_limited", 1),
            (Request::Unauthorized, "token", 4),
            (Request::Forbidden, "token", 4),
        ] {
            let error = transport::Error::new(Request::Token, "no access token")
                .with_source(transport::Error::new(cause, "the cause"));
            let tenant = "example.auth0.com".parse().unwrap();
            let failure = Failure::operation(&error.into(), &tenant, &"auth0|1".parse().unwrap());
            let (actual, exit) = failure.0.kind.name_and_exit();
            assert_eq!((actual, exit as u8), (name, code));
            assert_eq!(failure.to_string(), "no access token: the cause");
        }
    }
}
