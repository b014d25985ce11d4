//! A token of an identity provider, which nothing shows by accident.

use std::fmt;

use zeroize::Zeroizing;

use crate::DecodeError;
use crate::decode::Node;

/// A token that an identity provider gave for a user, as Auth0 keeps it inside an identity.
///
/// It shows itself to nobody: `Debug` prints `[redacted]`, there is no `Display`, writing an
/// [`Identity`](crate::Identity) as JSON leaves it out, and its memory is wiped when it is dropped. Only
/// [`expose`](Self::expose) gives it out. The text it was decoded from is not ours to wipe.
///
/// ```
/// let json = br#"{"provider":"github","access_token":"gho_secret"}"#;
/// let github = identity_model::Identity::from_json(json)?;
/// let token = github.access_token().unwrap();
/// assert_eq!(format!("{token:?}"), "[redacted]");
/// assert_eq!(token.expose(), "gho_secret");
/// # Ok::<(), identity_model::DecodeError>(())
/// ```
///
/// ```compile_fail,E0277
/// fn show(token: &identity_model::IdpToken) -> String {
///     serde_json::to_string(token).unwrap()
/// }
/// ```
///
/// Source: [Identity provider access
/// tokens](https://auth0.com/docs/secure/tokens/access-tokens/identity-provider-access-tokens).
#[derive(Clone)]
pub struct IdpToken(Zeroizing<String>);

impl IdpToken {
    pub(crate) fn decode(node: Node<'_>) -> Result<Self, DecodeError> {
        node.text().map(|token| Self(Zeroizing::new(token)))
    }

    /// Returns the token in clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdpToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
