//! Why the command failed: what it is called, its chain of causes told once, and what to do next.

use std::{error::Error as StdError, fmt, io, path::Path, time::SystemTime};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use unlink::{
    ErrorKind, ListedIdentity, Receipt, Snapshot, Tenant, UserId,
    transport::{self, ErrorKind as Request},
};
use unlink_batch::BadLine;

use crate::{
    exit::{Exit, Kind},
    hint,
    io::{Io, Paint},
    json::{self, ReceiptDocument},
    text::{printable, shell_word, shown},
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
    /// The lines of a source that cannot be used.
    bad_lines: Vec<BadLine>,
    /// What was odd in the answers.
    warnings: Vec<String>,
    hints: Vec<String>,
    /// When the tenant takes requests again.
    retry_at: Option<SystemTime>,
    /// How the command is used, whole lines.
    advice: String,
    status: Option<u16>,
    error_code: Option<String>,
    may_have_been_applied: bool,
    /// It is of a second half, after a first one that is done.
    is_in_second_half: bool,
    /// The document of the first half.
    first_half: Option<Box<RawValue>>,
    receipt: Option<Box<RawValue>>,
    /// The command that goes on from here, after the words that say when.
    resume: Option<(&'static str, String)>,
    broken_pipe: bool,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Told {
            kind,
            chain: vec![message.into()],
            listed: Vec::new(),
            bad_lines: Vec::new(),
            warnings: Vec::new(),
            hints: Vec::new(),
            retry_at: None,
            advice: String::new(),
            status: None,
            error_code: None,
            may_have_been_applied: false,
            is_in_second_half: false,
            first_half: None,
            receipt: None,
            resume: None,
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
        let mut failure = Self::at(error, tenant);
        if failure.0.kind == Kind::Operation(ErrorKind::Request(Request::NotFound)) {
            let missing = format!("there is no user {user} at {tenant}");
            failure.0.chain.insert(0, missing);
        }
        if error.may_have_been_applied() {
            failure = failure.hint(hint::look_again(user));
        }
        failure
    }

    /// An operation at the tenant that failed.
    pub(crate) fn at(error: &unlink::Error, tenant: &Tenant) -> Self {
        let request = error.request().map(decisive);
        let kind = request.map_or(error.kind(), |request| ErrorKind::Request(request.kind()));
        let mut failure = Self::new(Kind::Operation(kind), error.to_string());
        if let Some(cause) = error.source() {
            failure = failure.because(cause);
        }
        if kind != ErrorKind::NotChanged {
            failure.0.listed = error.listed().iter().map(word_of).collect();
        }
        if let Some(answer) = request.and_then(transport::Error::answer) {
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
        failure.0.hints = hint::of(error, tenant);
        failure.0.retry_at = error.request().and_then(transport::Error::retry_at);
        failure
    }

    /// A job, or what it is made of or was to do, that failed.
    pub(crate) fn job(error: &unlink_batch::Error, tenant: &Tenant) -> Self {
        let at_tenant = error
            .source()
            .and_then(|source| source.downcast_ref::<unlink::Error>());
        if let Some(cause) = at_tenant {
            let mut failure = Self::at(cause, tenant);
            failure.0.chain.insert(0, error.to_string());
            return failure;
        }
        Self::job_file(error)
    }

    /// A job, or what it is made of, that cannot be used, where no tenant is asked.
    pub(crate) fn job_file(error: &unlink_batch::Error) -> Self {
        let mut failure = Self::new(Kind::Job(error.kind()), error.to_string());
        failure.0.bad_lines = error.bad_lines().to_vec();
        match error.source() {
            Some(cause) => failure.because(cause),
            None => failure,
        }
    }

    /// The failure stopped a run that can be gone on with, whoever reads the results or not.
    pub(crate) fn stopped_midway(mut self) -> Self {
        self.0.kind = Kind::Interrupted;
        self.0.broken_pipe = false;
        self.after_a_change()
    }

    /// Adds the command that goes on from here, after the words that say when.
    pub(crate) fn gone_on_by(mut self, when: &'static str, resume: String) -> Self {
        self.0.resume = Some((when, resume));
        self
    }

    /// Adds what is known of the listed identities from the read before: which is the main one, and what was odd.
    pub(crate) fn having_seen(mut self, seen: &Snapshot) -> Self {
        if let (Some(main), Some(first)) = (seen.main(), self.0.listed.first_mut())
            && *first == word_of(main)
        {
            *first += " (main)";
        }
        self.warned(seen.warnings())
    }

    /// Adds what was odd in the answers.
    pub(crate) fn warned(mut self, warnings: &[String]) -> Self {
        self.0.warnings.extend_from_slice(warnings);
        self
    }

    /// Where the request was refused: the token is no JWT, and some refuse that as a malformed request.
    pub(crate) fn without_jwt(mut self, tenant: &Tenant) -> Self {
        if self.0.status != Some(400) {
            return self;
        }
        self.0.kind = Kind::Credentials;
        self.hint(format!("the token is no JWT; {}", hint::audience(tenant)))
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

    /// The failure is of a second half; `message` says how far it came, `first_half` what is done.
    pub(crate) fn in_second_half(mut self, message: String, first_half: &impl Serialize) -> Self {
        self.0.chain.insert(0, message);
        self.0.is_in_second_half = true;
        self.0.first_half = to_raw_value(first_half).ok();
        self.after_a_change()
    }

    /// Adds the command that goes on from here, and the receipt it goes by.
    pub(crate) fn resumed_by(mut self, resume: String, receipt: &Receipt) -> Self {
        self.0.receipt = to_raw_value(&ReceiptDocument::new(receipt)).ok();
        self.0.resume = Some(("once the cause is gone, go on with", resume));
        self
    }

    /// Whoever reads the results has seen enough.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.0.broken_pipe
    }

    pub(crate) fn exit(&self) -> Exit {
        match self.0.is_in_second_half {
            true => Exit::Partly,
            false => self.kind().name_and_exit().1,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What the user can do about it.
    pub(crate) fn hints(&self) -> &[String] {
        &self.0.hints
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
        let bad = told.bad_lines.iter();
        text.extend(bad.map(|bad| format!("  {}\n", shown(bad))));
        for warning in &told.warnings {
            text += &format!("warning: {}\n", printable(warning));
        }
        if !told.advice.is_empty() {
            text += "\n";
            text.extend(
                told.advice
                    .lines()
                    .map(|line| format!("{}\n", printable(line))),
            );
        }
        let resume = told.resume.as_ref();
        let resume = resume.map(|(when, command)| format!("{when} {command}"));
        text.extend(
            told.hints
                .iter()
                .chain(&resume)
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
                first_half: told.first_half.clone(),
                receipt: told.receipt.clone(),
                resume: told.resume.as_ref().map(|(_, command)| command.clone()),
                lines: told.bad_lines.iter().map(BadLineDocument::new).collect(),
                warnings: told.warnings.clone(),
                hints: told.hints.clone(),
                retry_at: told.retry_at.and_then(json::not_before),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    first_half: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<BadLineDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<String>,
}

/// A line of a source that cannot be used.
#[derive(Serialize)]
struct BadLineDocument {
    line: u64,
    column: usize,
    reason: String,
}

impl BadLineDocument {
    fn new(bad: &BadLine) -> Self {
        Self {
            line: bad.line,
            column: bad.column,
            reason: bad.reason.clone(),
        }
    }
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

/// The request that this one needed and that failed.
pub(crate) fn beneath(error: &transport::Error) -> Option<&transport::Error> {
    error.source()?.downcast_ref()
}

/// The word that names an identity on a command line.
fn word_of(identity: &ListedIdentity) -> String {
    shell_word(&identity.key().to_string())
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
