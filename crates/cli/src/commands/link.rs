//! `link`, the way back: say what will happen, ask, send, and report what is linked.

use ::unlink::{
    ErrorKind, IdentityKey, LinkOutcome, ListedIdentity, Secondary, Snapshot, Tenant, UserId,
};

use crate::{
    args::Link,
    commands::{
        Run, Target,
        report::{Report, evidence, unheard_of},
    },
    confirm::consent,
    credentials::token_file,
    exit::Kind,
    failure::Failure,
    io::Io,
    text::shown,
};

pub(super) async fn run(run: &Run<'_>, typed: &Link, io: &mut Io<'_>) -> Result<(), Failure> {
    let (user, key) = (&typed.pair.user_id, typed.pair.key()?);
    let dry_run = run.is_dry(typed.change.dry_run)?;
    if typed.id_token_file.is_some() && typed.id_token_file == run.shared.token_file {
        return Err(Failure::usage(
            "--token-file and --id-token-file name the same file, but they are two tokens",
        ));
    }
    let target = run.target(io)?;
    let failed = target.failed(user);
    let account = account(&target, typed, &key, io).await?;
    if let Some(seen) = target.look(user, dry_run, io).await? {
        match seen.resolve(&key) {
            Ok(None) if dry_run => {
                let added = ListedIdentity::new(key, None);
                return Report::would_link(&seen, &added).tell(io);
            }
            Ok(None) => {}
            // The main identity and several that are meant are linked too.
            Ok(Some(_)) | Err(_) => {
                return Report::already_linked(&seen, as_listed(&seen, &key)).tell(io);
            }
        }
    }
    let plan = plan(&target.tenant, user, &key);
    consent(typed.change.yes, &plan, run.typed, io)?;
    match target.client.link(user, &account).await.map_err(failed)? {
        LinkOutcome::Linked(linked) => {
            evidence(linked.settled_by, io);
            let now = Snapshot::new(linked.user_id.clone(), linked.identities.clone());
            let told = Report::linked(&linked, as_listed(&now, &key)).tell(io);
            told.map_err(Failure::after_a_change)
        }
        // By someone else, since the look above.
        LinkOutcome::AlreadyLinked(linked) => {
            let now = Snapshot::new(linked.user_id.clone(), linked.identities.clone());
            Report::linked_meanwhile(&linked, as_listed(&now, &key)).tell(io)
        }
        _ => Err(unheard_of()),
    }
}

/// The account to link, as the arguments name or prove it.
async fn account(
    target: &Target,
    typed: &Link,
    key: &IdentityKey,
    io: &mut Io<'_>,
) -> Result<Secondary, Failure> {
    if let Some(path) = &typed.id_token_file {
        let token = token_file(path, io)?;
        let proven = Secondary::from_id_token(token.expose()).map_err(|error| {
            Failure::new(Kind::Credentials, "the ID token cannot be used").because(&error)
        })?;
        if proven.key() != key {
            let message = format!("the ID token is {}'s, not {key}'s", proven.key());
            return Err(Failure::usage(message));
        }
        return Ok(proven);
    }
    let named = Secondary::from(key.clone());
    let Some(connection) = typed.connection.as_deref() else {
        return Ok(named);
    };
    if is_connection_id(connection) {
        return Ok(named.in_connection(connection));
    }
    let found = target.client.connection_id(connection).await;
    let id = found.map_err(target.failed(&typed.pair.user_id))?;
    let id = id.ok_or_else(|| {
        let message = format!("there is no connection {connection} at {}", target.tenant);
        Failure::new(Kind::NoSuchConnection, message)
    })?;
    Ok(named.in_connection(id))
}

/// The key as it is listed, where it was typed with its provider or connection in front.
fn as_listed<'a>(seen: &'a Snapshot, typed: &'a IdentityKey) -> &'a IdentityKey {
    let listed = match seen.resolve(typed) {
        Err(error) if error.kind() == ErrorKind::MainIdentity => seen.main(),
        found => found.ok().flatten(),
    };
    listed.map_or(typed, ListedIdentity::key)
}

/// Auth0's form: `con_` and 16 letters or digits.
fn is_connection_id(text: &str) -> bool {
    let rest = text.strip_prefix("con_").unwrap_or_default();
    rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn plan(tenant: &Tenant, user: &UserId, key: &IdentityKey) -> String {
    format!(
        "At {tenant}, link {key} to {user}.\n\
         The account {account} stops being one of its own, and its metadata is lost.",
        key = shown(key),
        user = shown(user),
        account = shown(&key.separate_user_id()),
    )
}
