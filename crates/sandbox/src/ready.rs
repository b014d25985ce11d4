//! What someone needs to use a tenant that has just started.

use std::fmt;

use serde::Serialize;

/// Where a tenant is and how to get in; as JSON it is one flat object.
///
/// Nothing in it is a secret: the credentials are good for this local tenant only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ready {
    /// The address, `http://127.0.0.1:PORT`.
    pub url: String,
    /// Host and port.
    pub domain: String,
    /// The id of the machine-to-machine application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// An access token with everything `/oauth/token` grants.
    pub token: String,
}

/// One line for a person, without the token.
impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local tenant at {}, client {}", self.url, self.client_id)
    }
}
