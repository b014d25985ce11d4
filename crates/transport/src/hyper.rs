//! The native round trip: pooled HTTP/1.1 and HTTP/2 over rustls; the only module that names hyper or rustls.

mod download;

use std::{
    error::Error as StdError,
    io, iter,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::{
        legacy::{
            Client,
            connect::{HttpConnector, capture_connection, proxy::Tunnel},
        },
        proxy::matcher::Matcher,
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::{
    ClientConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tower_service::Service;

pub use self::download::{Download, Downloads};

use crate::{
    client::Proxy,
    error::{Error, ErrorKind},
    round_trip::{BoxFuture, Delivery, RoundTrip, RoundTripError, RoundTripFailure},
    tenant::Tenant,
};

/// As much of an answer as is read; the API's own ceiling is 1 MB.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
/// Below the minute after which many load balancers drop idle connections.
const KEPT_IDLE: Duration = Duration::from_secs(50);

/// How a connection that requests wait on is found to be dark: asked for a sign of life, and given up without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    asked_after: Duration,
    given_up_after: Duration,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            asked_after: Duration::from_secs(5),
            given_up_after: Duration::from_secs(3),
        }
    }
}

/// What the round trip is made for.
pub(crate) struct Settings<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) connect: Duration,
    pub(crate) extra_roots: &'a [u8],
    pub(crate) proxy: Option<&'a Proxy>,
    /// Of HTTP/2, which can ask; what HTTP/1.1 waits for ends at the attempt's limit.
    pub(crate) silence: Silence,
}

/// hyper's pooled client with what its defaults would hide switched off.
#[derive(Debug)]
pub(crate) struct HyperRoundTrip {
    client: Client<TimedConnector<HttpsConnector<Route>>, Full<Bytes>>,
}

impl HyperRoundTrip {
    pub(crate) fn new(settings: &Settings<'_>) -> Result<Self, Error> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(settings.tenant.is_https(), settings.extra_roots)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(route(http, settings)?);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_IDLE)
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(settings.silence.asked_after)
            .http2_keep_alive_timeout(settings.silence.given_up_after)
            // Whether a request is sent twice is the caller's decision.
            .retry_canceled_requests(false)
            .build(TimedConnector {
                connector: https,
                limit: settings.connect,
            });
        Ok(Self { client })
    }
}

/// The proxy's tunnel where this tenant is reached through one; plain http never leaves the machine.
fn route(http: HttpConnector, settings: &Settings<'_>) -> Result<Route, Error> {
    let Some(proxy) = settings.proxy.filter(|_| settings.tenant.is_https()) else {
        return Ok(Route::Direct(http));
    };
    // The text may hold a password, so no message repeats it.
    let refuse = || Error::new(ErrorKind::Input, "the proxy is not an http:// URL");
    let scheme = proxy
        .url
        .split_once("://")
        .map_or("http", |(scheme, _)| scheme);
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(refuse());
    }
    let tenant = settings
        .tenant
        .to_string()
        .parse::<Uri>()
        .map_err(|_| refuse())?;
    let all = Matcher::builder().all(proxy.url.clone()).build();
    if all.intercept(&tenant).is_none() {
        return Err(refuse());
    }
    let matcher = Matcher::builder()
        .all(proxy.url.clone())
        .no(proxy.except.clone())
        .build();
    Ok(match matcher.intercept(&tenant) {
        None => Route::Direct(http),
        Some(through) => {
            let tunnel = Tunnel::new(through.uri().clone(), http);
            Route::Proxied(match through.basic_auth() {
                Some(credentials) => tunnel.with_auth(credentials.clone()),
                None => tunnel,
            })
        }
    })
}

/// How a tenant is reached.
#[derive(Clone, Debug)]
enum Route {
    Direct(HttpConnector),
    Proxied(Tunnel<HttpConnector>),
}

impl Service<Uri> for Route {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(connector) => connector.poll_ready(cx).map_err(Into::into),
            Self::Proxied(tunnel) => tunnel.poll_ready(cx).map_err(Into::into),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self {
            Self::Direct(connector) => {
                let connecting = connector.call(uri);
                Box::pin(async move { Ok(connecting.await?) })
            }
            Self::Proxied(tunnel) => {
                let connecting = tunnel.call(uri);
                Box::pin(async move { Ok(connecting.await?) })
            }
        }
    }
}

/// TLS with the platform's roots and those given; without any where they are not needed, so that a local
/// tenant works on a machine that has none.
fn tls(needs_roots: bool, extra_roots: &[u8]) -> Result<ClientConfig, Error> {
    let failed = |error: rustls::Error| {
        Error::new(ErrorKind::Connect, "TLS cannot be set up on this machine").with_source(error)
    };
    let extra_roots = certificates(extra_roots)?;
    let provider = Arc::new(provider()?);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    if !needs_roots {
        return Ok(builder
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth());
    }
    let verifier = Verifier::new_with_extra_roots(extra_roots, provider).map_err(failed)?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// The provider this build has; handed over, never installed for the whole process.
fn provider() -> Result<CryptoProvider, Error> {
    #[cfg(feature = "ring")]
    return Ok(rustls::crypto::ring::default_provider());
    #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
    return Ok(rustls::crypto::aws_lc_rs::default_provider());
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    Err(Error::new(
        ErrorKind::Input,
        "this build has no TLS: enable the feature ring or aws-lc-rs",
    ))
}

/// The certificates of a PEM text, which may be empty.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let refused = |reason| Error::new(ErrorKind::Input, reason);
    match found {
        Ok(found) if found.is_empty() && !pem.is_empty() => {
            Err(refused("the extra roots hold no certificate in PEM form"))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(refused("the extra roots are not PEM").with_source(format!("{error:?}"))),
    }
}

impl RoundTrip for HyperRoundTrip {
    fn round_trip(
        &self,
        mut request: http::Request<Bytes>,
        limit: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
        let given = capture_connection(&mut request);
        let answer = self.client.request(request.map(Full::new));
        let whole = async move {
            let (parts, body) = answer.await.map_err(classify)?.into_parts();
            let body = Limited::new(body, LARGEST_BODY)
                .collect()
                .await
                .map_err(|error| {
                    let failure = if error.is::<LengthLimitError>() {
                        RoundTripFailure::BodyTooLarge
                    } else {
                        RoundTripFailure::Interrupted
                    };
                    RoundTripError::new(Delivery::MaybeSent, failure).with_source(error)
                })?;
            Ok(http::Response::from_parts(parts, body.to_bytes()))
        };
        Box::pin(async move {
            match tokio::time::timeout(limit, whole).await {
                Ok(answer) => answer,
                Err(elapsed) => {
                    let delivery = if given.connection_metadata().is_some() {
                        Delivery::MaybeSent
                    } else {
                        Delivery::NotSent
                    };
                    Err(RoundTripError::new(delivery, RoundTripFailure::Timeout)
                        .with_source(elapsed))
                }
            }
        })
    }
}

fn classify(error: hyper_util::client::legacy::Error) -> RoundTripError {
    if error.is_connect() {
        let failure = if is_untrusted(&error) {
            RoundTripFailure::Untrusted
        } else {
            RoundTripFailure::Connect
        };
        return RoundTripError::new(Delivery::NotSent, failure).with_source(error);
    }
    let delivery = if error.source().is_some_and(is_unsent) {
        Delivery::NotSent
    } else {
        Delivery::MaybeSent
    };
    RoundTripError::new(delivery, RoundTripFailure::Interrupted).with_source(error)
}

fn is_untrusted(error: &(dyn StdError + 'static)) -> bool {
    iter::successors(Some(error), |&cause| within(cause)).any(|cause| {
        matches!(
            cause.downcast_ref(),
            Some(rustls::Error::InvalidCertificate(
                rustls::CertificateError::UnknownIssuer
            ))
        )
    })
}

/// The cause; an error of input and output does not name the one that it is made of as such.
fn within<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// hyper cancels a request that it hands back unsent, as when a pooled connection has ended before its turn.
fn is_unsent(cause: &(dyn StdError + 'static)) -> bool {
    cause
        .downcast_ref::<hyper::Error>()
        .is_some_and(hyper::Error::is_canceled)
}

/// Bounds connecting as a whole, name resolution and TLS included.
#[derive(Clone, Debug)]
struct TimedConnector<C> {
    connector: C,
    limit: Duration,
}

type BoxError = Box<dyn StdError + Send + Sync>;

impl<C> Service<Uri> for TimedConnector<C>
where
    C: Service<Uri, Future: Send + 'static, Error: Into<BoxError>>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.connector.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => {
                    let message = format!("no connection within {} s", limit.as_secs_f32());
                    Err(io::Error::new(io::ErrorKind::TimedOut, message).into())
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        sync::{
            Mutex,
            atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        },
        thread,
    };

    use hyper::client::conn::http1::handshake;
    use unlink_sandbox::Sandbox;

    use super::*;

    /// A wire to a server: each connection passes bytes on until it is made to swallow them, and stays open.
    #[derive(Default)]
    struct Wire {
        connections: AtomicUsize,
        latest: Mutex<Arc<AtomicBool>>,
    }

    impl Wire {
        /// Lays the wire, and returns the port it begins at.
        fn to(self: &Arc<Self>, server: String) -> u16 {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let wire = Arc::clone(self);
            thread::spawn(move || {
                for near in listener.incoming() {
                    let (near, far) = (near.unwrap(), TcpStream::connect(&server).unwrap());
                    let dark = Arc::<AtomicBool>::default();
                    *wire.latest.lock().unwrap() = Arc::clone(&dark);
                    wire.connections.fetch_add(1, SeqCst);
                    let ends = (near.try_clone().unwrap(), far.try_clone().unwrap());
                    Self::pass(near, far, Arc::clone(&dark));
                    Self::pass(ends.1, ends.0, dark);
                }
            });
            port
        }

        fn pass(mut from: TcpStream, mut to: TcpStream, dark: Arc<AtomicBool>) {
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(length @ 1..) = from.read(&mut bytes) {
                    if !dark.load(SeqCst) && to.write_all(&bytes[..length]).is_err() {
                        break;
                    }
                }
            });
        }

        fn swallow(&self) {
            self.latest.lock().unwrap().store(true, SeqCst);
        }
    }

    #[tokio::test]
    async fn a_connection_that_has_gone_dark_is_found_out_and_left() {
        let sandbox = Sandbox::builder().tls().start().unwrap();
        let wire = Arc::<Wire>::default();
        let port = wire.to(sandbox.url().trim_start_matches("https://").to_owned());
        let tenant: Tenant = format!("https://127.0.0.1:{port}").parse().unwrap();
        let round_trip = HyperRoundTrip::new(&Settings {
            tenant: &tenant,
            connect: Duration::from_secs(5),
            extra_roots: sandbox.ca_pem().unwrap().as_bytes(),
            proxy: None,
            silence: Silence {
                asked_after: Duration::from_millis(100),
                // Enough for a machine that is busy to answer in.
                given_up_after: Duration::from_millis(900),
            },
        })
        .unwrap();
        let send = || {
            let mut request = http::Request::new(Bytes::new());
            *request.uri_mut() = format!("{tenant}/api/v2/users").parse().unwrap();
            round_trip.round_trip(request, Duration::from_secs(15))
        };
        assert_eq!(send().await.unwrap().version(), http::Version::HTTP_2);
        wire.swallow();
        let error = send().await.unwrap_err();
        assert_eq!(
            error.failure(),
            RoundTripFailure::Interrupted,
            "no time-out"
        );
        assert_eq!(error.delivery(), Delivery::MaybeSent);
        assert_eq!(wire.connections.load(SeqCst), 1);
        send().await.unwrap();
        assert_eq!(wire.connections.load(SeqCst), 2);
    }

    #[tokio::test]
    async fn what_hyper_hands_back_was_not_sent_and_what_it_wrote_may_have_been() {
        let request = || http::Request::new(Full::<Bytes>::default());
        let (ours, theirs) = tokio::io::duplex(64);
        let (mut sender, connection) = handshake(TokioIo::new(ours)).await.unwrap();
        drop(connection);
        assert!(is_unsent(
            &sender.send_request(request()).await.unwrap_err()
        ));
        drop(theirs);

        let (ours, theirs) = tokio::io::duplex(4096);
        let (mut sender, connection) = handshake(TokioIo::new(ours)).await.unwrap();
        let answer = sender.send_request(request());
        let serve = async move {
            let mut theirs = theirs;
            tokio::io::AsyncReadExt::read_u8(&mut theirs).await.unwrap();
        };
        let (answer, ..) = tokio::join!(answer, connection, serve);
        assert!(!is_unsent(&answer.unwrap_err()));
    }
}
