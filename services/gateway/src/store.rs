//! The store that the replicas of a gateway share: a Valkey or Redis.

use std::path::PathBuf;

use valkey::{Error, Source, Valkey};

use crate::metrics::Metrics;

/// Where the store is, and who asks it.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Options {
    /// File with the URL of a Valkey or Redis that all replicas share; read again for each connection
    #[arg(long = "store-url-file", env = "GATEWAY_STORE_URL_FILE", value_name = "FILE")]
    pub url_file: Option<PathBuf>,
    /// Name of this process among those that share the store; the host's name without it
    #[arg(long, env = "GATEWAY_REPLICA", value_name = "NAME")]
    pub replica: Option<String>,
}

/// The store, as one replica uses it.
#[derive(Debug, Clone)]
pub struct Store {
    pub valkey: Valkey,
    pub replica: String,
}

impl Store {
    /// The store, where there is one; it is not connected to yet.
    pub fn open(options: &Options, metrics: &Metrics) -> Result<Option<Self>, Error> {
        let Some(file) = &options.url_file else { return Ok(None) };
        let metrics = metrics.clone();
        let observer = move |outcome: &str, took| metrics.store(outcome, took);
        let valkey = Valkey::observed(Source::file(file), observer)?;
        Ok(Some(Self { valkey, replica: options.replica.clone().unwrap_or_else(host_name) }))
    }

    /// Whether it answers; if not, why, beginning with a reason.
    pub async fn check(&self) -> Result<(), String> {
        self.valkey.check().await.map_err(|error| format!("StoreUnreachable: {error}"))
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "a-replica".to_owned() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use valkey::testing::Server;

    use super::*;

    #[tokio::test]
    async fn readiness_says_why_the_store_can_not_be_used_and_shows_no_password() {
        let mut server = Server::with(&["--requirepass", "hunter2"]);
        let metrics = Metrics::register(&telemetry::metrics::Metrics::new()).unwrap();
        let open = |password: &str| {
            server.set_url(&format!("{}?pass={password}", server.url()));
            let options = Options { url_file: Some(server.url_file()), replica: None };
            Store::open(&options, &metrics).unwrap().unwrap()
        };
        let refused = open("hunter3").check().await.unwrap_err();
        assert!(refused.starts_with("StoreUnreachable: the store refuses: "), "{refused}");
        let store = open("hunter2");
        assert_eq!(store.check().await, Ok(()));
        server.stop();
        let gone = loop {
            if let Err(gone) = store.check().await {
                break gone;
            }
        };
        assert!(gone.starts_with("StoreUnreachable: ") && !(refused + &gone).contains("hunter"), "{gone}");
        assert!(!store.replica.is_empty());
    }
}
