//! Unlinking with deletion: no account is deleted without evidence, and each half is reported.

use transport::ScriptedRoundTrip;
use unlink::{AccessToken, Client, DeleteAccount, ErrorKind, Gain, Receipt, SettledBy, User};
use unlink_sandbox::Sandbox;

use crate::support::{client, sent};

const LINKED: &str =
    r#"{"identities":[{"provider":"auth0","user_id":"1"},{"provider":"github","user_id":2}]}"#;
const SEPARATE: &str = r#"{"identities":[{"provider":"auth0","user_id":"1"}]}"#;
const LEFT: &str = r#"[{"provider":"auth0","user_id":"1"}]"#;
const ACCOUNT: &str = r#"{"user_id":"github|2","created_at":"2026-01-01T00:00:00.000Z","identities":[{"provider":"github","user_id":2}]}"#;
const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
const MISSING: &str = r#"{"errorCode":"inexistent_user"}"#;

const READ: &str = "GET /api/v2/users/auth0%7C1";
const UNLINK: &str = "DELETE /api/v2/users/auth0%7C1/identities/github/2";
const READ_ACCOUNT: &str = "GET /api/v2/users/github%7C2";
const DELETE: &str = "DELETE /api/v2/users/github%7C2";

fn split_off() -> ScriptedRoundTrip {
    ScriptedRoundTrip::new()
        .answer_with(200, &[DATE], LINKED)
        .answer(200, LEFT)
}

#[tokio::test(start_paused = true)]
async fn the_account_is_waited_for_checked_deleted_and_read_to_be_gone() {
    let script = split_off()
        .answer(404, MISSING)
        .answer(404, MISSING)
        .answer(200, ACCOUNT)
        .answer(204, "")
        .answer(200, ACCOUNT)
        .answer(404, MISSING);
    let both = client(&script)
        .unlink_and_delete(&"auth0|1".parse().unwrap(), &"github|2".parse().unwrap())
        .await
        .unwrap();
    let deleted = both.deleted.unwrap();
    assert_eq!(deleted.user_id.as_str(), "github|2");
    assert_eq!(deleted.attempts, 1);
    assert_eq!(deleted.settled_by, SettledBy::Answer);
    assert_eq!(deleted.response.status(), 204);
    assert_eq!(both.receipt.identity().to_string(), "github|2");
    assert_eq!(
        sent(&script),
        [
            READ,
            UNLINK,
            READ_ACCOUNT,
            READ_ACCOUNT,
            READ_ACCOUNT,
            DELETE,
            READ_ACCOUNT,
            READ_ACCOUNT
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_deletion_is_repeated_only_for_the_same_account() {
    let both = |script: ScriptedRoundTrip| async move {
        let both = client(&script)
            .unlink_and_delete(&"auth0|1".parse().unwrap(), &"github|2".parse().unwrap())
            .await
            .unwrap();
        (both.deleted, sent(&script).split_off(2))
    };
    let (deleted, sent) = both(
        split_off()
            .answer(200, ACCOUNT)
            .lost()
            .answer(200, ACCOUNT)
            .answer(204, "")
            .answer(404, MISSING),
    )
    .await;
    let done = deleted.unwrap();
    assert_eq!(
        (done.attempts, done.settled_by),
        (2, SettledBy::LaterAnswer)
    );
    assert_eq!(
        sent,
        [READ_ACCOUNT, DELETE, READ_ACCOUNT, DELETE, READ_ACCOUNT]
    );

    let other = r#"{"user_id":"github|2","created_at":"2026-02-02T00:00:00.000Z","identities":[{"provider":"github","user_id":2}]}"#;
    let (deleted, sent) = both(
        split_off()
            .answer(200, ACCOUNT)
            .lost()
            .answer(200, other)
            .answer(200, other),
    )
    .await;
    assert_eq!(
        deleted.unwrap().attempts,
        1,
        "the one that was read is gone, and the new one is none of ours"
    );
    assert_eq!(sent, [READ_ACCOUNT, DELETE, READ_ACCOUNT, READ_ACCOUNT]);
}

#[tokio::test(start_paused = true)]
async fn an_account_in_use_is_not_deleted_and_the_receipt_is_there() {
    let login = |time: &str| {
        format!(r#"{{"identities":[{{"provider":"github","user_id":2}}],"last_login":"{time}"}}"#)
    };
    for (account, reason) in [
        (r#"{"identities":[{"provider":"github","user_id":2},{"provider":"sms","user_id":"3"}]}"#.to_owned(), "it has a second identity"),
        (r#"{"identities":[{"provider":"github","user_id":3}]}"#.to_owned(), "its main identity is not the one that was split off"),
        (r#"{"identities":[{"provider":"github","user_id":2}],"user_metadata":{"a":1}}"#.to_owned(), "it has metadata, which a split-off account does not"),
        (r#"{"identities":[{"provider":"github","user_id":2}],"app_metadata":{"a":1}}"#.to_owned(), "it has metadata, which a split-off account does not"),
        (login("1994-11-06T08:49:38.000Z"), "it has been logged in to since it was split off"),
        (r#"{"identities":[{"provider":"github","user_id":2}],"last_login":{"seconds":1}}"#.to_owned(), "its last login cannot be read"),
        (login("yesterday"), "its last login cannot be read"),
    ] {
        let script = split_off().answer(200, account);
        let both =
            client(&script).unlink_and_delete(&"auth0|1".parse().unwrap(), &"github|2".parse().unwrap()).await.unwrap();
        let error = both.deleted.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InUse);
        assert_eq!(error.to_string(), format!("github|2 is not deleted: {reason}"));
        assert_eq!(sent(&script), [READ, UNLINK, READ_ACCOUNT]);
    }
    // A login from before it was split off is its old one, the read's own second included; empty metadata is none.
    for time in ["1994-11-06T08:49:36.999Z", "1994-11-06T08:49:37.000Z"] {
        let before = login(time).replacen('{', r#"{"user_metadata":{},"#, 1);
        let script = split_off()
            .answer(200, before)
            .answer(204, "")
            .answer(404, MISSING);
        let both = client(&script)
            .unlink_and_delete(&"auth0|1".parse().unwrap(), &"github|2".parse().unwrap())
            .await
            .unwrap();
        both.deleted.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_of_an_account_that_was_split_off_nobody_knows_when_may_be_a_new_one() {
    let account = r#"{"identities":[{"provider":"github","user_id":2}],"last_login":"1970-01-01T00:00:00.000Z"}"#;
    let script = ScriptedRoundTrip::new()
        .answer(200, LINKED)
        .answer(200, LEFT)
        .answer(200, account);
    let both = client(&script)
        .unlink_and_delete(&"auth0|1".parse().unwrap(), &"github|2".parse().unwrap());
    let both = both.await.unwrap();
    assert_eq!(both.receipt.linked_at(), None, "no answer has a date");
    assert_eq!(both.deleted.unwrap_err().kind(), ErrorKind::InUse);
    assert_eq!(sent(&script), [READ, UNLINK, READ_ACCOUNT]);
}

#[tokio::test(start_paused = true)]
async fn an_account_of_another_connection_is_not_the_one_that_was_split_off() {
    let linked = r#"{"identities":[{"provider":"auth0","user_id":"1","connection":"Users"},{"provider":"auth0","user_id":"2","connection":"Old"}]}"#;
    let account = |connection: &str| {
        format!(
            r#"{{"user_id":"auth0|2","identities":[{{"provider":"auth0","user_id":"2","connection":"{connection}"}}]}}"#
        )
    };
    let unlinked = || {
        ScriptedRoundTrip::new()
            .answer_with(200, &[DATE], linked)
            .answer(200, LEFT)
    };
    let key = "auth0|2".parse().unwrap();
    let script = unlinked().answer(200, account("New"));
    let both = client(&script).unlink_and_delete(&"auth0|1".parse().unwrap(), &key);
    let both = both.await.unwrap();
    assert_eq!(both.receipt.connection(), Some("Old"));
    let error = both.deleted.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert_eq!(script.left(), 0);
    assert_eq!(sent(&script).len(), 3, "no deletion: {:?}", sent(&script));

    let script = unlinked()
        .answer(200, account("Old"))
        .answer(204, "")
        .answer(404, MISSING);
    let both = client(&script).unlink_and_delete(&"auth0|1".parse().unwrap(), &key);
    both.await.unwrap().deleted.unwrap();

    // Put together again, a receipt names the connection if its keeper does.
    let kept = Receipt::new(
        "auth0|1".parse().unwrap(),
        key,
        std::time::SystemTime::now(),
    );
    let other = User::from_json(account("New").as_bytes()).unwrap();
    assert!(kept.gains(&other).is_empty());
    assert_eq!(
        kept.in_connection("Old").gains(&other),
        [Gain::OtherMainIdentity]
    );
}

#[test]
fn a_deletion_of_what_is_in_use_cannot_be_described() {
    let receipt = Receipt::new(
        "auth0|1".parse().unwrap(),
        "github|2".parse().unwrap(),
        std::time::SystemTime::now(),
    );
    let account = User::from_json(ACCOUNT.as_bytes()).unwrap();
    assert!(DeleteAccount::new(&receipt, account).is_ok());
    let used = ACCOUNT.replacen('{', r#"{"app_metadata":{"a":1},"#, 1);
    let used = User::from_json(used.as_bytes()).unwrap();
    assert_eq!(
        DeleteAccount::new(&receipt, used).unwrap_err().kind(),
        ErrorKind::InUse
    );
}

#[tokio::test(start_paused = true)]
async fn only_what_is_documented_shows_that_an_account_is_gone() {
    let both = |script: ScriptedRoundTrip| async move {
        let both = client(&script)
            .unlink_and_delete(&"auth0|1".parse().unwrap(), &"github|2".parse().unwrap());
        let deleted = both.await.unwrap().deleted.unwrap();
        (deleted.attempts, sent(&script).split_off(2))
    };
    // An answer with a page in it, and reads answered by something before the tenant: the account is there still.
    let page = split_off().answer(200, ACCOUNT).answer(200, "<html>");
    let (attempts, sent) = both(
        page.answer(200, ACCOUNT)
            .answer(204, "")
            .answer(404, MISSING),
    )
    .await;
    assert_eq!(attempts, 2);
    assert_eq!(
        sent,
        [READ_ACCOUNT, DELETE, READ_ACCOUNT, DELETE, READ_ACCOUNT]
    );
    for page in ["<html>not found</html>", "{}"] {
        let lost = split_off().answer(200, ACCOUNT).lost().answer(404, page);
        let (attempts, _) = both(
            lost.answer(200, ACCOUNT)
                .answer(204, "")
                .answer(404, MISSING),
        )
        .await;
        assert_eq!(attempts, 2, "{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_does_not_say_which_account_it_is_of_shows_nothing() {
    let both = |script: ScriptedRoundTrip| async move {
        let both = client(&script)
            .unlink_and_delete(&"auth0|1".parse().unwrap(), &"github|2".parse().unwrap());
        (both.await.unwrap().deleted, sent(&script).split_off(3))
    };
    let undated = r#"{"identities":[{"provider":"github","user_id":2}]}"#;
    for odd in ["{}", undated] {
        // Read again, it is there still.
        let lost = split_off().answer(200, ACCOUNT).lost().answer(200, odd);
        let (deleted, sent) = both(
            lost.answer(200, ACCOUNT)
                .answer(204, "")
                .answer(404, MISSING),
        )
        .await;
        assert_eq!(deleted.unwrap().attempts, 2, "{odd}");
        assert_eq!(
            sent,
            [DELETE, READ_ACCOUNT, READ_ACCOUNT, DELETE, READ_ACCOUNT]
        );
        // Nor does it confirm a deletion that was answered.
        let mut script = split_off().answer(200, ACCOUNT).answer(204, "");
        for _ in 0..9 {
            script = script.answer(200, odd);
        }
        let (deleted, _) = both(script).await;
        let error = deleted.unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::Request(transport::ErrorKind::OutcomeUnknown),
            "{odd}"
        );
        assert!(error.may_have_been_applied());
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_that_is_not_there_is_not_waited_for_where_none_is_about_to_appear() {
    let script = ScriptedRoundTrip::new()
        .answer(404, MISSING)
        .answer(200, ACCOUNT);
    let error = client(&script).user(&"github|2".parse().unwrap()).await;
    assert_eq!(
        error.unwrap_err().kind(),
        ErrorKind::Request(transport::ErrorKind::NotFound)
    );
    assert_eq!(sent(&script), [READ_ACCOUNT]);
}

#[tokio::test(start_paused = true)]
async fn what_a_read_does_not_settle_is_not_deleted_again() {
    let both = |script: ScriptedRoundTrip| async move {
        let both = client(&script)
            .unlink_and_delete(&"auth0|1".parse().unwrap(), &"github|2".parse().unwrap());
        (
            both.await.unwrap().deleted,
            sent(&script).iter().filter(|line| *line == DELETE).count(),
        )
    };
    // In use by now.
    let login = ACCOUNT
        .replace('{', r#"{"last_login":"2026-01-02T00:00:00.000Z","#)
        .replacen(
            r#""identities":[{"last_login":"2026-01-02T00:00:00.000Z","#,
            r#""identities":[{"#,
            1,
        );
    let (deleted, deletes) = both(split_off().answer(200, ACCOUNT).lost().answer(200, login)).await;
    let error = deleted.unwrap_err();
    assert_eq!(
        (error.kind(), error.may_have_been_applied(), deletes),
        (ErrorKind::InUse, true, 1)
    );
    // The read is not allowed any more: never blindly again.
    let forbidden = r#"{"message":"Insufficient scope, expected any of: read:users","errorCode":"insufficient_scope"}"#;
    let (deleted, deletes) = both(
        split_off()
            .answer(200, ACCOUNT)
            .lost()
            .answer(403, forbidden),
    )
    .await;
    assert_eq!(
        deleted.unwrap_err().kind(),
        ErrorKind::Request(transport::ErrorKind::OutcomeUnknown)
    );
    assert_eq!(deletes, 1);
    // A page of something before the tenant says nothing about the account.
    let mut script = split_off().answer(200, ACCOUNT).lost();
    for _ in 0..40 {
        script = script.answer(404, "<html>not found</html>");
    }
    let (deleted, deletes) = both(script).await;
    assert_eq!(
        deleted.unwrap_err().kind(),
        ErrorKind::Request(transport::ErrorKind::OutcomeUnknown)
    );
    assert_eq!(deletes, 1);
    // Taken, but no read confirms it.
    let (deleted, _) = both(
        split_off()
            .answer(200, ACCOUNT)
            .answer(204, "")
            .answer(403, forbidden),
    )
    .await;
    let error = deleted.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Request(transport::ErrorKind::OutcomeUnknown)
    );
    assert!(error.may_have_been_applied());
}

#[tokio::test(start_paused = true)]
async fn without_evidence_nothing_is_deleted() {
    let key = "github|2".parse().unwrap();
    let script = ScriptedRoundTrip::new().answer(200, SEPARATE);
    let error = client(&script)
        .unlink_and_delete(&"auth0|1".parse().unwrap(), &key)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotProven);
    assert_eq!(sent(&script), [READ]);

    let script = ScriptedRoundTrip::new().answer(403, "{}");
    let error = client(&script)
        .unlink_and_delete(&"auth0|1".parse().unwrap(), &key)
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Request(transport::ErrorKind::Forbidden)
    );
    assert_eq!(sent(&script), [READ]);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_resumes_the_second_half() {
    let script = split_off().answer(200, ACCOUNT).answer(403, "{}");
    let both = client(&script)
        .unlink_and_delete(&"auth0|1".parse().unwrap(), &"github|2".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        both.deleted.unwrap_err().kind(),
        ErrorKind::Request(transport::ErrorKind::Forbidden)
    );

    let (user, identity) = (
        both.receipt.user_id().clone(),
        both.receipt.identity().clone(),
    );
    let kept = Receipt::new(user, identity, both.receipt.linked_at().unwrap());
    assert_eq!(kept, both.receipt);
    let script = ScriptedRoundTrip::new()
        .answer(200, ACCOUNT)
        .answer(204, "")
        .answer(404, MISSING);
    client(&script).delete_separate(&kept).await.unwrap();
    assert_eq!(sent(&script), [READ_ACCOUNT, DELETE, READ_ACCOUNT]);
}

#[tokio::test]
async fn at_a_local_tenant_the_split_off_account_is_gone_and_no_other() {
    let sandbox = Sandbox::start().unwrap();
    let token =
        AccessToken::new(sandbox.token(&["read:users", "update:users", "delete:users"])).unwrap();
    let client = Client::new(sandbox.url().parse().unwrap(), token).unwrap();
    let user = sandbox.users()[0].clone();
    let id = user["user_id"].as_str().unwrap();
    let google = [
        "google-oauth2",
        user["identities"][1]["user_id"].as_str().unwrap(),
    ]
    .join("|");
    let users = sandbox.users().len();

    let both = client
        .unlink_and_delete(&id.parse().unwrap(), &google.parse().unwrap())
        .await
        .unwrap();
    both.deleted.unwrap();
    assert!(sandbox.user(&google).is_none());
    assert_eq!(sandbox.users().len(), users);
    assert_eq!(
        sandbox.user(id).unwrap()["identities"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    // An account that was never linked here is left alone.
    let other = sandbox
        .users()
        .iter()
        .find(|other| other["user_id"] != id)
        .unwrap()["user_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let error = client
        .unlink_and_delete(&id.parse().unwrap(), &other.parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotProven);
    assert!(sandbox.user(&other).is_some());
}
