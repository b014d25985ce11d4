//! What came of a row, why, and what an operator can do about it.

use std::fmt;

/// The words of an enum as the job file and reports have them.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// As the job file and reports have it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub(crate) fn read(word: &str) -> Option<Self> {
                Some(match word { $($word => Self::$variant,)+ _ => return None })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// What came of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Unlinked by this job.
    Unlinked,
    /// Unlinked by this job, and the account that appeared for it deleted.
    Deleted,
    /// Unlinked by this job, and the account that was to be deleted is still there.
    NotDeleted,
    /// It was not linked to begin with.
    NotLinked,
    /// It is not linked now, and this job never saw it linked.
    Absent,
    /// Left alone: the user or the identity is not what was planned.
    Stale,
    /// It failed.
    Failed,
}

words!(Outcome {
    Unlinked = "unlinked",
    Deleted = "deleted",
    NotDeleted = "not deleted",
    NotLinked = "not linked",
    Absent = "absent",
    Stale = "stale",
    Failed = "failed",
});

impl Outcome {
    /// Whether it belongs into a list of what someone has to look at.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Stale | Self::NotDeleted)
    }

    /// Whether it is proven that this job took the identity off its user.
    #[must_use]
    pub const fn is_proven_removal(self) -> bool {
        matches!(self, Self::Unlinked | Self::Deleted | Self::NotDeleted)
    }
}

/// What came of linking a row's identity back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum UndoOutcome {
    /// Linked back by this job.
    LinkedBack,
    /// It was linked again already.
    AlreadyLinked,
    /// Left alone: linking it back would lose something, or there is nothing to link any more.
    Skipped,
    /// It failed.
    Failed,
}

words!(UndoOutcome {
    LinkedBack = "linked back",
    AlreadyLinked = "already linked",
    Skipped = "skipped",
    Failed = "failed",
});

/// Why a row came out as it did, where that is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The user does not exist any more.
    NoSuchUser,
    /// The identity is the user's main one by now.
    MainIdentity,
    /// The identity is neither linked to the user nor an account of its own.
    NoSuchIdentity,
    /// More than one of the user's identities can be meant.
    Ambiguous,
    /// The identity is of another connection than when it was planned.
    OtherConnection,
    /// The tenant answered with success and changed nothing.
    NotChanged,
    /// The tenant refuses it.
    Rejected,
    /// The tenant did not answer for this row, again and again.
    Unavailable,
    /// It was sent, and nobody knows whether it was applied.
    Unsure,
    /// No read of this job showed the identity linked, so its account was not deleted.
    NotProven,
    /// The account has been used since it was split off.
    InUse,
    /// The account that was split off is not there any more.
    NoSuchAccount,
    /// The account has metadata, which linking would discard.
    HasMetadata,
    /// The account has been logged in to since it was split off.
    HasLogin,
    /// The account has a second identity.
    HasIdentities,
    /// The account is linked to another user by now.
    LinkedElsewhere,
}

words!(Reason {
    NoSuchUser = "no such user",
    MainIdentity = "main identity",
    NoSuchIdentity = "no such identity",
    Ambiguous = "ambiguous",
    OtherConnection = "other connection",
    NotChanged = "not changed",
    Rejected = "rejected",
    Unavailable = "unavailable",
    Unsure = "unsure",
    NotProven = "not proven",
    InUse = "in use",
    NoSuchAccount = "no such account",
    HasMetadata = "has metadata",
    HasLogin = "has login",
    HasIdentities = "has identities",
    LinkedElsewhere = "linked elsewhere",
});

impl Reason {
    /// What to do about it, as one sentence.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NoSuchUser => "Nothing is left to unlink: leave the row out of the next plan.",
            Self::MainIdentity => {
                "A main identity cannot be unlinked: link the accounts the other way round, or delete the user."
            }
            Self::NoSuchIdentity => {
                "Look at the user's identities: the id may be misspelt, or the account is gone."
            }
            Self::Ambiguous => {
                "Plan it again with the id exactly as the user's identities list it."
            }
            Self::OtherConnection => {
                "Someone linked another account since: plan it again from a fresh export if it is meant too."
            }
            Self::NotChanged => {
                "Look at the user's identities for the id as it is listed there, and plan it again with that one."
            }
            Self::Rejected => {
                "Read the tenant's reason: the same request will be refused again until that is mended."
            }
            Self::Unavailable => "Apply the job again: the row is tried anew.",
            Self::Unsure => {
                "Apply the job again: the user is read first, and the row settled by what is there."
            }
            Self::NotProven => {
                "Look at the account and delete it by hand: nothing proves that this job split it off."
            }
            Self::InUse => "Look at the account before deleting it by hand: someone uses it.",
            Self::NoSuchAccount => "There is nothing to link back until that person logs in again.",
            Self::HasMetadata => {
                "Copy the account's metadata first, then undo the row with accounts in use allowed."
            }
            Self::HasLogin => {
                "Ask whether the account is in use, then undo the row with accounts in use allowed."
            }
            Self::HasIdentities => {
                "Unlink the account's other identities first, then undo the row."
            }
            Self::LinkedElsewhere => "Unlink it from the user it is linked to, then undo the row.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_are_not_taken_for_others() {
        for outcome in [
            Outcome::Unlinked,
            Outcome::Deleted,
            Outcome::NotDeleted,
            Outcome::NotLinked,
            Outcome::Absent,
            Outcome::Stale,
            Outcome::Failed,
        ] {
            assert_eq!(Outcome::read(outcome.as_str()), Some(outcome));
        }
        assert_eq!(Outcome::read("Unlinked"), None);
        assert_eq!(
            Reason::read(Reason::HasLogin.as_str()),
            Some(Reason::HasLogin)
        );
        assert_eq!(
            UndoOutcome::read(UndoOutcome::LinkedBack.as_str()),
            Some(UndoOutcome::LinkedBack)
        );
    }
}
