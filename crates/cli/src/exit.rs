//! What a failure is called and which exit code it ends with: the one place that decides.

use std::process::ExitCode;

use unlink::{ErrorKind, transport::ErrorKind as Request};

/// How the command ended, for a shell to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or there was nothing to do.
    Done = 0,
    /// Failed, or nothing was changed.
    Failed = 1,
    /// What was typed, or is set in the environment, makes no command.
    Usage = 2,
    /// The first half was done, the second was not.
    Partly = 3,
    /// No token, one that is not accepted, or one that lacks a scope.
    Credentials = 4,
    /// No such user or identity, more than one that is meant, or the main identity.
    NoTarget = 5,
    /// Declined, or not confirmed.
    Unconfirmed = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The command line or the environment.
    Usage,
    /// No token was given, or two different ones.
    Credentials,
    /// A change needs a yes, and nobody can be asked.
    ConfirmationNeeded,
    /// The answer was no.
    Declined,
    /// A file that cannot be read, or output that cannot be written.
    File,
    /// The embedded tenant does not start, or has nothing to show.
    Sandbox,
    /// No connection of the name that was given.
    NoSuchConnection,
    /// This machine's clock is off.
    Clock,
    /// The operation on the tenant.
    Operation(ErrorKind),
}

impl Kind {
    /// The name that `--json` gives it, and its exit code.
    pub(crate) const fn name_and_exit(self) -> (&'static str, Exit) {
        match self {
            Self::Usage => ("usage", Exit::Usage),
            Self::Credentials => ("credentials", Exit::Credentials),
            Self::ConfirmationNeeded => ("confirmation_needed", Exit::Unconfirmed),
            Self::Declined => ("declined", Exit::Unconfirmed),
            Self::File => ("file", Exit::Failed),
            Self::Sandbox => ("sandbox", Exit::Failed),
            Self::NoSuchConnection => ("no_such_connection", Exit::NoTarget),
            Self::Clock => ("clock", Exit::Failed),
            Self::Operation(ErrorKind::MainIdentity) => ("main_identity", Exit::NoTarget),
            Self::Operation(ErrorKind::NoSuchIdentity) => ("no_such_identity", Exit::NoTarget),
            Self::Operation(ErrorKind::Ambiguous) => ("ambiguous", Exit::NoTarget),
            Self::Operation(ErrorKind::NotChanged) => ("not_changed", Exit::Failed),
            Self::Operation(ErrorKind::NotProven) => ("not_proven", Exit::Failed),
            Self::Operation(ErrorKind::InUse) => ("in_use", Exit::Failed),
            Self::Operation(ErrorKind::Request(request)) => match request {
                Request::Input => ("input", Exit::Usage),
                Request::Token => ("token", Exit::Credentials),
                Request::Unauthorized => ("unauthorized", Exit::Credentials),
                Request::Forbidden => ("forbidden", Exit::Credentials),
                Request::NotFound => ("not_found", Exit::NoTarget),
                Request::Connect => ("connect", Exit::Failed),
                Request::Timeout => ("timeout", Exit::Failed),
                Request::Interrupted => ("interrupted", Exit::Failed),
                Request::Conflict => ("conflict", Exit::Failed),
                Request::RateLimited => ("rate_limited", Exit::Failed),
                Request::Rejected => ("rejected", Exit::Failed),
                Request::Unavailable => ("unavailable", Exit::Failed),
                Request::Decode => ("decode", Exit::Failed),
                Request::OutcomeUnknown => ("outcome_unknown", Exit::Failed),
                _ => ("other", Exit::Failed),
            },
            Self::Operation(_) => ("other", Exit::Failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_an_exit_code() {
        let request = |kind| Kind::Operation(ErrorKind::Request(kind));
        let table = [
            (Kind::Usage, "usage", 2),
            (Kind::Credentials, "credentials", 4),
            (Kind::ConfirmationNeeded, "confirmation_needed", 6),
            (Kind::Declined, "declined", 6),
            (Kind::File, "file", 1),
            (Kind::Sandbox, "sandbox", 1),
            (Kind::NoSuchConnection, "no_such_connection", 5),
            (Kind::Clock, "clock", 1),
            (Kind::Operation(ErrorKind::MainIdentity), "main_identity", 5),
            (
                Kind::Operation(ErrorKind::NoSuchIdentity),
                "no_such_identity",
                5,
            ),
            (Kind::Operation(ErrorKind::Ambiguous), "ambiguous", 5),
            (Kind::Operation(ErrorKind::NotChanged), "not_changed", 1),
            (Kind::Operation(ErrorKind::NotProven), "not_proven", 1),
            (Kind::Operation(ErrorKind::InUse), "in_use", 1),
            (request(Request::Input), "input", 2),
            (request(Request::Token), "token", 4),
            (request(Request::Unauthorized), "unauthorized", 4),
            (request(Request::Forbidden), "forbidden", 4),
            (request(Request::NotFound), "not_found", 5),
            (request(Request::Connect), "connect", 1),
            (request(Request::Timeout), "timeout", 1),
            (request(Request::Interrupted), "interrupted", 1),
            (request(Request::Conflict), "conflict", 1),
            (request(Request::RateLimited), "rate_limited", 1),
            (request(Request::Rejected), "rejected", 1),
            (request(Request::Unavailable), "unavailable", 1),
            (request(Request::Decode), "decode", 1),
            (request(Request::OutcomeUnknown), "outcome_unknown", 1),
        ];
        for (kind, name, code) in table {
            let (actual, exit) = kind.name_and_exit();
            assert_eq!((actual, exit as u8), (name, code));
        }
        let names: std::collections::BTreeSet<_> = table.iter().map(|(_, name, _)| name).collect();
        assert_eq!(names.len(), table.len());
    }
}
