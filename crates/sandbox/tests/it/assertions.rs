//! A client that proves itself by a signed assertion: what is taken, and what is refused.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};
use unlink_sandbox::Sandbox;

use crate::client::{Answer, send_json};

const NOW: u64 = 1_700_000_000;
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn sandbox() -> Sandbox {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    Sandbox::builder().frozen_at(at).start().unwrap()
}

fn claims(sandbox: &Sandbox, id: &str) -> Value {
    json!({
        "iss": sandbox.client_id(), "sub": sandbox.client_id(), "aud": format!("{}/", sandbox.url()),
        "iat": NOW, "exp": NOW + 60, "jti": id,
    })
}

/// Signs these claims with the one key there is, which is the tenant's own too.
pub(crate) fn sign(sandbox: &Sandbox, algorithm: &str, claims: &Value) -> String {
    let encoding: &dyn RsaEncoding = match algorithm {
        "RS384" => &RSA_PKCS1_SHA384,
        "PS256" => &RSA_PSS_SHA256,
        _ => &RSA_PKCS1_SHA256,
    };
    let pem: Vec<&str> = sandbox
        .client_key_pem()
        .lines()
        .skip_while(|line| !line.starts_with("-----"))
        .collect();
    let der = STANDARD.decode(pem[1..pem.len() - 1].concat()).unwrap();
    let key = RsaKeyPair::from_pkcs8(&der).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": algorithm })), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        encoding,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn ask(sandbox: &Sandbox, assertion: &str) -> Answer {
    let body = json!({
        "grant_type": "client_credentials", "audience": format!("{}/api/v2/", sandbox.url()),
        "client_assertion_type": TYPE, "client_assertion": assertion,
    });
    send_json(sandbox, "POST", "/oauth/token", None, &body)
}

#[test]
fn the_three_algorithms_are_taken_and_each_assertion_once() {
    let sandbox = sandbox();
    for algorithm in ["RS256", "RS384", "PS256"] {
        let assertion = sign(&sandbox, algorithm, &claims(&sandbox, algorithm));
        assert_eq!(ask(&sandbox, &assertion).status, 200, "{algorithm}");
        let again = ask(&sandbox, &assertion);
        assert_eq!(
            (again.status, &again.json()["error"]),
            (401, &json!("invalid_client"))
        );
        assert_eq!(again.json()["error_description"], "jti was used before");
    }
    assert!(!format!("{:?}", sandbox.requests()).contains("eyJ"));
}

#[test]
fn what_does_not_hold_is_refused_in_words() {
    let sandbox = sandbox();
    let but = |key: &str, value: Value| {
        let mut claims = claims(&sandbox, "fresh");
        claims[key] = value;
        sign(&sandbox, "RS256", &claims)
    };
    let mut forged = but("jti", json!("forged"));
    forged.truncate(forged.len() - 4);
    forged.push_str("AAAA");
    let table = [
        (
            but("iss", json!("other")),
            "iss and sub must both be the client id",
        ),
        (
            but("aud", json!(sandbox.url())),
            "aud must be the tenant's address with a slash at its end",
        ),
        (but("exp", json!(NOW - 10)), "the assertion has expired"),
        (
            but("exp", json!(NOW + 311)),
            "the assertion lasts longer than 5 minutes",
        ),
        (but("exp", Value::Null), "exp is missing"),
        (but("nbf", json!(NOW + 11)), "iat or nbf is in the future"),
        (
            but("jti", json!("x".repeat(65))),
            "jti must have 1 to 64 characters",
        ),
        (but("jti", Value::Null), "jti is missing"),
        (
            but("filler", json!("x".repeat(2048))),
            "the assertion is longer than 2048 bytes",
        ),
        (
            sign(&sandbox, "HS256", &claims(&sandbox, "h")),
            "the assertion is not signed with RS256, RS384 or PS256",
        ),
        (forged, "the assertion is signed with another key"),
        ("garbage".to_owned(), "the assertion is not a token"),
    ];
    for (assertion, problem) in table {
        let answer = ask(&sandbox, &assertion);
        assert_eq!(
            (answer.status, answer.json()["error_description"].as_str()),
            (401, Some(problem))
        );
    }
}
