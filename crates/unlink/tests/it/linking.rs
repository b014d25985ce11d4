//! Linking back, and a user's own token: judged like unlinking, against a script and a local tenant.

use transport::ScriptedRoundTrip;
use unlink::{
    AccessToken, Client, CurrentUser, Error, ErrorKind, IdentityKey, LinkOutcome, ListedIdentity,
    Outcome, Secondary, SettledBy, UserId,
};
use unlink_sandbox::Sandbox;

use crate::support::{client, sent};

const SEPARATE: &str = r#"{"identities":[{"provider":"auth0","user_id":"1"}]}"#;
const TOGETHER: &str =
    r#"{"identities":[{"provider":"auth0","user_id":"1"},{"provider":"github","user_id":2}]}"#;
const LINKED: &str = r#"[{"provider":"auth0","user_id":"1"},{"provider":"github","user_id":2}]"#;

async fn link(script: &ScriptedRoundTrip, account: Secondary) -> Result<LinkOutcome, Error> {
    client(script)
        .link(&"auth0|1".parse().unwrap(), &account)
        .await
}

fn github() -> Secondary {
    Secondary::from("github|2".parse::<IdentityKey>().unwrap())
}

const READ: &str = "GET /api/v2/users/auth0%7C1";
const POST: &str = "POST /api/v2/users/auth0%7C1/identities";

#[tokio::test(start_paused = true)]
async fn an_account_is_named_in_the_form_it_was_given() {
    for (account, body) in [
        (github(), r#"{"provider":"github","user_id":"2"}"#),
        (
            github().in_connection("con_0000000000000001"),
            r#"{"connection_id":"con_0000000000000001","provider":"github","user_id":"2"}"#,
        ),
        // {"sub":"github|2"}
        (
            Secondary::from_id_token("e30.eyJzdWIiOiJnaXRodWJ8MiJ9.s").unwrap(),
            r#"{"link_with":"e30.eyJzdWIiOiJnaXRodWJ8MiJ9.s"}"#,
        ),
    ] {
        let script = ScriptedRoundTrip::new()
            .answer(200, SEPARATE)
            .answer(201, LINKED);
        let LinkOutcome::Linked(linked) = link(&script, account).await.unwrap() else {
            panic!("not linked")
        };
        assert_eq!(linked.identities.len(), 2);
        assert_eq!(sent(&script), [READ, POST]);
        let request = &script.requests()[1];
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(request.body(), body);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_linked_already_is_left_alone() {
    let script = ScriptedRoundTrip::new().answer(200, TOGETHER);
    assert!(matches!(
        link(&script, github()).await.unwrap(),
        LinkOutcome::AlreadyLinked(_)
    ));
    assert_eq!(sent(&script), [READ]);
}

const TWIN: &str = r#"{"identities":[{"provider":"auth0","user_id":"1","connection":"Users"},{"provider":"auth0","user_id":"2","connection":"A"}]}"#;
const TWINS: &str = r#"[{"provider":"auth0","user_id":"1"},{"provider":"auth0","user_id":"2","connection":"A"},{"provider":"auth0","user_id":"2","connection":"B"}]"#;
const CONNECTIONS: &str = "GET /api/v2/connections";

#[tokio::test(start_paused = true)]
async fn one_of_another_connection_is_not_the_account_that_is_linked_already() {
    let account =
        || Secondary::from("auth0|2".parse::<IdentityKey>().unwrap()).in_connection("con_b");
    let looked_up = |id: &str| {
        let found = format!(r#"[{{"id":"{id}","name":"A"}}]"#);
        ScriptedRoundTrip::new()
            .answer(200, TWIN)
            .answer(200, found)
    };
    let same = looked_up("con_b");
    assert!(matches!(
        link(&same, account()).await.unwrap(),
        LinkOutcome::AlreadyLinked(_)
    ));
    assert_eq!(sent(&same), [READ, CONNECTIONS]);

    let other = looked_up("con_a").answer(201, TWINS);
    let LinkOutcome::Linked(linked) = link(&other, account()).await.unwrap() else {
        panic!("the twin is of another connection")
    };
    assert_eq!(linked.identities.len(), 3);
    assert_eq!(sent(&other), [READ, CONNECTIONS, POST]);

    // The twin alone does not show it linked: not in the answer, and not in the read after a lost one.
    let unchanged = looked_up("con_a").answer(201, r#"[{"provider":"auth0","user_id":"1"},{"provider":"auth0","user_id":"2","connection":"A"}]"#);
    assert_eq!(
        link(&unchanged, account()).await.unwrap_err().kind(),
        ErrorKind::NotChanged
    );
    let lost = looked_up("con_a")
        .lost()
        .answer(200, TWIN)
        .answer(201, TWINS);
    link(&lost, account()).await.unwrap();
    assert_eq!(sent(&lost), [READ, CONNECTIONS, POST, READ, POST]);

    // Where connections cannot be looked up the tenant tells.
    let forbidden = r#"{"statusCode":403,"message":"Insufficient scope, expected any of: read:connections","errorCode":"insufficient_scope"}"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, TWIN)
        .answer(403, forbidden)
        .answer(
            409,
            r#"{"statusCode":409,"message":"Specified identity already exists."}"#,
        );
    assert_eq!(
        link(&script, account()).await.unwrap_err().kind(),
        ErrorKind::Request(transport::ErrorKind::Conflict)
    );
    // Without a connection any of them is the one.
    let script = ScriptedRoundTrip::new().answer(200, TWIN);
    let any = Secondary::from("auth0|2".parse::<IdentityKey>().unwrap());
    assert!(matches!(
        link(&script, any).await.unwrap(),
        LinkOutcome::AlreadyLinked(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_may_be_listed_unreadable_is_not_called_separate() {
    let hidden = r#"[{"provider":"auth0","user_id":"1"},{"provider":"github"}]"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, SEPARATE)
        .answer(201, hidden)
        .answer(200, TOGETHER);
    let LinkOutcome::Linked(linked) = link(&script, github()).await.unwrap() else {
        panic!("not linked")
    };
    assert_eq!(linked.settled_by, SettledBy::Probe);
    assert_eq!(sent(&script), [READ, POST, READ]);

    // The read after a lost answer does not tell: that is no leave to send it again.
    let script = ScriptedRoundTrip::new()
        .answer(200, SEPARATE)
        .lost()
        .answer(200, [r#"{"identities":"#, hidden, "}"].concat());
    assert_eq!(
        link(&script, github()).await.unwrap_err().kind(),
        ErrorKind::Request(transport::ErrorKind::OutcomeUnknown)
    );
    assert_eq!(sent(&script), [READ, POST, READ]);
}

#[tokio::test(start_paused = true)]
async fn success_that_changed_nothing_is_an_error_that_says_so() {
    let script = ScriptedRoundTrip::new()
        .answer(200, SEPARATE)
        .answer(201, r#"[{"provider":"auth0","user_id":"1"}]"#);
    assert_eq!(
        link(&script, github()).await.unwrap_err().kind(),
        ErrorKind::NotChanged
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_reading() {
    let script = ScriptedRoundTrip::new()
        .answer(200, SEPARATE)
        .lost()
        .answer(200, TOGETHER);
    let LinkOutcome::Linked(linked) = link(&script, github()).await.unwrap() else {
        panic!("not linked")
    };
    assert_eq!((linked.settled_by, linked.attempts), (SettledBy::Probe, 1));
    assert_eq!(sent(&script), [READ, POST, READ]);

    // It landed after the read: the second attempt's conflict is not the first one's answer.
    let script = ScriptedRoundTrip::new()
        .answer(200, SEPARATE)
        .lost()
        .answer(200, SEPARATE)
        .answer(
            409,
            r#"{"statusCode":409,"message":"Specified identity already exists."}"#,
        )
        .answer(200, TOGETHER);
    assert!(matches!(
        link(&script, github()).await.unwrap(),
        LinkOutcome::Linked(_)
    ));
    assert_eq!(sent(&script), [READ, POST, READ, POST, READ]);
}

#[test]
fn an_id_token_must_say_whose_it_is() {
    for text in ["", "opaque", "e30.e30.s", "e30.eyJzdWIiOiJub3BpcGUifQ.s"] {
        let error = Secondary::from_id_token(text).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::Request(transport::ErrorKind::Input),
            "{text}"
        );
    }
    let shown = format!(
        "{:?}",
        Secondary::from_id_token("e30.eyJzdWIiOiJnaXRodWJ8MiJ9.planted").unwrap()
    );
    assert!(!shown.contains("planted"), "{shown}");
}

/// The first user of the built-in seed, and its identities.
fn first_user(sandbox: &Sandbox) -> (UserId, Vec<IdentityKey>) {
    let user = &sandbox.users()[0];
    let identities = unlink::User::from_json(user.to_string().as_bytes()).unwrap();
    let keys = identities
        .identities()
        .unwrap()
        .iter()
        .map(|identity| identity.key().unwrap())
        .collect();
    (user["user_id"].as_str().unwrap().parse().unwrap(), keys)
}

#[tokio::test]
async fn unlinking_and_linking_back_gives_the_same_identities() {
    let sandbox = Sandbox::start().unwrap();
    let token =
        AccessToken::new(sandbox.token(&["read:users", "update:users", "read:connections"]))
            .unwrap();
    let client = Client::new(sandbox.url().parse().unwrap(), token).unwrap();
    let (user, before) = first_user(&sandbox);
    for key in &before[1..] {
        assert!(matches!(
            client.unlink(&user, key).await.unwrap(),
            Outcome::Unlinked(_)
        ));
    }
    assert_eq!(first_user(&sandbox).1, before[..1]);
    for key in &before[1..] {
        let linked = client
            .link(&user, &Secondary::from(key.clone()))
            .await
            .unwrap();
        assert!(matches!(linked, LinkOutcome::Linked(_)));
    }
    assert_eq!(first_user(&sandbox).1, before);
    let again = client
        .link(&user, &Secondary::from(before[1].clone()))
        .await
        .unwrap();
    assert!(matches!(again, LinkOutcome::AlreadyLinked(_)));

    let listed = |connection: &str, key: &str| {
        ListedIdentity::new(key.parse().unwrap(), Some(connection.to_owned()))
    };
    let database = client
        .way_back(&listed("Username-Password-Authentication", "auth0|2"))
        .await
        .unwrap();
    assert!(
        database
            .connection_id()
            .is_some_and(|id| id.starts_with("con_"))
    );
    let google = client
        .way_back(&listed("google-oauth2", "google-oauth2|2"))
        .await
        .unwrap();
    assert_eq!(google.connection_id(), None, "its id is unique without");

    let id = client
        .connection_id("Username-Password-Authentication")
        .await
        .unwrap()
        .unwrap();
    assert!(id.starts_with("con_"), "{id}");
    assert_eq!(
        client.connection_id("no such connection").await.unwrap(),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn a_users_own_client_has_options_for_some_calls_too() {
    // {"sub":"auth0|1"}
    let token = AccessToken::new("e30.eyJzdWIiOiJhdXRoMHwxIn0.c2ln").unwrap();
    let me = |script: &ScriptedRoundTrip| {
        let tenant = "example.auth0.com".parse().unwrap();
        let round_trip = script.clone();
        CurrentUser::with_settings(tenant, token.clone(), |builder| {
            builder.round_trip(round_trip)
        })
        .unwrap()
    };
    let script = ScriptedRoundTrip::new()
        .answer(200, SEPARATE)
        .answer(200, SEPARATE);
    let plain = me(&script);
    let traced = plain
        .with(|transport| transport.with_header("X-Correlation-ID", "request-17"))
        .unwrap();
    traced.identities().await.unwrap();
    plain.identities().await.unwrap();
    let correlated =
        |request: &http::Request<bytes::Bytes>| request.headers().get("x-correlation-id").cloned();
    let sent: Vec<_> = script.requests().iter().map(correlated).collect();
    assert_eq!(sent, [Some("request-17".parse().unwrap()), None]);
    assert_eq!(
        plain
            .with(|transport| transport.with_header("Host", "x"))
            .unwrap_err()
            .kind(),
        ErrorKind::Request(transport::ErrorKind::Input)
    );

    let script = ScriptedRoundTrip::new().lost().lost().answer(200, SEPARATE);
    let once = me(&script)
        .with(|transport| Ok(transport.with_attempts(1)))
        .unwrap();
    once.identities().await.unwrap_err();
    assert_eq!(script.left(), 2);

    let script = ScriptedRoundTrip::new().hang().hang();
    let start = tokio::time::Instant::now();
    let short = me(&script)
        .with(|transport| Ok(transport.with_deadline(std::time::Duration::from_secs(3))))
        .unwrap();
    short.identities().await.unwrap_err();
    assert!(start.elapsed() < std::time::Duration::from_secs(4));
}

#[tokio::test]
async fn a_users_own_token_unlinks_its_own_identities_only() {
    let sandbox = Sandbox::start().unwrap();
    let (user, before) = first_user(&sandbox);
    let mine = |scopes: &[&str]| {
        let token = AccessToken::new(sandbox.user_token(user.as_str(), scopes)).unwrap();
        CurrentUser::new(sandbox.url().parse().unwrap(), token).unwrap()
    };
    let me = mine(&["read:current_user", "update:current_user_identities"]);
    assert_eq!(*me.user_id(), user);
    assert_eq!(
        me.identities().await.unwrap().identities().unwrap().len(),
        before.len()
    );
    assert!(matches!(
        me.unlink(&before[2]).await.unwrap(),
        Outcome::Unlinked(_)
    ));

    // Exactly the one scope, nothing more: unlinked all the same, with the weaker evidence.
    let bare = mine(&["update:current_user_identities"]);
    assert!(matches!(
        bare.unlink(&before[1]).await.unwrap(),
        Outcome::Absent(_)
    ));
    assert_eq!(first_user(&sandbox).1, before[..1]);

    // Once more: its own list is all it looks at.
    let sent = sandbox.requests().len();
    let missing = me.unlink(&before[2]).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoSuchIdentity);
    assert_eq!(sandbox.requests().len(), sent + 1);
    // A client of any token asks for the account, and is refused.
    let token =
        AccessToken::new(sandbox.user_token(user.as_str(), &["read:current_user"])).unwrap();
    let client = Client::new(sandbox.url().parse().unwrap(), token).unwrap();
    assert_eq!(
        client.unlink(&user, &before[2]).await.unwrap_err().kind(),
        ErrorKind::NoSuchIdentity
    );

    // Another user's identities are out of reach, whatever the client.
    let other: UserId = sandbox.users()[1]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let token =
        AccessToken::new(sandbox.user_token(user.as_str(), &["update:current_user_identities"]))
            .unwrap();
    let client = Client::new(sandbox.url().parse().unwrap(), token).unwrap();
    let error = client.unlink_unread(&other, &before[1]).await.unwrap_err();
    let answer = error.request().unwrap().answer().unwrap();
    assert_eq!(answer.error_code(), Some("unowned_resource"));
}
