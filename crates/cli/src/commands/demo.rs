//! `demo`: one account unlinked at a local tenant, told by that tenant's own log and state.

use std::{fs, path::Path};

use ::unlink::{AccessToken, Client, IdentityKey, Tenant, UserId};
use serde_json::Value;
use unlink_sandbox::{Sandbox, Seed};

use crate::{
    args::Demo,
    commands::{
        Run,
        story::{Account, Story, key_of},
    },
    exit::Kind,
    failure::Failure,
    io::Io,
    json,
};

pub(super) async fn run(run: &Run<'_>, demo: &Demo, io: &mut Io<'_>) -> Result<(), Failure> {
    run.without_tenant("demo")?;
    let sandbox = Sandbox::builder().seed(seed(demo.seed.as_deref())?).start();
    let sandbox = sandbox.map_err(|error| {
        Failure::new(Kind::Sandbox, "the local tenant does not start").because(&error)
    })?;
    let (user, key) = sandbox
        .users()
        .iter()
        .find_map(last_secondary)
        .ok_or_else(|| {
            Failure::new(
                Kind::Sandbox,
                "no user of the seed has a linked identity to unlink",
            )
        })?;
    let before = Account::now(&sandbox, user.as_str()).ok_or_else(no_story)?;

    let tenant: Tenant = sandbox.url().parse().map_err(unexpected)?;
    let token = AccessToken::new(sandbox.token(&["read:users", "update:users"]));
    let client = Client::new(tenant.clone(), token.map_err(unexpected)?);
    let mut client = client.map_err(unexpected)?;
    if let Some(deadline) = run.shared.timeout {
        client = client.with_transport(client.transport().with_deadline(deadline));
    }
    let unlinked = client.unlink(&user, &key).await;
    unlinked.map_err(|error| Failure::operation(&error, &tenant, &user))?;

    let story = Story::of(&sandbox, before).ok_or_else(no_story)?;
    let lines = if io.is_json() {
        json::line(&story)?
    } else {
        story.text(io.out_paint())
    };
    io.result(&lines)
}

/// The users to start with: a file's, or the built-in ones.
pub(super) fn seed(path: Option<&Path>) -> Result<Seed, Failure> {
    let Some(path) = path else {
        return Ok(Seed::fixture());
    };
    let file = fs::read(path).map_err(|error| Failure::file(Kind::File, path, &error))?;
    Seed::from_file(file).map_err(|error| {
        let message = format!("{} is not a seed", path.display());
        Failure::new(Kind::File, message).because(&error)
    })
}

fn no_story() -> Failure {
    Failure::new(Kind::Sandbox, "the local tenant shows no unlinking")
}

fn unexpected(error: impl std::error::Error + 'static) -> Failure {
    Failure::new(Kind::Sandbox, "the local tenant cannot be used").because(&error)
}

/// The user and the last of its identities, if that is a linked one.
fn last_secondary(user: &Value) -> Option<(UserId, IdentityKey)> {
    let [_, .., last] = user["identities"].as_array()?.as_slice() else {
        return None;
    };
    Some((
        user["user_id"].as_str()?.parse().ok()?,
        key_of(last).parse().ok()?,
    ))
}
