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
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "a-replica".to_owned() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_name_is_called_as_the_host() {
        assert!(!host_name().is_empty());
    }
}
