//! The handle of a running tenant: where it is, tokens for it, and direct looks at state and logs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use crate::app::Shared;
use crate::builder::Builder;
use crate::clock::Millis;
use crate::log::{Effect, RecordedRequest};
use crate::oauth;
use crate::ready::Ready;
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

    pub(crate) fn new(addr: SocketAddr, shared: Arc<Shared>, server: Server) -> Self {
        Self {
            url: format!("{}://{addr}", shared.scheme),
            addr,
            shared,
            _server: server,
        }
    }

    /// The tenant's address, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The socket it listens on.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Host and port, which is what Auth0 calls the domain.
    #[must_use]
    pub fn domain(&self) -> String {
        self.addr.to_string()
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

    /// A machine-to-machine access token with these scopes, good for a day unless the builder said otherwise.
    #[must_use]
    pub fn token(&self, scopes: &[&str]) -> String {
        let lifetime = self.settings().client.token_lifetime;
        self.machine_token(scopes, self.now().seconds() + lifetime)
    }

    /// A machine-to-machine access token that expires at this time.
    #[must_use]
    pub fn token_expiring_at(&self, scopes: &[&str], at: SystemTime) -> String {
        self.machine_token(scopes, Millis::from(at).seconds())
    }

    /// A machine-to-machine access token that expired a minute ago.
    #[must_use]
    pub fn expired_token(&self, scopes: &[&str]) -> String {
        self.machine_token(scopes, self.now().seconds() - 60)
    }

    /// A user's own access token, good for two hours, made for the application [`client_id`](Self::client_id).
    #[must_use]
    pub fn user_token(&self, user_id: &str, scopes: &[&str]) -> String {
        oauth::user_token(
            &self.settings().client,
            &self.url,
            user_id,
            scopes,
            self.now(),
        )
    }

    /// An ID token of a user, made for the application [`client_id`](Self::client_id): what `link_with` takes.
    #[must_use]
    pub fn id_token(&self, user_id: &str) -> String {
        oauth::id_token(&self.settings().client, &self.url, user_id, self.now())
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
        self.shared.engine().requests.iter().cloned().collect()
    }

    /// What was really changed so far, the earliest first; a long log forgets its beginning.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.shared.engine().effects.iter().cloned().collect()
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

    fn machine_token(&self, scopes: &[&str], expires_at: i64) -> String {
        oauth::machine_token(&self.settings().client, &self.url, scopes, expires_at)
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.shared.engine().settings)
    }

    fn now(&self) -> Millis {
        self.shared.engine().clock.now()
    }
}
