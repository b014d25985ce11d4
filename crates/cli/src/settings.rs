//! What was typed means together with the environment: which tenant, with which credentials, for how long.

use std::{fs, time::Duration};

use unlink::{
    Client, Tenant,
    transport::{self, Downloads, Pacing},
};

use crate::{
    args::Shared, credentials::Credentials, environment::Environment, exit::Kind, failure::Failure,
    io::Io, sent::Sent, text::printable,
};

/// How to reach the tenant.
pub(crate) struct Settings {
    pub(crate) tenant: Tenant,
    credentials: Credentials,
    deadline: Option<Duration>,
    /// Certificates to trust beside the platform's, as PEM.
    roots: Option<Vec<u8>>,
    /// The proxy, which may hold a password, and the hosts to reach without it.
    proxy: Option<(String, String)>,
}

impl Settings {
    /// Puts together what was typed and the environment; reads the files that are named, sends nothing.
    pub(crate) fn new(
        typed: &Shared,
        environment: &Environment,
        io: &mut Io<'_>,
    ) -> Result<Self, Failure> {
        let tenant = tenant(typed.domain.as_deref(), environment)?;
        let roots = typed
            .ca_file
            .as_deref()
            .map(|path| fs::read(path).map_err(|error| Failure::file(Kind::File, path, &error)));
        Ok(Self {
            tenant,
            roots: roots.transpose()?,
            credentials: Credentials::new(typed.token_file.as_deref(), environment, io)?,
            deadline: typed.timeout,
            proxy: proxy(environment)?,
        })
    }

    /// What to call the credentials; never a secret of them.
    pub(crate) fn credentials_from(&self) -> &str {
        self.credentials.from()
    }

    /// What fetches files from elsewhere the same way, without the credentials.
    pub(crate) fn downloads(&self) -> Downloads {
        let mut downloads = Downloads::new();
        if let Some(roots) = &self.roots {
            downloads = downloads.extra_roots(roots.clone());
        }
        if let Some((url, except)) = &self.proxy {
            downloads = downloads.proxy(url, except);
        }
        downloads
    }

    /// Who the credentials are, for a record of who did what.
    pub(crate) fn who(&self) -> String {
        self.credentials.who()
    }

    /// A client of the tenant, what it sends noted in `sent`; nothing is sent yet.
    pub(crate) fn client(
        self,
        pacing: Pacing,
        sent: &Sent,
        io: &mut Io<'_>,
    ) -> Result<Client, Failure> {
        io.detail(&format!(
            "tenant {}, {}",
            self.tenant,
            printable(self.credentials.from())
        ));
        let mut builder = self.credentials.client(self.tenant, sent).pacing(pacing);
        if let Some(deadline) = self.deadline {
            builder = builder.deadline(deadline);
        }
        if let Some(roots) = self.roots {
            builder = builder.extra_roots(roots);
        }
        if let Some((url, except)) = self.proxy {
            builder = builder.proxy(url, except);
        }
        let client = builder.build().map_err(|error| {
            let kind = unlink::ErrorKind::Request(error.kind());
            Failure::new(Kind::Operation(kind), "no client for the tenant").because(&error)
        })?;
        Ok(client.into())
    }
}

/// The tenant alone, for what needs no credentials.
pub(crate) fn tenant(typed: Option<&str>, environment: &Environment) -> Result<Tenant, Failure> {
    let (text, from) = match typed {
        Some(text) => (text, "--domain"),
        None => match environment.text("AUTH0_DOMAIN")? {
            Some(text) => (text, "AUTH0_DOMAIN"),
            None => {
                return Err(Failure::usage("which tenant is not said")
                    .hint("give --domain, or set AUTH0_DOMAIN, as in example.eu.auth0.com"));
            }
        },
    };
    text.parse()
        .map_err(|error: transport::TenantError| Failure::usage(format!("{from}: {error}")))
}

/// The proxy that the environment names, by the lower-case variable first, as other programs have it.
fn proxy(environment: &Environment) -> Result<Option<(String, String)>, Failure> {
    let Some(url) = environment.first(["https_proxy", "HTTPS_PROXY"])? else {
        return Ok(None);
    };
    let except = environment.first(["no_proxy", "NO_PROXY"])?;
    Ok(Some((
        url.to_owned(),
        except.unwrap_or_default().to_owned(),
    )))
}
