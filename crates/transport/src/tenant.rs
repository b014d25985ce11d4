//! Which tenant a client talks to: the one authority a token may go to.

use std::{fmt, net::IpAddr, str::FromStr};

use http::uri::{Authority, Scheme, Uri};

/// An Auth0 tenant: a host over https, or a local one over http.
///
/// Parses from a host (`example.eu.auth0.com`) or a URL (`https://example.eu.auth0.com/`). Plain http is
/// accepted for loopback hosts only, because requests carry a token.
///
/// ```
/// use transport::Tenant;
///
/// let tenant: Tenant = "example.eu.auth0.com".parse()?;
/// assert_eq!(tenant.to_string(), "https://example.eu.auth0.com");
/// assert_eq!(tenant.audience(), "https://example.eu.auth0.com/api/v2/");
/// assert!("http://example.eu.auth0.com".parse::<Tenant>().is_err());
/// # Ok::<(), transport::TenantError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    scheme: Scheme,
    authority: Authority,
}

impl Tenant {
    /// The authority that requests, and tokens, go to.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Whether requests are encrypted on the way; only a loopback tenant's are not.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    pub(crate) const fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The audience of this tenant's Management API, as
    /// [Auth0 documents it](https://auth0.com/docs/secure/tokens/access-tokens/management-api-access-tokens).
    #[must_use]
    pub fn audience(&self) -> String {
        format!("{self}/api/v2/")
    }
}

/// Whether nothing sent to this host leaves the machine.
fn is_loopback(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    host == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

impl FromStr for Tenant {
    type Err = TenantError;

    fn from_str(text: &str) -> Result<Self, TenantError> {
        let refuse = |reason| TenantError {
            text: text.to_owned(),
            reason,
        };
        if text.is_empty() {
            return Err(refuse(Reason::Empty));
        }
        if !text.is_ascii() {
            return Err(refuse(Reason::NotAscii));
        }
        if text.contains('@') {
            // Not echoed: what stands before an @ may be a password.
            return Err(TenantError {
                text: String::new(),
                reason: Reason::Credentials,
            });
        }
        let url = if text.contains("://") {
            text.to_ascii_lowercase()
        } else {
            format!("https://{text}").to_ascii_lowercase()
        };
        let uri: Uri = url.parse().map_err(|_| refuse(Reason::NotAHost))?;
        if uri.path() != "/" || uri.query().is_some() || url.contains('#') {
            return Err(refuse(Reason::Path));
        }
        let mut parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme.take(), parts.authority.take()) else {
            return Err(refuse(Reason::NotAHost));
        };
        if authority.host().is_empty()
            || (authority.as_str().contains(':')
                && authority.port().is_none()
                && !authority.as_str().ends_with(']'))
        {
            return Err(refuse(Reason::NotAHost));
        }
        if scheme == Scheme::HTTP && !is_loopback(authority.host()) {
            return Err(refuse(Reason::Http));
        }
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(refuse(Reason::Scheme));
        }
        // Neither the issuer of a token nor its audience has the port that goes without saying.
        let unsaid = if scheme == Scheme::HTTPS { 443 } else { 80 };
        let authority = match authority.port_u16() {
            Some(port) if port == unsaid => authority
                .host()
                .parse()
                .map_err(|_| refuse(Reason::NotAHost))?,
            _ => authority,
        };
        Ok(Self { scheme, authority })
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// Why a text is not a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantError {
    text: String,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Empty,
    NotAscii,
    Credentials,
    NotAHost,
    Path,
    Http,
    Scheme,
}

impl fmt::Display for TenantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        match self.reason {
            Reason::Empty => {
                f.write_str("the tenant's domain is empty; give it as in example.eu.auth0.com")
            }
            Reason::NotAscii => write!(
                f,
                "the domain \"{text}\" is not ASCII; give its punycode form"
            ),
            Reason::Credentials => {
                f.write_str("the tenant's domain must not carry a user name or password")
            }
            Reason::NotAHost => write!(
                f,
                "\"{text}\" is not a domain; give it as in example.eu.auth0.com"
            ),
            Reason::Path => write!(
                f,
                "\"{text}\" has more than a host; give it as in example.eu.auth0.com"
            ),
            Reason::Http => write!(
                f,
                "\"{text}\" would carry the token unencrypted; use https, http is for loopback only"
            ),
            Reason::Scheme => write!(f, "\"{text}\" is not an https URL"),
        }
    }
}

impl std::error::Error for TenantError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_urls_parse() {
        for (text, shown) in [
            ("example.eu.auth0.com", "https://example.eu.auth0.com"),
            ("Example.EU.auth0.com", "https://example.eu.auth0.com"),
            (
                "https://example.eu.auth0.com/",
                "https://example.eu.auth0.com",
            ),
            ("login.example.com:8443", "https://login.example.com:8443"),
            ("login.example.com:443", "https://login.example.com"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://[::1]:80", "https://[::1]:80"),
            ("http://127.0.0.1:4040", "http://127.0.0.1:4040"),
            ("http://127.9.9.9:1/", "http://127.9.9.9:1"),
            ("http://[::1]:4040", "http://[::1]:4040"),
            ("http://localhost:4040", "http://localhost:4040"),
            ("https://localhost", "https://localhost"),
        ] {
            assert_eq!(text.parse::<Tenant>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_to_do() {
        let refused = |text: &str| text.parse::<Tenant>().unwrap_err().to_string();
        insta::assert_snapshot!(refused(""), @"the tenant's domain is empty; give it as in example.eu.auth0.com");
        insta::assert_snapshot!(refused("http://example.com"), @r#""http://example.com" would carry the token unencrypted; use https, http is for loopback only"#);
        insta::assert_snapshot!(refused("http://localhost.example.com"), @r#""http://localhost.example.com" would carry the token unencrypted; use https, http is for loopback only"#);
        insta::assert_snapshot!(refused("ftp://example.com"), @r#""ftp://example.com" is not an https URL"#);
        insta::assert_snapshot!(refused("https://example.com/api/v2/"), @r#""https://example.com/api/v2/" has more than a host; give it as in example.eu.auth0.com"#);
        insta::assert_snapshot!(refused("example.com?x"), @r#""example.com?x" has more than a host; give it as in example.eu.auth0.com"#);
        insta::assert_snapshot!(refused("example.com#x"), @r#""example.com#x" has more than a host; give it as in example.eu.auth0.com"#);
        insta::assert_snapshot!(refused("https://user:secret@example.com"), @"the tenant's domain must not carry a user name or password");
        insta::assert_snapshot!(refused("exa mple.com"), @r#""exa mple.com" is not a domain; give it as in example.eu.auth0.com"#);
        insta::assert_snapshot!(refused("example.com:port"), @r#""example.com:port" is not a domain; give it as in example.eu.auth0.com"#);
        insta::assert_snapshot!(refused("https://"), @r#""https://" is not a domain; give it as in example.eu.auth0.com"#);
        insta::assert_snapshot!(refused("bücher.example"), @r#"the domain "bücher.example" is not ASCII; give its punycode form"#);
    }
}
