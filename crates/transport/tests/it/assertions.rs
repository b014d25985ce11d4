//! Signed assertions: what the tenant gets, that its signature holds, and which keys are refused.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, RsaKeyPair, RsaParameters,
        RsaPublicKeyComponents,
    },
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use std::time::{SystemTime, UNIX_EPOCH};
use transport::{
    Client, ClientCredentials, ErrorKind, PrivateKey, ScriptedRoundTrip, SigningAlgorithm,
};

use crate::tokens::{issued, read};

/// Worth nothing to anyone: it stands in this repository.
const PUBLIC_TEST_KEY: &[u8] = include_bytes!("../../../sandbox/src/public-test-key.pem");

fn decoded(part: &str) -> serde_json::Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_attempt_carries_a_new_assertion_that_the_public_key_confirms() {
    let key = PrivatePkcs8KeyDer::from_pem_slice(PUBLIC_TEST_KEY).unwrap();
    let pair = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
    let table: [(SigningAlgorithm, &str, &RsaParameters); 3] = [
        (
            SigningAlgorithm::Rs256,
            "RS256",
            &RSA_PKCS1_2048_8192_SHA256,
        ),
        (
            SigningAlgorithm::Rs384,
            "RS384",
            &RSA_PKCS1_2048_8192_SHA384,
        ),
        (SigningAlgorithm::Ps256, "PS256", &RSA_PSS_2048_8192_SHA256),
    ];
    for (algorithm, name, parameters) in table {
        let key = PrivateKey::from_pem(PUBLIC_TEST_KEY, algorithm)
            .unwrap()
            .key_id("key-1");
        let script = ScriptedRoundTrip::new()
            .answer(503, "")
            .answer(200, issued("one", 1000))
            .answer(200, "");
        let credentials = ClientCredentials::with_private_key("the-client", key);
        let client = Client::builder("example.auth0.com".parse().unwrap(), credentials);
        read(&client.round_trip(script.clone()).build().unwrap())
            .await
            .unwrap();

        let mut ids = Vec::new();
        for request in &script.requests()[..2] {
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            assert_eq!(body["grant_type"], "client_credentials");
            assert_eq!(
                body["client_assertion_type"],
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            assert!(body.get("client_secret").is_none());
            let assertion = body["client_assertion"].as_str().unwrap();
            assert!(assertion.len() <= 2048);
            let (signed, signature) = assertion.rsplit_once('.').unwrap();
            let (header, claims) = signed.split_once('.').unwrap();
            assert_eq!(
                decoded(header),
                serde_json::json!({ "alg": name, "typ": "JWT", "kid": "key-1" })
            );
            let claims = decoded(claims);
            assert_eq!(claims["iss"], "the-client");
            assert_eq!(claims["sub"], "the-client");
            assert_eq!(claims["aud"], "https://example.auth0.com/");
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs();
            let lasts = claims["exp"].as_u64().unwrap() - now;
            assert!((50..=60).contains(&lasts), "{lasts}");
            ids.push(claims["jti"].as_str().unwrap().to_owned());
            let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
            public
                .verify(parameters, signed.as_bytes(), &signature)
                .unwrap();
        }
        assert_ne!(ids[0], ids[1], "an assertion is taken once");
    }
}

#[test]
fn a_key_that_does_not_fit_is_refused_when_it_is_read() {
    let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
        .unwrap();
    let body = base64::prelude::BASE64_STANDARD.encode(ec.as_ref());
    let ec = [
        "-----BEGIN PRIVATE KEY-----\n",
        &body,
        "\n-----END PRIVATE KEY-----\n",
    ]
    .concat();
    for (pem, message) in [
        ("", "the private key is not a key in PEM form"),
        ("planted", "the private key is not a key in PEM form"),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "the private key is encrypted; decrypt it first, as with openssl pkey",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "the private key is encrypted; decrypt it first, as with openssl pkey",
        ),
        (
            &ec,
            "RS256 cannot sign with this private key: WrongAlgorithm",
        ),
    ] {
        let error = PrivateKey::from_pem(pem.as_bytes(), SigningAlgorithm::Rs256).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert_eq!(error.to_string(), message);
    }
    let key = PrivateKey::from_pem(PUBLIC_TEST_KEY, SigningAlgorithm::Ps256).unwrap();
    assert_eq!(format!("{key:?}"), "PrivateKey { algorithm: Ps256, .. }");
}
