//! Ids and keys: what parses, what does not, and what equals what.

use std::collections::HashSet;

use identity_model::{IdentityKey, IdentityUserId, ParseIdErrorKind, ProviderName, UserId};
use proptest::prelude::*;

#[test]
fn a_key_splits_at_the_first_pipe_only() {
    for (text, provider, user_id) in [
        ("google-oauth2|1234", "google-oauth2", "1234"),
        ("samlp|my-connection|a@b.c", "samlp", "my-connection|a@b.c"),
        (
            "oauth2|siwe|eip155%3A5%3A0x1",
            "oauth2",
            "siwe|eip155%3A5%3A0x1",
        ),
        ("brand-new||", "brand-new", "|"),
        ("auth0|1#", "auth0", "1#"),
        (" auth0| 1\n", " auth0", " 1\n"),
    ] {
        let key: IdentityKey = text.parse().unwrap();
        assert_eq!(
            (key.provider().as_str(), key.user_id().as_str()),
            (provider, user_id)
        );
        assert_eq!(key.to_string(), text);
        assert_eq!(key.separate_user_id(), text.parse::<UserId>().unwrap());
    }
}

#[test]
fn what_is_no_key_is_refused_by_kind() {
    use ParseIdErrorKind as Kind;
    for (text, kind) in [
        ("", Kind::NoSeparator),
        ("1234", Kind::NoSeparator),
        ("|", Kind::EmptyProvider),
        ("|1234", Kind::EmptyProvider),
        ("google-oauth2|", Kind::EmptyIdentityId),
        ("google-oauth2|.", Kind::DotSegment),
        ("google-oauth2|..", Kind::DotSegment),
        ("..|1234", Kind::DotSegment),
    ] {
        assert_eq!(
            text.parse::<IdentityKey>().unwrap_err().kind(),
            kind,
            "{text:?}"
        );
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let errors = [
        "".parse::<UserId>().unwrap_err(),
        ".".parse::<UserId>().unwrap_err(),
        "".parse::<IdentityUserId>().unwrap_err(),
        "..".parse::<IdentityUserId>().unwrap_err(),
        "".parse::<ProviderName>().unwrap_err(),
        "1234".parse::<IdentityKey>().unwrap_err(),
        "|1234".parse::<IdentityKey>().unwrap_err(),
        "google-oauth2|".parse::<IdentityKey>().unwrap_err(),
        ".|1234".parse::<IdentityKey>().unwrap_err(),
    ];
    insta::assert_snapshot!(errors.map(|error| error.to_string()).join("\n"), @"
    the user id is empty: give the whole id, such as auth0|507f1f77bcf86cd799439020
    `.` and `..` are no user ids: give the whole id, such as auth0|507f1f77bcf86cd799439020
    the identity's id is empty: give the `user_id` of the identity, the part after `provider|`
    `.` and `..` are no ids of an identity: give its `user_id`, the part after `provider|`
    the provider is empty: give its name, such as google-oauth2
    no `|` between provider and id: give both as one text, such as google-oauth2|1234 (in quotes, since a shell takes a bare | for a pipe)
    nothing before the `|`: give provider and id as one text, such as google-oauth2|1234
    nothing after the `|`: give provider and id as one text, such as google-oauth2|1234
    `.` and `..` are no providers: give provider and id as one text, such as google-oauth2|1234
    ");
}

#[test]
fn a_tenants_own_ids_are_taken_as_they_are() {
    assert_eq!(
        serde_json::from_str::<UserId>(r#"".""#).unwrap().as_str(),
        "."
    );
    assert_eq!(
        serde_json::from_str::<IdentityUserId>(r#""..""#)
            .unwrap()
            .as_str(),
        ".."
    );
    assert!(serde_json::from_str::<UserId>(r#""""#).is_err());
    assert!(serde_json::from_str::<IdentityUserId>(r#""""#).is_err());
}

#[test]
fn digits_decide_whatever_the_form() {
    let ids = [
        "123",
        "\"123\"",
        "340282366920938463463374607431768211456",
        "-7",
    ]
    .map(|json| serde_json::from_str::<IdentityUserId>(json).unwrap());
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0], IdentityUserId::from(123));
    assert_eq!(ids[0], "123".parse().unwrap());
    assert_ne!(ids[0], "0123".parse().unwrap());
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3);
    assert_eq!(
        serde_json::to_string(&ids).unwrap(),
        r#"[123,"123",340282366920938463463374607431768211456,-7]"#
    );
}

#[test]
fn a_user_id_without_a_pipe_has_no_parts() {
    assert_eq!("plain".parse::<UserId>().unwrap().split(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_key_that_parses_is_written_as_it_was(text in "[a-z.|]{0,6}|\\PC*\\|\\PC*") {
        if let Ok(key) = text.parse::<IdentityKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn an_integer_of_any_size_keeps_its_digits(digits in "-?[1-9][0-9]{0,200}") {
        let id: IdentityUserId = serde_json::from_str(&digits).unwrap();
        prop_assert_eq!(id.as_str(), &digits);
        prop_assert_eq!(serde_json::to_string(&id).unwrap(), digits);
    }

    #[test]
    fn a_user_id_keeps_its_text(text in "\\PC{3,}") {
        let id: UserId = text.parse().unwrap();
        prop_assert_eq!(id.as_str(), &text);
        let json = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(serde_json::from_str::<UserId>(&json).unwrap(), id);
    }
}
