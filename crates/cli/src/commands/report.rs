//! What came of a change, for both forms of output.

use ::unlink::{
    Absent, Deleted, ErrorKind, IdentityKey, Linked, ListedIdentity, NotLinked, Receipt, SettledBy,
    Snapshot, Unlinked, User, UserId, transport::ErrorKind as Request,
};

use crate::{
    exit::Kind,
    failure::Failure,
    io::Io,
    json::{self, AccountDocument, ChangeDocument, IdentityDocument, LinkedDocument},
    show,
    text::{printable, shown},
};

/// The document, and the lines above the table of what is linked.
pub(super) struct Report<'a> {
    outcome: &'static str,
    user_id: &'a UserId,
    identity: &'a IdentityKey,
    connection: Option<&'a str>,
    /// The id of the separate account, where there is one afterwards.
    separate: Option<UserId>,
    deleted: Option<AccountDocument<'a>>,
    would_delete: Option<UserId>,
    linked: Vec<&'a ListedIdentity>,
    /// Unknown where an element before it may have been left out.
    first_is_main: Option<bool>,
    /// What was odd in the answers.
    warnings: &'a [String],
    text: String,
}

impl<'a> Report<'a> {
    pub(super) fn unlinked(done: &'a Unlinked) -> Self {
        Self {
            outcome: "unlinked",
            user_id: &done.user_id,
            identity: done.identity.key(),
            connection: done.identity.connection(),
            separate: Some(done.separate_user_id.clone()),
            deleted: None,
            would_delete: None,
            linked: done.remaining.iter().collect(),
            first_is_main: unless_odd(&done.warnings),
            warnings: &done.warnings,
            text: format!(
                "Unlinked {key} from {user}. Its separate account is {separate}.\nLeft on {user}:",
                key = shown(done.identity.key()),
                user = shown(&done.user_id),
                separate = shown(&done.separate_user_id),
            ),
        }
    }

    pub(super) fn absent(done: &'a Absent) -> Self {
        Self {
            outcome: "absent",
            user_id: &done.user_id,
            identity: &done.identity,
            connection: None,
            separate: Some(done.separate_user_id.clone()),
            deleted: None,
            would_delete: None,
            linked: done.remaining.iter().collect(),
            first_is_main: unless_odd(&done.warnings),
            warnings: &done.warnings,
            text: format!(
                "{key} is not linked to {user} now. Nothing was read before, so whether it was linked until now is \
                 not known.\nLinked to {user}:",
                key = shown(&done.identity),
                user = shown(&done.user_id),
            ),
        }
    }

    /// `seen` is what was read before.
    pub(super) fn not_linked(nothing: &'a NotLinked, seen: Option<&'a Snapshot>) -> Self {
        Self {
            outcome: "not_linked",
            user_id: &nothing.user_id,
            identity: &nothing.identity,
            connection: None,
            separate: Some(nothing.separate_user_id.clone()),
            deleted: None,
            would_delete: None,
            linked: nothing.identities.iter().collect(),
            first_is_main: known_main(seen, &nothing.identities),
            warnings: seen.map(Snapshot::warnings).unwrap_or_default(),
            text: format!(
                "Nothing to do: {separate} is not linked to {user}, it is an account of its own.\n\
                 Linked to {user}:",
                separate = shown(&nothing.separate_user_id),
                user = shown(&nothing.user_id),
            ),
        }
    }

    pub(super) fn would_unlink(seen: &'a Snapshot, identity: &'a ListedIdentity) -> Self {
        let key = identity.key();
        let left = seen.listed().iter();
        Self {
            outcome: "dry_run",
            user_id: seen.user_id(),
            identity: key,
            connection: identity.connection(),
            separate: Some(key.separate_user_id()),
            deleted: None,
            would_delete: None,
            linked: left
                .filter(|listed| !std::ptr::eq(*listed, identity))
                .collect(),
            first_is_main: Some(seen.main().is_some()),
            warnings: seen.warnings(),
            text: format!(
                "Dry run, nothing was changed: {key} would be unlinked from {user}, \
                 and {separate} would be a separate account.\nLeft on {user} would be:",
                key = shown(key),
                user = shown(seen.user_id()),
                separate = shown(&key.separate_user_id()),
            ),
        }
    }

    pub(super) fn unlinked_and_deleted(done: &'a Unlinked, deleted: &'a Deleted) -> Self {
        let account = AccountDocument::new(&deleted.user_id, &deleted.account);
        let text = format!(
            "Unlinked {key} from {user}, and deleted its separate account {dated}.\nLeft on {user}:",
            key = shown(done.identity.key()),
            user = shown(&done.user_id),
            dated = dated(&account),
        );
        Self {
            outcome: "unlinked_and_deleted",
            separate: None,
            deleted: Some(account),
            text,
            ..Self::unlinked(done)
        }
    }

    pub(super) fn would_unlink_and_delete(
        seen: &'a Snapshot,
        identity: &'a ListedIdentity,
    ) -> Self {
        let key = identity.key();
        let text = format!(
            "Dry run, nothing was changed: {key} would be unlinked from {user}, \
             and its separate account {separate} would be deleted.\nLeft on {user} would be:",
            key = shown(key),
            user = shown(seen.user_id()),
            separate = shown(&key.separate_user_id()),
        );
        Self {
            separate: None,
            would_delete: Some(key.separate_user_id()),
            text,
            ..Self::would_unlink(seen, identity)
        }
    }

    /// The second half alone: `seen` is what is linked, and what the receipt names is not.
    pub(super) fn deleted(seen: &'a Snapshot, receipt: &'a Receipt, deleted: &'a Deleted) -> Self {
        let account = AccountDocument::new(&deleted.user_id, &deleted.account);
        Self {
            outcome: "deleted",
            user_id: seen.user_id(),
            identity: receipt.identity(),
            connection: None,
            separate: None,
            would_delete: None,
            linked: seen.listed().iter().collect(),
            first_is_main: Some(seen.main().is_some()),
            warnings: seen.warnings(),
            text: format!(
                "Deleted {dated}, which was split off {user}.\nLinked to {user}:",
                dated = dated(&account),
                user = shown(seen.user_id()),
            ),
            deleted: Some(account),
        }
    }

    /// As [`deleted`](Self::deleted), with the account as it is now.
    pub(super) fn would_delete(seen: &'a Snapshot, receipt: &'a Receipt, account: &User) -> Self {
        let separate = receipt.separate_user_id();
        Self {
            outcome: "dry_run",
            user_id: seen.user_id(),
            identity: receipt.identity(),
            connection: None,
            separate: None,
            deleted: None,
            linked: seen.listed().iter().collect(),
            first_is_main: Some(seen.main().is_some()),
            warnings: seen.warnings(),
            text: format!(
                "Dry run, nothing was changed: {dated} would be deleted, if it is unused since it was split off \
                 {user}.\nLinked to {user}:",
                dated = dated(&AccountDocument::new(&separate, account)),
                user = shown(seen.user_id()),
            ),
            would_delete: Some(separate),
        }
    }

    /// `identity` is the one that was linked, as it is listed.
    pub(super) fn linked(done: &'a Linked, identity: &'a IdentityKey) -> Self {
        Self {
            outcome: "linked",
            user_id: &done.user_id,
            identity,
            connection: connection_of(identity, &done.identities),
            separate: None,
            deleted: None,
            would_delete: None,
            linked: done.identities.iter().collect(),
            first_is_main: unless_odd(&done.warnings),
            warnings: &done.warnings,
            text: format!(
                "Linked {key} to {user}.\nLinked to {user}:",
                key = shown(identity),
                user = shown(&done.user_id),
            ),
        }
    }

    /// As [`linked`](Self::linked), but by someone else.
    pub(super) fn linked_meanwhile(done: &'a Linked, identity: &'a IdentityKey) -> Self {
        Self {
            outcome: "already_linked",
            text: already(identity, &done.user_id),
            ..Self::linked(done, identity)
        }
    }

    pub(super) fn already_linked(seen: &'a Snapshot, identity: &'a IdentityKey) -> Self {
        Self {
            outcome: "already_linked",
            user_id: seen.user_id(),
            identity,
            connection: connection_of(identity, seen.listed()),
            separate: None,
            deleted: None,
            would_delete: None,
            linked: seen.listed().iter().collect(),
            first_is_main: Some(seen.main().is_some()),
            warnings: seen.warnings(),
            text: already(identity, seen.user_id()),
        }
    }

    /// `added` would be the last of what is linked.
    pub(super) fn would_link(seen: &'a Snapshot, added: &'a ListedIdentity) -> Self {
        Self {
            outcome: "dry_run",
            user_id: seen.user_id(),
            identity: added.key(),
            connection: added.connection(),
            separate: None,
            deleted: None,
            would_delete: None,
            linked: seen.listed().iter().chain([added]).collect(),
            first_is_main: Some(seen.main().is_some()),
            warnings: seen.warnings(),
            text: format!(
                "Dry run, nothing was changed: {key} would be linked to {user}.\nLinked to {user} would be:",
                key = shown(added.key()),
                user = shown(seen.user_id()),
            ),
        }
    }

    pub(super) fn document(&self) -> ChangeDocument<'_> {
        ChangeDocument {
            outcome: self.outcome,
            user_id: self.user_id,
            identity: IdentityDocument::new(self.identity, self.connection),
            new_user_id: self.separate.as_ref(),
            deleted: self.deleted.clone(),
            would_delete: self.would_delete.as_ref(),
            identities: LinkedDocument::all(self.linked.iter().copied(), self.first_is_main),
            warnings: self.warnings,
        }
    }

    /// Writes it in the form that was asked for, what was odd with it.
    pub(super) fn tell(&self, io: &mut Io<'_>) -> Result<(), Failure> {
        for warning in self.warnings {
            io.say(&format!("warning: {}", printable(warning)));
        }
        let lines = if io.is_json() {
            json::line(&self.document())?
        } else {
            let rows = self.linked.iter().map(|linked| show::Row::listed(linked));
            let table = show::table(io.out_paint(), rows, self.first_is_main);
            format!("{}\n{table}", self.text)
        };
        io.result(&lines)
    }
}

/// An account with its dates, for a person to judge by.
pub(super) fn dated(account: &AccountDocument<'_>) -> String {
    let created = account.created_at.map(|at| format!("created {at}"));
    let login = account
        .last_login
        .map_or_else(|| "no login".to_owned(), |at| format!("last login {at}"));
    let dates: Vec<_> = created.into_iter().chain([login]).collect();
    let text = format!("{} ({})", account.user_id, dates.join(", "));
    printable(&text).into_owned()
}

fn already(identity: &IdentityKey, user: &UserId) -> String {
    format!(
        "Nothing to do: {key} is linked to {user} already.\nLinked to {user}:",
        key = shown(identity),
        user = shown(user),
    )
}

/// Whether the first that is left is the main one: so it is if nothing was left out.
fn unless_odd(warnings: &[String]) -> Option<bool> {
    warnings.is_empty().then_some(true)
}

/// Whether the first of `listed` is the one that was the main one before.
fn known_main(seen: Option<&Snapshot>, listed: &[ListedIdentity]) -> Option<bool> {
    let seen = seen?;
    (seen.listed() == listed).then_some(seen.main().is_some())
}

fn connection_of<'a>(key: &IdentityKey, listed: &'a [ListedIdentity]) -> Option<&'a str> {
    listed
        .iter()
        .find(|listed| listed.key() == key)?
        .connection()
}

/// An outcome that the library has learnt and this program has not.
pub(super) fn unheard_of() -> Failure {
    let kind = Kind::Operation(ErrorKind::Request(Request::OutcomeUnknown));
    Failure::new(
        kind,
        "the outcome is of a kind that this program does not know",
    )
    .after_a_change()
}

/// Says how the outcome is known, where it is not simply the answer.
pub(super) fn evidence(settled_by: SettledBy, io: &mut Io<'_>) {
    match settled_by {
        SettledBy::Answer => {}
        SettledBy::LaterAnswer => {
            io.say("An earlier answer was lost; a later one shows the outcome.")
        }
        _ => io.say("The answer was lost; a read afterwards shows the outcome."),
    }
}
