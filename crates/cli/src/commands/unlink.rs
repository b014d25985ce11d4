//! `unlink`: read, say what will happen, ask, send, and report what is left.

use ::unlink::{IdentityKey, Outcome, Tenant, UserId};

use crate::{
    args::Unlink,
    commands::{
        Run, delete,
        report::{Report, evidence, unheard_of},
    },
    confirm::{Consent, consent},
    failure::Failure,
    io::Io,
    text::{printable, shown},
};

pub(super) async fn run(run: &Run<'_>, typed: &Unlink, io: &mut Io<'_>) -> Result<(), Failure> {
    if typed.delete {
        return delete::run(run, typed, io).await;
    }
    let (user, wanted) = (&typed.pair.user_id, typed.pair.key()?);
    let dry_run = run.is_dry(typed.change.dry_run)?;
    if dry_run && typed.no_read {
        return Err(Failure::usage(
            "a dry run only reads, and --no-read leaves the reading out",
        ));
    }
    let target = run.target(io)?;
    let seen = match typed.no_read {
        true => None,
        false => target.look(user, dry_run, io).await?,
    };
    let failed = |error| {
        let failure = target.failed(user)(error);
        seen.iter().fold(failure, Failure::having_seen)
    };
    let outcome = match &seen {
        None => {
            let plan = plan(&target.tenant, user, &wanted, None);
            consent(typed.change.yes, &plan, run.typed, io)?;
            target.client.unlink_unread(user, &wanted).await
        }
        Some(seen) => match seen.resolve(&wanted).map_err(&failed)? {
            // Reads on, and changes nothing.
            None => target.client.unlink_seen(seen, &wanted).await,
            Some(identity) if dry_run => {
                return Report::would_unlink(seen, identity).tell(io);
            }
            Some(identity) => {
                let connection = identity.connection().unwrap_or("not known");
                let plan = plan(&target.tenant, user, identity.key(), Some(connection));
                match consent(typed.change.yes, &plan, run.typed, io)? {
                    Consent::Given => target.client.unlink_seen(seen, identity.key()).await,
                    Consent::Asked => target.client.unlink(user, identity.key()).await,
                }
            }
        },
    };
    match outcome.map_err(&failed)? {
        Outcome::Unlinked(done) => {
            evidence(done.settled_by, io);
            Report::unlinked(&done)
                .tell(io)
                .map_err(Failure::after_a_change)
        }
        Outcome::Absent(done) => {
            evidence(done.settled_by, io);
            Report::absent(&done)
                .tell(io)
                .map_err(Failure::after_a_change)
        }
        Outcome::NotLinked(nothing) => Report::not_linked(&nothing, seen.as_ref()).tell(io),
        _ => Err(unheard_of()),
    }
}

/// What will happen; without a connection nothing was read.
fn plan(
    tenant: &Tenant,
    user: &UserId,
    identity: &IdentityKey,
    connection: Option<&str>,
) -> String {
    let evidence = connection.map_or_else(
        || "not read, so nothing shows that it is linked".to_owned(),
        |connection| format!("connection {}", printable(connection)),
    );
    format!(
        "At {tenant}, unlink {identity} ({evidence}) from {user}.\n\
         A separate account {separate} without metadata appears.",
        identity = shown(identity),
        user = shown(user),
        separate = shown(&identity.separate_user_id()),
    )
}
