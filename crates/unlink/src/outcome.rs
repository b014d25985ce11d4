//! What an unlinking came to, and how that is known.

use std::time::SystemTime;

use identity_model::{IdentityKey, ListedIdentity, UserId};
use transport::{Response, SettledBy};

/// What an unlinking came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It was linked before and is not any more.
    Unlinked(Unlinked),
    /// It is not linked, and nothing was read that tells whether it was before.
    Absent(Absent),
    /// It was not linked to begin with, and is an account of its own; nothing was sent that changes anything.
    NotLinked(NotLinked),
}

/// An identity that was linked before and is not any more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unlinked {
    /// The user it was taken off.
    pub user_id: UserId,
    /// The identity, as it was listed.
    pub identity: ListedIdentity,
    /// The id of the account of its own that Auth0 makes of it.
    pub separate_user_id: UserId,
    /// When it was last seen linked, by the tenant's clock; `None` if the caller's snapshot is all there was.
    pub linked_at: Option<SystemTime>,
    /// What is left, the main identity first.
    pub remaining: Vec<ListedIdentity>,
    /// How it is known that the identity is gone.
    pub settled_by: SettledBy,
    /// How often the request was sent, or tried to be.
    pub attempts: u32,
    /// The answer that shows it, as it came.
    pub response: Response,
    /// A line for each listed element that is not what Auth0 documents; those took no part in judging.
    pub warnings: Vec<String>,
}

/// An identity that is not linked after an unlinking, by the answer's word alone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Absent {
    /// The user it is not linked to.
    pub user_id: UserId,
    /// The identity, as the caller named it.
    pub identity: IdentityKey,
    /// The id of the account of its own that it is, if it exists.
    pub separate_user_id: UserId,
    /// What is linked, the main identity first.
    pub remaining: Vec<ListedIdentity>,
    /// How it is known that the identity is not linked.
    pub settled_by: SettledBy,
    /// How often the request was sent, or tried to be.
    pub attempts: u32,
    /// The answer that shows it, as it came.
    pub response: Response,
    /// A line for each listed element that is not what Auth0 documents; those took no part in judging.
    pub warnings: Vec<String>,
}

/// An identity that was not linked to begin with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NotLinked {
    /// The user it is not linked to.
    pub user_id: UserId,
    /// The identity.
    pub identity: IdentityKey,
    /// The account of its own that it is.
    pub separate_user_id: UserId,
    /// The user's identities, the main one first.
    pub identities: Vec<ListedIdentity>,
    /// The answer that shows the account of its own, as it came.
    pub response: Response,
}
