//! The one table of behaviours that Auth0 does not document: what the tenant does, and how that is known.

use std::fmt;

use serde::Serialize;

use crate::errors::ApiError;

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

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recorded => "recorded",
            Self::Documented => "documented",
            Self::Inferred => "inferred",
        })
    }
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
        "What does unlink answer when no identity of that provider has that id?",
        [recorded("unchanged"), inferred("404")];
    UnlinkPrefixedId, "unlink-prefixed-id", Answer,
        "Does unlink find any other identity whose id was sent with its provider or connection in front?",
        [inferred("no-match"), documented("match")];
    UnlinkAuth0Prefix, "unlink-auth0-prefix", Answer,
        "Does unlink find a database identity whose id was sent with auth0| in front?",
        [recorded("no-match"), documented("match")];
    UnlinkWrongProvider, "unlink-wrong-provider", Answer,
        "What does unlink answer for a provider the user has no identity of?",
        [inferred("unchanged"), inferred("404")];
    UnlinkOnlyIdentity, "unlink-only-identity", Answer,
        "What does unlink answer for the main identity of a user who has no other?",
        [inferred("400")];
    UpdatedAt, "updated-at", Detail,
        "Do link and unlink set updated_at of the user they are called on? (Told here only: their answers do not show it.)",
        [inferred("now")];
    IdentityOrder, "identity-order", Detail,
        "In which order are the identities left when one from the middle was unlinked?",
        [inferred("kept")];
    UnlinkUnknownUser, "unlink-unknown-user", Answer,
        "What do link and unlink answer for a user that does not exist?",
        [inferred("404")];
    UnknownProvider, "unknown-provider", Answer,
        "What do link and unlink answer for a provider outside the published list?",
        [inferred("400"), inferred("accept")];
    RemovedProvider, "removed-provider", Answer,
        "Are the seven providers still accepted that were dropped from the published list?",
        [inferred("accept"), inferred("400")];
    MainIdentityCode, "main-identity-error-code", Detail,
        "Which errorCode comes with \"Main identity cannot be removed.\"?",
        [inferred("absent"), inferred("main_identity")];
    SecondaryOwnId, "secondary-own-id", Answer,
        "Does the own id of a linked account still name a user?",
        [inferred("404"), inferred("primary")];
    SplitOffAttributes, "split-off-attributes", Detail,
        "What does an account that unlinking restored carry beyond the profile of the identity?",
        [inferred("dates-of-now"), inferred("absent")];
    LinkErrorCodes, "link-error-codes", Detail,
        "Which errorCode comes with the documented refusals of link?",
        [inferred("absent"), inferred("invalid_body")];
    LinkUnknownSecondary, "link-unknown-secondary", Answer,
        "Which of the documented refusals does link give for an account that does not exist?",
        [inferred("by-connection"), inferred("not-found")];
    LinkOwnTokenById, "link-own-token-by-id", Answer,
        "What does link answer a user's own token that names the account and brings no token of it?",
        [inferred("403"), inferred("accept")];
    LinkHoldsIdentities, "link-account-with-identities", Answer,
        "Can an account be linked that has linked accounts itself?",
        [inferred("400"), inferred("409")];
    TokenChallenge, "token-challenge", Detail,
        "What does WWW-Authenticate say on a 401 for a bad token?",
        [inferred("error"), inferred("absent")];
    MalformedUserId, "malformed-user-id", Answer,
        "What does an id without a provider in front get?",
        [inferred("400"), inferred("404")];
    UnknownPath, "unknown-path", Answer,
        "What does a path get that is no operation?",
        [inferred("404")];
    ValidationWording, "validation-wording", Answer,
        "How exactly are the messages of refused paths, queries and bodies worded?",
        [inferred("z-schema")];
    UnknownParameter, "unknown-parameter", Answer,
        "What does a list or a read get whose query has a parameter that the operation does not know?",
        [recorded("400"), inferred("ignored")];
    CreateErrorCodes, "create-error-codes", Detail,
        "Which errorCode comes with the documented refusals of creating a user?",
        [inferred("absent"), inferred("invalid_body")];
    UpdateErrorCodes, "update-error-codes", Detail,
        "Which errorCode comes with the documented refusals of updating a user?",
        [inferred("absent"), inferred("invalid_body")];
    UpdateUnknownKey, "update-unknown-key", Answer,
        "What happens to a key that the update of a user does not know?",
        [inferred("400"), documented("ignored")];
    UpdateFieldScopes, "update-field-scopes", Answer,
        "What does a token get that may update metadata only and sends more?",
        [inferred("403")];
    UpdateForeignConnection, "update-foreign-connection", Answer,
        "What does an update get that names a connection the user is not in?",
        [inferred("400")];
    UpdateTaken, "update-taken", Answer,
        "What does an update get that takes the e-mail, number or name of another user of the connection?",
        [inferred("409")];
    IdentitiesBucket, "identities-bucket", Detail,
        "Which rate limit do link and unlink count against, where a plan has one per group?",
        [inferred("users_write"), inferred("other")];
    LimitedRequests, "limited-requests", Detail,
        "Which requests count against the rate limits? (Told here only: it decides when a 429 comes, and shows in none.)",
        [inferred("authenticated"), inferred("all")];
    LimitHeadersOn429, "limit-headers-on-429", Detail,
        "Does a 429 carry the x-ratelimit headers?",
        [documented("present"), inferred("absent")];
    RetryAfterOn429, "retry-after-on-429", Detail,
        "Does a 429 carry Retry-After?",
        [inferred("absent"), inferred("present")];
    ExportUnknownConnection, "export-unknown-connection", Answer,
        "What does an export of a connection get that there is not?",
        [inferred("400")];
    ExportFile, "export-file", Detail,
        "How is an export packed, which attributes does it hold if none are named, and what does a link get that has expired?",
        [inferred("gzip-whole-403")];
    SearchOrder, "search-order", Detail,
        "In which order are users listed when no order is asked for?",
        [inferred("creation")];
    Cors, "cors", Detail,
        "What do preflights and answers to web pages of allowed origins carry?",
        [inferred("allowed-headers"), inferred("absent")];
    LogEntries, "log-entries", Detail,
        "What do log entries say whose like was not recorded: of unlinking, linking, updates, exports, refused tokens, limits?",
        [inferred("like-those-recorded")];
    LogDelay, "log-delay", Detail,
        "How soon after something was done does the log show it?",
        [inferred("at-once")];
    LogDeletion, "log-user-deletion", Detail,
        "Does deleting a user through the API leave an entry sdu beside its sapi?",
        [inferred("both"), inferred("sapi-only")];
    LogRefused, "log-refused-write", Detail,
        "Does a write that is refused leave an entry?",
        [inferred("absent"), inferred("fapi")];
    LogLimit, "log-limit", Detail,
        "How often does a limit that stays exceeded show in the log?",
        [inferred("first-refusal"), inferred("every-refusal")];
    LogCheckpoint, "log-checkpoint", Answer,
        "What does a checkpoint get that is the id of no entry (any more)?",
        [inferred("later-ones"), inferred("400")];
    LogPaging, "log-paging", Answer,
        "What do pages of the log get beyond the first 1,000 entries?",
        [inferred("invalid_paging")];
    LogErrorCode, "log-error-code", Detail,
        "Which errorCode comes with \"Log not found.\"?",
        [inferred("absent")];
    TokenLimit, "token-endpoint-429", Detail,
        "How is the 429 of the token endpoint worded when it is not the quota of one client that was reached?",
        [inferred("client-quota")];
    TokenErrors, "token-endpoint-errors", Answer,
        "How are the refusals of the token endpoint worded that were not seen?",
        [inferred("own-words")];
}

/// The choices in force for one tenant, and which of them the answer in the making rests on.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    active: Vec<Choice>,
    strict: bool,
    leaning: Vec<Behaviour>,
}

impl Rules {
    /// The table as it stands; a strict tenant refuses answers that rest on an inference.
    pub(crate) fn new(strict: bool) -> Self {
        let first = |rule: &Rule| rule.choices.first().copied();
        Self {
            active: TABLE.iter().filter_map(first).collect(),
            strict,
            leaning: Vec::new(),
        }
    }

    /// The choice in force for a whole answer, which rests on it from here on.
    ///
    /// To be asked before anything is changed: a strict tenant refuses here.
    pub(crate) fn decide(&mut self, behaviour: Behaviour) -> Result<&'static str, ApiError> {
        self.leaning.push(behaviour);
        let choice = self.choice(behaviour);
        if self.strict && choice.provenance == Provenance::Inferred {
            // The refusal is this tenant's own and rests on nothing.
            self.leaning.clear();
            return Err(ApiError::only_inferred(rule(behaviour)));
        }
        Ok(choice.name)
    }

    /// The choice in force for a detail; a strict tenant leaves an inferred one out where that is a choice.
    pub(crate) fn detail(&mut self, behaviour: Behaviour) -> &'static str {
        self.leaning.push(behaviour);
        self.quietly(behaviour)
    }

    /// Whether the answer in the making rests on this.
    pub(crate) fn leans_on(&self, behaviour: Behaviour) -> bool {
        self.leaning.contains(&behaviour)
    }

    /// The choice for a detail that will not show in this answer.
    pub(crate) fn quietly(&self, behaviour: Behaviour) -> &'static str {
        let choice = self.choice(behaviour);
        let mut others = rule(behaviour).choices.iter();
        let absent = others.find(|other| other.name == "absent");
        match absent {
            Some(absent) if self.strict && choice.provenance == Provenance::Inferred => absent.name,
            _ => choice.name,
        }
    }

    /// Ends an answer: the names of the inferred rules it rests on, if any.
    pub(crate) fn end_of_answer(&mut self) -> Option<String> {
        let mut leaning = std::mem::take(&mut self.leaning);
        leaning.retain(|behaviour| {
            // A strict tenant has left out what can be.
            let left_out = self.strict && self.quietly(*behaviour) == "absent";
            self.choice(*behaviour).provenance == Provenance::Inferred && !left_out
        });
        leaning.dedup();
        let names: Vec<&str> = leaning
            .into_iter()
            .map(|behaviour| rule(behaviour).name)
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Puts another choice in force; false if the row has no such choice.
    pub(crate) fn choose(&mut self, behaviour: Behaviour, name: &str) -> bool {
        let found = rule(behaviour)
            .choices
            .iter()
            .find(|choice| choice.name == name);
        if let Some(choice) = found {
            self.active[behaviour as usize] = *choice;
        }
        found.is_some()
    }

    /// Every row's name and the choice in force.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        TABLE
            .iter()
            .map(|row| (row.name, self.choice(row.behaviour).name))
    }

    fn choice(&self, behaviour: Behaviour) -> Choice {
        self.active[behaviour as usize]
    }
}

impl Behaviour {
    /// The behaviour with this name in the table.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.name == name)
            .map(|row| row.behaviour)
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
