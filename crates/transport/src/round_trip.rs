//! The seam between the client and whatever carries its bytes: one request out, one whole answer back.

use std::{error::Error as StdError, fmt, pin::Pin, time::Duration};

use bytes::Bytes;

/// A boxed future: `Send` natively, so that calls can be spawned; not on wasm32, where fetch is not.
#[cfg(not(target_arch = "wasm32"))]
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A boxed future: `Send` natively, so that calls can be spawned; not on wasm32, where fetch is not.
#[cfg(target_arch = "wasm32")]
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// `Send + Sync` natively, nothing on wasm32.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSendSync: Send + Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + Sync + ?Sized> MaybeSendSync for T {}
/// `Send + Sync` natively, nothing on wasm32.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSendSync {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSendSync for T {}

/// Carries one request to its authority and brings back the whole answer.
///
/// Implementations never follow redirects and never send a request twice: both would hide what happened
/// from the caller, who decides about a DELETE by what it knows.
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use transport::{BoxFuture, RoundTrip, RoundTripError};
///
/// /// Answers every request with an empty list.
/// struct Canned;
///
/// impl RoundTrip for Canned {
///     fn round_trip(
///         &self,
///         _request: http::Request<Bytes>,
///         _limit: Duration,
///     ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>> {
///         Box::pin(async { Ok(http::Response::new(Bytes::from_static(b"[]"))) })
///     }
/// }
/// ```
pub trait RoundTrip: MaybeSendSync + 'static {
    /// Sends `request` and collects the answer's body, all within `limit`.
    ///
    /// # Errors
    ///
    /// [`RoundTripError`] when there is no whole answer, saying whether the request may have arrived.
    fn round_trip(
        &self,
        request: http::Request<Bytes>,
        limit: Duration,
    ) -> BoxFuture<Result<http::Response<Bytes>, RoundTripError>>;
}

/// Whether a request without an answer can have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a request was certainly not sent, or it may have been"
)]
pub enum Delivery {
    /// No byte of it reached a connection: it had no effect and never will.
    NotSent,
    /// It may have arrived, or may still arrive.
    MaybeSent,
}

/// What went wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RoundTripFailure {
    /// No connection: name not resolved, refused, TLS not agreed, or too slow to come about.
    Connect,
    /// No connection, since nobody whom this machine trusts has signed the certificate of the other side.
    Untrusted,
    /// No whole answer within the limit.
    Timeout,
    /// The connection ended, or broke its protocol, before the answer was whole.
    Interrupted,
    /// The answer's body is larger than this client accepts.
    BodyTooLarge,
}

/// A request without a whole answer.
#[derive(Debug)]
pub struct RoundTripError {
    delivery: Delivery,
    failure: RoundTripFailure,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl RoundTripError {
    /// An error that says whether the request may have arrived and what failed.
    #[must_use]
    pub const fn new(delivery: Delivery, failure: RoundTripFailure) -> Self {
        Self {
            delivery,
            failure,
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the request may have arrived.
    #[must_use]
    pub const fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// What failed.
    #[must_use]
    pub const fn failure(&self) -> RoundTripFailure {
        self.failure
    }
}

impl fmt::Display for RoundTripError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.failure {
            RoundTripFailure::Connect => "could not connect",
            RoundTripFailure::Untrusted => "could not connect: the certificate is not trusted",
            RoundTripFailure::Timeout => "no whole answer in time",
            RoundTripFailure::Interrupted => "the connection ended before the answer was whole",
            RoundTripFailure::BodyTooLarge => "the answer is larger than this client accepts",
        })
    }
}

impl StdError for RoundTripError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
