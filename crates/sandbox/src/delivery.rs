//! How an answer reaches the client: whole, or spoiled on the way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How long the beginning of a body gets to leave before the connection is broken.
const LEAVE: Duration = Duration::from_millis(10);

/// What follows an endless body.
const BLANKS: &[u8] = &[b' '; 1024];

/// How the body of an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    /// Nothing is sent; the connection is closed, or reset.
    Nothing {
        reset: bool,
    },
    /// Nothing is sent, and the connection stays open.
    Silence,
    Truncated {
        after: usize,
    },
    Stalled {
        after: usize,
    },
    Trickled {
        bytes: usize,
        every: Duration,
    },
    Endless,
}

impl Delivery {
    /// The body as it will be sent.
    pub(crate) fn body(self, body: Vec<u8>) -> Body {
        let bytes = Bytes::from(body);
        let whole = bytes.len();
        let spoiled =
            |bytes: Bytes, piece: usize, every: Duration, end: End, length: Option<usize>| {
                Body::new(SpoiledBody {
                    // Without a pause the headers would not leave before the body breaks off.
                    pause: bytes.is_empty().then(|| Box::pin(sleep(every))),
                    left: bytes,
                    piece: piece.max(1),
                    every,
                    end,
                    length,
                })
            };
        let cut = |after: usize| bytes.slice(..after.min(whole));
        match self {
            Self::Whole | Self::Nothing { .. } | Self::Silence => Body::from(bytes),
            Self::Truncated { after } => spoiled(cut(after), whole, LEAVE, End::Break, Some(whole)),
            Self::Stalled { after } => spoiled(cut(after), whole, LEAVE, End::Stall, Some(whole)),
            Self::Trickled {
                bytes: piece,
                every,
            } => spoiled(bytes, piece, every, End::Finish, Some(whole)),
            Self::Endless => spoiled(bytes, whole, LEAVE, End::Repeat, None),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum End {
    Finish,
    Break,
    Stall,
    Repeat,
}

/// A body sent piece by piece, with a pause after each.
#[derive(Debug)]
struct SpoiledBody {
    left: Bytes,
    piece: usize,
    every: Duration,
    end: End,
    /// What `content-length` promises.
    length: Option<usize>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for SpoiledBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        if self.left.is_empty() {
            match self.end {
                End::Finish => return Poll::Ready(None),
                End::Break => {
                    return Poll::Ready(Some(Err(io::Error::other("the answer breaks off here"))));
                }
                // Nothing will ever wake it: the connection ends it.
                End::Stall => return Poll::Pending,
                End::Repeat => self.left = Bytes::from_static(BLANKS),
            }
        }
        let piece = self.piece.min(self.left.len());
        let piece = self.left.split_to(piece);
        self.pause = Some(Box::pin(sleep(self.every)));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::new, |length| SizeHint::with_exact(length as u64))
    }
}
