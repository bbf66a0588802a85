//! Asks the Kubernetes API server whose a token is (`authentication.k8s.io/v1` TokenReview).

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use reqwest::{Certificate, Client};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::{
    Error, SecretFile, unverified,
    verdicts::{Verdict, Verdicts},
};

const TIMEOUT: Duration = Duration::from_secs(5);
/// Reviews under way at once; more wait, within [`TIMEOUT`].
const AT_ONCE: usize = 16;

/// Where the API server is; in a pod the environment and the mounted ServiceAccount say it.
#[derive(Debug, Clone, clap::Args)]
pub struct ApiServer {
    /// Host of the Kubernetes API server which reviews tokens (set in every pod)
    #[arg(long, env = "KUBERNETES_SERVICE_HOST", value_name = "HOST")]
    pub kubernetes_host: Option<String>,
    /// Port of the Kubernetes API server
    #[arg(long, env = "KUBERNETES_SERVICE_PORT", default_value_t = 443, value_name = "PORT")]
    pub kubernetes_port: u16,
    /// Folder with ca.crt and token of this process's own `ServiceAccount`
    #[arg(
        long,
        env = "SERVICE_ACCOUNT_DIR",
        default_value = "/var/run/secrets/kubernetes.io/serviceaccount",
        value_name = "DIR"
    )]
    pub service_account_dir: PathBuf,
}

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// As Kubernetes names it, for example `system:serviceaccount:sales:worker`.
    pub username: String,
}

impl Identity {
    /// Namespace and name of a `ServiceAccount`; none for users of other sorts.
    pub fn service_account(&self) -> Option<(&str, &str)> {
        self.username.strip_prefix("system:serviceaccount:")?.split_once(':')
    }
}

/// A client that reviews tokens made for given audiences.
#[derive(Debug)]
pub struct TokenReview {
    client: Client,
    url: String,
    own_token: SecretFile,
    audiences: Vec<String>,
    verdicts: Verdicts,
    slots: Semaphore,
}

impl TokenReview {
    /// A client as `server` says; none where it names no host, that is outside of a cluster.
    ///
    /// # Errors
    /// When the CA certificate can't be read. A TLS provider for `rustls` must have been installed by the program.
    pub fn in_cluster(server: &ApiServer, audiences: Vec<String>) -> Result<Option<Self>, Error> {
        let Some(host) = &server.kubernetes_host else { return Ok(None) };
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let ca_file = server.service_account_dir.join("ca.crt");
        let ca = std::fs::read(&ca_file)
            .map_err(|error| Error::Client(format!("{}: {error}", ca_file.display())))?;
        let ca = Certificate::from_pem_bundle(&ca)
            .map_err(|error| Error::Client(format!("{}: {error}", ca_file.display())))?;
        let url = format!("https://{host}:{}", server.kubernetes_port);
        let own_token = SecretFile::new(server.service_account_dir.join("token"));
        Self::new(&url, ca, own_token, audiences).map(Some)
    }

    /// A client for the API server at `url`, which trusts only `ca` and presents the token in `own_token`.
    ///
    /// # Errors
    /// When the HTTP client can't be built.
    pub fn new(
        url: &str,
        ca: Vec<Certificate>,
        own_token: SecretFile,
        audiences: Vec<String>,
    ) -> Result<Self, Error> {
        let client = Client::builder()
            .tls_certs_only(ca)
            .timeout(TIMEOUT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::Client(error.to_string()))?;
        Ok(Self {
            client,
            url: format!("{url}/apis/authentication.k8s.io/v1/tokenreviews"),
            own_token,
            audiences,
            verdicts: Verdicts::default(),
            slots: Semaphore::new(AT_ONCE),
        })
    }

    /// Whose `token` is; none when the API server refuses it, or when it was made for other audiences.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no verdict within 5 s: answer 503, not 401.
    pub async fn review(&self, token: &str) -> Result<Option<Identity>, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if !unverified::may_be_valid(token, &self.audiences, now) {
            // Strangers with any texts for tokens must not keep clients waiting.
            return Ok(None);
        }
        let hash = Sha256::digest(token.as_bytes()).into();
        match self.verdicts.get(&hash) {
            Some(Verdict::Accepted(identity)) => return Ok(Some(identity)),
            Some(Verdict::Refused) => return Ok(None),
            None => (),
        }
        let identity = tokio::time::timeout(TIMEOUT, self.ask(token))
            .await
            .map_err(|_| Error::Unavailable(format!("no answer within {} s", TIMEOUT.as_secs())))??;
        self.verdicts.put(hash, identity.clone().map_or(Verdict::Refused, Verdict::Accepted));
        Ok(identity)
    }

    async fn ask(&self, token: &str) -> Result<Option<Identity>, Error> {
        let _slot = self.slots.acquire().await.map_err(|error| Error::Unavailable(error.to_string()))?;
        let own = self.own_token.read()?;
        let question = Review {
            api_version: "authentication.k8s.io/v1",
            kind: "TokenReview",
            spec: Spec { token, audiences: &self.audiences },
        };
        let answer = self.client.post(&self.url).bearer_auth(own.expose()).json(&question).send().await;
        let answer = answer.map_err(unavailable)?;
        if !answer.status().is_success() {
            return Err(Error::Unavailable(format!("status {}", answer.status().as_u16())));
        }
        let reviewed: Reviewed = answer.json().await.map_err(unavailable)?;
        Ok(reviewed.status.verdict(&self.audiences))
    }
}

fn unavailable(error: reqwest::Error) -> Error {
    Error::Unavailable(error.without_url().to_string())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    api_version: &'static str,
    kind: &'static str,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Spec<'a> {
    token: &'a str,
    audiences: &'a [String],
}

#[derive(Deserialize)]
struct Reviewed {
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    authenticated: bool,
    user: User,
    audiences: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct User {
    username: String,
}

impl Status {
    /// The audiences must be checked here too: a server that knows none answers an empty list, and then the token
    /// was made for the API server itself.
    fn verdict(self, wanted: &[String]) -> Option<Identity> {
        let for_us = self.audiences.iter().any(|audience| wanted.contains(audience));
        (self.authenticated && for_us && !self.user.username.is_empty())
            .then_some(Identity { username: self.user.username })
    }
}

#[cfg(test)]
#[path = "token_review_tests.rs"]
mod tests;
