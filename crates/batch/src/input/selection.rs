//! Which identities of an export are to be unlinked.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use unlink::{IdentityKey, ProviderName};

use super::{Exported, ExportedIdentity};

/// Which identities of an export are meant: those that every condition holds for.
///
/// ```
/// use unlink_batch::Selection;
///
/// let selection = Selection::default().connection("old-saml").where_email_differs();
/// assert!(!selection.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    connections: BTreeSet<String>,
    providers: BTreeSet<String>,
    identities: BTreeSet<String>,
    email_differs: bool,
}

impl Selection {
    /// Of this connection, or another one that was named.
    #[must_use]
    pub fn connection(mut self, name: impl Into<String>) -> Self {
        self.connections.insert(name.into());
        self
    }

    /// Of this provider, or another one that was named.
    #[must_use]
    pub fn provider(mut self, provider: &ProviderName) -> Self {
        self.providers.insert(provider.as_str().to_owned());
        self
    }

    /// This identity, or another one that was named.
    #[must_use]
    pub fn identity(mut self, identity: &IdentityKey) -> Self {
        self.identities.insert(identity.to_string());
        self
    }

    /// With an e-mail address in its profile that is not the user's own, letter case aside.
    #[must_use]
    pub const fn where_email_differs(mut self) -> Self {
        self.email_differs = true;
        self
    }

    /// Whether no condition was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
            && self.providers.is_empty()
            && self.identities.is_empty()
            && !self.email_differs
    }

    /// The same without a condition on e-mail addresses.
    pub(crate) fn whatever_email(self) -> Self {
        Self {
            email_differs: false,
            ..self
        }
    }

    /// Whether it selects one of the user's identities, the main one included.
    pub(crate) fn selects_any(&self, user: &Exported<'_>) -> bool {
        let mut identities = user.identities.iter();
        identities.any(|identity| self.selects(user, identity))
    }

    pub(crate) fn selects(&self, user: &Exported<'_>, identity: &ExportedIdentity<'_>) -> bool {
        let connection = identity.connection.as_deref();
        (self.connections.is_empty()
            || connection.is_some_and(|connection| self.connections.contains(connection)))
            && (self.providers.is_empty() || self.providers.contains(&*identity.provider))
            && (self.identities.is_empty()
                || self
                    .identities
                    .contains(&format!("{}|{}", identity.provider, identity.user_id.text)))
            && (!self.email_differs || differs(user.email.as_deref(), identity.email.as_deref()))
    }
}

/// In words: what each condition is, or that there is none.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |what: &str, names: &BTreeSet<String>| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            (!names.is_empty()).then(|| format!("{what} {}", names.join(" or ")))
        };
        let conditions = [
            named("connection", &self.connections),
            named("provider", &self.providers),
            named("identity", &self.identities),
            self.email_differs
                .then(|| "the e-mail address differs".to_owned()),
        ];
        let conditions: Vec<String> = conditions.into_iter().flatten().collect();
        match conditions.is_empty() {
            true => f.write_str("everything"),
            false => f.write_str(&conditions.join(", and ")),
        }
    }
}

/// What is not known does not differ.
fn differs(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            !one.eq_ignore_ascii_case(other) && one.to_lowercase() != other.to_lowercase()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::record::IdText;

    #[test]
    fn a_selection_reads_back_and_says_what_it_is() {
        let all = Selection::default();
        assert_eq!(all.to_string(), "everything");
        let some = all
            .connection("old")
            .connection("older")
            .provider(&"samlp".parse().unwrap())
            .where_email_differs();
        insta::assert_snapshot!(some, @"connection old or older, and provider samlp, and the e-mail address differs");
        let json = serde_json::to_string(&some).unwrap();
        assert_eq!(serde_json::from_str::<Selection>(&json).unwrap(), some);
    }

    #[test]
    fn every_condition_must_hold() {
        let identity = ExportedIdentity {
            provider: "github".into(),
            user_id: IdText {
                text: "12".into(),
                is_integer: true,
            },
            connection: Some("github".into()),
            email: Some("ÉVE@example.com".into()),
            email_verified: true,
        };
        let user = |email: Option<&'static str>| Exported {
            user_id: "auth0|1".into(),
            email: email.map(Into::into),
            email_verified: true,
            blocked: false,
            identities: Vec::new(),
            line: "",
        };
        let all = Selection::default();
        let github = "github".parse().unwrap();
        for (selection, email, expected) in [
            (all.clone().connection("github"), None, true),
            (all.clone().connection("other"), None, false),
            (
                all.clone().connection("other").connection("github"),
                None,
                true,
            ),
            (all.clone().provider(&github), None, true),
            (
                all.clone().provider(&github).connection("other"),
                None,
                false,
            ),
            (
                all.clone().identity(&"github|12".parse().unwrap()),
                None,
                true,
            ),
            (
                all.clone().identity(&"github|1".parse().unwrap()),
                None,
                false,
            ),
            (all.clone().where_email_differs(), None, false),
            (
                all.clone().where_email_differs(),
                Some("éve@Example.com"),
                false,
            ),
            (
                all.clone().where_email_differs(),
                Some("eve@example.com"),
                true,
            ),
        ] {
            assert_eq!(
                selection.selects(&user(email), &identity),
                expected,
                "{selection:?} {email:?}"
            );
        }
    }
}
