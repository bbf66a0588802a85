//! What can go wrong, told so that a person knows what to do. No secret is part of any message.

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read.
    #[error("{file}: {source}")]
    File {
        /// Its path.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what is looked for.
    #[error("{file}: {why}")]
    Manifest {
        /// Its path.
        file: String,
        /// Why.
        why: String,
    },
    /// No cluster by kubeconfig.
    #[error("cluster: {0}: name a kubeconfig with --kubeconfig or KUBECONFIG, a context with --context")]
    Cluster(String),
    /// The API server refuses, or does not have it.
    #[error("{what}: {why}")]
    Resource {
        /// What was asked for.
        what: String,
        /// Why.
        why: String,
    },
    /// The base declares no schema.
    #[error(
        "AirtableBase {0} has no spec.schema: add one, `pyairtable base export` writes that of a base as it is"
    )]
    NoSchema(String),
    /// The base has no gateway to ask.
    #[error(
        "AirtableBase {0} has no status.gateway.url yet: wait until it is ready, or give a token and leave out --gateway"
    )]
    NoGateway(String),
    /// Nobody gave a token.
    #[error("no token: give --token-file or set AIRTABLE_TOKEN{0}")]
    NoToken(&'static str),
    /// The schema can't be asked for.
    #[error("schema of {base} from {url}: {why}")]
    Ask {
        /// Id of the base.
        base: String,
        /// Where it was asked for.
        url: String,
        /// Why.
        why: String,
    },
    /// The answer can't be printed.
    #[error("print: {0}")]
    Print(String),
}
