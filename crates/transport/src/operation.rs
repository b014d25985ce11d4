//! What the loop is given and gives back: an operation with its request, answer and probe, and how it was settled.

use bytes::Bytes;

use crate::{
    error::{DecodeError, Error},
    request::{Request, Response},
    round_trip::MaybeSendSync,
};

/// One thing to do at the tenant: its request, how its answer reads, and how a lost answer is settled.
///
/// ```
/// use transport::{DecodeError, Operation, Path, PathError, Request, Response};
///
/// /// Counts the tenant's connections.
/// struct CountConnections(Request);
///
/// impl CountConnections {
///     fn new() -> Result<Self, PathError> {
///         Ok(Self(Request::get(Path::new(["api", "v2", "connections"])?)))
///     }
/// }
///
/// impl Operation for CountConnections {
///     type Output = usize;
///
///     fn request(&self) -> &Request {
///         &self.0
///     }
///
///     fn decode(&self, response: &Response) -> Result<usize, DecodeError> {
///         let list: Vec<serde_json::Value> =
///             serde_json::from_slice(response.body().expose()).map_err(|error| DecodeError::json(&error))?;
///         Ok(list.len())
///     }
/// }
/// ```
pub trait Operation: MaybeSendSync {
    /// What the operation gives its caller.
    type Output;

    /// What the operation is called in traces.
    fn name(&self) -> &'static str {
        "request"
    }

    /// The request, the same at each attempt but for [`fresh_body`](Self::fresh_body).
    fn request(&self) -> &Request;

    /// The body of the next attempt, for what may be sent once only; without one it is the request's own.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being sent; the call ends with it.
    fn fresh_body(&self) -> Result<Option<Bytes>, Error> {
        Ok(None)
    }

    /// Reads a 2xx answer to the request.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is not the documented answer; whether the request was applied is then open.
    fn decode(&self, response: &Response) -> Result<Self::Output, DecodeError>;

    /// Whether sending it twice does no harm; so a read by default, and nothing else.
    fn is_repeatable(&self) -> bool {
        !self.request().changes_state()
    }

    /// Whether an answer to a read means that what is waited for is not there yet: then it is read again,
    /// for as long as the deadline allows.
    fn is_not_yet(&self, response: &Response) -> bool {
        let _ = response;
        false
    }

    /// The read that shows whether a request without an answer was applied, if there is one.
    fn probe(&self) -> Option<&Request> {
        None
    }

    /// Whether the request must not be sent again unless a probe has shown that nothing has happened.
    fn needs_a_read(&self) -> bool {
        false
    }

    /// Reads a 2xx or 404 answer to the probe.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is not the documented answer.
    fn settle(&self, probe: &Response) -> Result<Settled<Self::Output>, DecodeError> {
        let _ = probe;
        Err(DecodeError::new("this operation has no probe"))
    }
}

/// What a probe shows.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the loop needs a way on from each")]
pub enum Settled<T> {
    /// The request has been applied.
    Done(T),
    /// It has not, so far.
    Unchanged,
    /// What it was to act on does not exist.
    Missing,
}

/// How the outcome of a call is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettledBy {
    /// The request was answered.
    Answer,
    /// An earlier attempt's answer was lost, and the answer to a later one shows the state.
    LaterAnswer,
    /// The answer was lost, or did not tell, and a read afterwards shows the state.
    Probe,
}

/// A call's result and how it came about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answered<T> {
    /// What the operation read from the answer or the probe.
    pub output: T,
    /// How the outcome is known.
    pub settled_by: SettledBy,
    /// How often the request was sent, or tried to be.
    pub attempts: u32,
    /// The answer, or the probe's.
    pub response: Response,
}

impl<T> Answered<T> {
    /// Takes the output out, and keeps how it came about.
    pub fn split(self) -> (T, Answered<()>) {
        let Self {
            output,
            settled_by,
            attempts,
            response,
        } = self;
        (
            output,
            Answered {
                output: (),
                settled_by,
                attempts,
                response,
            },
        )
    }
}
