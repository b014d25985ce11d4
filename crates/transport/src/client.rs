//! The client: one tenant, one token source, one round trip, and the bounds its calls keep.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use crate::{
    call,
    error::{Error, ErrorKind},
    headers,
    operation::{Answered, Operation},
    pace::{Pace, Pacer, Pacing, Priority},
    request::Request,
    round_trip::RoundTrip,
    tenant::Tenant,
    time::Time,
    token::TokenSource,
};

/// The bounds of each call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) deadline: Duration,
    pub(crate) attempt: Duration,
    pub(crate) attempts: u32,
    pub(crate) priority: Priority,
}

impl Limits {
    /// Ten seconds, less where the deadline is short.
    pub(crate) fn kept_for_probe(&self) -> Duration {
        Duration::from_secs(10).min(self.deadline / 3)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            attempt: Duration::from_secs(20),
            attempts: 4,
            priority: Priority::Interactive,
        }
    }
}

/// What `Auth0-Client` holds, in base64.
const TELEMETRY: &str = concat!(
    r#"{"name":"auth0-unlink","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);

/// The way to one tenant, without credentials: what a token source fetches its token through.
#[derive(Clone)]
pub struct Channel {
    wire: Arc<Wire>,
    limits: Limits,
}

struct Wire {
    tenant: Tenant,
    round_trip: Arc<dyn RoundTrip>,
    time: Arc<dyn Time>,
    user_agent: HeaderValue,
    telemetry: Option<HeaderValue>,
    pacer: Arc<Pacer>,
}

impl Channel {
    /// The tenant this channel leads to.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.wire.tenant
    }

    /// The clocks this channel goes by.
    #[must_use]
    pub fn time(&self) -> &dyn Time {
        &*self.wire.time
    }

    /// The same channel with another deadline for what is run over it.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        self.with_limits(Limits {
            deadline,
            ..self.limits
        })
    }

    pub(crate) fn with_limits(&self, limits: Limits) -> Self {
        Self {
            wire: Arc::clone(&self.wire),
            limits,
        }
    }

    /// Runs an operation without a token, under its own deadline.
    ///
    /// # Errors
    ///
    /// [`Error`] of the kinds a call can end with.
    pub async fn execute<O: Operation>(&self, operation: O) -> Result<Answered<O::Output>, Error> {
        let ends = self.time().now().saturating_add(self.limits.deadline);
        call::run(self, None, &operation, ends).await
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn pacer(&self) -> &Arc<Pacer> {
        &self.wire.pacer
    }

    pub(crate) fn round_trip(&self) -> &dyn RoundTrip {
        &*self.wire.round_trip
    }

    /// The request as it goes out: to the tenant's authority, whatever the request says.
    pub(crate) fn prepare(
        &self,
        request: &Request,
        extra: Option<&HeaderMap>,
        token: Option<HeaderValue>,
    ) -> http::Request<Bytes> {
        let mut http = request.to_http(&self.wire.tenant);
        let headers = http.headers_mut();
        headers.insert(header::USER_AGENT, self.wire.user_agent.clone());
        if let Some(telemetry) = &self.wire.telemetry {
            headers.insert("auth0-client", telemetry.clone());
        }
        for (name, value) in extra.into_iter().flatten() {
            headers.insert(name, value.clone());
        }
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, token);
        }
        http
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("tenant", &self.wire.tenant.to_string())
            .finish_non_exhaustive()
    }
}

/// A client of one tenant; clones are cheap and share connections and token.
///
/// Every call keeps one overall deadline (60 s): an attempt takes at most 20 s of it, connecting at most
/// 5 s, and 10 s are kept for reading what a request without an answer did (a third of the deadline where
/// that is less). 429 answers are waited out within it. Dropping a call's future stops it at once; a
/// request already sent may still be applied.
///
/// ```no_run
/// use transport::{AccessToken, Client, Tenant};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tenant: Tenant = "example.eu.auth0.com".parse()?;
/// let token = AccessToken::new(std::env::var("AUTH0_API_TOKEN")?)?;
/// let client = Client::builder(tenant, token).build()?;
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    credentials: Credentials,
}

/// What a client adds to its requests, beside what every request of its channel carries.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) tokens: Arc<dyn TokenSource>,
    pub(crate) headers: HeaderMap,
}

impl Client {
    /// Begins a client for `tenant` with tokens from `tokens`, an [`AccessToken`](crate::AccessToken) for one.
    pub fn builder(tenant: Tenant, tokens: impl TokenSource) -> ClientBuilder {
        ClientBuilder {
            tenant,
            tokens: Arc::new(tokens),
            round_trip: None,
            time: None,
            limits: Limits::default(),
            connect: Duration::from_secs(5),
            extra_roots: Vec::new(),
            proxy: None,
            telemetry: false,
            pacing: Pacing::default(),
            user_agent: concat!("auth0-unlink/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// The tenant this client talks to.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        self.channel.tenant()
    }

    /// The clocks this client goes by, for what its caller times beside it.
    #[must_use]
    pub fn time(&self) -> &dyn Time {
        self.channel.time()
    }

    /// The same client with another overall deadline for its calls.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            channel: self.channel.with_deadline(deadline),
            credentials: self.credentials.clone(),
        }
    }

    /// The same client with another number of attempts for its calls.
    #[must_use]
    pub fn with_attempts(&self, attempts: u32) -> Self {
        let mut client = self.clone();
        client.channel.limits.attempts = attempts;
        client
    }

    /// The same client with calls of another priority, which matters while they wait for the rate limit.
    ///
    /// ```
    /// # fn example(client: &transport::Client) {
    /// let bulk = client.with_priority(transport::Priority::Bulk);
    /// # let _ = bulk;
    /// # }
    /// ```
    #[must_use]
    pub fn with_priority(&self, priority: Priority) -> Self {
        let mut client = self.clone();
        client.channel.limits.priority = priority;
        client
    }

    /// What this client and its clones have learned of the tenant's rate limits, and how they fared.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.channel.pacer().pace(self.channel.time().now())
    }

    /// The same client with a header added to its requests, such as `X-Correlation-ID`, which
    /// [Auth0 shows in its logs](https://auth0.com/docs/api/management/v2).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] for what no header can hold, and for headers that would change where a request goes, whose
    /// it is, what it does or how its answer reads; the message says which of these.
    pub fn with_header(&self, name: &str, value: &str) -> Result<Self, Error> {
        let (name, value) = headers::parse(name, value)?;
        let mut client = self.clone();
        client.credentials.headers.insert(name, value);
        Ok(client)
    }

    /// Starts a call: its deadline runs from now on, for all operations done through it.
    #[must_use]
    pub fn call(&self) -> Call {
        let ends = self
            .channel
            .time()
            .now()
            .saturating_add(self.channel.limits.deadline);
        Call {
            client: self.clone(),
            ends,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// One call of a client: operations that share a deadline.
#[derive(Clone, Debug)]
pub struct Call {
    client: Client,
    ends: Duration,
}

impl Call {
    /// Runs an operation until it is done, refused, or the deadline is reached.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`] but [`ErrorKind::Input`]; [`Error::may_have_been_applied`] tells whether the
    /// request can have changed something all the same.
    pub async fn execute<O: Operation>(&self, operation: O) -> Result<Answered<O::Output>, Error> {
        call::run(
            &self.client.channel,
            Some(&self.client.credentials),
            &operation,
            self.ends,
        )
        .await
    }
}

/// Settings of a [`Client`].
#[must_use]
pub struct ClientBuilder {
    tenant: Tenant,
    tokens: Arc<dyn TokenSource>,
    round_trip: Option<Arc<dyn RoundTrip>>,
    time: Option<Arc<dyn Time>>,
    limits: Limits,
    connect: Duration,
    extra_roots: Vec<u8>,
    proxy: Option<Proxy>,
    telemetry: bool,
    pacing: Pacing,
    user_agent: String,
}

/// A proxy that the built-in round trip tunnels through.
#[cfg_attr(
    not(feature = "hyper"),
    expect(dead_code, reason = "only the built-in round trip reads it")
)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    /// Hosts reached without it, in the form of `NO_PROXY`.
    pub(crate) except: String,
}

impl ClientBuilder {
    /// Sets the overall deadline of a call (60 s).
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.deadline = deadline;
        self
    }

    /// Sets how long one attempt may take, its answer's body included (20 s).
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt = timeout;
        self
    }

    /// Sets how long connecting may take, TLS included (5 s).
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect = timeout;
        self
    }

    /// Sets how often a request is sent at most in one call (4); 429 answers do not count, and a request that may
    /// have been applied is settled for as long as the deadline lasts.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts;
        self
    }

    /// Trusts the certificates of this PEM text too, beside the platform's roots.
    pub fn extra_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_roots = pem.into();
        self
    }

    /// Sets the `User-Agent` header.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Reaches an https tenant through an http proxy, `http://[user:password@]host:port`, but for the hosts in
    /// `except`, which has the form of `NO_PROXY`. No environment variable is read.
    pub fn proxy(mut self, url: impl Into<String>, except: impl Into<String>) -> Self {
        self.proxy = Some(Proxy {
            url: url.into(),
            except: except.into(),
        });
        self
    }

    /// Sends the `Auth0-Client` header, by which Auth0 counts the libraries in use; off unless asked for.
    pub const fn telemetry(mut self, on: bool) -> Self {
        self.telemetry = on;
        self
    }

    /// Sets how much of the tenant's rate limit is used: all of it, unless told otherwise.
    pub const fn pacing(mut self, pacing: Pacing) -> Self {
        self.pacing = pacing;
        self
    }

    /// Carries requests by another round trip than the built-in one.
    pub fn round_trip(mut self, round_trip: impl RoundTrip) -> Self {
        self.round_trip = Some(Arc::new(round_trip));
        self
    }

    /// Goes by another clock than the built-in one.
    pub fn time(mut self, time: impl Time) -> Self {
        self.time = Some(Arc::new(time));
        self
    }

    /// Makes the client; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] for a user agent no header can hold, or when there is no round trip or clock
    /// (without the `hyper` feature both must be given), for extra roots that are no PEM certificates, or for a proxy that is no http URL;
    /// [`ErrorKind::Connect`] when there are no trusted roots for an https tenant.
    pub fn build(self) -> Result<Client, Error> {
        let user_agent = HeaderValue::from_str(&self.user_agent).map_err(|error| {
            Error::new(
                ErrorKind::Input,
                "the user agent cannot be sent in a header",
            )
            .with_source(error)
        })?;
        let telemetry = self
            .telemetry
            .then(|| HeaderValue::from_str(&BASE64_STANDARD.encode(TELEMETRY)))
            .transpose();
        let telemetry = telemetry.map_err(|error| {
            Error::new(ErrorKind::Input, "the telemetry cannot be sent in a header")
                .with_source(error)
        })?;
        #[cfg(feature = "hyper")]
        let (round_trip, time): (Arc<dyn RoundTrip>, Arc<dyn Time>) = (
            match self.round_trip {
                Some(round_trip) => round_trip,
                None => Arc::new(crate::hyper::HyperRoundTrip::new(
                    &crate::hyper::Settings {
                        tenant: &self.tenant,
                        connect: self.connect,
                        extra_roots: &self.extra_roots,
                        proxy: self.proxy.as_ref(),
                        silence: crate::hyper::Silence::default(),
                    },
                )?),
            },
            self.time
                .unwrap_or_else(|| Arc::new(crate::time::TokioTime::new())),
        );
        #[cfg(not(feature = "hyper"))]
        let (Some(round_trip), Some(time)) = (self.round_trip, self.time) else {
            return Err(Error::new(
                ErrorKind::Input,
                "without the hyper feature a client needs a round trip and a clock",
            ));
        };
        let wire = Arc::new(Wire {
            tenant: self.tenant,
            round_trip,
            time,
            user_agent,
            telemetry,
            pacer: Arc::new(Pacer::new(self.pacing)),
        });
        Ok(Client {
            channel: Channel {
                wire,
                limits: self.limits,
            },
            credentials: Credentials {
                tokens: self.tokens,
                headers: HeaderMap::new(),
            },
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("tenant", &self.tenant.to_string())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
