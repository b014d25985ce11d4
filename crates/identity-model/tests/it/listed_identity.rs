//! The reading that is evidence: one odd element hides none of the others.

use identity_model::{
    IdentityKey, ListedIdentity, UnreadableIdentity, listed_identities, listed_identities_of_user,
};

fn lines(listed: Vec<Result<ListedIdentity, UnreadableIdentity>>) -> String {
    let line = |element: Result<ListedIdentity, UnreadableIdentity>| match element {
        Ok(identity) => format!("{} by {:?}", identity.key(), identity.connection()),
        Err(odd) => format!("refused: {odd}; {:?} {:?}", odd.provider(), odd.user_id()),
    };
    listed.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

const MIXED: &str = r#"[
    {"provider":"auth0","user_id":"1","connection":"Username-Password-Authentication"},
    null,
    {"provider":"github","user_id":1234567890123456789012345678901234567890,"profileData":[],"isSocial":"?"},
    {"user_id":"2"},
    {"provider":"github","user_id":null},
    {"provider":"","user_id":"2"},
    {"provider":"github","user_id":"2","user_id":"3"},
    {"provider":"brand-new","user_id":"a|b","connection":7,"name":"\ud83d"},
    {"provider":"github","user_id":"\ud83d"}
]"#;

#[test]
fn an_odd_element_hides_none_of_the_others() {
    insta::assert_snapshot!(lines(listed_identities(MIXED.as_bytes()).unwrap()), @r#"
    auth0|1 by Some("Username-Password-Authentication")
    refused: [1]: expected an object, found null; None None
    github|1234567890123456789012345678901234567890 by None
    refused: [3].provider: the key is missing; None Some(IdentityUserId("2"))
    refused: [4].user_id: expected a string or an integer, found null; Some(ProviderName("github")) None
    refused: [5].provider: expected a non-empty string, found an empty string; None Some(IdentityUserId("2"))
    refused: [6].user_id: the key occurs twice; Some(ProviderName("github")) None
    brand-new|a|b by None
    refused: [8].user_id: the text holds half of a `\u` surrogate pair; Some(ProviderName("github")) None
    "#);
}

#[test]
fn of_a_user_nothing_else_is_looked_at() {
    let user = format!(r#"{{"user_id":17,"email":[],"identities":{MIXED},"name":{{}}}}"#);
    let listed = listed_identities_of_user(user.as_bytes()).unwrap();
    let main: IdentityKey = "auth0|1".parse().unwrap();
    assert_eq!(listed[0].as_ref().unwrap().key(), &main);
    assert_eq!(listed.len(), 9);
    assert_eq!(
        listed[1].as_ref().unwrap_err().error().path(),
        "identities[1]"
    );
    assert_eq!(
        listed[3].as_ref().unwrap_err().error().path(),
        "identities[3].provider"
    );
}

#[test]
fn what_holds_no_list_is_refused() {
    let errors = [
        listed_identities(b"<html>"),
        listed_identities(b"{}"),
        listed_identities_of_user(b"[]"),
        listed_identities_of_user(b"{}"),
        listed_identities_of_user(br#"{"identities":null}"#),
        listed_identities_of_user(br#"{"identities":[],"identities":[]}"#),
    ];
    insta::assert_snapshot!(errors.map(|read| read.unwrap_err().to_string()).join("\n"), @"
    not valid JSON
    expected an array, found an object
    expected an object, found an array
    identities: the key is missing
    identities: expected an array, found null
    identities: the key occurs twice
    ");
}
