//! A certificate with its key, from files that are read again when they changed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use tokio_rustls::rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// How often the files are looked at. Kubernetes takes a minute to bring a changed Secret to its volumes.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why the files can't be used. Never a part of the key.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{}: {source}", file.display())]
    File { file: PathBuf, source: std::io::Error },
    #[error("{}: {why}", file.display())]
    Pem { file: PathBuf, why: String },
}

/// What the server shows of itself in a handshake; nothing, as long as the files never held a certificate with its key.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    found: RwLock<Found>,
}

#[derive(Debug, Default)]
struct Found {
    current: Option<Arc<CertifiedKey>>,
    /// Why the files can't be used as they are now.
    trouble: Option<String>,
}

impl Certificate {
    /// The certificate in these PEM files.
    pub fn new(chain: PathBuf, key: PathBuf, provider: Arc<CryptoProvider>) -> Self {
        let certificate = Self { chain, key, provider, found: RwLock::default() };
        certificate.look();
        certificate
    }

    /// Takes over what the files hold from now on, until nobody has the certificate any more.
    pub async fn watch(certificate: Weak<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(certificate) = certificate.upgrade() else { return };
            certificate.look();
        }
    }

    /// Ok, or why nobody can be served; an older certificate goes on being served.
    pub fn verdict(&self) -> Result<(), String> {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        match (&found.current, &found.trouble) {
            (None, Some(trouble)) => Err(format!("CertificateUnusable: {trouble}")),
            _ => Ok(()),
        }
    }

    /// What is not valid leaves the certificate as it was: the two files are replaced one after the other.
    pub(super) fn look(&self) {
        let loaded = load(&self.chain, &self.key, &self.provider);
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        let before = found.trouble.take();
        match loaded {
            Ok(new) if found.current.as_ref().is_some_and(|current| current.cert == new.cert) => (),
            Ok(new) => {
                tracing::info!(file = %self.chain.display(), "a new certificate is served");
                found.current = Some(Arc::new(new));
            }
            Err(error) => {
                let trouble = error.to_string();
                if before.as_ref() != Some(&trouble) {
                    tracing::error!(error = trouble, "the certificate can't be used, it stays as it was");
                }
                found.trouble = Some(trouble);
            }
        }
    }

    pub(super) fn current(&self) -> Option<Arc<CertifiedKey>> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).current.clone()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current()
    }
}

fn load(chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
    let pem = |file: &Path, why: String| Error::Pem { file: file.to_owned(), why };
    let certificates = CertificateDer::pem_slice_iter(&read(chain)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| pem(chain, error.to_string()))?;
    if certificates.is_empty() {
        return Err(pem(chain, "no certificate is in it: expected PEM with BEGIN CERTIFICATE".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| pem(key, "no private key is in it: expected PEM with BEGIN PRIVATE KEY".to_owned()))?;
    CertifiedKey::from_der(certificates, private, provider)
        .map_err(|error| pem(key, format!("not the key of the certificate in {}: {error}", chain.display())))
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(|source| Error::File { file: file.to_owned(), source })
}
