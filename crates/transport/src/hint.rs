//! What a person can do about a failure.

use std::{fmt, time::SystemTime};

/// What a person can do about a failure; displayed as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// Nobody whom this machine trusts has signed the certificate of the other side: a proxy's, or that of a local tenant.
    UntrustedCertificate,
    /// The token has none of these scopes, and one of them is needed.
    MissingScopes(Vec<String>),
    /// The token was issued by this tenant or domain, not by the one that was asked.
    ForeignToken(String),
    /// This machine's clock is ahead of the tenant's by so many seconds, or behind it.
    ClockOff(i64),
    /// The tenant takes requests again at this time.
    RetryAt(SystemTime),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UntrustedCertificate => f.write_str(
                "nobody whom this machine trusts has signed the certificate; name the authority that has, if you trust it",
            ),
            Self::MissingScopes(scopes) => match scopes.as_slice() {
                [one] => write!(f, "the token lacks the scope {one}"),
                any => write!(f, "the token has none of the scopes {}", any.join(", ")),
            },
            Self::ForeignToken(issuer) => {
                write!(f, "the token is for another domain: {issuer} issued it")
            }
            Self::ClockOff(seconds) => {
                let side = if *seconds > 0 { "ahead of" } else { "behind" };
                write!(
                    f,
                    "this machine's clock is {} s {side} the tenant's",
                    seconds.unsigned_abs()
                )
            }
            Self::RetryAt(at) => write!(f, "try again after {}", httpdate::fmt_http_date(*at)),
        }
    }
}
