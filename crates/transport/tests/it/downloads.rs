//! Files behind links, against real sockets.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::Duration,
};

use transport::{Downloads, Error, ErrorKind};

/// Answers one request with these bytes, then holds the connection open or closes it; returns its link, and its head.
fn serve(answer: Vec<u8>, holds: bool) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = format!(
        "http://{}/users.json.gz?signature=a%2Fb",
        listener.local_addr().unwrap()
    );
    let (tell, head) = mpsc::channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<_> = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .collect();
        tell.send(head.join("\n").to_ascii_lowercase()).unwrap();
        // Who has seen enough may be gone.
        let _ = (&stream).write_all(&answer);
        if holds {
            lines.for_each(drop);
        }
    });
    (link, head)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat()
}

async fn fetch(downloads: Downloads, link: &str) -> Result<usize, Error> {
    let mut file = downloads.get(link).await?;
    let mut size = 0;
    while let Some(bytes) = file.chunk().await? {
        size += bytes.len();
    }
    Ok(size)
}

#[tokio::test]
async fn a_file_of_any_size_comes_whole_and_nothing_is_sent_along() {
    let size = 20 << 20;
    let body = vec![7; size];
    let (link, head) = serve(
        answer(&format!("200 OK\r\ncontent-length: {size}"), &body),
        true,
    );
    assert_eq!(fetch(Downloads::new(), &link).await.unwrap(), size);
    let head = head.recv().unwrap();
    assert!(
        head.starts_with("get /users.json.gz?signature=a%2fb http/1.1"),
        "{head}"
    );
    for name in [
        "authorization",
        "cookie",
        "auth0-client",
        "x-correlation-id",
    ] {
        assert!(!head.contains(name), "{head}");
    }
}

#[tokio::test]
async fn a_file_that_is_cut_off_or_stops_is_an_error() {
    let cut = answer("200 OK\r\ncontent-length: 10", b"12345");
    let (link, _head) = serve(cut.clone(), false);
    let error = fetch(Downloads::new(), &link).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let soon = Downloads::new().idle_timeout(Duration::from_millis(50));
    let (link, _head) = serve(cut, true);
    let error = fetch(soon.clone(), &link).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let (link, _head) = serve(Vec::new(), true);
    let error = fetch(soon, &link).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_refusal_keeps_what_was_said_and_not_the_link() {
    let expired = answer("403 Forbidden\r\ncontent-length: 7", b"expired");
    let (link, _head) = serve(expired, true);
    let error = fetch(Downloads::new(), &link).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    let told = format!("{error} {error:?}");
    assert!(!told.contains("signature"), "{told}");
    let away = answer(
        "302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0",
        b"",
    );
    let (link, _head) = serve(away, true);
    let error = fetch(Downloads::new(), &link).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn what_is_no_https_link_is_not_asked_for() {
    for link in [
        "",
        "/users.json.gz",
        "files.example.com",
        "http://files.example.com/x",
        "ftp://files.example.com/x",
        "https://user:secret@files.example.com/x",
    ] {
        let error = fetch(Downloads::new(), link).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{link}");
        assert!(!format!("{error:?}").contains("secret"));
    }
}
