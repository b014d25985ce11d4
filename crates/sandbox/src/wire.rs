//! A connection that a fault can cut: closed in the ordinary way, or reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Cuts one connection.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    reset: AtomicBool,
    cut: Notify,
}

impl Cutter {
    /// Closes the connection; with `reset`, the peer sees it reset.
    pub(crate) fn cut(&self, reset: bool) {
        self.reset.store(reset, Ordering::Relaxed);
        self.cut.notify_one();
    }

    /// Waits until the connection is to be cut.
    pub(crate) async fn wait(&self) {
        self.cut.notified().await;
    }
}

/// The server's end of a TCP connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    cutter: Arc<Cutter>,
}

impl Wire {
    pub(crate) const fn new(stream: TcpStream, cutter: Arc<Cutter>) -> Self {
        Self { stream, cutter }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.cutter.reset.load(Ordering::Relaxed) {
            // Without it the close that follows would be an orderly one; nothing can be done if it fails.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
