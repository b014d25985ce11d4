//! The listening side: one thread with its own runtime, one task for each connection.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::app::{App, Shared};
use crate::wire::{Cutter, Wire};

/// How long to wait before accepting again when the system had no room for a connection.
const BREATHER: Duration = Duration::from_millis(10);

/// A running server; dropping it closes the port and every connection, and waits until that is done.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves on a listener that is already bound.
    pub(crate) fn start(
        listener: StdListener,
        tls: Option<TlsAcceptor>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let (report, started) = mpsc::channel();
        // The runtime lives and dies on its own thread: it may be neither entered nor dropped inside a caller's.
        let serve = move || match runtime::Builder::new_current_thread().enable_all().build() {
            Err(error) => drop(report.send(Err(error))),
            Ok(runtime) => runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Err(error) => drop(report.send(Err(error))),
                    Ok(listener) => {
                        drop(report.send(Ok(())));
                        tokio::select! {
                            () = accept(listener, tls, App::new(shared)) => {}
                            // Told to stop, or the handle is gone: the same thing.
                            _ = stopped => {}
                        }
                    }
                }
            }),
        };
        let thread = thread::Builder::new()
            .name("unlink-sandbox".into())
            .spawn(serve)?;
        let server = Self {
            stop: Some(stop),
            thread: Some(thread),
        };
        match started.recv() {
            Ok(outcome) => outcome.map(|()| server),
            Err(_) => Err(io::Error::other(
                "the thread of the local tenant ended before it began",
            )),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the server has been printed by its own thread.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, app: App) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let app = app.clone().with_peer(peer.ip());
                tokio::spawn(connection(stream, tls.clone(), app));
            }
            // A connection that was reset before it was accepted, or no file descriptors for now.
            Err(_) => tokio::time::sleep(BREATHER).await,
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, app: App) {
    // Without it small answers wait for the acknowledgement of earlier ones; failing is harmless.
    let _ = stream.set_nodelay(true);
    let cutter = Arc::new(Cutter::default());
    let wire = Wire::new(stream, Arc::clone(&cutter));
    match tls {
        None => serve(wire, app, &cutter).await,
        Some(tls) => {
            // A client that does not trust the authority breaks off here.
            if let Ok(stream) = tls.accept(wire).await {
                serve(stream, app, &cutter).await;
            }
        }
    }
}

async fn serve(io: impl AsyncRead + AsyncWrite + Unpin + 'static, app: App, cutter: &Arc<Cutter>) {
    let service = service_fn(|request| app.clone().answer(request, Arc::clone(cutter)));
    let builder = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // What a client does to its connection is the client's business.
        _ = builder.serve_connection(TokioIo::new(io), service) => {}
        () = cutter.wait() => {}
    }
}
