//! What was seen of a user's identities at some time: the evidence an unlinking is judged by.

use std::time::SystemTime;

use identity_model::{Identity, IdentityKey, ListedIdentity, UnreadableIdentity, UserId};

use crate::{
    change::ListedAfter,
    error::Error,
    resolve::{Fragment, Resolution, resolve},
};

/// A user's identities as they were at some time, as far as they can be told apart.
///
/// ```
/// use unlink::{Snapshot, User};
///
/// let user = User::from_json(br#"{"user_id":"auth0|1","identities":[
///     {"provider":"auth0","user_id":"1","connection":"Username-Password-Authentication"},
///     {"provider":"github","user_id":2,"connection":"github"}]}"#)?;
/// let seen = Snapshot::of("auth0|1".parse()?, user.identities().unwrap_or_default());
/// assert_eq!(seen.listed()[1].key().to_string(), "github|2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    user_id: UserId,
    listed: Vec<ListedIdentity>,
    /// Whether the first of `listed` is the first of the user's list, which is the main identity.
    first_is_main: bool,
    warnings: Vec<String>,
    unreadable: Vec<Fragment>,
    /// When it was read, by the tenant's clock.
    read_at: Option<SystemTime>,
}

impl Snapshot {
    /// Takes the identities of a user as the tenant listed them, the main one first.
    #[must_use]
    pub const fn new(user_id: UserId, listed: Vec<ListedIdentity>) -> Self {
        Self {
            user_id,
            listed,
            first_is_main: true,
            warnings: Vec::new(),
            unreadable: Vec::new(),
            read_at: None,
        }
    }

    /// Takes the identities of a user that was read in full; those without provider or id are left out.
    #[must_use]
    pub fn of(user_id: UserId, identities: &[Identity]) -> Self {
        let listed = identities.iter().filter_map(|identity| {
            Some(ListedIdentity::new(
                identity.key()?,
                identity.connection().map(str::to_owned),
            ))
        });
        let first_is_main = identities
            .first()
            .is_some_and(|first| first.key().is_some());
        let keyless = identities
            .iter()
            .filter(|identity| identity.key().is_none());
        Self {
            user_id,
            listed: listed.collect(),
            first_is_main,
            warnings: Vec::new(),
            unreadable: keyless
                .map(|identity| Fragment {
                    provider: identity.provider().cloned(),
                    user_id: identity.user_id().cloned(),
                })
                .collect(),
            read_at: None,
        }
    }

    pub(crate) fn from_elements(
        user_id: UserId,
        elements: Vec<Result<ListedIdentity, UnreadableIdentity>>,
        read_at: Option<SystemTime>,
    ) -> Self {
        let first_is_main = elements.first().is_some_and(Result::is_ok);
        let (listed, warnings, unreadable) = split(elements);
        Self {
            user_id,
            listed,
            first_is_main,
            warnings,
            unreadable,
            read_at,
        }
    }

    /// The answer to a change is a read, too.
    pub(crate) fn after(user_id: UserId, now: ListedAfter) -> Self {
        Self {
            user_id,
            listed: now.identities,
            first_is_main: now.main_is_listed,
            warnings: now.warnings,
            unreadable: now.unreadable,
            read_at: None,
        }
    }

    /// Returns the user's id.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// Returns the identities, in the tenant's order.
    #[must_use]
    pub fn listed(&self) -> &[ListedIdentity] {
        &self.listed
    }

    /// Returns the main identity, the one that cannot be unlinked.
    #[must_use]
    pub fn main(&self) -> Option<&ListedIdentity> {
        self.listed.first().filter(|_| self.first_is_main)
    }

    /// Finds the one secondary identity that `wanted` names: by its id as given, without a leading `provider|`, or
    /// without a leading `connection|`. `None` when nothing listed is meant.
    ///
    /// # Errors
    ///
    /// [`MainIdentity`](crate::ErrorKind::MainIdentity) and [`Ambiguous`](crate::ErrorKind::Ambiguous).
    pub fn resolve(&self, wanted: &IdentityKey) -> Result<Option<&ListedIdentity>, Error> {
        match resolve(self, wanted) {
            Resolution::Secondary(identity) => Ok(Some(identity)),
            Resolution::Missing => Ok(None),
            Resolution::Main => Err(Error::main_identity(&self.user_id, wanted, &self.listed)),
            Resolution::Ambiguous => Err(Error::ambiguous(&self.user_id, wanted, &self.listed)),
        }
    }

    /// Returns when it was read, by the tenant's clock and to the second, where a read of ours took it.
    #[must_use]
    pub const fn read_at(&self) -> Option<SystemTime> {
        self.read_at
    }

    pub(crate) fn unreadable(&self) -> &[Fragment] {
        &self.unreadable
    }

    pub(crate) fn into_parts(self) -> (UserId, Vec<ListedIdentity>) {
        (self.user_id, self.listed)
    }

    /// Returns a line for each element that is not what Auth0 documents; those are not among the identities.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The identities that can be read, and of each that cannot a line and what could be read.
pub(crate) fn split(
    elements: Vec<Result<ListedIdentity, UnreadableIdentity>>,
) -> (Vec<ListedIdentity>, Vec<String>, Vec<Fragment>) {
    let (mut listed, mut warnings, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for element in elements {
        match element {
            Ok(identity) => listed.push(identity),
            Err(odd) => {
                warnings.push(odd.to_string());
                unreadable.push(Fragment {
                    provider: odd.provider().cloned(),
                    user_id: odd.user_id().cloned(),
                });
            }
        }
    }
    (listed, warnings, unreadable)
}
