//! The handle of a running tenant: where it is, tokens for it, and direct looks at state and logs.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::app::Shared;
use crate::builder::Builder;
use crate::clock::Millis;
use crate::fault::Fault;
use crate::faults::{FaultId, Injected};
use crate::keys;
use crate::log::{Effect, Overflow, RecordedRequest};
use crate::oauth;
use crate::provenance::Behaviour;
use crate::ready::Ready;
use crate::seed::Seed;
use crate::server::Server;
use crate::settings::Settings;

/// A local tenant that is listening on loopback; it stops when dropped.
///
/// ```
/// use unlink_sandbox::Sandbox;
///
/// let sandbox = Sandbox::start()?;
/// let token = sandbox.token(&["read:users", "update:users"]);
/// assert!(sandbox.url().starts_with("http://127.0.0.1:"));
/// assert!(sandbox.requests().is_empty());
/// # let _ = token;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Sandbox {
    url: String,
    addr: SocketAddr,
    authority: Option<String>,
    shared: Arc<Shared>,
    _server: Server,
}

impl Sandbox {
    /// Starts a tenant with the built-in users on a free port of 127.0.0.1.
    ///
    /// Works with and without an async runtime: the tenant has its own.
    ///
    /// # Errors
    /// If no port can be bound or the thread cannot be started.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// A tenant to be started with something other than the defaults.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        bound: SocketAddr,
        shared: Arc<Shared>,
        server: Server,
        authority: Option<String>,
    ) -> Self {
        // "All addresses" is nowhere to go to; this machine reaches it by loopback.
        let addr = match bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, bound.port()).into(),
            IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, bound.port()).into(),
            _ => bound,
        };
        Self {
            url: format!("{}://{addr}", shared.scheme),
            addr,
            authority,
            shared,
            _server: server,
        }
    }

    /// The tenant's address, `http://127.0.0.1:PORT` or, with TLS, `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The socket it listens on, or by which this machine reaches it if it listens on all addresses.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Host and port, which is what Auth0 calls the domain.
    #[must_use]
    pub fn domain(&self) -> String {
        self.addr.to_string()
    }

    /// The certificate (PEM) of the authority to trust, if the tenant speaks https.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The id of the tenant's machine-to-machine application.
    #[must_use]
    pub fn client_id(&self) -> &'static str {
        self.settings().client.id
    }

    /// The secret of the tenant's machine-to-machine application.
    #[must_use]
    pub fn client_secret(&self) -> &'static str {
        self.settings().client.secret
    }

    /// The private key (PEM, PKCS#8) whose signed assertions `/oauth/token` takes in place of the secret.
    ///
    /// It is public and worth nothing: never use it for anything but this tenant.
    #[must_use]
    pub const fn client_key_pem(&self) -> &'static str {
        keys::PEM
    }

    /// A machine-to-machine access token with these scopes, good for a day unless the builder said otherwise.
    #[must_use]
    pub fn token(&self, scopes: &[&str]) -> String {
        let lifetime = self.settings().client.token_lifetime;
        self.machine_token(scopes, self.millis().seconds() + lifetime)
    }

    /// A machine-to-machine access token that expires at this time.
    #[must_use]
    pub fn token_expiring_at(&self, scopes: &[&str], at: SystemTime) -> String {
        self.machine_token(scopes, Millis::from(at).seconds())
    }

    /// A machine-to-machine access token that expired a minute ago.
    #[must_use]
    pub fn expired_token(&self, scopes: &[&str]) -> String {
        self.machine_token(scopes, self.millis().seconds() - 60)
    }

    /// A user's own access token, good for two hours, made for the application [`client_id`](Self::client_id).
    #[must_use]
    pub fn user_token(&self, user_id: &str, scopes: &[&str]) -> String {
        let now = self.millis();
        let expires_at = now.seconds() + oauth::USER_TOKEN_LIFETIME;
        let client = &self.settings().client;
        oauth::user_token(client, &self.url, user_id, scopes, now, expires_at)
    }

    /// An ID token of a user, made for the application [`client_id`](Self::client_id): what `link_with` takes.
    #[must_use]
    pub fn id_token(&self, user_id: &str) -> String {
        let now = self.millis();
        let expires_at = now.seconds() + oauth::ID_TOKEN_LIFETIME;
        let client = &self.settings().client;
        oauth::id_token(client, &self.url, user_id, now, expires_at)
    }

    /// Everything someone needs to use the tenant, with a token for all that `/oauth/token` grants.
    #[must_use]
    pub fn ready(&self) -> Ready {
        let settings = self.settings();
        let scopes: Vec<&str> = settings.client.scopes.iter().map(String::as_str).collect();
        Ready {
            url: self.url.clone(),
            domain: self.domain(),
            client_id: settings.client.id.to_owned(),
            client_secret: settings.client.secret.to_owned(),
            token: self.token(&scopes),
        }
    }

    /// The requests so far, the earliest first; a long log forgets its beginning.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.engine().recorded_requests()
    }

    /// What was really changed so far, the earliest first; a long log forgets its beginning.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.shared.engine().recorded_effects()
    }

    /// A user as `GET /users/{id}` shows it to a caller who may see everything.
    #[must_use]
    pub fn user(&self, user_id: &str) -> Option<Value> {
        self.shared.engine().tenant.user_json(user_id)
    }

    /// All users, in order of creation.
    #[must_use]
    pub fn users(&self) -> Vec<Value> {
        self.shared.engine().tenant.users_json()
    }

    /// Connections and users, in the format of [`Seed::from_json`].
    #[must_use]
    pub fn state(&self) -> Value {
        self.shared.engine().tenant.to_json()
    }

    /// How many entries the logs have forgotten.
    #[must_use]
    pub fn overflow(&self) -> Overflow {
        let engine = self.shared.engine();
        Overflow {
            requests: engine.requests.dropped(),
            effects: engine.effects.dropped(),
        }
    }

    /// Orders a fault.
    ///
    /// # Panics
    /// If the fault makes no sense, such as a status or a probability out of range.
    pub fn inject(&self, fault: Fault) -> FaultId {
        if let Some(problem) = fault.problem() {
            #[expect(
                clippy::panic,
                reason = "a mistake in the calling test, told where it was made"
            )]
            {
                panic!("{problem}");
            }
        }
        self.shared.engine().faults.inject(fault)
    }

    /// The faults in force, with how often each struck.
    #[must_use]
    pub fn faults(&self) -> Vec<Injected> {
        self.shared.engine().faults.all().to_vec()
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.shared.engine().faults.clear();
    }

    /// Puts another choice of the provenance table in force, by its name in the row; false if there is no such choice.
    #[must_use = "an unknown choice changes nothing"]
    pub fn choose(&self, behaviour: Behaviour, choice: &str) -> bool {
        self.shared.engine().rules.choose(behaviour, choice)
    }

    /// What time the tenant thinks it is.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.millis().into()
    }

    /// Stops the tenant's clock where it is.
    pub fn freeze(&self) {
        self.shared.engine().clock.freeze(None);
    }

    /// Stops the tenant's clock at this time.
    pub fn freeze_at(&self, at: SystemTime) {
        self.shared.engine().clock.freeze(Some(at.into()));
    }

    /// Stops the tenant's clock where it is, but for this much with each request that arrives: hours of a client that
    /// keeps to the rate limit then pass as fast as it can send.
    pub fn step(&self, by: Duration) {
        self.shared.engine().clock.step(by);
    }

    /// Puts the tenant's clock forward, whether it stands still or not.
    pub fn advance(&self, by: Duration) {
        self.shared.engine().clock.advance(by);
    }

    /// Lets the tenant's clock run on from where it is.
    pub fn resume(&self) {
        self.shared.engine().clock.resume();
    }

    /// Starts afresh: state, logs, faults, clock and limits are as after [`Builder::start`].
    pub fn reset(&self) {
        self.shared.engine().reset();
    }

    /// Replaces all users and connections, as after a [`state`](Self::state) that was kept; the logs stay.
    pub fn restore(&self, seed: Seed) {
        self.shared.engine().replace(seed.tenant);
    }

    fn machine_token(&self, scopes: &[&str], expires_at: i64) -> String {
        oauth::machine_token(&self.settings().client, &self.url, scopes, expires_at)
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.shared.engine().settings)
    }

    fn millis(&self) -> Millis {
        self.shared.engine().clock.now()
    }
}
