//! Client authentication by a signed assertion instead of a secret (`private_key_jwt`).

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::{SecureRandom as _, SystemRandom},
    signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};

use crate::error::{Error, ErrorKind};

/// How long an assertion is valid: as long as Auth0 advises.
const LIFE: Duration = Duration::from_secs(60);

/// The algorithms that Auth0 takes for signed assertions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PSS with SHA-256.
    Ps256,
}

impl SigningAlgorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Rs256 => &RSA_PKCS1_SHA256,
            Self::Rs384 => &RSA_PKCS1_SHA384,
            Self::Ps256 => &RSA_PSS_SHA256,
        }
    }
}

/// The private key of an application whose public key the tenant knows.
///
/// Source: [Authenticate with Private Key
/// JWT](https://auth0.com/docs/get-started/authentication-and-authorization-flow/authenticate-with-private-key-jwt).
///
/// ```no_run
/// use transport::{ClientCredentials, PrivateKey, SigningAlgorithm};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = PrivateKey::from_pem(&std::fs::read("application.pem")?, SigningAlgorithm::Rs256)?;
/// let credentials = ClientCredentials::with_private_key("my-client-id", key);
/// # let _ = credentials;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PrivateKey {
    pair: Arc<RsaKeyPair>,
    algorithm: SigningAlgorithm,
    key_id: Option<String>,
}

impl PrivateKey {
    /// Reads an RSA key of 2,048 to 4,096 bits, PKCS #8 or PKCS #1 in PEM form, not encrypted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] when it is no key in PEM form, or one that `algorithm` cannot sign with.
    pub fn from_pem(pem: &[u8], algorithm: SigningAlgorithm) -> Result<Self, Error> {
        let refuse = |problem: String| Error::new(ErrorKind::Input, problem);
        let encrypted = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "4,ENCRYPTED"];
        if encrypted.iter().any(|mark| contains(pem, mark)) {
            return Err(refuse(
                "the private key is encrypted; decrypt it first, as with openssl pkey".to_owned(),
            ));
        }
        let key = PrivateKeyDer::from_pem_slice(pem)
            .map_err(|_| refuse("the private key is not a key in PEM form".to_owned()))?;
        let pair = match &key {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => {
                return Err(refuse(format!(
                    "{} needs an RSA key, and this is none",
                    algorithm.name()
                )));
            }
        };
        let pair = pair.map_err(|rejected| {
            refuse(format!(
                "{} cannot sign with this private key: {rejected}",
                algorithm.name()
            ))
        })?;
        Ok(Self {
            pair: Arc::new(pair),
            algorithm,
            key_id: None,
        })
    }

    /// Names the key (`kid`) where the tenant knows more than one.
    #[must_use]
    pub fn key_id(mut self, key_id: impl Into<String>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// A new assertion, which the tenant takes once, at the time `now` since 1970.
    pub(crate) fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        now: Duration,
    ) -> Result<String, Error> {
        let failed = |_| Error::new(ErrorKind::Token, "the assertion could not be signed");
        let random = SystemRandom::new();
        let mut id = [0; 16];
        random.fill(&mut id).map_err(failed)?;
        let mut header = serde_json::json!({ "alg": self.algorithm.name(), "typ": "JWT" });
        if let Some(key_id) = &self.key_id {
            header["kid"] = key_id.as_str().into();
        }
        // Without the optional iat and nbf, which a clock slightly ahead of the tenant's would spoil.
        let claims = serde_json::json!({
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "exp": now.saturating_add(LIFE).as_secs(),
            "jti": BASE64_URL_SAFE_NO_PAD.encode(id),
        });
        let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        let signed = [
            encode(header.to_string().as_bytes()),
            encode(claims.to_string().as_bytes()),
        ]
        .join(".");
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                self.algorithm.encoding(),
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(failed)?;
        Ok([signed, encode(&signature)].join("."))
    }
}

fn contains(text: &[u8], mark: &str) -> bool {
    text.windows(mark.len())
        .any(|window| window == mark.as_bytes())
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
