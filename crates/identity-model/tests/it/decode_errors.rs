//! What a refusal says.

use std::error::Error;

use identity_model::{DecodeError, Identity, User, identities_from_json};

/// One line for each document: the error with its whole chain.
fn refusals<T: std::fmt::Debug>(
    read: impl Fn(&[u8]) -> Result<T, DecodeError>,
    documents: &[&str],
) -> String {
    let line = |document: &&str| {
        let error = read(document.as_bytes()).expect_err(document);
        let cause = error
            .source()
            .map(|cause| format!(" <- {cause}"))
            .unwrap_or_default();
        format!("{error}{cause}")
    };
    documents.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_user() {
    insta::assert_snapshot!(refusals(User::from_json, &[
        "",
        "<html>502 Bad Gateway</html>",
        r#"{"user_id":"auth0|1""#,
        "{} {}",
        "[]",
        "null",
        r#"{"user_id":""}"#,
        r#"{"user_id":17}"#,
        r#"{"user_id":"auth0|1","user_id":"auth0|2"}"#,
        r#"{"email":null,"email":"a@b.c"}"#,
        r#"{"email":["a@b.c"]}"#,
        r#"{"email_verified":1}"#,
        r#"{"created_at":1674673259}"#,
        r#"{"name":"cut \ud83d"}"#,
        r#"{"cut \ud83d":1}"#,
        r#"{"identities":{}}"#,
        r#"{"identities":[{},null]}"#,
        r#"{"identities":[{},{"user_id":[1]}]}"#,
        r#"{"identities":[{},{"profileData":{"email":{}}}]}"#,
    ]), @r"
    not valid JSON <- EOF while parsing a value at line 1 column 0
    not valid JSON <- expected value at line 1 column 1
    not valid JSON <- EOF while parsing an object at line 1 column 20
    not valid JSON <- trailing characters at line 1 column 4
    expected an object, found an array
    expected an object, found null
    user_id: expected a non-empty string, found an empty string
    user_id: expected a string, found an integer
    user_id: the key occurs twice
    email: the key occurs twice
    email: expected a string, found an array
    email_verified: expected a boolean or a string, found an integer
    created_at: expected a string or an object, found an integer
    name: the text holds half of a `\u` surrogate pair
    the text holds half of a `\u` surrogate pair
    identities: expected an array, found an object
    identities[1]: expected an object, found null
    identities[1].user_id: expected a string or an integer, found an array
    identities[1].profileData.email: expected a string, found an object
    ");
}

#[test]
fn an_identity() {
    insta::assert_snapshot!(refusals(Identity::from_json, &[
        r#"{"user_id":""}"#,
        r#"{"user_id":true}"#,
        r#"{"user_id":{}}"#,
        r#"{"user_id":1.5}"#,
        r#"{"user_id":1e3}"#,
        r#"{"user_id":-0}"#,
        r#"{"provider":""}"#,
        r#"{"provider":5}"#,
        r#"{"connection":5}"#,
        r#"{"isSocial":"true"}"#,
        r#"{"profileData":[]}"#,
        r#"{"profileData":{"phone_verified":0}}"#,
        r#"{"access_token":12345}"#,
        r#"{"refresh_token":{"secret":1}}"#,
        r#"{"access_token":"secret","access_token":"secret"}"#,
    ]), @"
    user_id: expected a non-empty string or an integer, found an empty string
    user_id: expected a string or an integer, found a boolean
    user_id: expected a string or an integer, found an object
    user_id: expected a string or an integer, found a number that is not a plain integer
    user_id: expected a string or an integer, found a number that is not a plain integer
    user_id: expected a string or an integer, found a number that is not a plain integer
    provider: expected a non-empty string, found an empty string
    provider: expected a string, found an integer
    connection: expected a string, found an integer
    isSocial: expected a boolean, found a string
    profileData: expected an object, found an array
    profileData.phone_verified: expected a boolean or a string, found an integer
    access_token: expected a string, found an integer
    refresh_token: expected a string, found an object
    access_token: the key occurs twice
    ");
}

#[test]
fn an_array() {
    insta::assert_snapshot!(refusals(identities_from_json, &[
        "{}",
        "[1]",
        r#"[{},{"user_id":false}]"#,
    ]), @"
    expected an array, found an object
    [0]: expected an object, found an integer
    [1].user_id: expected a string or an integer, found a boolean
    ");
}

#[test]
fn only_what_is_no_json_is_a_syntax_error() {
    assert!(User::from_json(b"<html>").unwrap_err().is_syntax());
    assert!(User::from_json(b"\xff").unwrap_err().is_syntax());
    assert!(!User::from_json(b"[]").unwrap_err().is_syntax());
}

#[test]
fn serde_tells_the_same() {
    let error = serde_json::from_str::<User>(r#"{"identities":[{"user_id":[1]}]}"#).unwrap_err();
    insta::assert_snapshot!(error, @"identities[0].user_id: expected a string or an integer, found an array");
}

#[test]
fn a_callers_own_type_is_refused_without_the_value() {
    let identity = Identity::from_json(br#"{"expires_in":"planted-value"}"#).unwrap();
    let error = identity.other().parse::<u32>("expires_in").unwrap_err();
    insta::assert_snapshot!(format!("{error} {error:?}"), @r#"expires_in: not of the type asked for DecodeError { path: "expires_in", problem: NotAsked }"#);
    assert_eq!(identity.other().parse::<u32>("absent").unwrap(), None);
}
