//! Creating users: what is stored, what is filled in, what is refused.

use serde_json::json;
use unlink_sandbox::Sandbox;

use crate::client::{send_body, send_json};

const DATABASE: &str = "Username-Password-Authentication";

#[test]
fn a_database_user_is_stored_with_what_the_tenant_fills_in() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["create:users"]);
    let body = json!({
        "connection": DATABASE, "email": "Kim.Roe@Example.com", "password": "p", "verify_email": false,
        "user_metadata": { "a": 1 },
    });
    let answer = send_json(&sandbox, "POST", "/api/v2/users", Some(&token), &body);
    assert_eq!(answer.status, 201);
    let user = answer.json();
    assert_eq!(user["email"], "kim.roe@example.com");
    assert_eq!(
        (&user["name"], &user["nickname"]),
        (&json!("kim.roe@example.com"), &json!("kim.roe"))
    );
    assert_eq!(user["email_verified"], false);
    assert_eq!(user.get("app_metadata"), None);
    for absent in [
        "password",
        "connection",
        "verify_email",
        "last_login",
        "logins_count",
    ] {
        assert_eq!(user.get(absent), None, "{absent}");
    }
    let id = user["user_id"].as_str().unwrap();
    assert_eq!(id.len(), "auth0|".len() + 24);
    assert_eq!(sandbox.user(id).unwrap(), user);
    assert!(!format!("{:?}", sandbox.requests()).contains("\"password\":\"p\""));
}

#[test]
fn ids_follow_from_the_seed_of_the_random_generator() {
    let make = |seed: u64| {
        let sandbox = Sandbox::builder().rng_seed(seed).start().unwrap();
        let token = sandbox.token(&["create:users"]);
        let body = json!({ "connection": "sms", "phone_number": "+15550100" });
        let answer = send_json(&sandbox, "POST", "/api/v2/users", Some(&token), &body);
        answer.json()["user_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(make(1), make(1));
    assert_ne!(make(1), make(2));
    assert!(make(1).starts_with("sms|"));
}

#[test]
fn a_form_and_an_id_of_ones_own_are_taken() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["create:users"]);
    let form =
        format!("connection={DATABASE}&email=a%40b.c&password=p&email_verified=true&user_id=mine");
    let type_ = "application/x-www-form-urlencoded";
    let answer = send_body(
        &sandbox,
        "POST",
        "/api/v2/users",
        Some(&token),
        type_,
        &form,
    );
    assert_eq!(answer.status, 201);
    let user = answer.json();
    assert_eq!(
        (&user["user_id"], &user["email_verified"]),
        (&json!("auth0|mine"), &json!(true))
    );
}

#[test]
fn refusals_change_nothing() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["create:users"]);
    let before = sandbox.state();
    let table = [
        (
            json!({ "email": "a@b.c" }),
            400,
            "Payload validation error: 'Missing required property: connection'.",
        ),
        (
            json!({ "connection": DATABASE, "email": "a@b.c" }),
            400,
            "Payload validation error: 'Missing required property: password'.",
        ),
        (
            json!({ "connection": "sms" }),
            400,
            "Payload validation error: 'Missing required property: phone_number'.",
        ),
        (
            json!({ "connection": DATABASE, "mail": "a" }),
            400,
            "Payload validation error: 'Additional properties not allowed: mail'.",
        ),
        (
            json!({ "connection": DATABASE, "blocked": "no" }),
            400,
            "Payload validation error: 'Expected type boolean' on property blocked.",
        ),
        (
            json!({ "connection": "none", "email": "a@b.c" }),
            400,
            "Connection does not exist.",
        ),
        (
            json!({ "connection": "github", "email": "a@b.c" }),
            400,
            "Connection does not support user creation through the API. It must either be a database or passwordless connection.",
        ),
        (
            json!({ "connection": DATABASE, "email": "SAM.LEE@example.com", "password": "p" }),
            409,
            "The user already exists.",
        ),
        (
            json!({ "connection": DATABASE, "user_id": "63d2a4f18e0b7c35d9a61f47", "email": "n@b.c", "password": "p" }),
            409,
            "The user already exists.",
        ),
    ];
    for (body, status, message) in table {
        let answer = send_json(&sandbox, "POST", "/api/v2/users", Some(&token), &body);
        let (got, text, _) = answer.error();
        assert_eq!((got, text.as_str()), (status, message), "{body}");
    }
    assert_eq!(sandbox.state(), before);
}

#[test]
fn the_id_of_a_deleted_user_and_those_linked_to_it_are_free_again() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["create:users", "delete:users", "update:users"]);
    let create = |email: &str| {
        let body =
            json!({ "connection": DATABASE, "email": email, "password": "p", "user_id": "again" });
        send_json(&sandbox, "POST", "/api/v2/users", Some(&token), &body).status
    };
    assert_eq!([create("a@b.c"), create("d@e.f")], [201, 409]);
    let jane = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";
    let link = json!({ "provider": "auth0", "user_id": "again" });
    assert_eq!(
        send_json(
            &sandbox,
            "POST",
            &format!("{jane}/identities"),
            Some(&token),
            &link
        )
        .status,
        201
    );
    assert_eq!(create("d@e.f"), 409);
    assert_eq!(
        send_body(
            &sandbox,
            "DELETE",
            jane,
            Some(&token),
            "application/json",
            ""
        )
        .status,
        204
    );
    assert_eq!(create("d@e.f"), 201);
}
