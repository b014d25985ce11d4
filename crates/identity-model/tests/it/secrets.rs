//! The tokens of identity providers come out by one call only.

use std::fmt::Debug;

use identity_model::{Identity, User, listed_identities_of_user};

const PLANTED: [&str; 3] = ["planted-access", "planted-access-secret", "planted-refresh"];

fn json() -> String {
    let [access, secret, refresh] = PLANTED;
    format!(
        r#"{{"user_id":"auth0|1","identities":[{{"provider":"twitter","user_id":"1","access_token":"{access}",
        "access_token_secret":"{secret}","refresh_token":"{refresh}","expires_in":60}}]}}"#
    )
}

fn shows_none(what: &str, shown: &str) {
    for token in PLANTED {
        assert!(!shown.contains(token), "{what} shows {token}: {shown}");
    }
}

#[test]
fn tokens_are_shown_by_nothing_but_expose() {
    let user = User::from_json(json().as_bytes()).unwrap();
    let identity = user.primary_identity().unwrap().clone();
    let tokens = [
        identity.access_token(),
        identity.access_token_secret(),
        identity.refresh_token(),
    ];
    assert_eq!(tokens.map(|token| token.unwrap().expose()), PLANTED);

    let all: [&dyn Debug; 4] = [
        &user,
        &identity,
        &tokens,
        &listed_identities_of_user(json().as_bytes()),
    ];
    for value in all {
        shows_none("Debug", &format!("{value:?} {value:#?}"));
    }
    assert!(format!("{identity:?}").contains("[redacted]"));
    shows_none("JSON", &serde_json::to_string(&user).unwrap());
    shows_none(
        "a JSON value",
        &serde_json::to_value(&user).unwrap().to_string(),
    );
    assert_eq!(
        serde_json::to_string(&identity).unwrap(),
        r#"{"provider":"twitter","user_id":"1","expires_in":60}"#
    );
}

#[test]
fn a_refusal_quotes_no_token() {
    for token in [
        "17",
        "[\"planted-access\"]",
        "{\"planted-access\":1}",
        "true",
        "\"planted-access\\ud83d\"",
    ] {
        let json = format!(r#"{{"access_token":{token},"x":"planted-refresh"}}"#);
        let error = Identity::from_json(json.as_bytes()).unwrap_err();
        assert_eq!(error.path(), "access_token");
        shows_none("an error", &format!("{error} {error:?}"));
        let error = serde_json::from_str::<Identity>(&json).unwrap_err();
        shows_none("an error by serde", &format!("{error} {error:?}"));
    }
    let cut = &json()[..180];
    let error = User::from_json(cut.as_bytes()).unwrap_err();
    shows_none("an error about syntax", &format!("{error} {error:?}"));
}

#[test]
fn unknown_keys_and_metadata_are_hidden_from_debug() {
    let user = User::from_json(
        br#"{"user_metadata":{"pin":"planted"},"app_metadata":"planted","x":"planted"}"#,
    )
    .unwrap();
    let shown = format!("{user:?}");
    assert!(shown.contains(r#""x": .."#), "{shown}");
    assert!(!shown.contains("planted"), "{shown}");
}
