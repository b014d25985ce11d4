//! Which of the listed identities a caller means, and whether it is still among them: pure.

use identity_model::{IdentityKey, ListedIdentity};

use crate::snapshot::Snapshot;

/// What a key names in a user's list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resolution<'a> {
    /// Exactly this secondary identity.
    Secondary(&'a ListedIdentity),
    /// The first, which cannot be unlinked.
    Main,
    /// None of them.
    Missing,
    /// More than one.
    Ambiguous,
}

/// Finds the one identity that `wanted` names: by its id as given, without a leading `provider|`, or
/// without a leading `connection|`.
pub(crate) fn resolve<'a>(seen: &'a Snapshot, wanted: &IdentityKey) -> Resolution<'a> {
    let mut matches = seen.listed().iter().filter(|listed| {
        let key = listed.key();
        let (id, given) = (key.user_id().as_str(), wanted.user_id().as_str());
        key.provider() == wanted.provider()
            && (id == given || bare(given, listed).any(|bare| bare == id))
    });
    match (matches.next(), matches.next()) {
        (None, _) => Resolution::Missing,
        (Some(_), Some(_)) => Resolution::Ambiguous,
        (Some(only), None) if seen.main().is_some_and(|main| std::ptr::eq(main, only)) => {
            Resolution::Main
        }
        (Some(only), None) => Resolution::Secondary(only),
    }
}

/// How many elements are `identity` in any of the forms its id is written in.
///
/// Counted, not looked for: two connections may share provider and id.
pub(crate) fn count(list: &[ListedIdentity], identity: &ListedIdentity) -> usize {
    let id = identity.key().user_id().as_str();
    list.iter()
        .filter(|other| {
            let other_id = other.key().user_id().as_str();
            other.key().provider() == identity.key().provider()
                && (other_id == id
                    || bare(id, identity).any(|bare| bare == other_id)
                    || bare(other_id, other).any(|bare| bare == id))
        })
        .count()
}

/// `id` without the prefixes that `listed` may carry before it.
fn bare<'a>(id: &'a str, listed: &ListedIdentity) -> impl Iterator<Item = &'a str> {
    let prefixes = [Some(listed.key().provider().as_str()), listed.connection()];
    prefixes
        .into_iter()
        .flatten()
        .filter_map(move |prefix| id.strip_prefix(prefix)?.strip_prefix('|'))
}
