//! Linking: the three forms, what becomes of the account, and every documented refusal.

use serde_json::{Value, json};
use unlink_sandbox::{Sandbox, Seed};

use crate::assertions::sign;
use crate::client::{Answer, send, send_body, send_json};

const JANE: &str = "auth0|63d17b7dbc8a5d0f3e9c4a21";
const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21/identities";
const SAM: &str = "auth0|63d2a4f18e0b7c35d9a61f47";
const DATABASE: &str = "con_Zm4tQ7rX2bWc9LdK";

fn link(sandbox: &Sandbox, body: &Value) -> Answer {
    let token = sandbox.token(&["update:users"]);
    send_json(sandbox, "POST", JANES, Some(&token), body)
}

#[test]
fn an_account_becomes_an_identity_and_is_gone() {
    for user_id in ["63d2a4f18e0b7c35d9a61f47", SAM] {
        let sandbox = Sandbox::start().unwrap();
        let body = json!({ "provider": "auth0", "user_id": user_id, "connection_id": DATABASE });
        let answer = link(&sandbox, &body);
        assert_eq!(answer.status, 201, "{user_id}");
        let identities = answer.json();
        assert_eq!(identities.as_array().unwrap().len(), 4);
        assert_eq!(identities[0]["profileData"]["nickname"], "jane.doe");
        let last = &identities[3];
        assert_eq!(last["user_id"], "63d2a4f18e0b7c35d9a61f47");
        assert_eq!(last["profileData"]["email"], "sam.lee@example.com");
        assert_eq!(last["profileData"].get("created_at"), None);
        assert_eq!(sandbox.user(SAM), None);
        let types: Vec<Value> = sandbox
            .effects()
            .iter()
            .map(|effect| serde_json::to_value(effect).unwrap()["type"].take())
            .collect();
        assert_eq!(types, ["user.deleted", "identity.linked"]);
    }
}

#[test]
fn an_integer_id_and_a_form_are_taken() {
    let seed = r#"{ "users": [
        { "user_id": "auth0|63d17b7dbc8a5d0f3e9c4a21",
          "identities": [{ "provider": "auth0", "user_id": "63d17b7dbc8a5d0f3e9c4a21", "connection": "db" }] },
        { "user_id": "github|7", "identities": [{ "provider": "github", "user_id": 7, "connection": "github" }] }
    ] }"#;
    for form in [false, true] {
        let sandbox = Sandbox::builder()
            .seed(Seed::from_json(seed).unwrap())
            .start()
            .unwrap();
        let answer = if form {
            let token = sandbox.token(&["update:users"]);
            let form = "application/x-www-form-urlencoded; charset=utf-8";
            send_body(
                &sandbox,
                "POST",
                JANES,
                Some(&token),
                form,
                "provider=github&user_id=7",
            )
        } else {
            link(&sandbox, &json!({ "provider": "github", "user_id": 7 }))
        };
        assert_eq!(answer.status, 201);
        assert_eq!(answer.json()[1]["user_id"], 7);
    }
}

#[test]
fn unlinking_and_linking_again_gives_back_the_same_identities() {
    let sandbox = Sandbox::start().unwrap();
    let before = sandbox.user(JANE).unwrap();
    let token = sandbox.token(&["update:users"]);
    let github = send(
        &sandbox,
        "DELETE",
        &format!("{JANES}/github/58323117"),
        Some(&token),
    );
    assert_eq!(github.status, 200);
    assert_eq!(
        link(
            &sandbox,
            &json!({ "provider": "github", "user_id": "58323117" })
        )
        .status,
        201
    );
    assert_eq!(
        sandbox.user(JANE).unwrap()["identities"],
        before["identities"]
    );
}

#[test]
fn a_users_own_token_links_with_the_others_id_token_only() {
    let sandbox = Sandbox::start().unwrap();
    let own = sandbox.user_token(JANE, &["update:current_user_identities"]);
    let by_id = json!({ "provider": "auth0", "user_id": SAM });
    let refused = send_json(&sandbox, "POST", JANES, Some(&own), &by_id);
    assert_eq!(refused.error().2.as_deref(), Some("insufficient_scope"));
    assert_eq!(refused.header("x-sandbox-provenance"), Some("inferred"));
    let body = json!({ "link_with": sandbox.id_token(SAM) });
    let linked = send_json(&sandbox, "POST", JANES, Some(&own), &body);
    assert_eq!(linked.status, 201);
    assert_eq!(linked.header("x-sandbox-provenance"), None);
    assert_eq!(sandbox.user(SAM), None);
}

#[test]
fn an_application_links_with_an_id_token_made_for_it() {
    let sandbox = Sandbox::start().unwrap();
    assert_eq!(
        link(&sandbox, &json!({ "link_with": sandbox.id_token(SAM) })).status,
        201
    );
}

#[test]
fn refusals_are_the_documented_ones() {
    let sandbox = Sandbox::start().unwrap();
    let other = Sandbox::start().unwrap();
    let before = sandbox.state();
    let named = |provider: &str, user_id: &str| json!({ "provider": provider, "user_id": user_id });
    let with = |connection_id: &str| json!({ "provider": "auth0", "user_id": "1", "connection_id": connection_id });
    let table = [
        (
            json!({}),
            400,
            "Payload validation error: 'Too few properties defined (0), minimum 1'.",
        ),
        (
            json!({ "user": "1", "a": 1 }),
            400,
            "Payload validation error: 'Additional properties not allowed: a,user'.",
        ),
        (
            json!({ "link_with": "x", "provider": "auth0" }),
            400,
            "Payload validation error: 'link_with must be the only property'.",
        ),
        (
            json!({ "user_id": "1" }),
            400,
            "The provider/connection is not configured.",
        ),
        (
            with("con_AAAAAAAAAAAAAAAA"),
            400,
            "The provider/connection is not configured.",
        ),
        (
            with("con_1"),
            400,
            "Payload validation error: 'String does not match pattern ^con_[A-Za-z0-9]{16}$: con_1' on property connection_id.",
        ),
        (
            named("auth0", "63d17b7dbc8a5d0f3e9c4a21"),
            400,
            "Main identity and the new one are the same.",
        ),
        (
            named("github", "58323117"),
            409,
            "Specified identity already exists.",
        ),
        (
            named("google-oauth2", "113920485517620394415"),
            409,
            "Specified identity already exists.",
        ),
        (
            named("samlp", "example-saml|jane@example.com"),
            400,
            "Unable to link with the secondary account.",
        ),
        (
            named("auth0", "nobody"),
            400,
            "Linking to an inexistent identity requires a connection.",
        ),
        (
            with(DATABASE),
            400,
            "Linking to an inexistent identity is not allowed.",
        ),
        (
            json!({ "link_with": "garbage" }),
            400,
            "Invalid token (link_with).",
        ),
        (
            json!({ "link_with": sandbox.id_token("auth0|nobody") }),
            400,
            "Provided secondary account not found.",
        ),
        (
            json!({ "link_with": sandbox.id_token("nobody") }),
            400,
            "JWT (link_with) contains an invalid sub claim.",
        ),
        (
            json!({ "link_with": other.id_token(SAM) }),
            400,
            "JWT (link_with) must have the same issuer as the calling user.",
        ),
        (
            json!({ "link_with": sandbox.user_token(SAM, &[]) }),
            400,
            "JWT (link_with) must have an aud claim that matches that of the calling token's azp.",
        ),
    ];
    for (body, status, message) in table {
        let answer = link(&sandbox, &body);
        let (got, text, _) = answer.error();
        assert_eq!((got, text.as_str()), (status, message), "{body}");
    }
    let token = sandbox.token(&["update:users"]);
    let nobody = "/api/v2/users/auth0%7Cnobody/identities";
    let unknown = send_json(&sandbox, "POST", nobody, Some(&token), &named("auth0", SAM));
    assert_eq!(unknown.error().2.as_deref(), Some("inexistent_user"));
    let broken = send_body(
        &sandbox,
        "POST",
        JANES,
        Some(&token),
        "application/json",
        "{",
    );
    assert_eq!(broken.error().1, "Invalid request payload JSON format");
    assert_eq!(sandbox.state(), before);
    assert!(sandbox.effects().is_empty());
}

#[test]
fn the_primary_keeps_its_metadata_and_the_order_of_its_identities() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["update:users"]);
    let metadata =
        json!({ "user_metadata": { "secondary": true }, "app_metadata": { "secondary": 1 } });
    let sams = "/api/v2/users/auth0%7C63d2a4f18e0b7c35d9a61f47";
    assert_eq!(
        send_json(&sandbox, "PATCH", sams, Some(&token), &metadata).status,
        200
    );
    let before = sandbox.user(JANE).unwrap();
    assert!(before["user_metadata"].is_object() && before["app_metadata"].is_object());
    let check = |order: &[&str]| {
        let jane = sandbox.user(JANE).unwrap();
        let providers = |identities: &Value| -> Vec<String> {
            let all = identities.as_array().unwrap().iter();
            all.map(|it| it["provider"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(providers(&jane["identities"]), order);
        for key in ["user_metadata", "app_metadata"] {
            assert_eq!(jane[key], before[key], "{key}");
        }
    };
    check(&["auth0", "google-oauth2", "github"]);
    let sam = json!({ "provider": "auth0", "user_id": SAM });
    assert_eq!(link(&sandbox, &sam).status, 201);
    check(&["auth0", "google-oauth2", "github", "auth0"]);
    let google = format!("{JANES}/google-oauth2/108357642915403298764");
    assert_eq!(send(&sandbox, "DELETE", &google, Some(&token)).status, 200);
    check(&["auth0", "github", "auth0"]);
    let sam = format!("{JANES}/auth0/63d2a4f18e0b7c35d9a61f47");
    assert_eq!(send(&sandbox, "DELETE", &sam, Some(&token)).status, 200);
    check(&["auth0", "github"]);
    let split = sandbox.user(SAM).unwrap();
    assert_eq!(
        (split.get("user_metadata"), split.get("app_metadata")),
        (None, None)
    );
}

#[test]
fn a_secondarys_token_has_to_be_fit_in_every_claim() {
    let sandbox = Sandbox::start().unwrap();
    let later = sandbox.now() + std::time::Duration::from_secs(60);
    let seconds =
        |at: std::time::SystemTime| at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({
        "iss": format!("{}/", sandbox.url()), "sub": SAM, "aud": sandbox.client_id(), "exp": seconds(later),
    });
    let without = |key: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(key);
        sign(&sandbox, "RS256", &claims)
    };
    let mut past = claims.clone();
    past["exp"] = (seconds(sandbox.now()) - 1).into();
    let table = [
        (sign(&sandbox, "RS256", &past), "Invalid token (link_with)."),
        (without("exp"), "Invalid token (link_with)."),
        (
            sign(&sandbox, "RS384", &claims),
            "JWT (link_with) must have an alg of RS256.",
        ),
        (
            without("aud"),
            "JWT (link_with) contains an invalid aud claim.",
        ),
        (without("sub"), "JWT (link_with) must contains sub claim."),
        (
            without("iss"),
            "JWT (link_with) must have the same issuer as the calling user.",
        ),
    ];
    for (token, message) in table {
        let refused = link(&sandbox, &json!({ "link_with": token }));
        assert_eq!((refused.status, refused.error().1.as_str()), (400, message));
    }
    assert!(sandbox.effects().is_empty());
    let good = sign(&sandbox, "RS256", &claims);
    assert_eq!(link(&sandbox, &json!({ "link_with": good })).status, 201);
}
