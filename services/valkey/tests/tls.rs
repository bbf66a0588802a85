//! `rediss://`, with roots from `SSL_CERT_FILE`: read once, so that a process of its own is needed.

use std::{net::TcpListener, process::Command};

use valkey::{Error, Source, Valkey, testing::Server};

/// In the process of its own: the file with the URL.
const URL_FILE: &str = "VALKEY_TEST_URL_FILE";

#[tokio::test]
async fn a_certificate_is_checked_by_the_roots_of_the_system() {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    if let Some(file) = std::env::var_os(URL_FILE) {
        return Valkey::open(Source::file(file)).unwrap().check().await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(path("cert"), made.cert.pem()).unwrap();
    std::fs::write(path("key"), made.signing_key.serialize_pem()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (certificate, key) = (path("cert"), path("key"));
    let tls = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let server = Server::with(&[["--tls-port", &port, "--bind", "127.0.0.1"].as_slice(), &tls].concat());
    server.set_url(&format!("rediss://localhost:{port}"));

    let error = Valkey::open(server.source()).unwrap().check().await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(why) if why.contains("certificate")), "{error:?}");
    let known = Command::new(std::env::current_exe().unwrap())
        .env("SSL_CERT_FILE", &certificate)
        .env(URL_FILE, server.url_file())
        .status();
    assert!(known.unwrap().success());
}
