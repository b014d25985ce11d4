//! TLS on demand: a certificate authority made for this run, and a certificate of it for the loopback names.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What a server needs to speak TLS, and what a client needs to trust it.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate, PEM.
    pub(crate) authority: String,
}

impl Tls {
    /// Writes the authority's certificate where a client can be told to find it.
    pub(crate) fn write_authority(&self, path: &Path) -> io::Result<()> {
        fs::write(path, &self.authority)
    }
}

/// Makes an authority and a certificate for these names and addresses.
pub(crate) fn generate(names: Vec<String>) -> io::Result<Tls> {
    let (certificate, key, authority) = certificates(names).map_err(io::Error::other)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![certificate.into()], PrivateKeyDer::Pkcs8(key.into()))
        })
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Tls {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        authority,
    })
}

/// The certificate and its key (DER), and the authority (PEM); the authority's own key is forgotten.
fn certificates(names: Vec<String>) -> Result<(Vec<u8>, Vec<u8>, String), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority
        .distinguished_name
        .push(DnType::CommonName, "unlink-sandbox local test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();

    let mut server = CertificateParams::new(names)?;
    server
        .distinguished_name
        .push(DnType::CommonName, "unlink-sandbox");
    // Strict clients, such as Python from 3.13 on, refuse a certificate that does not name its authority's key.
    server.use_authority_key_identifier_extension = true;
    server.is_ca = IsCa::ExplicitNoCa;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key))?;
    Ok((
        certificate.der().to_vec(),
        key.serialize_der(),
        authority_pem,
    ))
}

#[cfg(test)]
mod tests {
    use super::certificates;

    #[test]
    fn the_certificate_names_its_authoritys_key_and_is_for_servers() {
        let (certificate, _, _) = certificates(vec!["localhost".into()]).unwrap();
        let holds = |der: &[u8]| certificate.windows(der.len()).any(|window| window == der);
        // The object identifiers 2.5.29.35 (authority key identifier), 2.5.29.37 (extended key usage) and
        // 1.3.6.1.5.5.7.3.1 (server authentication).
        assert!(holds(&[0x06, 3, 0x55, 0x1d, 35]));
        assert!(holds(&[0x06, 3, 0x55, 0x1d, 37]));
        assert!(holds(&[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1]));
    }
}
