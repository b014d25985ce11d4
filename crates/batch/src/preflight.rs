//! What a user loses with the identities that are taken off, and with the connection they are of.

use std::collections::BTreeSet;

use crate::{input::Exported, job::Lost};

/// What the user loses when the identities at these places are taken off; `connections` are all that the tenant has, if
/// that is known.
pub(crate) fn lost(
    user: &Exported<'_>,
    chosen: &[usize],
    connections: Option<&BTreeSet<String>>,
) -> Vec<Lost> {
    let mut lost = Vec::new();
    if chosen.contains(&0) {
        lost.push(Lost::MainIdentity);
    }
    // Who is lost altogether is not listed for the rest, too, unless something of theirs is unlinked.
    if chosen.iter().any(|index| *index > 0) {
        if !keeps_verified_email(user, chosen) {
            lost.push(Lost::VerifiedEmail);
        }
        if !keeps_login(user, chosen, connections) {
            lost.push(Lost::Login);
        }
    }
    lost
}

/// Whether the user has a verified e-mail address without the identities that are chosen.
fn keeps_verified_email(user: &Exported<'_>, chosen: &[usize]) -> bool {
    let left = user.identities.iter().enumerate();
    (user.email_verified && user.email.is_some())
        || left
            .filter(|(index, _)| !chosen.contains(index))
            .any(|(_, identity)| identity.email_verified && identity.email.is_some())
}

/// Whether the user can log in without the identities that are chosen, as far as can be told.
fn keeps_login(
    user: &Exported<'_>,
    chosen: &[usize],
    connections: Option<&BTreeSet<String>>,
) -> bool {
    let mut left = user.identities.iter().enumerate();
    let exists = |connection: Option<&str>| match (connections, connection) {
        (Some(known), Some(name)) => known.contains(name),
        _ => true,
    };
    !user.blocked
        && left.any(|(index, identity)| {
            !chosen.contains(&index) && exists(identity.connection.as_deref())
        })
}
