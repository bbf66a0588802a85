//! The worker's command line, and what is made of it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use auth::{ApiServer, Key, Keys, SecretFile, TokenReview};
use jiff::Timestamp;
use ledger::Ledger;
use reqwest::Client;
use telemetry::metrics::Metrics;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::{
    Error, access::Access, gateway_client::Gateways, metrics::StepMetrics, router::State, step::Steps,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Command line of the worker.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Address, logs, shutdown
    #[command(flatten)]
    pub host: host::Config,
    /// File that remembers which steps were done; without it a restart forgets them
    #[arg(long, env = "LEDGER", value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// File with the bearer token for the gateways
    #[arg(long, env = "GATEWAY_TOKEN_FILE", value_name = "FILE")]
    pub gateway_token_file: Option<PathBuf>,
    /// File with the key that callers present as bearer token
    #[arg(long, env = "CLIENT_KEY_FILE", value_name = "FILE")]
    pub client_key_file: Option<PathBuf>,
    /// Audience that callers' ServiceAccount tokens are made for: worker.pyairtable.dev/<namespace>/<workflow>
    #[arg(long, env = "AUDIENCE", value_name = "AUDIENCE", requires = "operator")]
    pub audience: Option<String>,
    /// The one caller with such a token: system:serviceaccount:<namespace>:<name>
    #[arg(long, env = "OPERATOR", value_name = "USER", requires = "audience")]
    pub operator: Option<String>,
    /// Where tokens are reviewed
    #[command(flatten)]
    pub api_server: ApiServer,
    /// Let everybody call; for development only
    #[arg(long, env = "ALLOW_ANONYMOUS")]
    pub allow_anonymous: bool,
    /// Steps that may run at once; further ones are asked to come again
    #[arg(long, env = "MAX_IN_FLIGHT", default_value_t = 64, value_name = "STEPS")]
    pub max_in_flight: usize,
}

impl Config {
    /// Opens the ledger and makes the clients.
    pub fn state(&self, metrics: &Metrics) -> Result<State, Error> {
        let access = self.access()?;
        if self.ledger.is_none() {
            tracing::warn!("no --ledger: which steps were done is forgotten when this process ends");
        }
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Error::Client(error.to_string()))?;
        let token = self.gateway_token_file.clone().map(SecretFile::new);
        let steps = Steps {
            ledger: Ledger::open(self.ledger.as_deref(), Timestamp::now())?,
            gateways: Gateways::new(client.clone(), token),
            client,
            slots: Arc::new(Semaphore::new(self.max_in_flight)),
        };
        let metrics = StepMetrics::register(metrics).map_err(|error| Error::Metrics(error.to_string()))?;
        Ok(State { steps: Arc::new(steps), access: Arc::new(access), metrics, runs: TaskTracker::new() })
    }

    fn access(&self) -> Result<Access, Error> {
        let keys: Keys = self.client_key_file.iter().map(|file| Key::new("operator", file)).collect();
        let operator = match (&self.audience, &self.operator) {
            (Some(audience), Some(operator)) => {
                let review = TokenReview::in_cluster(&self.api_server, vec![audience.clone()])?;
                Some((review.ok_or(Error::NotInCluster)?, operator.clone()))
            }
            _ => None,
        };
        if self.allow_anonymous {
            tracing::warn!("--allow-anonymous: everybody who reaches this port can run steps");
        } else if operator.is_none() && self.client_key_file.is_none() {
            return Err(Error::NoCallers);
        }
        Ok(Access { anonymous: self.allow_anonymous, keys, operator })
    }
}
