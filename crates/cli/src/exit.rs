//! What a failure is called and which exit code it ends with: the one place that decides.

use std::process::ExitCode;

use unlink::{ErrorKind, transport::ErrorKind as Request};
use unlink_batch::ErrorKind as Job;

/// How the command ended, for a shell to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or there was nothing to do.
    Done = 0,
    /// Failed, or nothing was changed.
    Failed = 1,
    /// What was typed, or is set in the environment, makes no command.
    Usage = 2,
    /// Some of it was done, and some was not.
    Partly = 3,
    /// No token, one that is not accepted, or one that lacks a scope.
    Credentials = 4,
    /// No such user or identity, more than one that is meant, or the main identity.
    NoTarget = 5,
    /// Declined, or not confirmed.
    Unconfirmed = 6,
    /// A cap was reached; there is more to do.
    Capped = 7,
    /// Interrupted, or out of time; it can be gone on with.
    Interrupted = 130,
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
    /// Rows of a job were not done, beside others that were.
    PartlyDone,
    /// No row of a job was done.
    NothingDone,
    /// The rows that were to be looked at first did not come out as they should.
    CanaryWrong,
    /// As many rows were done, or have failed, as a run may do.
    Capped,
    /// Stopped before everything was done.
    Interrupted,
    /// An export shows identities that were to be gone.
    StillLinked,
    /// The job, or what it is made of.
    Job(Job),
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
            Self::PartlyDone => ("partly_done", Exit::Partly),
            Self::NothingDone => ("nothing_done", Exit::Failed),
            Self::CanaryWrong => ("canary_wrong", Exit::Partly),
            Self::Capped => ("capped", Exit::Capped),
            Self::Interrupted => ("stopped", Exit::Interrupted),
            Self::StillLinked => ("still_linked", Exit::Failed),
            Self::Job(job) => match job {
                Job::Source => ("source", Exit::Failed),
                Job::Input => ("source_input", Exit::Usage),
                Job::BadLines => ("bad_lines", Exit::Failed),
                Job::Exists => ("exists", Exit::Failed),
                Job::NetworkFileSystem => ("network_file_system", Exit::Failed),
                Job::NotAJob => ("not_a_job", Exit::Failed),
                Job::NewerJob => ("newer_job", Exit::Failed),
                Job::Locked => ("locked", Exit::Failed),
                Job::Purged => ("purged", Exit::Failed),
                Job::NotFinished => ("not_finished", Exit::Failed),
                Job::Export => ("export", Exit::Failed),
                Job::Stopped => ("export_stopped", Exit::Interrupted),
                Job::OtherTenant => ("other_tenant", Exit::Failed),
                Job::Digest => ("digest", Exit::Failed),
                Job::CanaryWaits => ("canary_waits", Exit::Unconfirmed),
                Job::Storage => ("storage", Exit::Failed),
                _ => ("job", Exit::Failed),
            },
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
            (Kind::PartlyDone, "partly_done", 3),
            (Kind::NothingDone, "nothing_done", 1),
            (Kind::CanaryWrong, "canary_wrong", 3),
            (Kind::Capped, "capped", 7),
            (Kind::Interrupted, "stopped", 130),
            (Kind::StillLinked, "still_linked", 1),
            (Kind::Job(Job::Source), "source", 1),
            (Kind::Job(Job::Input), "source_input", 2),
            (Kind::Job(Job::BadLines), "bad_lines", 1),
            (Kind::Job(Job::Exists), "exists", 1),
            (Kind::Job(Job::NetworkFileSystem), "network_file_system", 1),
            (Kind::Job(Job::NotAJob), "not_a_job", 1),
            (Kind::Job(Job::NewerJob), "newer_job", 1),
            (Kind::Job(Job::Locked), "locked", 1),
            (Kind::Job(Job::Purged), "purged", 1),
            (Kind::Job(Job::NotFinished), "not_finished", 1),
            (Kind::Job(Job::Export), "export", 1),
            (Kind::Job(Job::Stopped), "export_stopped", 130),
            (Kind::Job(Job::OtherTenant), "other_tenant", 1),
            (Kind::Job(Job::Digest), "digest", 1),
            (Kind::Job(Job::CanaryWaits), "canary_waits", 6),
            (Kind::Job(Job::Storage), "storage", 1),
            (Kind::Job(Job::Tenant), "job", 1),
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
