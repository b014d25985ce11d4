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

/// The accounts of their own that `wanted` can name: without a leading `provider|`, and as given.
pub(crate) fn accounts(wanted: &IdentityKey) -> Vec<IdentityKey> {
    let id = wanted.user_id().as_str();
    let bare = id
        .strip_prefix(wanted.provider().as_str())
        .and_then(|rest| rest.strip_prefix('|')?.parse().ok());
    let bare = bare.map(|id| IdentityKey::new(wanted.provider().clone(), id));
    bare.into_iter().chain([wanted.clone()]).collect()
}

/// `id` without the prefixes that `listed` may carry before it.
fn bare<'a>(id: &'a str, listed: &ListedIdentity) -> impl Iterator<Item = &'a str> {
    let prefixes = [Some(listed.key().provider().as_str()), listed.connection()];
    prefixes
        .into_iter()
        .flatten()
        .filter_map(move |prefix| id.strip_prefix(prefix)?.strip_prefix('|'))
}

#[cfg(test)]
mod tests {
    use identity_model::ListedIdentity;

    use super::*;

    fn listed(key: &str, connection: &str) -> ListedIdentity {
        ListedIdentity::new(key.parse().unwrap(), Some(connection.to_owned()))
    }

    fn seen(list: &[(&str, &str)]) -> Snapshot {
        let list = list
            .iter()
            .map(|(key, connection)| listed(key, connection))
            .collect();
        Snapshot::new("auth0|1".parse().unwrap(), list)
    }

    fn found(seen: &Snapshot, provider: &str, id: &str) -> Option<String> {
        let wanted = IdentityKey::new(
            provider.parse::<identity_model::ProviderName>().unwrap(),
            id.parse().unwrap(),
        );
        match resolve(seen, &wanted) {
            Resolution::Secondary(identity) => Some(identity.key().to_string()),
            Resolution::Main => Some("main".to_owned()),
            Resolution::Missing => None,
            Resolution::Ambiguous => Some("ambiguous".to_owned()),
        }
    }

    #[test]
    fn an_id_is_found_with_or_without_its_prefix() {
        let seen = seen(&[
            ("auth0|1", "Users"),
            ("auth0|2", "Users"),
            ("google-oauth2|3", "google-oauth2"),
            ("samlp|example|jane", "example"),
        ]);
        for (provider, id, expected) in [
            ("auth0", "2", Some("auth0|2")),
            ("auth0", "auth0|2", Some("auth0|2")),
            ("auth0", "Users|2", Some("auth0|2")),
            ("auth0", "1", Some("main")),
            ("auth0", "auth0|1", Some("main")),
            ("google-oauth2", "3", Some("google-oauth2|3")),
            ("google-oauth2", "google-oauth2|3", Some("google-oauth2|3")),
            ("samlp", "example|jane", Some("samlp|example|jane")),
            ("samlp", "samlp|example|jane", Some("samlp|example|jane")),
            ("samlp", "jane", None),
            ("google-oauth2", "2", None),
            ("auth0", "Other|2", None),
            ("auth0", "22", None),
        ] {
            assert_eq!(
                found(&seen, provider, id).as_deref(),
                expected,
                "{provider} {id}"
            );
        }
    }

    #[test]
    fn what_can_mean_two_is_ambiguous() {
        let twins = seen(&[("auth0|1", "Users"), ("auth0|2", "A"), ("auth0|2", "B")]);
        assert_eq!(found(&twins, "auth0", "2").as_deref(), Some("ambiguous"));
        let prefixed = seen(&[
            ("auth0|1", "Users"),
            ("auth0|2", "Users"),
            ("auth0|Users|2", "Old"),
        ]);
        assert_eq!(
            found(&prefixed, "auth0", "Users|2").as_deref(),
            Some("ambiguous")
        );
    }

    #[test]
    fn an_identity_counts_in_every_form_its_id_is_written_in() {
        let identity = listed("auth0|2", "Users");
        for (list, expected) in [
            (vec![("auth0|2", "Users")], 1),
            (vec![("auth0|auth0|2", "Users")], 1),
            (vec![("auth0|Users|2", "Users")], 1),
            (vec![("auth0|2", "Users"), ("auth0|2", "B")], 2),
            (
                vec![("google-oauth2|2", "google-oauth2"), ("auth0|22", "Users")],
                0,
            ),
        ] {
            assert_eq!(count(seen(&list).listed(), &identity), expected, "{list:?}");
        }
        // Sent with its prefix, listed without.
        assert_eq!(
            count(
                seen(&[("auth0|2", "Users")]).listed(),
                &listed("auth0|auth0|2", "Users")
            ),
            1
        );
        // Integers compare by their digits.
        let twelve = br#"{"identities":[{"provider":"github","user_id":12}]}"#;
        let list = identity_model::listed_identities_of_user(twelve).unwrap();
        let list: Vec<_> = list.into_iter().map(Result::unwrap).collect();
        assert_eq!(count(&list, &listed("github|12", "github")), 1);
    }
}
