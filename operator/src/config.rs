//! What the operator takes on its command line or from the environment.

use std::{net::SocketAddr, path::PathBuf};

/// Reconciles `AirtableBase`, `Workflow` and `Saga` of `pyairtable.dev/v1alpha1`.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "operator", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the operator can do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Run the controllers until SIGTERM
    Run(Box<Config>),
    /// Print the definitions of the three resources as YAML
    Crds,
    /// Run one saga of a workflow and tell by the exit code whether it succeeded
    #[command(hide = true)]
    Smoke(crate::smoke::Smoke),
}

/// How the controllers run.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address for /health, /ready and /metrics
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Kubeconfig of the cluster; in a pod its ServiceAccount is used instead
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Watch only this namespace instead of all
    #[arg(long, env = "WATCH_NAMESPACE", value_name = "NAMESPACE")]
    pub watch_namespace: Option<String>,
    /// Namespace of the operator: its lease is there
    #[arg(long, env = "POD_NAMESPACE", default_value = "pyairtable-system", value_name = "NAMESPACE")]
    pub namespace: String,
    /// The operator's own ServiceAccount, for which it asks tokens to call workers and gateways
    #[arg(long, env = "POD_SERVICE_ACCOUNT", value_name = "NAME")]
    pub service_account: Option<String>,
    /// Name of this process in leases and journals; unique among replicas
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub identity: Option<String>,
    /// Run without a lease; safe, but two processes then do work twice
    #[arg(long, env = "NO_LEADER_ELECTION")]
    pub no_leader_election: bool,
    /// Image of gateways and workers
    #[arg(long, env = "WORKLOADS_IMAGE", default_value = "pyairtable/workloads:0.1.0", value_name = "IMAGE")]
    pub workloads_image: String,
    /// Pull policy of that image
    #[arg(long, env = "IMAGE_PULL_POLICY", default_value = "IfNotPresent", value_name = "POLICY")]
    pub image_pull_policy: String,
    /// The cluster role binding whose subjects may have tokens reviewed; gateways and workers are kept in it
    #[arg(long, env = "TOKEN_REVIEWERS", value_name = "NAME")]
    pub token_reviewers: Option<String>,
    /// Sagas worked on at once
    #[arg(long, env = "SAGA_CONCURRENCY", default_value_t = 64, value_name = "N")]
    pub saga_concurrency: u16,
    /// Calls to workers under way at once
    #[arg(long, env = "CALLS_IN_FLIGHT", default_value_t = 256, value_name = "N")]
    pub calls_in_flight: usize,
    /// Log filter, for example info,operator=debug
    #[arg(long, env = "LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// Log text for people instead of JSON
    #[arg(long, env = "LOG_TEXT")]
    pub log_text: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
