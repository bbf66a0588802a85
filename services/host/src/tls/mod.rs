//! TLS beside the plain port, for clients that insist on https: a listener, and a certificate that may change while it
//! listens.

mod certificate;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, ServerConfig, crypto::CryptoProvider},
};

pub use certificate::Certificate;

/// Where to serve TLS, and with which certificate; all three or none.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Address to serve the same over TLS, for example 0.0.0.0:8443
    #[arg(long, env = "TLS_LISTEN", value_name = "ADDR", requires_all = ["tls_cert_file", "tls_key_file"])]
    pub tls_listen: Option<SocketAddr>,
    /// PEM file with the certificate and its chain; read again when it changes
    #[arg(long, env = "TLS_CERT_FILE", value_name = "FILE", requires = "tls_listen")]
    pub tls_cert_file: Option<PathBuf>,
    /// PEM file with the private key of the certificate; read again when it changes
    #[arg(long, env = "TLS_KEY_FILE", value_name = "FILE", requires = "tls_listen")]
    pub tls_key_file: Option<PathBuf>,
}

/// Why TLS can't be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program installed no TLS provider.
    #[error("no TLS provider is installed")]
    Provider,
    /// The provider can't do TLS as it should be.
    #[error("tls: {0}")]
    Rustls(#[from] rustls::Error),
    /// The address can't be listened on.
    #[error("listen on {address} for tls: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Config {
    /// Listens as configured; none where TLS is not asked for. The program must have installed a TLS provider for `rustls`.
    ///
    /// Files that are not there, or hold no certificate with its key, are waited for: see [`Certificate::verdict`].
    ///
    /// # Errors
    /// When the address can't be listened on, or there is no TLS provider.
    pub async fn listen(&self) -> Result<Option<Listener>, Error> {
        let (Some(address), Some(chain), Some(key)) =
            (self.tls_listen, self.tls_cert_file.clone(), self.tls_key_file.clone())
        else {
            return Ok(None);
        };
        let provider = CryptoProvider::get_default().ok_or(Error::Provider)?.clone();
        let certificate = Arc::new(Certificate::new(chain, key, provider.clone()));
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        let listening = TcpListener::bind(address).await;
        let tcp = listening.map_err(|source| Error::Listen { address, source })?;
        tracing::info!(listen = %tcp.local_addr().unwrap_or(address), "serves TLS");
        tokio::spawn(Certificate::watch(Arc::downgrade(&certificate)));
        Ok(Some(Listener { tcp, acceptor: TlsAcceptor::from(Arc::new(server)), certificate }))
    }
}

/// Where TLS is served, and how.
pub struct Listener {
    pub(crate) tcp: TcpListener,
    pub(crate) acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl Listener {
    /// What is shown in handshakes.
    pub fn certificate(&self) -> Arc<Certificate> {
        self.certificate.clone()
    }
}

#[cfg(test)]
mod tests;
