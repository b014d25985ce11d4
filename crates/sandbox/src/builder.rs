//! What a tenant can be told before it starts.

use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::app::Shared;
use crate::clock::{Clock, Millis};
use crate::cors;
use crate::engine::Engine;
use crate::fault::Fault;
use crate::plan::{Plan, Reset};
use crate::provenance::{Behaviour, rule};
use crate::sandbox::Sandbox;
use crate::seed::Seed;
use crate::server::Server;
use crate::settings::Settings;
use crate::tls;

/// A tenant to be started; see [`Sandbox::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until started"]
pub struct Builder {
    settings: Settings,
    ip: IpAddr,
    port: u16,
    domain: Option<String>,
    tls: Option<Option<PathBuf>>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings::default(),
            ip: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            domain: None,
            tls: None,
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

    /// Listens on this address instead of loopback.
    ///
    /// Everyone who can reach the address can then read and change the tenant, and steer it through the controls: its
    /// signing key and client secret are public. Put nothing real into it. It then answers to any Host, as nobody can say
    /// beforehand by which names it is reached: a web page can get at it through a name of its own (DNS rebinding).
    pub const fn listen_where_others_can_reach_it(mut self, ip: IpAddr) -> Self {
        self.ip = ip;
        self
    }

    /// Speaks https, with a certificate of an authority made for this run: see [`Sandbox::ca_pem`].
    pub fn tls(mut self) -> Self {
        self.tls.get_or_insert(None);
        self
    }

    /// Speaks https, and writes the authority's certificate (PEM) to this file.
    pub fn tls_with_ca_file(mut self, ca: impl Into<PathBuf>) -> Self {
        self.tls = Some(Some(ca.into()));
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

    /// Lets web pages of this origin (`http://localhost:3000`) call the tenant; none may if not said.
    ///
    /// In Auth0 these are an application's [allowed origins](https://auth0.com/docs/get-started/applications/set-up-cors).
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.settings.cors.origins.push(origin.into());
        self
    }

    /// The headers that those pages may read beside the few every page may; none if not said.
    pub fn expose_headers(mut self, headers: &[&str]) -> Self {
        self.settings.cors.exposed = headers.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// The rate limits; [`Plan::unlimited`] if not said.
    pub fn plan(mut self, plan: Plan) -> Self {
        self.settings.plan = plan;
        self
    }

    /// What `x-ratelimit-reset` says; [`Reset::Full`] if not said.
    pub const fn rate_limit_reset(mut self, reset: Reset) -> Self {
        self.settings.reset = reset;
        self
    }

    /// Another client that takes this share of the rate limit (0 to 1) at random moments; none if not said.
    pub const fn neighbour(mut self, share: f64) -> Self {
        self.settings.neighbour = share;
        self
    }

    /// Starts with the clock standing still at this time.
    pub fn frozen_at(mut self, at: SystemTime) -> Self {
        self.settings.clock = Clock::Frozen {
            at: Millis::from(at),
            step: 0,
        };
        self
    }

    /// How long after a change `GET /users` knows of it; at once if not said.
    ///
    /// The real search is [eventually consistent](https://auth0.com/docs/manage-users/user-search). The lag is measured by the
    /// tenant's clock.
    pub const fn search_lag(mut self, lag: Duration) -> Self {
        self.settings.search_lag = lag;
        self
    }

    /// How long an export of users takes, by the tenant's clock; it is there when first asked for if not said.
    pub const fn export_duration(mut self, duration: Duration) -> Self {
        self.settings.export_duration = duration;
        self
    }

    /// A fault that is there from the start; see [`Sandbox::inject`].
    pub fn fault(mut self, fault: Fault) -> Self {
        self.settings.faults.push(fault);
        self
    }

    /// The seed of everything random: ids of created users, faults with a probability, the neighbour.
    pub const fn rng_seed(mut self, seed: u64) -> Self {
        self.settings.rng_seed = seed;
        self
    }

    /// Answer 501 where Auth0's behaviour is only inferred; see [`provenance::TABLE`](crate::provenance::TABLE).
    ///
    /// An inferred detail is left out where it can be; where it cannot, such as the order of a search, the answer says
    /// `x-sandbox-provenance: inferred` and names the rule, as without strictness.
    pub const fn strict(mut self, strict: bool) -> Self {
        self.settings.strict = strict;
        self
    }

    /// Puts another choice of the provenance table in force, by its name in the row.
    pub fn choice(mut self, behaviour: Behaviour, choice: impl Into<String>) -> Self {
        self.settings.choices.push((behaviour, choice.into()));
        self
    }

    /// How many entries the logs of requests, of effects and of the tenant itself keep, each; 100,000 if not said.
    pub const fn log_capacity(mut self, entries: usize) -> Self {
        self.settings.log_capacity = entries;
        self
    }

    /// Logs tokens and secrets as they came, for tests that search for them.
    pub const fn log_credentials(mut self, log: bool) -> Self {
        self.settings.log_credentials = log;
        self
    }

    /// Starts the tenant on a thread of its own.
    ///
    /// # Errors
    /// If the port cannot be bound, the thread cannot be started, or the authority's file cannot be written; of kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if a domain, an origin, a fault or
    /// a choice makes no sense.
    pub fn start(self) -> io::Result<Sandbox> {
        self.check()?;
        let listener = TcpListener::bind((self.ip, self.port))?;
        let addr = listener.local_addr()?;
        let tls = match &self.tls {
            None => None,
            Some(_) => Some(tls::generate(self.names())?),
        };
        if let (Some(Some(path)), Some(tls)) = (&self.tls, &tls) {
            tls.write_authority(path)?;
        }
        let (acceptor, authority) = tls.map(|tls| (tls.acceptor, tls.authority)).unzip();
        let shared = Arc::new(Shared {
            scheme: if acceptor.is_some() { "https" } else { "http" },
            ip: self.ip,
            domain: self.domain,
            engine: Mutex::new(Engine::new(Arc::new(self.settings))),
        });
        let server = Server::start(listener, acceptor, Arc::clone(&shared))?;
        Ok(Sandbox::new(addr, shared, server, authority))
    }

    /// The names a certificate has to cover.
    fn names(&self) -> Vec<String> {
        let own = [
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
            self.ip.to_string(),
        ];
        let domain = self
            .domain
            .as_ref()
            .map(|domain| match domain.rsplit_once(':') {
                Some((name, _)) => name.to_owned(),
                None => domain.clone(),
            });
        own.into_iter().chain(domain).collect()
    }

    fn check(&self) -> io::Result<()> {
        let invalid = |problem: String| Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        if let Some(domain) = self.domain.as_ref().filter(|domain| !cors::is_host(domain)) {
            return invalid(format!(
                "{domain:?} is no name: one is written like tenant.example, in small letters, without a scheme"
            ));
        }
        if let Some(problem) = self.settings.faults.iter().find_map(Fault::problem) {
            return invalid(problem.to_owned());
        }
        if let Some(problem) = self
            .settings
            .cors
            .origins
            .iter()
            .find_map(|it| cors::problem(it))
        {
            return invalid(problem);
        }
        for (behaviour, choice) in &self.settings.choices {
            let row = rule(*behaviour);
            if !row.choices.iter().any(|known| known.name == choice) {
                return invalid(format!("{} has no choice {choice}", row.name));
            }
        }
        Ok(())
    }
}
