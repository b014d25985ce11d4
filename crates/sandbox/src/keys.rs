//! The fixed, public test key that signs the tenant's tokens, and its public half as a JWKS.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

/// The key id in the header of every token.
pub(crate) const KEY_ID: &str = "unlink-sandbox-public-test-key";

/// The key itself, private half and all (PKCS#8): it is public, and worth nothing.
pub(crate) const PEM: &str = include_str!("public-test-key.pem");

static PAIR: LazyLock<RsaKeyPair> = LazyLock::new(load);

static PUBLIC: LazyLock<PublicKeyComponents<Vec<u8>>> = LazyLock::new(|| PAIR.public().into());

#[expect(
    clippy::expect_used,
    reason = "the key is a constant of this crate, and every test loads it"
)]
fn load() -> RsaKeyPair {
    let base64: String = PEM
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = STANDARD.decode(base64).expect("the test key is base64");
    RsaKeyPair::from_pkcs8(&der).expect("the test key is a PKCS#8 RSA key")
}

/// An RS256 signature of `message`.
pub(crate) fn sign(message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; PAIR.public().modulus_len()];
    #[expect(
        clippy::expect_used,
        reason = "fails only when the buffer has the wrong length or the system has no randomness"
    )]
    PAIR.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .expect("the test key signs");
    signature
}

/// The signature algorithms that a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Ps256,
}

impl Algorithm {
    /// The algorithm with this name in the header of a token.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "RS384" => Some(Self::Rs384),
            "PS256" => Some(Self::Ps256),
            _ => None,
        }
    }
}

/// Whether `signature` is this key's signature of `message`.
pub(crate) fn verify(algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let parameters = match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
    };
    PUBLIC.verify(parameters, message, signature).is_ok()
}

/// The public half, as `/.well-known/jwks.json` shows it.
pub(crate) fn jwks() -> Value {
    let PublicKeyComponents { n, e } = &*PUBLIC;
    json!({ "keys": [{
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": KEY_ID,
        "n": URL_SAFE_NO_PAD.encode(n),
        "e": URL_SAFE_NO_PAD.encode(e),
    }] })
}
