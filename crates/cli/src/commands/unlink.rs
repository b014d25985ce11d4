//! `unlink`: read, say what will happen, ask, send, and report what is left.

use ::unlink::{
    ListedIdentity, NotLinked, Outcome, SettledBy, Snapshot, TakeSnapshot, Tenant, Unlinked,
};

use crate::{
    args::Unlink,
    commands::{Run, Session},
    confirm::{Consent, consent},
    failure::Failure,
    io::{Io, Paint},
    json::{self, IdentityDocument, LinkedDocument, UnlinkDocument},
    show,
    text::{printable, shown},
};

pub(super) async fn run(run: &Run<'_>, typed: &Unlink, io: &mut Io<'_>) -> Result<(), Failure> {
    let (user, wanted) = (&typed.pair.user_id, typed.pair.key()?);
    let dry_run = typed.dry_run || run.environment.switch("AUTH0_DRY_RUN")?;
    let session = run.session(io)?;
    let failed = session.failed(user);

    let seen = look(&session, typed).await.map_err(&failed)?;
    let outcome = match seen.resolve(&wanted).map_err(&failed)? {
        // Reads on, and changes nothing.
        None => session.client.unlink_seen(&seen, &wanted).await,
        Some(identity) if dry_run => {
            warn(seen.warnings(), io);
            return report(&Report::dry_run(&seen, identity), io);
        }
        Some(identity) => {
            let plan = plan(&session.tenant, &seen, identity);
            match consent(typed.yes, &plan, run.typed, io)? {
                Consent::Given => session.client.unlink_seen(&seen, identity.key()).await,
                Consent::Asked => session.client.unlink(user, identity.key()).await,
            }
        }
    };
    match outcome.map_err(&failed)? {
        Outcome::Unlinked(done) => {
            warn(&done.warnings, io);
            tell_how_it_is_known(&done, io);
            report(&Report::unlinked(&done), io).map_err(Failure::after_a_change)
        }
        Outcome::NotLinked(nothing) => report(&Report::not_linked(&nothing), io),
        _ => Ok(()),
    }
}

async fn look(session: &Session, typed: &Unlink) -> Result<Snapshot, ::unlink::Error> {
    let read = TakeSnapshot::new(&typed.pair.user_id)?;
    let call = session.client.transport().call();
    Ok(call.execute(read).await?.output)
}

fn plan(tenant: &Tenant, seen: &Snapshot, identity: &ListedIdentity) -> String {
    format!(
        "At {tenant}, unlink {identity} (connection {connection}) from {user}.\n\
         A separate account {separate} without metadata appears.",
        identity = shown(identity.key()),
        connection = printable(identity.connection().unwrap_or("not known")),
        user = shown(seen.user_id()),
        separate = shown(&identity.key().separate_user_id()),
    )
}

fn warn(warnings: &[String], io: &mut Io<'_>) {
    for warning in warnings {
        io.say(&format!("warning: {}", printable(warning)));
    }
}

fn tell_how_it_is_known(done: &Unlinked, io: &mut Io<'_>) {
    match done.settled_by {
        SettledBy::Answer => {}
        SettledBy::LaterAnswer => {
            io.say("An earlier answer was lost; a later one shows that the identity is gone.");
        }
        _ => io.say("The answer was lost; a read afterwards shows that the identity is gone."),
    }
    io.detail(&format!("unlink requests sent: {}", done.attempts));
}

/// What came of it, for both forms of output.
struct Report<'a> {
    document: UnlinkDocument<'a>,
    text: String,
    left: Vec<&'a ListedIdentity>,
}

impl<'a> Report<'a> {
    fn unlinked(done: &'a Unlinked) -> Self {
        let key = done.identity.key();
        Self {
            text: format!(
                "Unlinked {key} from {user}. Its separate account is {separate}.\nLeft on {user}:",
                key = shown(key),
                user = shown(&done.user_id),
                separate = shown(&done.separate_user_id),
            ),
            document: UnlinkDocument {
                outcome: "unlinked",
                user_id: &done.user_id,
                identity: IdentityDocument::new(key, done.identity.connection()),
                new_user_id: done.separate_user_id.clone(),
                identities: LinkedDocument::all(&done.remaining),
            },
            left: done.remaining.iter().collect(),
        }
    }

    fn not_linked(nothing: &'a NotLinked) -> Self {
        Self {
            text: format!(
                "Nothing to do: {separate} is not linked to {user}, it is an account of its own.\n\
                 Linked to {user}:",
                separate = shown(&nothing.separate_user_id),
                user = shown(&nothing.user_id),
            ),
            document: UnlinkDocument {
                outcome: "not_linked",
                user_id: &nothing.user_id,
                identity: IdentityDocument::new(&nothing.identity, None),
                new_user_id: nothing.separate_user_id.clone(),
                identities: LinkedDocument::all(&nothing.identities),
            },
            left: nothing.identities.iter().collect(),
        }
    }

    fn dry_run(seen: &'a Snapshot, identity: &'a ListedIdentity) -> Self {
        let key = identity.key();
        let left: Vec<_> = seen
            .listed()
            .iter()
            .filter(|listed| !std::ptr::eq(*listed, identity))
            .collect();
        Self {
            text: format!(
                "Dry run, nothing was changed: {key} would be unlinked from {user}, \
                 and {separate} would be a separate account.\nLeft on {user} would be:",
                key = shown(key),
                user = shown(seen.user_id()),
                separate = shown(&key.separate_user_id()),
            ),
            document: UnlinkDocument {
                outcome: "dry_run",
                user_id: seen.user_id(),
                identity: IdentityDocument::new(key, identity.connection()),
                new_user_id: key.separate_user_id(),
                identities: LinkedDocument::all(left.iter().copied()),
            },
            left,
        }
    }

    fn text(&self, paint: Paint) -> String {
        let left = self.left.iter().map(|left| show::Row::listed(left));
        format!("{}\n{}", self.text, show::table(paint, left))
    }
}

fn report(report: &Report<'_>, io: &mut Io<'_>) -> Result<(), Failure> {
    let lines = if io.is_json() {
        json::line(&report.document)?
    } else {
        report.text(io.out_paint())
    };
    io.result(&lines)
}
