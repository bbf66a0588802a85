//! TLS from the outside: a client that trusts one authority and nothing else.

use std::{fs, path::Path, time::Duration};

use axum::{Router, routing::get};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};

use super::*;
use crate::{Limits, Readiness, Service, serve};

struct Files {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Files {
    fn new() -> Self {
        let _another_test_was_first = rustls::crypto::ring::default_provider().install_default();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = Self { folder: tempfile::tempdir().unwrap(), authority };
        files.issue("api.airtable.com");
        files
    }

    /// Puts a certificate for `name` where the server looks.
    fn issue(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        fs::write(self.path("tls.key"), key.serialize_pem()).unwrap();
        fs::write(self.path("tls.crt"), certificate.pem()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> Config {
        Config {
            tls_listen: Some(([127, 0, 0, 1], 0).into()),
            tls_cert_file: Some(self.path("tls.crt")),
            tls_key_file: Some(self.path("tls.key")),
        }
    }

    /// The status line of `/health`, asked for as `name` at `address`.
    async fn ask(&self, address: SocketAddr, name: &str) -> Result<String, io::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.lines().next().unwrap_or_default().to_owned())
    }
}

/// A server on loopback, and what ends it.
async fn start(tls: Listener) -> (SocketAddr, oneshot::Sender<()>) {
    let address = tls.tcp.local_addr().unwrap();
    let service = Service {
        app: Router::new().route("/", get(|| async { "here" })).into(),
        readiness: Readiness::default(),
        metrics: telemetry::metrics::Metrics::new(),
        limits: Limits::default(),
        tls: Some(tls),
    };
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(plain, service, Duration::from_secs(1), async {
        let _asked = stopped.await;
    }));
    (address, stop)
}

fn read(config: &Config) -> Certificate {
    let (chain, key) = (config.tls_cert_file.clone().unwrap(), config.tls_key_file.clone().unwrap());
    Certificate::new(chain, key, CryptoProvider::get_default().unwrap().clone())
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_is_served_and_another_name_is_not() {
    let files = Files::new();
    let (address, _stop) = start(files.config().listen().await.unwrap().unwrap()).await;
    assert_eq!(files.ask(address, "api.airtable.com").await.unwrap(), "HTTP/1.1 200 OK");
    assert!(files.ask(address, "content.airtable.com").await.is_err());
}

#[tokio::test]
async fn who_never_shakes_hands_keeps_nobody_waiting() {
    let files = Files::new();
    let (address, _stop) = start(files.config().listen().await.unwrap().unwrap()).await;
    let _silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(files.ask(address, "api.airtable.com").await.unwrap(), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn until_a_certificate_comes_nobody_is_served_and_ready_says_why() {
    let files = Files::new();
    fs::rename(files.path("tls.key"), files.path("later")).unwrap();
    let tls = files.config().listen().await.unwrap().unwrap();
    let certificate = tls.certificate();
    let (address, _stop) = start(tls).await;
    assert!(files.ask(address, "api.airtable.com").await.is_err());
    let why = certificate.verdict().unwrap_err();
    assert!(why.starts_with("CertificateUnusable: ") && why.contains("tls.key: No such file"), "{why}");
    fs::rename(files.path("later"), files.path("tls.key")).unwrap();
    certificate.look();
    assert_eq!(files.ask(address, "api.airtable.com").await.unwrap(), "HTTP/1.1 200 OK");
    assert_eq!(certificate.verdict(), Ok(()));
}

#[test]
fn a_changed_certificate_is_served_and_one_without_its_key_is_not() {
    let files = Files::new();
    let certificate = read(&files.config());
    let first = certificate.current().unwrap().cert.clone();
    fs::write(files.path("tls.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    certificate.look();
    assert_eq!(
        certificate.current().unwrap().cert,
        first,
        "the old one, as long as the two files do not fit"
    );
    assert_eq!(certificate.verdict(), Ok(()));
    files.issue("content.airtable.com");
    certificate.look();
    assert_ne!(certificate.current().unwrap().cert, first);
}

#[test]
fn what_is_no_certificate_or_not_its_key_is_named() {
    let files = Files::new();
    let why = |config: Config| read(&config).verdict().unwrap_err();
    let swapped = Config { tls_cert_file: files.config().tls_key_file, ..files.config() };
    assert!(why(swapped).ends_with("tls.key: no certificate is in it: expected PEM with BEGIN CERTIFICATE"));
    fs::write(files.path("tls.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let text = why(files.config());
    assert!(text.contains("tls.key: not the key of the certificate in"), "{text}");
    assert!(!text.contains("PRIVATE KEY"), "{text}");
}

#[test]
fn the_three_options_come_together() {
    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        tls: Config,
    }
    let parse = |line: &str| <Cli as clap::Parser>::try_parse_from(line.split_whitespace());
    assert!(parse("x").unwrap().tls.tls_listen.is_none());
    assert!(parse("x --tls-listen 127.0.0.1:1").is_err());
    assert!(parse("x --tls-cert-file a --tls-key-file b").is_err());
    let all = parse("x --tls-listen 127.0.0.1:1 --tls-cert-file a --tls-key-file b").unwrap();
    assert_eq!(all.tls.tls_key_file.as_deref(), Some(Path::new("b")));
}
