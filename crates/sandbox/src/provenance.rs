//! The one table of behaviours that Auth0 does not document: what the tenant does, and how that is known.

use serde::Serialize;

/// How a behaviour is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Provenance {
    /// Seen in recorded traffic of a real tenant.
    Recorded,
    /// Written in Auth0's documentation or API description.
    Documented,
    /// Concluded from other facts; a real tenant may differ.
    Inferred,
}

/// What an inference decides about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Extent {
    /// The answer as a whole: its status, or whether anything changes.
    Answer,
    /// A header or a field in an answer that is otherwise known.
    Detail,
}

/// A choice the tenant can make, with how it is known.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// The name a test or the command line gives it.
    pub name: &'static str,
    /// How it is known.
    pub provenance: Provenance,
}

/// One row of the table: a behaviour and the choices for it, the active one first.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Rule {
    /// Which behaviour.
    #[serde(skip)]
    pub behaviour: Behaviour,
    /// Its name.
    pub name: &'static str,
    /// The question it answers.
    pub question: &'static str,
    /// How much of an answer it decides.
    pub extent: Extent,
    /// The choices; the first is the one in force.
    pub choices: &'static [Choice],
}

const fn recorded(name: &'static str) -> Choice {
    Choice {
        name,
        provenance: Provenance::Recorded,
    }
}

const fn documented(name: &'static str) -> Choice {
    Choice {
        name,
        provenance: Provenance::Documented,
    }
}

const fn inferred(name: &'static str) -> Choice {
    Choice {
        name,
        provenance: Provenance::Inferred,
    }
}

macro_rules! table {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $extent:ident, $question:literal, [$($choice:expr),+];)+) => {
        /// A behaviour that Auth0 does not document.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Behaviour { $(#[doc = $question] $variant,)+ }

        /// Every row, in the order of [`Behaviour`].
        pub const TABLE: &[Rule] = &[
            $(Rule {
                behaviour: Behaviour::$variant,
                name: $name,
                question: $question,
                extent: Extent::$extent,
                choices: &[$($choice),+],
            },)+
        ];
    };
}

table! {
    UnlinkNoMatch, "unlink-no-match", Answer,
        "What does unlink answer when no identity of the user matches?",
        [recorded("unchanged"), inferred("404")];
    UnlinkPrefixedId, "unlink-prefixed-id", Answer,
        "Does unlink find a database identity whose id carries its provider or connection in front?",
        [recorded("no-match"), documented("match")];
    UnlinkUnknownUser, "unlink-unknown-user", Answer,
        "What does unlink answer for a user that does not exist?",
        [inferred("404")];
    UnlinkUnknownProvider, "unlink-unknown-provider", Answer,
        "What does unlink answer for a provider outside the published list?",
        [inferred("400"), inferred("unchanged")];
    UnlinkRemovedProvider, "unlink-removed-provider", Answer,
        "Does unlink still accept the seven providers that were dropped from the published list?",
        [inferred("accept"), inferred("400")];
    MainIdentityCode, "main-identity-error-code", Detail,
        "Which errorCode comes with \"Main identity cannot be removed.\"?",
        [inferred("absent"), inferred("main_identity")];
    SecondaryOwnId, "secondary-own-id", Answer,
        "Does the own id of a linked account still name a user?",
        [inferred("404"), inferred("primary")];
    SplitOffDates, "split-off-dates", Detail,
        "Which dates does an account carry that unlinking restored?",
        [inferred("now"), inferred("absent")];
    TokenChallenge, "token-challenge", Detail,
        "What does WWW-Authenticate say on a 401 for a bad token?",
        [inferred("error"), inferred("absent")];
    MalformedUserId, "malformed-user-id", Answer,
        "What does an id without a provider in front get?",
        [inferred("400"), inferred("404")];
}

/// The choices in force for one tenant.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    active: Vec<Choice>,
    strict: bool,
}

impl Default for Rules {
    fn default() -> Self {
        let first = |rule: &Rule| rule.choices.first().copied();
        Self {
            active: TABLE.iter().filter_map(first).collect(),
            strict: false,
        }
    }
}

impl Rules {
    /// The name of the choice in force.
    pub(crate) fn choice(&self, behaviour: Behaviour) -> &'static str {
        self.get(behaviour).map_or("", |choice| choice.name)
    }

    pub(crate) fn provenance(&self, behaviour: Behaviour) -> Provenance {
        self.get(behaviour)
            .map_or(Provenance::Inferred, |choice| choice.provenance)
    }

    fn get(&self, behaviour: Behaviour) -> Option<Choice> {
        self.active.get(behaviour as usize).copied()
    }
}

/// The row of a behaviour.
pub(crate) fn rule(behaviour: Behaviour) -> &'static Rule {
    &TABLE[behaviour as usize]
}

#[cfg(test)]
mod tests {
    use super::{TABLE, rule};

    #[test]
    fn rows_stand_in_the_order_of_their_names_and_offer_a_choice() {
        for row in TABLE {
            assert_eq!(rule(row.behaviour).name, row.name);
            assert!(!row.choices.is_empty(), "{}", row.name);
        }
    }
}
