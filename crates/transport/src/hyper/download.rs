//! Files behind links that a tenant hands out: fetched piece by piece, by what has no token to send along.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;

use super::{HyperRoundTrip, Settings, Silence};
use crate::{
    client::Proxy,
    error::{Error, ErrorKind},
    request::Response,
    round_trip::{Delivery, RoundTripError, RoundTripFailure},
    tenant::Tenant,
};

/// As much of a refusal as is read.
const LARGEST_REFUSAL: usize = 16 * 1024;

/// Fetches files from links, such as the one that
/// [an export of users](https://auth0.com/docs/manage-users/user-migration/bulk-user-exports) ends with.
///
/// The link is to another host than the tenant's, and whoever has it may have the file. So there is no token here, and
/// nothing that one could be given to.
///
/// ```no_run
/// # async fn example() -> Result<(), transport::Error> {
/// let downloads = transport::Downloads::new();
/// let mut file = downloads.get("https://files.example.com/users.json.gz?signature=x").await?;
/// while let Some(bytes) = file.chunk().await? {
///     println!("{} bytes", bytes.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Downloads {
    extra_roots: Vec<u8>,
    proxy: Option<(String, String)>,
    connect: Duration,
    idle: Duration,
}

impl Default for Downloads {
    fn default() -> Self {
        Self::new()
    }
}

impl Downloads {
    /// Fetches with the platform's roots and no proxy.
    pub const fn new() -> Self {
        Self {
            extra_roots: Vec::new(),
            proxy: None,
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(30),
        }
    }

    /// Trusts the certificates of this PEM text too, beside the platform's roots.
    pub fn extra_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_roots = pem.into();
        self
    }

    /// Reaches https hosts through an http proxy, `http://[user:password@]host:port`, but for those in `except`, which
    /// has the form of `NO_PROXY`.
    pub fn proxy(mut self, url: impl Into<String>, except: impl Into<String>) -> Self {
        self.proxy = Some((url.into(), except.into()));
        self
    }

    /// Sets how long the answer, or the next piece of the file, may take to come (30 s).
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle = timeout;
        self
    }

    /// Asks for the file behind `link`: https, or http on loopback. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] for what is no such link; [`ErrorKind::Forbidden`] as a rule when the link has expired, or the
    /// kind of any other refusal; [`ErrorKind::Connect`], [`ErrorKind::Timeout`], [`ErrorKind::Interrupted`].
    pub async fn get(&self, link: &str) -> Result<Download, Error> {
        // The link is a credential, so no message repeats it.
        let refuse = || Error::new(ErrorKind::Input, "the link to the file is not an https URL");
        let uri: Uri = link.parse().map_err(|_| refuse())?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(refuse());
        };
        let host: Tenant = format!("{scheme}://{authority}")
            .parse()
            .map_err(|_| refuse())?;
        let proxy = self.proxy.as_ref().map(|(url, except)| Proxy {
            url: url.clone(),
            except: except.clone(),
        });
        let round_trip = HyperRoundTrip::new(&Settings {
            tenant: &host,
            connect: self.connect,
            extra_roots: &self.extra_roots,
            proxy: proxy.as_ref(),
            silence: Silence::default(),
        })?;
        let mut request = http::Request::new(Full::<Bytes>::default());
        *request.uri_mut() = uri;
        let agent = HeaderValue::from_static(concat!("auth0-unlink/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        let asked = tokio::time::timeout(self.idle, round_trip.client.request(request)).await;
        let answer = match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Error::no_answer(super::classify(error))),
            Err(_) => return Err(silent()),
        };
        let (parts, body) = answer.into_parts();
        if parts.status.is_success() {
            return Ok(Download {
                body,
                idle: self.idle,
            });
        }
        let said = tokio::time::timeout(self.idle, Limited::new(body, LARGEST_REFUSAL).collect());
        let said = match said.await {
            Ok(Ok(said)) => said.to_bytes(),
            _ => Bytes::new(),
        };
        let answer = Response::from(http::Response::from_parts(parts, said));
        Err(Error::from_answer(&answer))
    }
}

impl std::fmt::Debug for Downloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Downloads")
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

/// A file on its way.
#[derive(Debug)]
pub struct Download {
    body: Incoming,
    idle: Duration,
}

impl Download {
    /// Returns the next piece of the file, `None` at its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`] when the connection ends before the file does, [`ErrorKind::Timeout`] when nothing
    /// comes any more.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let Ok(frame) = tokio::time::timeout(self.idle, self.body.frame()).await else {
                return Err(silent());
            };
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    // What follows a body is none of the file.
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(error)) => {
                    let failure = RoundTripFailure::Interrupted;
                    return Err(Error::no_answer(
                        RoundTripError::new(Delivery::MaybeSent, failure).with_source(error),
                    ));
                }
            }
        }
    }
}

fn silent() -> Error {
    Error::no_answer(RoundTripError::new(
        Delivery::MaybeSent,
        RoundTripFailure::Timeout,
    ))
}
