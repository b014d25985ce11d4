//! `unlink --delete`: unlink, then delete the account that appears; each half with its evidence and its report.

use std::time::SystemTime;

use ::unlink::{
    Error, ErrorKind, IdentityKey, ListedIdentity, Outcome, Receipt, Snapshot, Unlinked, UserId,
    transport::ErrorKind as Request,
};
use jiff::Timestamp;

use crate::{
    args::Unlink,
    commands::{
        Run, Target,
        report::{Report, dated, evidence, unheard_of},
    },
    confirm::{Consent, consent},
    exit::Kind,
    failure::Failure,
    hint,
    io::Io,
    json::AccountDocument,
    sent::Claims,
    text::{printable, shell_word, shown},
};

const SCOPE: &str = "delete:users";
const FOR_GOOD: &str = "for good: its profile and all else that the tenant keeps under that id is lost, and it cannot be linked back.";

pub(super) async fn run(run: &Run<'_>, typed: &Unlink, io: &mut Io<'_>) -> Result<(), Failure> {
    let (user, wanted) = (&typed.pair.user_id, typed.pair.key()?);
    let deletion = Deletion {
        user,
        dry_run: run.is_dry(typed.change.dry_run)?,
        target: run.target(io)?,
        run,
        typed,
    };
    // There is no going on without: what was not seen linked is not deleted.
    let seen = deletion.target.read(user).await?;
    let identity = seen
        .resolve(&wanted)
        .map_err(|error| deletion.target.failed(user)(error).having_seen(&seen))?;
    match (identity, typed.split_at) {
        (Some(identity), _) => deletion.both_halves(&seen, identity, io).await,
        (None, Some(split_at)) => deletion.second_half(&seen, wanted, split_at, io).await,
        // Reads on, and refuses by what that shows.
        (None, None) => deletion.unlink(&seen, &wanted).await.map(|_| ()),
    }
}

/// One unlinking with deletion.
struct Deletion<'a> {
    run: &'a Run<'a>,
    typed: &'a Unlink,
    user: &'a UserId,
    dry_run: bool,
    target: Target,
}

impl Deletion<'_> {
    async fn both_halves(
        &self,
        seen: &Snapshot,
        identity: &ListedIdentity,
        io: &mut Io<'_>,
    ) -> Result<(), Failure> {
        self.may_delete(io)?;
        if self.dry_run {
            return Report::would_unlink_and_delete(seen, identity).tell(io);
        }
        let plan = format!(
            "At {tenant}, unlink {key} (connection {connection}) from {user}.\n\
             Then delete its separate account {separate} {FOR_GOOD}",
            tenant = self.target.tenant,
            key = shown(identity.key()),
            connection = printable(identity.connection().unwrap_or("not known")),
            user = shown(self.user),
            separate = shown(&identity.key().separate_user_id()),
        );
        let unlinked = match self.consent(&plan, io)? {
            Consent::Given => self.unlink(seen, identity.key()).await?,
            Consent::Asked => {
                let seen = self.target.read(self.user).await?;
                self.unlink(&seen, identity.key()).await?
            }
        };
        evidence(unlinked.settled_by, io);
        let receipt = Receipt::of(&unlinked);
        let resume = self.resume(&receipt);
        io.say(&format!(
            "Unlinked {key} from {user}, and waiting for its separate account. Should this be cut off, go on with {resume}",
            key = shown(identity.key()),
            user = shown(self.user),
        ));
        match self.target.client.delete_separate(&receipt).await {
            Ok(deleted) => Report::unlinked_and_deleted(&unlinked, &deleted)
                .tell(io)
                .map_err(Failure::after_a_change),
            Err(error) => Err(self
                .half_done(&unlinked, &error)
                .resumed_by(resume, &receipt)),
        }
    }

    /// Deletes what an earlier run split off, by the time it gave.
    async fn second_half(
        &self,
        seen: &Snapshot,
        identity: IdentityKey,
        split_at: Timestamp,
        io: &mut Io<'_>,
    ) -> Result<(), Failure> {
        let linked_at = SystemTime::from(split_at);
        if seen.read_at().is_some_and(|now| now < linked_at) {
            // Later than every login, it would let an account pass that is in use.
            return Err(Failure::usage(format!(
                "--split-at {split_at} is yet to come by the tenant's clock"
            )));
        }
        let connection = self.typed.connection.as_deref();
        let receipt = receipt(self.user, identity, connection, linked_at);
        let separate = receipt.separate_user_id();
        let failed = |error: Error| {
            let failure = Failure::operation(&error, &self.target.tenant, &separate);
            match error.kind() {
                ErrorKind::Request(Request::NotFound) => failure.hint(
                    "it may be deleted already, be linked to another user, or not have appeared yet",
                ),
                _ => failure,
            }
        };
        let account = self.target.client.user(&separate).await.map_err(failed)?;
        self.may_delete(io)?;
        if self.dry_run {
            return Report::would_delete(seen, &receipt, &account).tell(io);
        }
        let plan = format!(
            "At {tenant}, delete {dated}, which was split off {user}, {FOR_GOOD}",
            tenant = self.target.tenant,
            dated = dated(&AccountDocument::new(&separate, &account)),
            user = shown(self.user),
        );
        self.consent(&plan, io)?;
        let deleted = self.target.client.delete_separate(&receipt).await;
        let deleted = deleted.map_err(failed)?;
        Report::deleted(seen, &receipt, &deleted)
            .tell(io)
            .map_err(Failure::after_a_change)
    }

    /// The first half, by what was seen; a failure unless that shows the identity linked.
    async fn unlink(&self, seen: &Snapshot, identity: &IdentityKey) -> Result<Unlinked, Failure> {
        match self.target.client.unlink_seen(seen, identity).await {
            Ok(Outcome::Unlinked(done)) => Ok(done),
            Ok(Outcome::NotLinked(nothing)) => Err(Failure::new(
                Kind::Operation(ErrorKind::NotProven),
                format!(
                    "nothing was changed: {} is not linked to {}, so nothing shows that the account {} was split off there",
                    nothing.identity, nothing.user_id, nothing.separate_user_id
                ),
            )
            .hint("if an earlier run unlinked it, go on with the command that it gave, with --split-at")),
            Ok(_) => Err(unheard_of()),
            Err(error) => {
                let failure = self.target.failed(self.user)(error.clone()).having_seen(seen);
                if !error.may_have_been_applied() {
                    return Err(failure);
                }
                let linked_at = seen.read_at().unwrap_or(SystemTime::UNIX_EPOCH);
                let listed = seen.resolve(identity).ok().flatten();
                let connection = listed.and_then(ListedIdentity::connection);
                let receipt = receipt(self.user, identity.clone(), connection, linked_at);
                Err(failure.resumed_by(self.resume(&receipt), &receipt))
            }
        }
    }

    fn half_done(&self, unlinked: &Unlinked, error: &Error) -> Failure {
        let separate = &unlinked.separate_user_id;
        let state = match error.may_have_been_applied() {
            true => "whether its separate account is deleted is not known",
            false => "its separate account is not deleted",
        };
        let message = format!(
            "{} is unlinked from {}, but {state}",
            unlinked.identity.key(),
            self.user
        );
        Failure::operation(error, &self.target.tenant, separate)
            .warned(&unlinked.warnings)
            .in_second_half(message, &Report::unlinked(unlinked).document())
    }

    fn consent(&self, plan: &str, io: &mut Io<'_>) -> Result<Consent, Failure> {
        consent(self.typed.change.yes, plan, self.run.typed, io)
    }

    /// Refuses a token that says it cannot do the second half, before the first; a dry run only says so.
    fn may_delete(&self, io: &mut Io<'_>) -> Result<(), Failure> {
        match lacks_scope(&self.target) {
            Some(_) if self.dry_run => {
                io.say(&format!(
                    "warning: the token lacks the scope {SCOPE}, so this would be refused"
                ));
                Ok(())
            }
            Some(refused) => Err(refused),
            None => Ok(()),
        }
    }

    /// The command that goes on where this run was cut off.
    fn resume(&self, receipt: &Receipt) -> String {
        // Without a time every login counts as one since.
        let linked_at = receipt.linked_at().unwrap_or(SystemTime::UNIX_EPOCH);
        let split_at = Timestamp::try_from(linked_at).unwrap_or(Timestamp::UNIX_EPOCH);
        let ids = [
            receipt.user_id().to_string(),
            receipt.identity().to_string(),
        ];
        let mut options = vec![
            "--delete".to_owned(),
            "--split-at".to_owned(),
            split_at.to_string(),
        ];
        if let Some(name) = receipt.connection() {
            options.extend(["--connection".to_owned(), name.to_owned()]);
        }
        options.extend(self.run.shared.words());
        options.extend(self.typed.change.yes.then(|| "--yes".to_owned()));
        let words = match ids.iter().any(|id| id.starts_with('-')) {
            true => [&options[..], &["--".to_owned()], &ids].concat(),
            false => [&ids[..], &options].concat(),
        };
        let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
        format!("auth0-unlink unlink {}", words.join(" "))
    }
}

/// What an earlier run left to go by.
fn receipt(
    user: &UserId,
    identity: IdentityKey,
    connection: Option<&str>,
    linked_at: SystemTime,
) -> Receipt {
    let receipt = Receipt::new(user.clone(), identity, linked_at);
    match connection {
        Some(name) => receipt.in_connection(name),
        None => receipt,
    }
}

/// The refusal of a token, one of which was sent, that says it may not delete; what it does not say is left to the tenant.
pub(super) fn lacks_scope(target: &Target) -> Option<Failure> {
    let claims = target.sent.claims().unwrap_or_default();
    if claims.scopes().is_none_or(|scopes| scopes.contains(&SCOPE)) {
        return None;
    }
    let kind = Kind::Operation(ErrorKind::Request(Request::Forbidden));
    let refused = Failure::new(kind, "nothing was changed: the token may not delete users");
    Some(refused.hint(match Claims::user(&claims) {
        Some(_) => "a user's own token cannot delete the account once it is separate".to_owned(),
        None => hint::missing_scope(SCOPE),
    }))
}
