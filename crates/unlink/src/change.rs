//! The two requests that change which identities a user has, judged by what is listed afterwards.

use identity_model::{
    ListedIdentity, UnreadableIdentity, listed_identities, listed_identities_of_user,
};
use transport::{DecodeError, Operation, Request, Response, Settled};

use crate::{
    error::Error,
    link::Secondary,
    operations::{read_identities, says_missing, user_path},
    resolve::{self, Fragment},
    snapshot::{self, Snapshot},
};

/// Takes one identity off a user, or adds one; a lost answer is settled by reading the user.
///
/// Sources: [Unlink a user identity](https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id),
/// [Link a user account](https://auth0.com/docs/api/management/v2/users/post-identities). Both need `update:users`,
/// or `update:current_user_identities` for the token's own user, which links by the account's ID token.
#[derive(Clone, Debug)]
pub struct ChangeIdentity {
    identity: ListedIdentity,
    /// In how many elements it must be to count as linked.
    linked_from: usize,
    /// How many elements that could not be read before can be it.
    possible_before: usize,
    links: bool,
    request: Request,
    probe: Request,
}

impl ChangeIdentity {
    /// Describes the unlinking of `identity`, one of those seen in `before`, or not seen where nothing was:
    /// `DELETE /api/v2/users/{id}/identities/{provider}/{user_id}`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` for an id that no path can hold.
    pub fn unlink(before: &Snapshot, identity: &ListedIdentity) -> Result<Self, Error> {
        let (user, key) = (before.user_id(), identity.key());
        let path = user_path(
            user,
            &[
                "identities",
                key.provider().as_str(),
                key.user_id().as_str(),
            ],
        )?;
        Ok(Self {
            identity: identity.clone(),
            // Two connections may hold the same provider and id; one less of two is unlinked.
            linked_from: resolve::alike(before.listed(), identity).count().max(1),
            possible_before: resolve::possible(before.unreadable(), identity),
            links: false,
            request: Request::delete(path),
            probe: read_identities(user)?,
        })
    }

    /// Describes the linking of `account` to the user seen in `before`, or not seen where nothing was:
    /// `POST /api/v2/users/{id}/identities`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` for an id that no path can hold.
    pub fn link(before: &Snapshot, account: &Secondary) -> Result<Self, Error> {
        let user = before.user_id();
        let body = account.to_json().to_string();
        let identity = ListedIdentity::new(account.key().clone(), None);
        Ok(Self {
            // One of another connection may be linked already.
            linked_from: resolve::alike(before.listed(), &identity).count() + 1,
            possible_before: resolve::possible(before.unreadable(), &identity),
            identity,
            links: true,
            request: Request::post_json(user_path(user, &["identities"])?, body.into()),
            probe: read_identities(user)?,
        })
    }

    /// The read that settles the change, as an operation of its own.
    pub(crate) const fn look_again(&self) -> LookAgain<'_> {
        LookAgain {
            change: self,
            request: &self.probe,
        }
    }

    fn judge(
        &self,
        elements: Vec<Result<ListedIdentity, UnreadableIdentity>>,
    ) -> Result<ListedAfter, DecodeError> {
        if elements.is_empty() {
            return Err(DecodeError::new(
                "no identities, where the main one is always left",
            ));
        }
        let main_is_listed = elements.first().is_some_and(Result::is_ok);
        let (identities, warnings, unreadable) = snapshot::split(elements);
        let is_linked = resolve::alike(&identities, &self.identity).count() >= self.linked_from;
        let possible = resolve::possible(&unreadable, &self.identity);
        Ok(ListedAfter {
            identities,
            main_is_listed,
            is_linked,
            may_be_unreadable: !is_linked && possible > self.possible_before,
            warnings,
            unreadable,
        })
    }
}

/// Reads the user once more after an answer that does not tell.
pub(crate) struct LookAgain<'a> {
    change: &'a ChangeIdentity,
    request: &'a Request,
}

impl Operation for LookAgain<'_> {
    type Output = ListedAfter;

    fn name(&self) -> &'static str {
        "read identities"
    }

    fn request(&self) -> &Request {
        self.request
    }

    fn decode(&self, response: &Response) -> Result<ListedAfter, DecodeError> {
        let elements =
            listed_identities_of_user(response.body().expose()).map_err(DecodeError::new)?;
        self.change.judge(elements)
    }
}

/// A user's identities after a change was tried.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListedAfter {
    /// What is linked, the main identity first.
    pub identities: Vec<ListedIdentity>,
    /// Whether the first of them is the main identity, and not hidden by a malformed element before it.
    pub main_is_listed: bool,
    /// Whether the identity is among them, in any form its id is written in.
    pub is_linked: bool,
    /// Whether it is not among them but may be one of those that cannot be read, more of which can be it than before:
    /// then nothing is shown.
    pub may_be_unreadable: bool,
    /// A line for each element that is not what Auth0 documents; those are not among `identities`.
    pub warnings: Vec<String>,
    pub(crate) unreadable: Vec<Fragment>,
}

impl Operation for ChangeIdentity {
    type Output = ListedAfter;

    fn name(&self) -> &'static str {
        if self.links {
            "link identity"
        } else {
            "unlink identity"
        }
    }

    fn request(&self) -> &Request {
        &self.request
    }

    fn decode(&self, response: &Response) -> Result<ListedAfter, DecodeError> {
        self.judge(listed_identities(response.body().expose()).map_err(DecodeError::new)?)
    }

    fn probe(&self) -> Option<&Request> {
        Some(&self.probe)
    }

    fn settle(&self, probe: &Response) -> Result<Settled<ListedAfter>, DecodeError> {
        if !probe.status().is_success() {
            return says_missing(probe).map(|()| Settled::Missing);
        }
        let now = self.look_again().decode(probe)?;
        // What cannot be told is not told by sending it again.
        Ok(if now.is_linked == self.links || now.may_be_unreadable {
            Settled::Done(now)
        } else {
            Settled::Unchanged
        })
    }
}
