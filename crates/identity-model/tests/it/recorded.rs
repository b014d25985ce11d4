//! Documents in the shapes that tenants answer with.

use identity_model::{Identity, Provider, User, identities_from_json, users_from_json};

#[test]
fn a_user_with_linked_accounts() {
    let user = User::from_json(
        br#"{"created_at":"2023-01-25T19:00:59.837Z","email":"ann@example.com","email_verified":"true",
        "identities":[
            {"connection":"Username-Password-Authentication","user_id":"613282ad","provider":"auth0","isSocial":false},
            {"profileData":{"email":"ann@example.org","email_verified":true,"name":"Ann","nickname":"ann",
                "picture":"https://example.org/a.png","given_name":"Ann","family_name":"Lee","locale":"en"},
             "provider":"google-oauth2","user_id":"1234","connection":"google-oauth2","isSocial":true},
            {"user_id":583231,"provider":"github","connection":"github","isSocial":true,
             "profileData":{"username":"ann","phone_number":"+15551234","phone_verified":false,"email_verified":"maybe"}},
            {"user_id":"my-connection|a@b.c","provider":"samlp","connection":"my-connection"}],
        "name":"Ann Lee","nickname":"ann","updated_at":"2023-01-26T08:00:00.000Z",
        "last_login":{"$date":"2023-01-26T08:00:00.000Z"},"user_metadata":{"theme":"dark"},"user_id":"auth0|613282ad"}"#,
    )
    .unwrap();

    assert_eq!(user.user_id().unwrap().as_str(), "auth0|613282ad");
    assert_eq!(
        (user.email(), user.email_verified(), user.name()),
        (Some("ann@example.com"), Some(true), Some("Ann Lee"))
    );
    assert_eq!(user.created_at(), Some("2023-01-25T19:00:59.837Z"));
    assert_eq!(user.updated_at(), Some("2023-01-26T08:00:00.000Z"));
    assert_eq!(user.last_login(), None);
    assert_eq!(user.user_metadata().unwrap().get(), r#"{"theme":"dark"}"#);
    assert!(user.app_metadata().is_none());
    assert_eq!(
        user.other().iter().map(|(key, _)| key).collect::<Vec<_>>(),
        ["nickname"]
    );

    let main = user.primary_identity().unwrap();
    assert_eq!(*main.provider().unwrap(), Provider::Auth0);
    assert_eq!(
        (main.is_social(), main.profile_data().is_none()),
        (Some(false), true)
    );
    let keys: Vec<_> = user
        .secondary_identities()
        .iter()
        .map(|identity| identity.key().unwrap().to_string())
        .collect();
    assert_eq!(
        keys,
        [
            "google-oauth2|1234",
            "github|583231",
            "samlp|my-connection|a@b.c"
        ]
    );
    assert_eq!(
        user.secondary_identities()[2].connection(),
        Some("my-connection")
    );

    let google = user.secondary_identities()[0].profile_data().unwrap();
    assert_eq!(
        (google.email(), google.email_verified()),
        (Some("ann@example.org"), Some(true))
    );
    assert_eq!(
        (google.name(), google.nickname()),
        (Some("Ann"), Some("ann"))
    );
    assert_eq!(
        (google.given_name(), google.family_name()),
        (Some("Ann"), Some("Lee"))
    );
    assert_eq!(google.picture(), Some("https://example.org/a.png"));
    assert_eq!(google.other().parse::<&str>("locale").unwrap(), Some("en"));
    let github = user.secondary_identities()[1].profile_data().unwrap();
    assert_eq!(
        (github.username(), github.phone_number()),
        (Some("ann"), Some("+15551234"))
    );
    assert_eq!(
        (github.phone_verified(), github.email_verified()),
        (Some(false), None)
    );
}

#[test]
fn a_user_of_whom_little_was_asked() {
    let user = User::from_json(b"{}").unwrap();
    assert!(
        user.user_id().is_none()
            && user.identities().is_none()
            && user.primary_identity().is_none()
    );
    assert!(user.secondary_identities().is_empty() && user.other().is_empty());
    assert!(
        User::from_json(br#"{"identities":[]}"#)
            .unwrap()
            .identities()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn users_of_one_address() {
    let users = users_from_json(br#"[{"user_id":"auth0|1"},{"user_id":"sms|2"}]"#).unwrap();
    let ids: Vec<_> = users
        .iter()
        .map(|user| user.user_id().unwrap().as_str())
        .collect();
    assert_eq!(ids, ["auth0|1", "sms|2"]);
    let error = users_from_json(br#"[{},{"identities":[{},7]}]"#).unwrap_err();
    assert_eq!(error.path(), "[1].identities[1]");
}

#[test]
fn null_is_kept_as_null_and_absent_as_absent() {
    let json = r#"{"provider":null,"access_token":null,"user_id":"1"}"#;
    let identity = Identity::from_json(json.as_bytes()).unwrap();
    assert!(
        identity.provider().is_none()
            && identity.access_token().is_none()
            && identity.key().is_none()
    );
    assert_eq!(identity.other().get("provider").unwrap().get(), "null");
    assert_eq!(
        identity.other().get("connection").map(|value| value.get()),
        None
    );
    assert_eq!(serde_json::to_string(&identity).unwrap(), json);
}

#[test]
fn the_answer_to_an_unlink() {
    let left = identities_from_json(
        br#"[{"profileData":{"email":"ann@example.com"},"connection":"db","user_id":"1","provider":"auth0","isSocial":false},
        {"provider":"brand-new","user_id":2,"connection":"c"}]"#,
    )
    .unwrap();
    assert_eq!(
        left[0].profile_data().unwrap().email(),
        Some("ann@example.com")
    );
    assert_eq!(left[1].provider().unwrap().as_str(), "brand-new");
    assert_eq!(left[1].provider().unwrap().known(), None);
}

#[test]
fn a_key_that_occurs_twice_counts_as_its_last() {
    let json = r#"{"x":1,"x":2}"#;
    let identity = Identity::from_json(json.as_bytes()).unwrap();
    assert_eq!(
        (
            identity.other().len(),
            identity.other().get("x").unwrap().get()
        ),
        (2, "2")
    );
    assert_eq!(serde_json::to_string(&identity).unwrap(), json);
}

#[test]
fn values_go_to_other_threads() {
    fn travels<T: Send + Sync + Clone + 'static>() {}
    travels::<User>();
    travels::<Identity>();
}
