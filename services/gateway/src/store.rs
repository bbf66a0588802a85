//! The store that the replicas of a gateway share: a Valkey or Redis.

use std::path::PathBuf;

use valkey::{Error, Source, Valkey};

/// Where the store is.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Options {
    /// File with the URL of a Valkey or Redis that all replicas share; read again for each connection
    #[arg(long = "store-url-file", env = "GATEWAY_STORE_URL_FILE", value_name = "FILE")]
    pub url_file: Option<PathBuf>,
}

/// The store, as one replica uses it.
#[derive(Debug, Clone)]
pub struct Store {
    pub valkey: Valkey,
}

impl Store {
    /// The store, where there is one; it is not connected to yet.
    pub fn open(options: &Options) -> Result<Option<Self>, Error> {
        let Some(file) = &options.url_file else { return Ok(None) };
        Ok(Some(Self { valkey: Valkey::open(Source::file(file))? }))
    }
}
