//! What goes in comes out: every key in its order, every number as written, the tokens left out.

use identity_model::{Identity, User};
use proptest::prelude::*;

use crate::json::{Json, flag, id, non_empty, object, string, value};

fn profile() -> BoxedStrategy<Json> {
    object(vec![
        ("email", string().boxed()),
        ("email_verified", flag().boxed()),
        ("name", string().boxed()),
        ("username", string().boxed()),
        ("given_name", string().boxed()),
        ("phone_number", string().boxed()),
        ("phone_verified", flag().boxed()),
        ("family_name", string().boxed()),
        ("nickname", string().boxed()),
        ("picture", string().boxed()),
    ])
}

fn identity() -> BoxedStrategy<Json> {
    object(vec![
        ("connection", string().boxed()),
        ("user_id", id().boxed()),
        (
            "provider",
            prop_oneof![Just(Json::Scalar("\"github\"".into())), non_empty()].boxed(),
        ),
        (
            "isSocial",
            any::<bool>()
                .prop_map(|flag| Json::Scalar(flag.to_string()))
                .boxed(),
        ),
        ("access_token", string().boxed()),
        ("access_token_secret", string().boxed()),
        ("refresh_token", string().boxed()),
        ("profileData", profile()),
    ])
}

fn user() -> BoxedStrategy<Json> {
    let date = || prop_oneof![string(), object(vec![])].boxed();
    object(vec![
        ("user_id", non_empty().boxed()),
        (
            "identities",
            prop::collection::vec(identity(), 0..4)
                .prop_map(Json::Array)
                .boxed(),
        ),
        ("email", string().boxed()),
        ("email_verified", flag().boxed()),
        ("name", string().boxed()),
        ("created_at", date()),
        ("updated_at", date()),
        ("last_login", date()),
        ("user_metadata", value()),
        ("app_metadata", value()),
    ])
}

/// Every known key with a value of any kind.
fn nonsense() -> BoxedStrategy<Json> {
    let keys = [
        "user_id",
        "identities",
        "email",
        "email_verified",
        "created_at",
        "user_metadata",
        "provider",
        "profileData",
    ];
    object(keys.map(|key| (key, value())).to_vec())
}

/// The document as it should come out of a user.
fn expected(user: Json) -> Json {
    let Json::Object(mut members) = user else {
        return user;
    };
    for (key, value) in &mut members {
        if let (Json::Array(identities), "identities") = (value, &**key) {
            *identities = identities.drain(..).map(Json::without_tokens).collect();
        }
    }
    Json::Object(members)
}

fn settings() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_user_comes_out_as_it_went_in(json in user(), space in "[ \r\n\t]{0,2}") {
        let text = json.text(&space);
        let expected = expected(json).text("");
        let read = User::from_json(text.as_bytes()).unwrap();
        prop_assert_eq!(&serde_json::to_string(&read).unwrap(), &expected);
        let through_serde: User = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&serde_json::to_string(&through_serde).unwrap(), &expected);
        let from_reader: User = serde_json::from_reader(text.as_bytes()).unwrap();
        prop_assert_eq!(&serde_json::to_string(&from_reader).unwrap(), &expected);
    }

    #[test]
    fn an_identity_comes_out_as_it_went_in(json in identity(), space in "[ \r\n\t]{0,2}") {
        let read = Identity::from_json(json.text(&space).as_bytes()).unwrap();
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), json.without_tokens().text(""));
    }

    #[test]
    fn any_json_is_read_whole_or_refused_with_its_place(json in nonsense()) {
        match User::from_json(json.text(" ").as_bytes()) {
            Ok(user) => prop_assert_eq!(serde_json::to_string(&user).unwrap(), expected(json).text("")),
            Err(error) => prop_assert_ne!(error.path(), ""),
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(User::from_json(&bytes).is_ok(), serde_json::from_slice::<User>(&bytes).is_ok());
    }
}

#[test]
fn a_value_made_by_another_program_is_read_too() {
    let value = serde_json::json!({"user_id": "auth0|1", "identities": [{"user_id": 18446744073709551615_u64}]});
    let user: User = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(
        user.identities().unwrap()[0].user_id().unwrap().as_str(),
        "18446744073709551615"
    );
    assert_eq!(serde_json::to_value(&user).unwrap(), value);
}

#[test]
fn types_of_the_crate_are_fields_of_a_callers_own() {
    #[derive(serde::Deserialize, serde::Serialize)]
    struct Page {
        users: Vec<User>,
        total: u32,
    }

    let text = r#"{"users":[{"user_id":"auth0|1","logins_count":3}],"total":1}"#;
    let page: Page = serde_json::from_str(text).unwrap();
    assert_eq!((page.users.len(), page.total), (1, 1));
    assert_eq!(serde_json::to_string(&page).unwrap(), text);
}

#[test]
fn depth_is_no_danger() {
    let depth = 200_000;
    let json = format!(
        r#"{{"user_id":"a|1","user_metadata":{}{}}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    );
    let user = User::from_json(json.as_bytes()).unwrap();
    assert_eq!(user.clone().user_metadata().unwrap().get().len(), 2 * depth);
    assert_eq!(serde_json::to_string(&user).unwrap(), json);
    // Another program's document type has a limit of its own, which is an error and no crash.
    assert!(serde_json::to_value(&user).is_err());
}
