//! The built-in round trip against real sockets: what can be known about delivery, and what is bounded.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use transport::{
    AccessToken, Client, ClientBuilder, DecodeError, Error, ErrorKind, Operation, Path, Request,
    Response, Tenant,
};
use unlink_sandbox::Sandbox;

/// One request, whatever its answer says.
struct Send(Request);

impl Operation for Send {
    type Output = usize;

    fn request(&self) -> &Request {
        &self.0
    }

    fn decode(&self, response: &Response) -> Result<usize, DecodeError> {
        Ok(response.body().expose().len())
    }
}

fn delete() -> Send {
    Send(Request::delete(
        Path::new(["api", "v2", "users", "auth0|1"]).unwrap(),
    ))
}

fn client(url: &str) -> ClientBuilder {
    let tenant: Tenant = url.parse().unwrap();
    Client::builder(tenant, AccessToken::new("token").unwrap()).attempts(1)
}

/// Serves each connection with `serve`, in threads of its own, for as long as the test process lives.
fn server(serve: impl Fn(TcpStream, usize) + std::marker::Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (stream, serve) = (stream.unwrap(), Arc::clone(&serve));
            thread::spawn(move || serve(stream, number));
        }
    });
    url
}

/// Reads one request's head; `false` when the peer has gone.
fn read_head(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// Keeps a connection open until the peer closes it.
fn hold(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

async fn fails(client: ClientBuilder) -> Error {
    client
        .build()
        .unwrap()
        .call()
        .execute(delete())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = fails(client(&url)).await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!error.may_have_been_applied());
}

#[tokio::test]
async fn tls_that_never_comes_about_ends_at_the_connect_timeout_and_was_not_sent() {
    let url = server(|stream, _| hold(stream)).replace("http:", "https:");
    let error = fails(client(&url).connect_timeout(Duration::from_millis(100))).await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!error.may_have_been_applied());
}

#[tokio::test]
async fn an_attempt_that_ends_while_connecting_was_not_sent() {
    let url = server(|stream, _| hold(stream)).replace("http:", "https:");
    let error = fails(client(&url).attempt_timeout(Duration::from_millis(100))).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(!error.may_have_been_applied());
}

#[tokio::test]
async fn whatever_ends_after_the_request_was_sent_may_have_been_applied() {
    type Serve = fn(TcpStream, usize);
    let table: [(&str, Serve); 5] = [
        ("closed without an answer", |mut stream, _| {
            read_head(&mut stream);
        }),
        ("never answered", |mut stream, _| {
            read_head(&mut stream);
            hold(stream);
        }),
        ("stalled in the body", |mut stream, _| {
            read_head(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[");
            hold(stream);
        }),
        ("cut off in the body", |mut stream, _| {
            read_head(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[");
        }),
        ("never ending", |mut stream, _| {
            read_head(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            while stream
                .write_all(b"8000\r\n")
                .and_then(|()| stream.write_all(&[b' '; 0x8000]))
                .and_then(|()| stream.write_all(b"\r\n"))
                .is_ok()
            {}
        }),
    ];
    for (name, serve) in table {
        let url = server(serve);
        let error = fails(client(&url).attempt_timeout(Duration::from_millis(500))).await;
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{name}");
        assert!(error.may_have_been_applied(), "{name}");
        assert_eq!(error.attempts(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let elsewhere = server(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let url = server(move |mut stream, _| {
        read_head(&mut stream);
        let _ = write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\n\r\n"
        );
        hold(stream);
    });
    let error = fails(client(&url)).await;
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn connections_are_reused() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let url = server(move |mut stream, _| {
        count.fetch_add(1, Ordering::SeqCst);
        while read_head(&mut stream) {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")
                .unwrap();
        }
    });
    let client = client(&url).build().unwrap();
    for _ in 0..5 {
        assert_eq!(
            client
                .clone()
                .call()
                .execute(delete())
                .await
                .unwrap()
                .output,
            2
        );
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_local_tenant_answers_and_keeps_ids_whole() {
    let sandbox = Sandbox::start().unwrap();
    let token = AccessToken::new(sandbox.token(&["read:users"])).unwrap();
    let client = Client::builder(sandbox.url().parse().unwrap(), token)
        .build()
        .unwrap();
    let path = Path::new(["api", "v2", "users", "auth0|no?such#user/%7C"]).unwrap();
    let error = client
        .call()
        .execute(Send(Request::get(path)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.answer().unwrap().error_code(),
        Some("inexistent_user")
    );
    assert_eq!(
        sandbox.requests()[0].path,
        "/api/v2/users/auth0%7Cno%3Fsuch%23user%2F%257C"
    );
}

#[test]
fn clients_and_their_calls_can_be_spawned() {
    fn spawnable<T: std::marker::Send + 'static>(_: &T) {}
    fn shared<T: Clone + std::marker::Send + Sync + 'static>(value: T) -> T {
        value
    }
    let client = shared(client("http://127.0.0.1:1").build().unwrap());
    let call = client.call();
    spawnable(&async move { call.execute(delete()).await });
}
