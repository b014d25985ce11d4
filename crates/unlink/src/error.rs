//! Why an operation failed, in the facade's own terms.

use std::{error::Error as StdError, fmt};

use identity_model::{IdentityKey, ListedIdentity, UserId};
use transport::{Answered, Response, SettledBy};

use crate::change::ListedAfter;

/// Why an operation failed, what is linked as far as it was read, and whether something may have changed.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    listed: Vec<ListedIdentity>,
    /// A request was sent whose effect nobody can tell.
    may_have_been_applied: bool,
    request: Option<transport::Error>,
    /// The answer that shows it, where no request failed.
    response: Option<Response>,
}

/// What failed, for a caller to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The identity is the user's main one, the first in its list; it cannot be unlinked.
    MainIdentity,
    /// The user has no such identity, and there is no account of that id either. Nothing was changed.
    NoSuchIdentity,
    /// More than one of the user's identities is meant.
    Ambiguous,
    /// The tenant answered with success, but what it answered shows that the change was not made.
    NotChanged,
    /// The identity was not seen linked to this user, so the account of its id is not deleted.
    NotProven,
    /// The account has been used since it was split off, so it is not deleted.
    InUse,
    /// The request failed; the transport's kind says how.
    Request(transport::ErrorKind),
}

impl Error {
    fn new(kind: ErrorKind, message: String, listed: &[ListedIdentity]) -> Self {
        Self(Box::new(Inner {
            kind,
            message,
            listed: listed.to_vec(),
            may_have_been_applied: false,
            request: None,
            response: None,
        }))
    }

    pub(crate) fn main_identity(
        user: &UserId,
        wanted: &IdentityKey,
        listed: &[ListedIdentity],
    ) -> Self {
        let message = format!(
            "{wanted} is the main identity of {user}, and a main identity cannot be unlinked"
        );
        Self::new(ErrorKind::MainIdentity, message, listed)
    }

    pub(crate) fn no_such_identity(
        user: &UserId,
        wanted: &IdentityKey,
        listed: &[ListedIdentity],
    ) -> Self {
        Self::new(
            ErrorKind::NoSuchIdentity,
            format!("{user} has no identity {wanted}"),
            listed,
        )
    }

    pub(crate) fn ambiguous(
        user: &UserId,
        wanted: &IdentityKey,
        listed: &[ListedIdentity],
    ) -> Self {
        Self::new(
            ErrorKind::Ambiguous,
            format!("{wanted} can mean more than one identity of {user}"),
            listed,
        )
    }

    /// A change that the tenant answered with success, while `state` holds as before.
    pub(crate) fn not_changed(
        state: fmt::Arguments<'_>,
        listed: &[ListedIdentity],
        answered: Answered<()>,
    ) -> Self {
        let error = |message| Self::new(ErrorKind::NotChanged, message, listed);
        let error = if answered.settled_by == SettledBy::Answer {
            error(format!(
                "nothing was changed: the tenant answered with success, but {state}"
            ))
        } else {
            // A request before it got no answer that tells, and may be on its way still.
            error(format!(
                "{state}: the tenant answered with success, and what was sent may yet be applied"
            ))
            .after_a_change()
        };
        error.shown_by(answered.response)
    }

    /// Listed after an unlinking, with nothing read before.
    pub(crate) fn still_listed(
        user: &UserId,
        identity: &IdentityKey,
        listed: &[ListedIdentity],
    ) -> Self {
        let message = format!(
            "{identity} is still linked to {user}; the tenant answered with success, and whether another one of that \
             id was taken off is not known, since nothing was read before"
        );
        Self::new(ErrorKind::NotChanged, message, listed).after_a_change()
    }

    /// The same error with the answer that shows it.
    pub(crate) fn shown_by(mut self, response: Response) -> Self {
        self.0.response = Some(response);
        self
    }

    /// The same error after a request whose effect nobody can tell.
    pub(crate) fn after_a_change(mut self) -> Self {
        self.0.may_have_been_applied = true;
        self
    }

    pub(crate) fn not_proven(
        user: &UserId,
        identity: &IdentityKey,
        listed: &[ListedIdentity],
    ) -> Self {
        let message =
            format!("{identity} was not seen linked to {user}, so its account is not deleted");
        Self::new(ErrorKind::NotProven, message, listed)
    }

    pub(crate) fn in_use(account: &UserId, reason: &str) -> Self {
        Self::new(
            ErrorKind::InUse,
            format!("{account} is not deleted: {reason}"),
            &[],
        )
    }

    /// A change after which an element that cannot be read may be the identity; `read` is why no read told more.
    pub(crate) fn not_readable(
        user: &UserId,
        identity: &IdentityKey,
        now: &ListedAfter,
        read: Option<transport::Error>,
    ) -> Self {
        let message = format!(
            "whether {identity} is linked to {user} now is not known: the tenant lists an identity that cannot be read \
             and may be it ({})",
            now.warnings.join("; ")
        );
        let mut error = transport::Error::new(transport::ErrorKind::OutcomeUnknown, message);
        if let Some(read) = read {
            error = error.with_source(read);
        }
        let mut error = Self::from(error).after_a_change();
        error.0.listed.clone_from(&now.identities);
        error
    }

    /// A deletion that was answered and that no read confirms.
    pub(crate) fn not_confirmed(account: &UserId, read: transport::Error) -> Self {
        let message =
            format!("the tenant took the deletion of {account}, but no read shows that it is gone");
        let error = transport::Error::new(transport::ErrorKind::OutcomeUnknown, message);
        Self::from(error.with_source(read)).after_a_change()
    }

    /// What failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The user's identities as they were read, main one first; empty where none were.
    #[must_use]
    pub fn listed(&self) -> &[ListedIdentity] {
        &self.0.listed
    }

    /// The transport's error, with what the tenant answered, for [`ErrorKind::Request`].
    #[must_use]
    pub fn request(&self) -> Option<&transport::Error> {
        self.0.request.as_ref()
    }

    /// The answer that shows the failure: the tenant's last to a request that failed, its body cut to 16 KiB, or the
    /// success that was none, for [`ErrorKind::NotChanged`], as it came. `None` where no single answer shows it.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        let answer = self.request().and_then(transport::Error::answer);
        self.0
            .response
            .as_ref()
            .or_else(|| Some(answer?.response()))
    }

    /// Whether something can have changed at the tenant all the same.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        self.0.may_have_been_applied
    }
}

impl From<transport::Error> for Error {
    fn from(error: transport::Error) -> Self {
        let (kind, message) = (ErrorKind::Request(error.kind()), error.to_string());
        Self(Box::new(Inner {
            kind,
            message,
            listed: Vec::new(),
            may_have_been_applied: error.may_have_been_applied(),
            request: Some(error),
            response: None,
        }))
    }
}

impl From<transport::PathError> for Error {
    fn from(error: transport::PathError) -> Self {
        let message = "an id cannot be part of a request's path";
        transport::Error::new(transport::ErrorKind::Input, message)
            .with_source(error)
            .into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("request", &self.0.request)
            .finish_non_exhaustive()
    }
}

/// The transport's message is this error's own, so its source is the transport's source.
impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.request()?.source()
    }
}
