//! Unlinking with a token that may not read users: what is sent, and how much is claimed.

use transport::ScriptedRoundTrip;
use unlink::{AccessToken, Client, Error, ErrorKind, Outcome};
use unlink_sandbox::Sandbox;

use crate::support::{client, sent};

const FORBIDDEN: &str = r#"{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: read:users","errorCode":"insufficient_scope"}"#;
const LEFT: &str = r#"[{"provider":"auth0","user_id":"1"}]"#;
const UNCHANGED: &str =
    r#"[{"provider":"auth0","user_id":"1"},{"provider":"auth0","user_id":"2"}]"#;

async fn unread(script: &ScriptedRoundTrip, identity: &str) -> Result<Outcome, Error> {
    client(script)
        .unlink_unread(&"auth0|1".parse().unwrap(), &identity.parse().unwrap())
        .await
}

const READ: &str = "GET /api/v2/users/auth0%7C1";
const DELETE: &str = "DELETE /api/v2/users/auth0%7C1/identities/auth0/2";

#[tokio::test(start_paused = true)]
async fn the_answer_alone_shows_absence_and_no_more() {
    let script = ScriptedRoundTrip::new().answer(200, LEFT);
    let Outcome::Absent(absent) = unread(&script, "auth0|2").await.unwrap() else {
        panic!("claims too much")
    };
    assert_eq!(absent.separate_user_id.as_str(), "auth0|2");
    assert_eq!(absent.remaining.len(), 1);
    assert_eq!(sent(&script), [DELETE]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_read_falls_back_to_the_answer() {
    let script = ScriptedRoundTrip::new()
        .answer(403, FORBIDDEN)
        .answer(200, LEFT);
    let outcome = client(&script)
        .unlink(&"auth0|1".parse().unwrap(), &"auth0|2".parse().unwrap())
        .await;
    assert!(matches!(outcome.unwrap(), Outcome::Absent(_)));
    assert_eq!(sent(&script), [READ, DELETE]);
}

#[tokio::test(start_paused = true)]
async fn a_user_out_of_the_tokens_reach_is_left_alone() {
    let unowned = r#"{"statusCode":403,"message":"User to be acted on does not match subject in bearer token.","errorCode":"unowned_resource"}"#;
    let script = ScriptedRoundTrip::new().answer(403, unowned);
    let outcome = client(&script)
        .unlink(&"auth0|1".parse().unwrap(), &"auth0|2".parse().unwrap())
        .await;
    assert_eq!(
        outcome.unwrap_err().kind(),
        ErrorKind::Request(transport::ErrorKind::Forbidden)
    );
    assert_eq!(sent(&script), [READ]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_lists_another_form_of_the_id_is_a_read() {
    let script = ScriptedRoundTrip::new()
        .answer(200, UNCHANGED)
        .answer(200, LEFT);
    let outcome = unread(&script, "auth0|auth0|2").await.unwrap();
    assert!(
        matches!(outcome, Outcome::Unlinked(_)),
        "seen linked, then gone: {outcome:?}"
    );
    assert_eq!(
        sent(&script),
        [
            "DELETE /api/v2/users/auth0%7C1/identities/auth0/auth0%7C2",
            DELETE
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn success_that_changed_nothing_says_so() {
    let script = ScriptedRoundTrip::new().answer(200, UNCHANGED);
    assert_eq!(
        unread(&script, "auth0|2").await.unwrap_err().kind(),
        ErrorKind::NotChanged
    );
    assert_eq!(sent(&script), [DELETE]);
}

#[tokio::test(start_paused = true)]
async fn with_nothing_read_before_what_is_still_listed_may_be_one_of_two() {
    let script = ScriptedRoundTrip::new().answer(200, UNCHANGED);
    let error = unread(&script, "auth0|2").await.unwrap_err();
    assert!(error.may_have_been_applied());
    assert!(
        !error.to_string().contains("nothing was changed"),
        "{error}"
    );

    let twins = r#"[{"provider":"auth0","user_id":"1"},{"provider":"auth0","user_id":"2"},{"provider":"auth0","user_id":"2"}]"#;
    let error = unread(&ScriptedRoundTrip::new().answer(200, twins), "auth0|2")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert!(error.may_have_been_applied());

    let hidden = r#"[{"user_id":[]},{"provider":"auth0","user_id":"2"}]"#;
    let error = unread(&ScriptedRoundTrip::new().answer(200, hidden), "auth0|2")
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::NotChanged,
        "the second is not the main one"
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_have_come_back_unreadable_is_not_called_absent() {
    let hidden = r#"[{"provider":"auth0","user_id":"1"},{"user_id":[]}]"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, hidden)
        .answer(403, FORBIDDEN);
    let error = unread(&script, "auth0|2").await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Request(transport::ErrorKind::OutcomeUnknown)
    );
    assert!(error.may_have_been_applied());
    assert_eq!(sent(&script), [DELETE, READ]);

    let other = r#"[{"provider":"auth0","user_id":"1"},{"provider":"github"}]"#;
    let script = ScriptedRoundTrip::new().answer(200, other);
    let Outcome::Absent(absent) = unread(&script, "auth0|2").await.unwrap() else {
        panic!("claims too much")
    };
    assert_eq!(absent.warnings.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_main_identity_is_refused_where_the_ids_show_it() {
    let script = ScriptedRoundTrip::new();
    assert_eq!(
        unread(&script, "auth0|1").await.unwrap_err().kind(),
        ErrorKind::MainIdentity
    );
    assert!(sent(&script).is_empty());
    let script = ScriptedRoundTrip::new().answer(200, UNCHANGED);
    assert_eq!(
        unread(&script, "auth0|auth0|1").await.unwrap_err().kind(),
        ErrorKind::MainIdentity
    );
    assert_eq!(sent(&script).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_without_a_read_is_settled_by_the_next_one() {
    let script = ScriptedRoundTrip::new()
        .lost()
        .answer(403, FORBIDDEN)
        .answer(200, LEFT);
    let Outcome::Absent(absent) = unread(&script, "auth0|2").await.unwrap() else {
        panic!("claims too much")
    };
    assert_eq!(absent.attempts, 2);
    assert_eq!(sent(&script), [DELETE, READ, DELETE]);
}

#[tokio::test]
async fn update_users_alone_unlinks() {
    let sandbox = Sandbox::start().unwrap();
    let token = AccessToken::new(sandbox.token(&["update:users"])).unwrap();
    let client = Client::new(sandbox.url().parse().unwrap(), token).unwrap();
    let user = sandbox.users()[0].clone();
    let google = user["identities"][1].clone();
    let key = [
        google["provider"].as_str().unwrap(),
        google["user_id"].as_str().unwrap(),
    ]
    .join("|");
    let outcome = client
        .unlink(
            &user["user_id"].as_str().unwrap().parse().unwrap(),
            &key.parse().unwrap(),
        )
        .await;
    assert!(matches!(outcome.unwrap(), Outcome::Absent(_)));
    assert!(
        sandbox.user(&key).is_some(),
        "it is an account of its own now"
    );
}
