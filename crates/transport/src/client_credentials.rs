//! Tokens by client credentials: fetched once, kept until shortly before they expire, refreshed by one caller.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{FutureExt, Shared};
use zeroize::Zeroizing;

#[cfg(feature = "private-key-jwt")]
use crate::private_key::PrivateKey;
use crate::{
    client::{Channel, Limits},
    error::{DecodeError, Error, ErrorKind},
    operation::Operation,
    path::Path,
    request::{Request, Response},
    round_trip::BoxFuture,
    tenant::Tenant,
    time,
    token::{AccessToken, TokenSource},
};

/// A token's life where the answer names none, or one longer than [Auth0 allows][lifetime].
///
/// [lifetime]: https://auth0.com/docs/secure/tokens/access-tokens/update-access-token-lifetime
const SHORT_LIFE: Duration = Duration::from_secs(60);
const LONGEST_LIFE: Duration = Duration::from_secs(2_592_000);
/// How long a caller waits for a refresh while the old token still serves.
const REFRESH_WAIT: Duration = Duration::from_secs(2);
/// How long after a failed refresh the old token serves before the next one is tried.
const REFRESH_PAUSE: Duration = Duration::from_secs(15);
/// The bound of one token request, its retries included: an attempt that is never answered leaves time for another one.
const TOKEN_DEADLINE: Duration = Duration::from_secs(45);

/// Machine-to-machine tokens by client id and secret.
///
/// The first call that needs a token fetches it, all others wait for that one request. Towards the end of
/// its life one caller at a time renews it while the old one serves the others. Nothing runs while no
/// call is made. They are one tenant's: the first that they are used at. Source:
/// [Client Credentials Flow](https://auth0.com/docs/api/authentication/client-credential-flow/get-token).
///
/// ```no_run
/// use transport::{Client, ClientCredentials, Tenant};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tenant: Tenant = "example.eu.auth0.com".parse()?;
/// let credentials = ClientCredentials::new("my-client-id", std::env::var("AUTH0_CLIENT_SECRET")?);
/// let client = Client::builder(tenant, credentials).build()?;
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
pub struct ClientCredentials {
    client_id: String,
    proof: Proof,
    audience: Option<String>,
    /// Where they are used: neither the secret nor a token of it goes anywhere else.
    tenant: OnceLock<Tenant>,
    cache: Arc<Mutex<Cache>>,
}

/// How the application shows that it is the one.
#[derive(Clone)]
enum Proof {
    Secret(Arc<Zeroizing<String>>),
    #[cfg(feature = "private-key-jwt")]
    Key(PrivateKey),
}

#[derive(Default)]
struct Cache {
    current: Option<Fetched>,
    /// The request on its way, and when it was begun.
    flight: Option<(Flight, Duration)>,
    /// Whether some caller is polling the flight while the old token serves.
    driven: bool,
}

type Flight = Shared<BoxFuture<Result<Fetched, Error>>>;

#[derive(Clone)]
struct Fetched {
    token: AccessToken,
    refresh_at: Duration,
    serves_until: Duration,
}

impl ClientCredentials {
    /// Takes the id and the secret of an application that may use the tenant's Management API.
    #[must_use]
    pub fn new(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::with_proof(
            client_id.into(),
            Proof::Secret(Arc::new(Zeroizing::new(secret.into()))),
        )
    }

    /// Takes the id and the private key of an application that may use the tenant's Management API.
    #[cfg(feature = "private-key-jwt")]
    #[must_use]
    pub fn with_private_key(client_id: impl Into<String>, key: PrivateKey) -> Self {
        Self::with_proof(client_id.into(), Proof::Key(key))
    }

    fn with_proof(client_id: String, proof: Proof) -> Self {
        Self {
            client_id,
            proof,
            audience: None,
            tenant: OnceLock::new(),
            cache: Arc::default(),
        }
    }

    /// Asks for another audience than the tenant's own, as a custom domain needs.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    fn fetch(&self, channel: &Channel) -> BoxFuture<Result<Fetched, Error>> {
        let request = TokenRequest::new(self, channel);
        let channel = channel.with_limits(Limits {
            deadline: TOKEN_DEADLINE,
            attempt: channel.limits().attempt,
            ..Limits::default()
        });
        Box::pin(async move {
            // Its life counts from before it was asked for, however late this future is polled.
            let asked_at = channel.time().now();
            let answered = channel.execute(request?).await.map_err(|error| {
                Error::new(
                    ErrorKind::Token,
                    format!("no access token from {}", channel.tenant()),
                )
                .with_source(error)
            })?;
            Ok(Fetched::new(answered.output, asked_at, fastrand::f64()))
        })
    }
}

/// Gives up the driver's seat however its caller ends, so that the next caller can take it.
struct Driver(Arc<Mutex<Cache>>);

impl Drop for Driver {
    fn drop(&mut self) {
        lock(&self.0).driven = false;
    }
}

fn lock(cache: &Mutex<Cache>) -> MutexGuard<'_, Cache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    /// Takes in what a flight brought, once.
    fn land(&mut self, flight: &Flight, result: &Result<Fetched, Error>, now: Duration) {
        if !self
            .flight
            .as_ref()
            .is_some_and(|(current, _)| current.ptr_eq(flight))
        {
            return;
        }
        self.flight = None;
        match (result, &mut self.current) {
            (Ok(fetched), current) => *current = Some(fetched.clone()),
            (Err(_), Some(current)) => current.refresh_at = now.saturating_add(REFRESH_PAUSE),
            (Err(_), None) => {}
        }
    }
}

impl TokenSource for ClientCredentials {
    fn token(&self, channel: &Channel) -> BoxFuture<Result<AccessToken, Error>> {
        let tenant = self.tenant.get_or_init(|| channel.tenant().clone());
        if tenant != channel.tenant() {
            let message = format!(
                "these client credentials are used at {tenant}, and so not at {}; each tenant needs its own",
                channel.tenant()
            );
            return Box::pin(async move { Err(Error::new(ErrorKind::Token, message)) });
        }
        let now = channel.time().now();
        let mut cache = lock(&self.cache);
        let serving = cache
            .current
            .clone()
            .filter(|current| now < current.serves_until);
        if let Some(current) = &serving
            && (now < current.refresh_at || cache.driven)
        {
            let token = current.token.clone();
            return Box::pin(async move { Ok(token) });
        }
        // One that nobody has polled to its end has outlived its own deadline.
        let flying = cache
            .flight
            .take()
            .filter(|(_, begun)| now.saturating_sub(*begun) < TOKEN_DEADLINE);
        let (flight, _) = cache
            .flight
            .insert(flying.unwrap_or_else(|| (self.fetch(channel).shared(), now)));
        let flight = flight.clone();
        let driver = serving.is_some().then(|| {
            cache.driven = true;
            Driver(Arc::clone(&self.cache))
        });
        drop(cache);
        let (channel, cache) = (channel.clone(), Arc::clone(&self.cache));
        Box::pin(async move {
            let _driver = driver;
            let result = match &serving {
                None => flight.clone().await,
                Some(current) => {
                    match time::within(channel.time(), REFRESH_WAIT, flight.clone()).await {
                        Some(result) => result,
                        None => return Ok(current.token.clone()),
                    }
                }
            };
            lock(&cache).land(&flight, &result, channel.time().now());
            match (result, serving) {
                (Ok(fetched), _) => Ok(fetched.token),
                (Err(_), Some(current)) => Ok(current.token),
                (Err(error), None) => Err(error),
            }
        })
    }

    fn refused(&self, token: &AccessToken) -> bool {
        let mut cache = lock(&self.cache);
        if cache
            .current
            .as_ref()
            .is_some_and(|current| current.token.expose() == token.expose())
        {
            cache.current = None;
        }
        true
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("client_id", &self.client_id)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Fetched {
    /// Serves until shortly before the end of its life, and is renewed at 75 to 90 % of it.
    fn new(issued: Issued, asked_at: Duration, jitter: f64) -> Self {
        let life = issued.life;
        Self {
            token: issued.token,
            refresh_at: asked_at.saturating_add(life.mul_f64(0.75 + 0.15 * jitter)),
            serves_until: asked_at
                .saturating_add(life.saturating_sub(Duration::from_secs(10).min(life / 20))),
        }
    }
}

struct TokenRequest {
    request: Request,
    client_id: String,
    proof: Proof,
    audience: Option<String>,
    channel: Channel,
}

/// What the token endpoint gives.
#[derive(Debug)]
struct Issued {
    token: AccessToken,
    life: Duration,
}

impl TokenRequest {
    fn new(credentials: &ClientCredentials, channel: &Channel) -> Result<Self, Error> {
        let empty = match &credentials.proof {
            Proof::Secret(secret) => secret.is_empty(),
            #[cfg(feature = "private-key-jwt")]
            Proof::Key(_) => false,
        };
        if credentials.client_id.is_empty() || empty {
            return Err(Error::new(
                ErrorKind::Token,
                "the client id or the client secret is empty",
            ));
        }
        let path = Path::new(["oauth", "token"]).map_err(|error| {
            Error::new(ErrorKind::Token, "no path to the token endpoint").with_source(error)
        })?;
        Ok(Self {
            request: Request::post_json(path, Bytes::new()).without_token(),
            client_id: credentials.client_id.clone(),
            proof: credentials.proof.clone(),
            audience: credentials.audience.clone(),
            channel: channel.clone(),
        })
    }
}

impl Operation for TokenRequest {
    type Output = Issued;

    fn name(&self) -> &'static str {
        "get token"
    }

    fn request(&self) -> &Request {
        &self.request
    }

    /// Writes the body at each attempt: an assertion is taken once.
    fn fresh_body(&self) -> Result<Option<Bytes>, Error> {
        let tenant = self.channel.tenant();
        let mut body = serde_json::json!({
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "audience": self.audience.clone().unwrap_or_else(|| tenant.audience()),
        });
        match &self.proof {
            Proof::Secret(secret) => body["client_secret"] = secret.as_str().into(),
            #[cfg(feature = "private-key-jwt")]
            Proof::Key(key) => {
                // The assertion is for the tenant itself, with the slash its issuer ends in.
                let audience = [&tenant.to_string(), "/"].concat();
                let now = self.channel.time().wall();
                body["client_assertion_type"] =
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into();
                body["client_assertion"] = key.assertion(&self.client_id, &audience, now)?.into();
            }
        }
        Ok(Some(Bytes::from(body.to_string())))
    }

    /// One token more does no harm.
    fn is_repeatable(&self) -> bool {
        true
    }

    fn decode(&self, response: &Response) -> Result<Issued, DecodeError> {
        let document: serde_json::Value = serde_json::from_slice(response.body().expose())
            .map_err(|error| DecodeError::json(&error))?;
        let token = document
            .get("access_token")
            .and_then(|token| token.as_str());
        let token = token.ok_or_else(|| DecodeError::new("no access_token in it"))?;
        let token = AccessToken::new(token).map_err(DecodeError::new)?;
        let seconds = document
            .get("expires_in")
            .and_then(serde_json::Value::as_u64);
        Ok(Issued {
            token,
            life: life(seconds),
        })
    }
}

/// What `expires_in` means, which may be missing or absurd.
fn life(seconds: Option<u64>) -> Duration {
    seconds
        .map(Duration::from_secs)
        .filter(|life| !life.is_zero() && *life <= LONGEST_LIFE)
        .unwrap_or(SHORT_LIFE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_what_auth0_allows_or_short() {
        for (seconds, expected) in [
            (None, 60),
            (Some(0), 60),
            (Some(1), 1),
            (Some(86_400), 86_400),
            (Some(2_592_000), 2_592_000),
            (Some(2_592_001), 60),
            (Some(u64::MAX), 60),
        ] {
            assert_eq!(life(seconds), Duration::from_secs(expected), "{seconds:?}");
        }
    }

    #[test]
    fn a_flight_that_another_has_taken_the_place_of_brings_nothing() {
        let flight = |text: &str| -> Flight {
            let issued = Issued {
                token: AccessToken::new(text).unwrap(),
                life: SHORT_LIFE,
            };
            let fetched = Fetched::new(issued, Duration::ZERO, 0.0);
            let flight: BoxFuture<_> = Box::pin(async move { Ok(fetched) });
            flight.shared()
        };
        let (older, newer) = (flight("older"), flight("newer"));
        let mut cache = Cache {
            flight: Some((newer.clone(), Duration::ZERO)),
            ..Cache::default()
        };
        let brought = |flight: &Flight| flight.clone().now_or_never().unwrap();
        cache.land(&older, &brought(&older), Duration::ZERO);
        assert!(cache.flight.is_some() && cache.current.is_none());
        cache.land(&newer, &brought(&newer), Duration::ZERO);
        assert!(cache.flight.is_none());
        assert_eq!(cache.current.unwrap().token.expose(), "newer");
    }

    #[test]
    fn a_refusal_forgets_the_refused_token_and_no_newer_one() {
        let token = |text: &str| AccessToken::new(text).unwrap();
        let credentials = ClientCredentials::new("the-client", "secret");
        let issued = Issued {
            token: token("newer"),
            life: SHORT_LIFE,
        };
        lock(&credentials.cache).current = Some(Fetched::new(issued, Duration::ZERO, 0.0));
        assert!(
            credentials.refused(&token("older")),
            "asking again may help"
        );
        assert!(lock(&credentials.cache).current.is_some());
        assert!(credentials.refused(&token("newer")));
        assert!(lock(&credentials.cache).current.is_none());
    }

    #[test]
    fn a_token_is_renewed_at_three_quarters_of_its_life_or_later_and_serves_until_shortly_before_its_end()
     {
        let seconds = Duration::from_secs;
        for (life, jitter, refresh_at, serves_until) in [
            (1000, 0.0, 750, 990),
            (1000, 1.0, 900, 990),
            (86_400, 0.5, 71_280, 86_390),
            // The margin is no more than a twentieth of a short life.
            (60, 0.0, 45, 57),
        ] {
            let issued = Issued {
                token: AccessToken::new("one").unwrap(),
                life: seconds(life),
            };
            let fetched = Fetched::new(issued, seconds(5), jitter);
            assert_eq!(
                fetched.refresh_at.as_secs(),
                5 + refresh_at,
                "{life} {jitter}"
            );
            assert_eq!(
                fetched.serves_until,
                seconds(5 + serves_until),
                "{life} {jitter}"
            );
        }
    }
}
