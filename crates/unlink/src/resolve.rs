//! Which of the listed identities a caller means, and whether it is still among them: pure.

use identity_model::{IdentityKey, IdentityUserId, ListedIdentity, ProviderName};

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

/// The elements that are `identity` in any of the forms its id is written in: two connections may share provider and id.
pub(crate) fn alike<'a>(
    list: &'a [ListedIdentity],
    identity: &'a ListedIdentity,
) -> impl Iterator<Item = &'a ListedIdentity> {
    list.iter().filter(|other| {
        let id = other.key().user_id().as_str();
        other.key().provider() == identity.key().provider()
            && (is_written(id, identity) || bare(id, other).any(|bare| bare == own_id(identity)))
    })
}

/// What could be read of an element that is not what Auth0 documents.
#[derive(Clone, Debug)]
pub(crate) struct Fragment {
    pub(crate) provider: Option<ProviderName>,
    pub(crate) user_id: Option<IdentityUserId>,
}

/// How many of these can be `identity`, for all that could be read of them.
pub(crate) fn possible(fragments: &[Fragment], identity: &ListedIdentity) -> usize {
    let can_be = |fragment: &&Fragment| {
        let provider = identity.key().provider();
        let id = fragment.user_id.as_ref().map(IdentityUserId::as_str);
        fragment
            .provider
            .as_ref()
            .is_none_or(|other| other == provider)
            && id.is_none_or(|id| {
                is_written(id, identity) || bare(id, identity).any(|bare| bare == own_id(identity))
            })
    };
    fragments.iter().filter(can_be).count()
}

/// Whether this is the id of `identity`, with or without a prefix.
fn is_written(id: &str, identity: &ListedIdentity) -> bool {
    own_id(identity) == id || bare(own_id(identity), identity).any(|bare| bare == id)
}

fn own_id(identity: &ListedIdentity) -> &str {
    identity.key().user_id().as_str()
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
            let seen = seen(&list);
            assert_eq!(
                alike(seen.listed(), &identity).count(),
                expected,
                "{list:?}"
            );
        }
        // Sent with its prefix, listed without.
        let seen = seen(&[("auth0|2", "Users")]);
        assert_eq!(
            alike(seen.listed(), &listed("auth0|auth0|2", "Users")).count(),
            1
        );
        // Integers compare by their digits.
        let twelve = br#"{"identities":[{"provider":"github","user_id":12}]}"#;
        let list = identity_model::listed_identities_of_user(twelve).unwrap();
        let list: Vec<_> = list.into_iter().map(Result::unwrap).collect();
        assert_eq!(alike(&list, &listed("github|12", "github")).count(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_any_identity_that_its_readable_parts_do_not_rule_out() {
        let fragment = |provider: Option<&str>, user_id: Option<&str>| Fragment {
            provider: provider.map(|name| name.parse().unwrap()),
            user_id: user_id.map(|id| id.parse().unwrap()),
        };
        let identity = listed("auth0|2", "Users");
        for (provider, user_id, expected) in [
            (None, None, 1),
            (Some("auth0"), None, 1),
            (Some("github"), None, 0),
            (None, Some("2"), 1),
            (None, Some("auth0|2"), 1),
            (None, Some("Users|2"), 1),
            (None, Some("22"), 0),
        ] {
            let fragments = [fragment(provider, user_id)];
            assert_eq!(
                possible(&fragments, &identity),
                expected,
                "{provider:?} {user_id:?}"
            );
        }
        let prefixed = listed("auth0|auth0|2", "Users");
        assert_eq!(possible(&[fragment(None, Some("2"))], &prefixed), 1);
        let all = [fragment(None, None), fragment(Some("auth0"), None)];
        assert_eq!(possible(&all, &identity), 2);
    }
}
