//! The handle of a running tenant: where it is, tokens for it, and direct looks at state and logs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::app::Shared;
use crate::clock::Millis;
use crate::engine::Engine;
use crate::jwt;
use crate::log::{Effect, RecordedRequest};
use crate::seed::Seed;
use crate::server::Server;

const CLIENT_ID: &str = "SandboxPublicTestClientId0123456";
const CLIENT_SECRET: &str = "sandbox-public-test-client-secret-which-guards-nothing-0123456789";

/// How long a token lasts, in seconds: Auth0's default for the Management API.
const TOKEN_LIFETIME: i64 = 86_400;

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

/// What a tenant starts with.
#[derive(Debug)]
#[must_use = "a builder does nothing until started"]
pub struct Builder {
    seed: Seed,
    port: u16,
}

impl Builder {
    /// The users and connections at the start; [`Seed::fixture`] if not said.
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// The port to listen on; 0, which is the default, takes a free one.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
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
            domain: None,
            engine: Mutex::new(Engine::new(self.seed.tenant)),
        });
        let server = Server::start(listener, Arc::clone(&shared))?;
        Ok(Sandbox {
            url: format!("http://{addr}"),
            addr,
            shared,
            _server: server,
        })
    }
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
        Builder {
            seed: Seed::fixture(),
            port: 0,
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
    pub const fn client_id(&self) -> &'static str {
        CLIENT_ID
    }

    /// The secret of the tenant's machine-to-machine application.
    #[must_use]
    pub const fn client_secret(&self) -> &'static str {
        CLIENT_SECRET
    }

    /// A machine-to-machine access token with these scopes, good for a day.
    #[must_use]
    pub fn token(&self, scopes: &[&str]) -> String {
        self.client_token(scopes, self.now().seconds() + TOKEN_LIFETIME)
    }

    /// A machine-to-machine access token that expires at this time.
    #[must_use]
    pub fn token_expiring_at(&self, scopes: &[&str], at: SystemTime) -> String {
        self.client_token(scopes, Millis::from(at).seconds())
    }

    /// A machine-to-machine access token that expired a minute ago.
    #[must_use]
    pub fn expired_token(&self, scopes: &[&str]) -> String {
        self.client_token(scopes, self.now().seconds() - 60)
    }

    /// A user's own access token, good for two hours, made for the application [`client_id`](Self::client_id).
    #[must_use]
    pub fn user_token(&self, user_id: &str, scopes: &[&str]) -> String {
        let now = self.now().seconds();
        jwt::encode(&json!({
            "iss": format!("{}/", self.url),
            "sub": user_id,
            "aud": format!("{}/api/v2/", self.url),
            "iat": now,
            "exp": now + 7200,
            "azp": CLIENT_ID,
            "scope": scopes.join(" "),
        }))
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

    fn now(&self) -> Millis {
        self.shared.engine().clock.now()
    }

    fn client_token(&self, scopes: &[&str], expires_at: i64) -> String {
        jwt::encode(&json!({
            "iss": format!("{}/", self.url),
            "sub": format!("{CLIENT_ID}@clients"),
            "aud": format!("{}/api/v2/", self.url),
            "iat": expires_at - TOKEN_LIFETIME,
            "exp": expires_at,
            "azp": CLIENT_ID,
            "scope": scopes.join(" "),
            "gty": "client-credentials",
        }))
    }
}
