//! What a tenant can be told before it starts.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::app::Shared;
use crate::engine::Engine;
use crate::oauth::Client;
use crate::sandbox::Sandbox;
use crate::seed::Seed;
use crate::server::Server;
use crate::settings::Settings;

/// A tenant to be started; see [`Sandbox::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until started"]
pub struct Builder {
    settings: Settings,
    port: u16,
    domain: Option<String>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings {
                tenant: Seed::fixture().tenant,
                client: Client::default(),
                strict: false,
                log_capacity: 100_000,
            },
            port: 0,
            domain: None,
        }
    }

    /// The users and connections at the start; [`Seed::fixture`] if not said.
    pub fn seed(mut self, seed: Seed) -> Self {
        self.settings.tenant = seed.tenant;
        self
    }

    /// The port to listen on; 0, which is the default, takes a free one.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// A further name the tenant answers to, as host or host and port, beside `localhost`, `127.0.0.1` and `[::1]`.
    ///
    /// As with a custom domain, a token works under the name it was asked for under.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The scopes that `/oauth/token` grants; all the tenant knows if not said.
    pub fn granted_scopes(mut self, scopes: &[&str]) -> Self {
        self.settings.client.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self
    }

    /// How long machine-to-machine tokens last, in whole seconds; a day if not said.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.client.token_lifetime =
            i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 4);
        self
    }

    /// Answer 501 where Auth0's behaviour is only inferred; see [`provenance::TABLE`](crate::provenance::TABLE).
    pub const fn strict(mut self, strict: bool) -> Self {
        self.settings.strict = strict;
        self
    }

    /// How many entries the logs of requests and of effects keep, each; 100,000 if not said.
    pub const fn log_capacity(mut self, entries: usize) -> Self {
        self.settings.log_capacity = entries;
        self
    }

    /// Starts the tenant on a thread of its own.
    ///
    /// # Errors
    /// If the port cannot be bound or the thread cannot be started.
    pub fn start(self) -> io::Result<Sandbox> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            scheme: "http",
            domain: self.domain,
            engine: Mutex::new(Engine::new(Arc::new(self.settings))),
        });
        let server = Server::start(listener, Arc::clone(&shared))?;
        Ok(Sandbox::new(addr, shared, server))
    }
}
