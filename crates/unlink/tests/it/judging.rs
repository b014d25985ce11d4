//! Outcomes by evidence: what the facade says when answers are lost, empty promises, or odd.

use transport::ScriptedRoundTrip;
use unlink::{Error, ErrorKind, Outcome, SettledBy, Snapshot, Unlinked, User, UserId};

use crate::support::{client, sent};

const LINKED: &str = r#"{"user_id":"auth0|1","identities":[
    {"provider":"auth0","user_id":"1","connection":"Users"},
    {"provider":"auth0","user_id":"2","connection":"Users"},
    {"provider":"github","user_id":3,"connection":"github"}]}"#;
const LEFT: &str = r#"[{"provider":"auth0","user_id":"1"},{"provider":"github","user_id":3}]"#;
const UNCHANGED: &str = r#"[{"provider":"auth0","user_id":"1"},{"provider":"auth0","user_id":"2"},{"provider":"github","user_id":3}]"#;

fn user() -> UserId {
    "auth0|1".parse().unwrap()
}

async fn unlink(script: &ScriptedRoundTrip, identity: &str) -> Result<Outcome, Error> {
    client(script)
        .unlink(&user(), &identity.parse().unwrap())
        .await
}

fn unlinked(outcome: Result<Outcome, Error>) -> Unlinked {
    match outcome.unwrap() {
        Outcome::Unlinked(unlinked) => unlinked,
        other => panic!("{other:?}"),
    }
}

const READ: &str = "GET /api/v2/users/auth0%7C1";
const DELETE: &str = "DELETE /api/v2/users/auth0%7C1/identities/auth0/2";

#[tokio::test(start_paused = true)]
async fn seen_linked_before_and_gone_after_is_unlinked() {
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(200, LEFT);
    let done = unlinked(unlink(&script, "auth0|2").await);
    assert_eq!(done.separate_user_id.as_str(), "auth0|2");
    assert_eq!(done.identity.connection(), Some("Users"));
    assert_eq!(
        done.remaining
            .iter()
            .map(|left| left.key().to_string())
            .collect::<Vec<_>>(),
        ["auth0|1", "github|3"]
    );
    assert_eq!((done.settled_by, done.attempts), (SettledBy::Answer, 1));
    assert_eq!(done.response.body().expose(), LEFT.as_bytes());
    assert_eq!(sent(&script), [READ, DELETE]);
}

#[tokio::test(start_paused = true)]
async fn a_typed_prefix_is_resolved_to_the_listed_id() {
    for identity in ["auth0|auth0|2", "auth0|Users|2"] {
        let script = ScriptedRoundTrip::new()
            .answer(200, LINKED)
            .answer(200, LEFT);
        unlinked(unlink(&script, identity).await);
        assert_eq!(sent(&script), [READ, DELETE]);
    }
}

#[tokio::test(start_paused = true)]
async fn success_that_changed_nothing_is_an_error_that_says_so() {
    for identity in ["auth0|2", "auth0|auth0|2"] {
        let script = ScriptedRoundTrip::new()
            .answer(200, LINKED)
            .answer(200, UNCHANGED);
        let error = unlink(&script, identity).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotChanged);
        assert!(!error.may_have_been_applied());
        assert_eq!(error.listed().len(), 3);
        assert_eq!(
            error.to_string(),
            "nothing was changed: the tenant answered with success, but auth0|2 is still linked to auth0|1"
        );
        let answer = error.response().unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.body().expose()),
            (200, UNCHANGED.as_bytes()),
            "the answer is there for who has to find out why"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_that_changed_nothing_does_not_answer_the_request_lost_before_it() {
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .lost()
        .answer(200, LINKED)
        .answer(200, UNCHANGED);
    let error = unlink(&script, "auth0|2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotChanged);
    assert!(
        error.may_have_been_applied(),
        "the first may be on its way still"
    );
    assert_eq!(
        error.to_string(),
        "auth0|2 is still linked to auth0|1: the tenant answered with success, and what was sent may yet be applied"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_tenant_answered_is_there_where_a_request_failed() {
    let script = ScriptedRoundTrip::new().answer(403, FORBIDDEN);
    let error = client(&script).identities(&user()).await.unwrap_err();
    assert_eq!(
        error.response().unwrap().body().expose(),
        FORBIDDEN.as_bytes()
    );
    let script = ScriptedRoundTrip::new().answer(200, LINKED);
    let error = unlink(&script, "auth0|1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MainIdentity);
    assert!(error.response().is_none(), "nothing the tenant said was it");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_reading() {
    let left = r#"{"user_id":"auth0|1","identities":[{"provider":"auth0","user_id":"1"}]}"#;
    for script in [
        ScriptedRoundTrip::new().answer(200, LINKED).lost(),
        ScriptedRoundTrip::new()
            .answer(200, LINKED)
            .answer(503, "busy"),
        ScriptedRoundTrip::new()
            .answer(200, LINKED)
            .answer(200, "<html>"),
        ScriptedRoundTrip::new().answer(200, LINKED).hang(),
    ] {
        let script = script.answer(200, left);
        let done = unlinked(unlink(&script, "auth0|2").await);
        assert_eq!(done.settled_by, SettledBy::Probe);
        assert_eq!(sent(&script), [READ, DELETE, READ]);
    }
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .lost()
        .answer(200, LINKED)
        .answer(200, LEFT);
    let done = unlinked(unlink(&script, "auth0|2").await);
    assert_eq!(
        (done.settled_by, done.attempts),
        (SettledBy::LaterAnswer, 2)
    );
    assert_eq!(sent(&script), [READ, DELETE, READ, DELETE]);
}

#[tokio::test(start_paused = true)]
async fn a_user_that_is_gone_is_an_error_of_its_own() {
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .lost()
        .answer(404, r#"{"errorCode":"inexistent_user"}"#);
    let error = unlink(&script, "auth0|2").await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Request(transport::ErrorKind::NotFound)
    );
    assert!(error.may_have_been_applied());
}

#[tokio::test(start_paused = true)]
async fn the_main_identity_and_what_is_ambiguous_are_refused_before_anything_is_sent() {
    let script = ScriptedRoundTrip::new().answer(200, LINKED);
    assert_eq!(
        unlink(&script, "auth0|1").await.unwrap_err().kind(),
        ErrorKind::MainIdentity
    );
    assert_eq!(sent(&script), [READ]);

    let twins = r#"{"identities":[{"provider":"auth0","user_id":"1"},
        {"provider":"auth0","user_id":"2","connection":"A"},{"provider":"auth0","user_id":"2","connection":"B"}]}"#;
    let script = ScriptedRoundTrip::new().answer(200, twins);
    assert_eq!(
        unlink(&script, "auth0|2").await.unwrap_err().kind(),
        ErrorKind::Ambiguous
    );
    assert_eq!(sent(&script), [READ]);
}

#[tokio::test(start_paused = true)]
async fn not_linked_is_done_only_if_it_is_an_account_of_its_own() {
    let own = r#"{"user_id":"github|9","identities":[{"provider":"github","user_id":9}]}"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(200, own);
    let Outcome::NotLinked(not) = unlink(&script, "github|9").await.unwrap() else {
        panic!("it is an account of its own")
    };
    assert_eq!(not.separate_user_id.as_str(), "github|9");
    assert_eq!(not.response.body().expose(), own.as_bytes());
    assert_eq!(sent(&script), [READ, "GET /api/v2/users/github%7C9"]);

    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(404, r#"{"errorCode":"inexistent_user"}"#);
    let error = unlink(&script, "github|9").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchIdentity);
    assert_eq!(error.listed().len(), 3, "what is there");

    // A page of something before the tenant says nothing of the account,
    let page = (0..9).fold(ScriptedRoundTrip::new().answer(200, LINKED), |script, _| {
        script.answer(404, "<html>not found</html>")
    });
    let error = unlink(&page, "github|9").await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Request(transport::ErrorKind::Decode)
    );
    // nor of the user.
    let page = (0..9).fold(ScriptedRoundTrip::new(), |script, _| {
        script.answer(404, "<html>not found</html>")
    });
    let error = unlink(&page, "github|9").await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Request(transport::ErrorKind::Decode)
    );

    // A user of that id whose main identity is another one is not that account.
    let other = r#"{"user_id":"github|9","identities":[{"provider":"github","user_id":7}]}"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(200, other);
    let error = unlink(&script, "github|9").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchIdentity);
}

#[tokio::test(start_paused = true)]
async fn a_prefixed_id_that_was_unlinked_before_is_the_same_account() {
    let own = r#"{"user_id":"github|9","identities":[{"provider":"github","user_id":9}]}"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(200, own);
    let outcome = unlink(&script, "github|github|9").await.unwrap();
    assert!(
        matches!(outcome, Outcome::NotLinked(not) if not.separate_user_id.as_str() == "github|9")
    );
    assert_eq!(sent(&script), [READ, "GET /api/v2/users/github%7C9"]);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_other_element_is_a_warning_beside_the_outcome() {
    let odd = r#"{"identities":[{"provider":"auth0","user_id":"1"},{"user_id":[]},{"provider":"auth0","user_id":"2"}]}"#;
    let script = ScriptedRoundTrip::new().answer(200, odd).answer(
        200,
        r#"[{"provider":"auth0","user_id":"1"},{"user_id":[]}]"#,
    );
    let done = unlinked(unlink(&script, "auth0|2").await);
    assert_eq!(done.warnings.len(), 2);
    assert_eq!(done.remaining.len(), 1);
}

/// The answer lists what may be `auth0|2`.
const HIDDEN: &str = r#"[{"provider":"auth0","user_id":"1"},{"provider":"auth0","user_id":null},{"provider":"github","user_id":3}]"#;
const FORBIDDEN: &str = r#"{"statusCode":403,"message":"Insufficient scope, expected any of: read:users","errorCode":"insufficient_scope"}"#;

#[tokio::test(start_paused = true)]
async fn an_identity_that_may_have_come_back_unreadable_is_not_called_gone() {
    let of_user = |identities: &str| [r#"{"identities":"#, identities, "}"].concat();
    let script = |read: &str| {
        ScriptedRoundTrip::new()
            .answer(200, LINKED)
            .answer(200, HIDDEN)
            .answer(200, of_user(read))
    };
    // A read tells that it is gone,
    let gone = script(LEFT);
    let done = unlinked(unlink(&gone, "auth0|2").await);
    assert_eq!((done.settled_by, done.attempts), (SettledBy::Probe, 1));
    assert_eq!(done.remaining.len(), 2);
    // or that it is still there,
    let there = script(UNCHANGED);
    let error = unlink(&there, "auth0|2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotChanged);
    // or no more than the answer, or there is no read.
    let hidden = script(HIDDEN);
    let unread = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(200, HIDDEN)
        .answer(403, FORBIDDEN);
    let unknown = ErrorKind::Request(transport::ErrorKind::OutcomeUnknown);
    for script in [&hidden, &unread] {
        let error = unlink(script, "auth0|2").await.unwrap_err();
        assert_eq!(error.kind(), unknown);
        assert!(error.may_have_been_applied());
        assert_eq!(error.listed().len(), 2, "what can be read");
        assert!(error.to_string().contains("[1].user_id"), "{error}");
    }
    for script in [&gone, &there, &hidden, &unread] {
        assert_eq!(
            sent(script),
            [READ, DELETE, READ],
            "once, and looked at once"
        );
    }

    // How often it was sent is told of the DELETE, not of the read.
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .not_sent()
        .answer(200, HIDDEN)
        .answer(200, of_user(LEFT));
    assert_eq!(unlinked(unlink(&script, "auth0|2").await).attempts, 2);

    // The answer was lost, and the read is the one that does not tell.
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .lost()
        .answer(200, of_user(HIDDEN));
    let error = unlink(&script, "auth0|2").await.unwrap_err();
    assert_eq!(error.kind(), unknown);
    assert_eq!(sent(&script), [READ, DELETE, READ]);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_element_that_is_another_for_what_can_be_read_of_it_is_a_warning() {
    let other = r#"[{"provider":"auth0","user_id":"1"},{"provider":"github","user_id":null}]"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(200, other);
    let done = unlinked(unlink(&script, "auth0|2").await);
    assert_eq!(done.settled_by, SettledBy::Answer);
    assert_eq!(done.warnings.len(), 1);
    assert_eq!(sent(&script), [READ, DELETE]);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_first_element_does_not_make_the_second_the_main_one() {
    let odd = r#"{"identities":[{"user_id":[]},{"provider":"auth0","user_id":"2"}]}"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, odd)
        .answer(200, "[{}]");
    unlinked(unlink(&script, "auth0|2").await);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_evidence_for_one_call() {
    let user_seen = User::from_json(LINKED.as_bytes()).unwrap();
    let seen = Snapshot::of(user(), user_seen.identities().unwrap());
    let script = ScriptedRoundTrip::new().answer(200, LEFT);
    unlinked(
        client(&script)
            .unlink_seen(&seen, &"auth0|2".parse().unwrap())
            .await,
    );
    assert_eq!(sent(&script), [DELETE]);

    let script = ScriptedRoundTrip::new().answer(200, UNCHANGED);
    let error = client(&script)
        .unlink_seen(&seen, &"auth0|2".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotChanged);
}

#[test]
fn an_unlinking_can_be_spawned() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(200, LEFT);
    let client = client(&script);
    let outcome = runtime.block_on(async {
        let task = tokio::spawn(client.unlink(&user(), &"auth0|2".parse().unwrap()));
        drop(client);
        task.await.unwrap()
    });
    unlinked(outcome);
}
