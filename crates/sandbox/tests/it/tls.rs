//! TLS on demand: the handshake succeeds for whoever trusts the authority of this run, and for nobody else; HTTP/2 too.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use unlink_sandbox::{Apply, Fault, Kind, Sandbox};

use crate::client::parse;

fn config(ca: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn get(sandbox: &Sandbox, ca: &str, name: &'static str) -> std::io::Result<String> {
    let name = ServerName::try_from(name).unwrap();
    let connection = ClientConnection::new(Arc::new(config(ca)), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(sandbox.addr())?);
    let token = sandbox.token(&["read:users"]);
    write!(
        stream,
        "GET /api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21 HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\n\r\n",
        sandbox.domain(),
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn whoever_trusts_the_authority_gets_through() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let sandbox = Sandbox::builder().tls_with_ca_file(&file).start().unwrap();
    assert!(sandbox.url().starts_with("https://127.0.0.1:"));
    let ca = std::fs::read_to_string(&file).unwrap();
    assert_eq!(Some(ca.as_str()), sandbox.ca_pem());
    for name in ["127.0.0.1", "localhost"] {
        let answer = parse(&get(&sandbox, &ca, name).unwrap());
        assert_eq!(answer.status, 200, "{name}");
        // It would pin localhost to https in a browser.
        assert_eq!(answer.header("strict-transport-security"), None);
    }
}

#[test]
fn the_authority_of_another_run_is_not_trusted() {
    let (one, other) = (
        Sandbox::builder().tls().start().unwrap(),
        Sandbox::builder().tls().start().unwrap(),
    );
    assert!(get(&one, other.ca_pem().unwrap(), "localhost").is_err());
    assert!(get(&one, one.ca_pem().unwrap(), "example.com").is_err());
}

/// Python from 3.13 on verifies like this.
#[test]
fn openssl_takes_the_certificate_at_its_strictest() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: there is no openssl here");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let sandbox = Sandbox::builder().tls_with_ca_file(&file).start().unwrap();
    let output = Command::new("openssl")
        .args(["s_client", "-x509_strict", "-verify_return_error"])
        .args(["-purpose", "sslserver", "-verify_ip", "127.0.0.1"])
        .arg("-CAfile")
        .arg(&file)
        .args(["-connect", &sandbox.addr().to_string()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Verify return code: 0 (ok)"), "{output:?}");
}

/// An HTTP/2 connection.
async fn http2(sandbox: &Sandbox) -> hyper::client::conn::http2::SendRequest<Empty<Bytes>> {
    let mut config = config(sandbox.ca_pem().unwrap());
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(sandbox.addr())
        .await
        .unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

#[test]
fn http2_is_spoken_and_a_fault_cuts_it_too() {
    let sandbox = Sandbox::builder().tls().start().unwrap();
    let unlink = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21/identities/github/58323117";
    let request = |method: &str| {
        hyper::Request::builder()
            .method(method)
            .uri(format!("{}{unlink}", sandbox.url()))
            .header(
                "authorization",
                format!("Bearer {}", sandbox.token(&["update:users"])),
            )
            .body(Empty::new())
            .unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        sandbox.inject(Fault::new(Kind::Drop).apply(Apply::Now).times(1));
        assert!(
            http2(&sandbox)
                .await
                .send_request(request("DELETE"))
                .await
                .is_err()
        );
        assert_eq!(sandbox.effects().len(), 2);
        let answer = http2(&sandbox)
            .await
            .send_request(request("DELETE"))
            .await
            .unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.version()),
            (200, hyper::Version::HTTP_2)
        );
    });
    assert_eq!(sandbox.requests()[1].path, unlink);
}
