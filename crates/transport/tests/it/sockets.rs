//! The built-in round trip against real sockets: what can be known about delivery, and what is bounded.

use std::{
    error::Error as _,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use transport::{
    AccessToken, Client, ClientBuilder, DecodeError, Error, ErrorKind, Operation, Path, Request,
    Response, RoundTripError, RoundTripFailure, Tenant,
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
    let table: [(&str, Serve); 7] = [
        // Closed with bytes unread, which resets the connection.
        ("reset before it was read", |stream, _| {
            let _ = stream.peek(&mut [0]);
        }),
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
        ("trickled", |mut stream, _| {
            read_head(&mut stream);
            // Whole after 5 s, which the limit does not wait for.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n");
            while stream.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        }),
        ("longer than a number can say", |mut stream, _| {
            read_head(&mut stream);
            let length = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n[]";
            let _ = stream.write_all(length);
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
async fn a_body_that_never_ends_is_cut_off_at_a_size() {
    let url = server(|mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = [b"8000\r\n".as_slice(), &[b' '; 0x8000], b"\r\n"].concat();
        while stream.write_all(&chunk).is_ok() {}
    });
    let error = fails(client(&url)).await;
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    let cause = error.source().unwrap().source().unwrap();
    let cause = cause.downcast_ref::<RoundTripError>().unwrap();
    assert_eq!(cause.failure(), RoundTripFailure::BodyTooLarge);
}

#[test]
fn what_was_written_to_a_pooled_connection_that_had_ended_is_sent_once() {
    let (closed, told) = mpsc::channel();
    let (done, close) = mpsc::channel();
    let close = Mutex::new(close);
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let url = server(move |mut stream, _| {
        count.fetch_add(1, Ordering::SeqCst);
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]");
        close.lock().unwrap().recv().unwrap();
        drop(stream);
        closed.send(()).unwrap();
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = client(&url).build().unwrap();
    runtime
        .block_on(async { client.call().execute(delete()).await })
        .unwrap();
    // The server closes while nothing of the client runs: it still takes the connection for open.
    done.send(()).unwrap();
    told.recv().unwrap();
    let error = runtime
        .block_on(async { client.call().execute(delete()).await })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(
        connections.load(Ordering::SeqCst),
        1,
        "whether it is sent again is not the pool's decision"
    );
}

#[tokio::test]
async fn http_2_is_offered_where_there_is_tls() {
    let (heard, hello) = mpsc::channel();
    let url = server(move |mut stream, _| {
        let mut bytes = vec![0; 4096];
        let length = stream.read(&mut bytes).unwrap();
        heard.send(bytes[..length].to_vec()).unwrap();
    });
    fails(client(&url.replace("http:", "https:"))).await;
    let hello = hello.recv().unwrap();
    let offers = |list: &[u8]| hello.windows(list.len()).any(|window| window == list);
    assert!(offers(b"\x02h2\x08http/1.1"), "both, the newer first");
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

/// A proxy that refuses every tunnel and keeps what it was asked.
fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&asked);
    let url = server(move |mut stream, _| {
        let mut head = String::new();
        for line in BufReader::new(&stream).lines() {
            let line = line.unwrap();
            if line.is_empty() {
                break;
            }
            head.push_str(&line);
            head.push('\n');
        }
        keep.lock().unwrap().push(head);
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    });
    (url, asked)
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_and_sees_no_token() {
    let (url, asked) = proxy();
    let through = url.replace("http://", "http://me:planted@");
    let error = fails(client("https://tenant.invalid").proxy(through, "")).await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!error.may_have_been_applied());
    let asked = asked.lock().unwrap().join("").to_ascii_lowercase();
    assert!(
        asked.starts_with("connect tenant.invalid:443 http/1.1\n"),
        "{asked}"
    );
    // me:planted
    assert!(
        asked.contains("proxy-authorization: basic bwu6cgxhbnrlza=="),
        "{asked}"
    );
    assert!(!asked.contains("bearer"), "{asked}");
    assert!(!format!("{error:?}").contains("planted"));
}

#[tokio::test]
async fn what_is_excepted_and_what_is_local_is_reached_without_the_proxy() {
    let (url, asked) = proxy();
    let direct = server(|mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]");
    });
    let local = client(&direct).proxy(url.clone(), "").build().unwrap();
    assert_eq!(local.call().execute(delete()).await.unwrap().output, 2);
    let excepted =
        client(&direct.replace("http://127.0.0.1", "https://localhost")).proxy(url, "localhost");
    let excepted = excepted.connect_timeout(Duration::from_millis(100));
    assert_eq!(fails(excepted).await.kind(), ErrorKind::Connect);
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_without_repeating_it() {
    for url in [
        "",
        "https://me:planted@proxy:1",
        "socks5://planted:1",
        "planted proxy",
    ] {
        let error = client("https://tenant.invalid")
            .proxy(url, "")
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{url}");
        assert!(
            !format!("{error} {error:?}").contains("planted"),
            "{error:?}"
        );
    }
}

#[test]
fn roots_that_are_no_certificates_are_refused() {
    for pem in [
        "hello",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ] {
        let error = client("https://tenant.invalid")
            .extra_roots(pem)
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{pem}");
    }
}

#[tokio::test]
async fn headers_of_the_callers_own_are_sent_and_the_clients_own_are_not_replaced() {
    let sandbox = Sandbox::start().unwrap();
    let token = AccessToken::new(sandbox.token(&["read:users"])).unwrap();
    let builder = || Client::builder(sandbox.url().parse().unwrap(), token.clone());
    let plain = builder().build().unwrap();
    let client = plain.with_header("X-Correlation-ID", "job-1").unwrap();
    let telling = builder().telemetry(true).user_agent("my-app/1");
    for client in [&client, &telling.build().unwrap()] {
        client.call().execute(delete()).await.unwrap_err();
    }
    let sent = sandbox.requests();
    assert_eq!(sent[0].headers["x-correlation-id"], "job-1");
    assert!(!sent[0].headers.contains_key("auth0-client"));
    let telemetry = BASE64_STANDARD.decode(&sent[1].headers["auth0-client"]);
    let telemetry: serde_json::Value = serde_json::from_slice(&telemetry.unwrap()).unwrap();
    assert_eq!(telemetry["name"], "auth0-unlink");
    assert_eq!(sent[1].headers["user-agent"], "my-app/1");
    assert!(!sent[1].headers.contains_key("x-correlation-id"));
    let refused = plain.with_header("Authorization", "x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Input);
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
