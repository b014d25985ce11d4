//! The way to a tenant through a proxy.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
};

use unlink_sandbox::Sandbox;

use crate::support::{Cli, JANE, at};

/// A proxy for as many tunnels as are asked for: its address, and the first line of each request for one.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, lines) = channel();
    // Ends with the test's process; nothing waits for it.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let asked = asked.clone();
            thread::spawn(move || {
                let mut client = BufReader::new(stream.unwrap());
                let mut head = Vec::new();
                for line in client.by_ref().lines() {
                    match line.unwrap() {
                        end if end.is_empty() => break,
                        line => head.push(line),
                    }
                }
                let target = head[0].split(' ').nth(1).unwrap().to_owned();
                asked.send(head[0].clone()).unwrap();
                let mut client = client.into_inner();
                let mut server = TcpStream::connect(target).unwrap();
                client.write_all(b"HTTP/1.1 200 Tunnel\r\n\r\n").unwrap();
                let (mut upwards, mut to) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut upwards, &mut to));
                let _ = std::io::copy(&mut server, &mut client);
            });
        }
    });
    (url, lines)
}

#[test]
fn the_environment_names_the_proxy_and_the_exceptions() {
    let sandbox = Sandbox::builder().tls().start().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), sandbox.ca_pem().unwrap()).unwrap();
    let list = || {
        let words = ["list", JANE, "--ca-file", file.path().to_str().unwrap()];
        at(&sandbox, &words)
    };
    let (url, asked) = proxy();
    let succeeds = |cli: Cli| {
        let ran = cli.run();
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    let host = sandbox.url().trim_start_matches("https://");
    for name in ["HTTPS_PROXY", "https_proxy"] {
        succeeds(list().env(name, &url));
        assert_eq!(
            asked.try_recv().unwrap(),
            format!("CONNECT {host} HTTP/1.1")
        );
        for except in ["NO_PROXY", "no_proxy"] {
            succeeds(list().env(name, &url).env(except, "127.0.0.1,localhost"));
            assert!(asked.try_recv().is_err());
        }
    }
    succeeds(
        list()
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .env("https_proxy", &url),
    );
    let secret = "http://someone:planted@127.0.0.1:1";
    let ran = list().env("HTTPS_PROXY", secret).run();
    assert_eq!(ran.code, Some(1));
    assert!(!ran.told().contains("planted"), "{ran:?}");
    let ran = list().env("HTTPS_PROXY", "planted://x").run();
    assert_eq!(ran.code, Some(2));
    assert!(!ran.told().contains("planted"), "{ran:?}");
}
