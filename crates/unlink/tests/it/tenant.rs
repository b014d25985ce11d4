//! End to end against a local tenant over real HTTP: what really changed, and what was sent.

use unlink::{AccessToken, Client, ErrorKind, IdentityKey, Outcome, UserId, transport};
use unlink_sandbox::{Plan, Sandbox};

const SCOPES: &[&str] = &["read:users", "update:users"];

fn client(sandbox: &Sandbox, scopes: &[&str]) -> Client {
    let token = AccessToken::new(sandbox.token(scopes)).unwrap();
    Client::new(sandbox.url().parse().unwrap(), token).unwrap()
}

/// The first user of the built-in seed: database, Google and GitHub.
fn first_user(sandbox: &Sandbox) -> (UserId, Vec<IdentityKey>) {
    let user = &sandbox.users()[0];
    let keys = user["identities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|identity| {
            let id = identity["user_id"]
                .as_str()
                .map_or_else(|| identity["user_id"].to_string(), str::to_owned);
            [identity["provider"].as_str().unwrap(), &id]
                .join("|")
                .parse()
                .unwrap()
        });
    (
        user["user_id"].as_str().unwrap().parse().unwrap(),
        keys.collect(),
    )
}

async fn keys(client: &Client, user: &UserId) -> Vec<IdentityKey> {
    let user = client.identities(user).await.unwrap();
    user.identities()
        .unwrap()
        .iter()
        .map(|identity| identity.key().unwrap())
        .collect()
}

#[tokio::test]
async fn one_identity_is_taken_off_and_becomes_an_account_of_its_own() {
    let sandbox = Sandbox::start().unwrap();
    let client = client(&sandbox, SCOPES);
    let (user, before) = first_user(&sandbox);
    assert_eq!(keys(&client, &user).await, before);
    let github = before
        .iter()
        .find(|key| key.provider().as_str() == "github")
        .unwrap();

    let Outcome::Unlinked(done) = client.unlink(&user, github).await.unwrap() else {
        panic!("not unlinked")
    };
    let left: Vec<_> = before
        .iter()
        .filter(|key| *key != github)
        .cloned()
        .collect();
    assert_eq!(
        done.remaining
            .iter()
            .map(|listed| listed.key().clone())
            .collect::<Vec<_>>(),
        left
    );
    assert_eq!(keys(&client, &user).await, left);
    assert_eq!(
        keys(&client, &done.separate_user_id).await,
        std::slice::from_ref(github)
    );
    let separate = sandbox.user(done.separate_user_id.as_str()).unwrap();
    assert!(separate.get("user_metadata").is_none() && separate.get("app_metadata").is_none());
    let effects = sandbox.effects().len();

    // Once more: it is an account of its own now, and nothing is sent that changes anything.
    let again = client.unlink(&user, github).await.unwrap();
    assert!(matches!(again, Outcome::NotLinked(_)));
    assert_eq!(sandbox.effects().len(), effects);
    assert_eq!(
        sandbox
            .requests()
            .iter()
            .filter(|request| request.method == "DELETE")
            .count(),
        1
    );
}

#[tokio::test]
async fn what_cannot_be_unlinked_sends_nothing_that_changes_anything() {
    let sandbox = Sandbox::start().unwrap();
    let client = client(&sandbox, SCOPES);
    let (user, before) = first_user(&sandbox);
    let nobody: UserId = "auth0|nobody".parse().unwrap();
    let stranger: IdentityKey = "google-oauth2|nobody".parse().unwrap();
    for (user, key, kind) in [
        (&user, &before[0], ErrorKind::MainIdentity),
        (&user, &stranger, ErrorKind::NoSuchIdentity),
        (
            &nobody,
            &before[1],
            ErrorKind::Request(transport::ErrorKind::NotFound),
        ),
    ] {
        assert_eq!(client.unlink(user, key).await.unwrap_err().kind(), kind);
    }
    assert!(
        sandbox
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
    assert!(sandbox.effects().is_empty());
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let sandbox = Sandbox::start().unwrap();
    let (user, before) = first_user(&sandbox);
    let error = client(&sandbox, &["read:users"])
        .unlink(&user, &before[1])
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Request(transport::ErrorKind::Forbidden)
    );
    let scopes = error.request().unwrap().missing_scopes();
    assert!(scopes.contains(&"update:users"), "{scopes:?}");
    assert!(sandbox.effects().is_empty());
}

#[tokio::test]
async fn reads_and_changes_that_are_limited_apart_are_paced_apart() {
    let sandbox = Sandbox::builder()
        .seed(crate::faults::seed())
        .plan(Plan::named("essentials").unwrap())
        .start()
        .unwrap();
    let client = client(&sandbox, SCOPES);
    for number in 0..13 {
        let (user, identity) = (format!("auth0|{number}"), format!("github|{number}"));
        let outcome = client.unlink(&user.parse().unwrap(), &identity.parse().unwrap());
        assert!(matches!(outcome.await, Ok(Outcome::Unlinked(_))));
    }
    let pace = client.transport().pace();
    let mut limits: Vec<_> = pace.limits.iter().map(|limit| limit.burst).collect();
    limits.sort_by(f64::total_cmp);
    // Writing users, as which the local tenant counts unlinking, and reading them.
    assert_eq!(limits, [20.0, 40.0]);
    assert_eq!((pace.sent, pace.refused), (26, 0), "{pace:?}");
}
