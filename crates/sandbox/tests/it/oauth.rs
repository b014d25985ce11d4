//! The token endpoint, its keys and its discovery document.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use unlink_sandbox::Sandbox;

use crate::client::{Answer, parse, raw, send, send_body, send_json};

const FORM: &str = "application/x-www-form-urlencoded";

fn credentials(sandbox: &Sandbox) -> Value {
    json!({
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id(),
        "client_secret": sandbox.client_secret(),
        "audience": format!("{}/api/v2/", sandbox.url()),
    })
}

fn ask(sandbox: &Sandbox, body: &Value) -> Answer {
    send_json(sandbox, "POST", "/oauth/token", None, body)
}

#[test]
fn json_form_and_basic_give_a_token_that_works() {
    let sandbox = Sandbox::builder()
        .granted_scopes(&["read:users", "update:users"])
        .token_lifetime(Duration::from_secs(3600))
        .start()
        .unwrap();
    let (id, secret) = (sandbox.client_id(), sandbox.client_secret());
    let audience = format!("{}/api/v2/", sandbox.url());
    let form = format!("grant_type=client_credentials&audience={audience}");
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    let with_basic = format!(
        "POST /oauth/token HTTP/1.1\r\nhost: {}\r\nauthorization: Basic {basic}\r\ncontent-type: {FORM}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{form}",
        sandbox.domain(),
        form.len(),
    );
    let full = format!("{form}&client_id={id}&client_secret={secret}");
    for answer in [
        ask(&sandbox, &credentials(&sandbox)),
        send_body(&sandbox, "POST", "/oauth/token", None, FORM, &full),
        parse(&raw(&sandbox, &with_basic)),
    ] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(body["scope"], "read:users update:users");
        let token = body["access_token"].as_str().unwrap();
        let claims = claims(token);
        assert_eq!(claims["sub"], format!("{id}@clients"));
        assert_eq!(claims["aud"], audience);
        assert_eq!(claims["iss"], format!("{}/", sandbox.url()));
        assert_eq!(claims["gty"], "client-credentials");
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            3600
        );
        let user = "/api/v2/users/auth0%7C63d2a4f18e0b7c35d9a61f47";
        assert_eq!(send(&sandbox, "GET", user, Some(token)).status, 200);
        assert_eq!(send(&sandbox, "DELETE", user, Some(token)).status, 403);
    }
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn refusals_carry_error_and_description() {
    let sandbox = Sandbox::start().unwrap();
    let but = |key: &str, value: Value| {
        let mut body = credentials(&sandbox);
        body[key] = value;
        body
    };
    let table = [
        (
            but("client_secret", "wrong".into()),
            401,
            "access_denied",
            "Unauthorized",
        ),
        (
            but("client_id", "unknown".into()),
            401,
            "access_denied",
            "Unauthorized",
        ),
        (
            but("audience", "https://x/".into()),
            403,
            "access_denied",
            "Service not enabled within domain: https://x/",
        ),
        (
            but("grant_type", "password".into()),
            403,
            "unsupported_grant_type",
            "Unsupported grant type: password",
        ),
        (
            but("grant_type", Value::Null),
            400,
            "invalid_request",
            "Missing required parameter: grant_type",
        ),
    ];
    for (body, status, error, description) in table {
        let answer = ask(&sandbox, &body);
        let expected = json!({ "error": error, "error_description": description });
        assert_eq!((answer.status, answer.json()), (status, expected));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[test]
fn the_logged_body_of_a_token_request_holds_no_secret() {
    let sandbox = Sandbox::start().unwrap();
    ask(&sandbox, &credentials(&sandbox));
    let form = format!("client_secret={}", sandbox.client_secret());
    send_body(&sandbox, "POST", "/oauth/token", None, FORM, &form);
    let logged = format!("{:?}", sandbox.requests());
    assert!(logged.contains(sandbox.client_id()));
    assert!(!logged.contains(sandbox.client_secret()));
}

#[test]
fn a_name_of_the_tenant_has_tokens_of_its_own() {
    let sandbox = Sandbox::builder().domain("tenant.test").start().unwrap();
    let get = |host: &str, token: &str| {
        let head = format!(
            "GET /api/v2/users/auth0%7C63d2a4f18e0b7c35d9a61f47 HTTP/1.1\r\nhost: {host}\r\n"
        );
        parse(&raw(
            &sandbox,
            &format!("{head}authorization: Bearer {token}\r\nconnection: close\r\n\r\n"),
        ))
        .status
    };
    let token = sandbox.token(&["read:users"]);
    assert_eq!(get(&sandbox.domain(), &token), 200);
    assert_eq!(get("tenant.test", &token), 401);
    assert_eq!(get("other.test", &token), 421);
}

#[test]
fn the_discovery_document_leads_to_keys_that_verify_a_token() {
    let sandbox = Sandbox::start().unwrap();
    let discovery = send(&sandbox, "GET", "/.well-known/openid-configuration", None).json();
    assert_eq!(discovery["issuer"], format!("{}/", sandbox.url()));
    assert_eq!(
        discovery["token_endpoint"],
        format!("{}/oauth/token", sandbox.url())
    );
    let jwks = discovery["jwks_uri"]
        .as_str()
        .unwrap()
        .strip_prefix(sandbox.url())
        .unwrap();
    let keys = send(&sandbox, "GET", jwks, None).json();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["alg"]), (&json!("RSA"), &json!("RS256")));

    let token = sandbox.token(&["read:users"]);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let public = ring::signature::RsaPublicKeyComponents {
        n: number("n"),
        e: number("e"),
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let algorithm = &ring::signature::RSA_PKCS1_2048_8192_SHA256;
    public
        .verify(algorithm, message.as_bytes(), &signature)
        .unwrap();
}
