//! The process of every service: which one, logs, run, exit code.

use std::{error::Error, process::ExitCode};

use clap::Parser;

// musl's own allocator is slow under threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The services of `PyAirtable` Compose in one binary.
#[derive(Debug, Parser)]
#[command(name = "workloads", version, about)]
struct Cli {
    /// Which service to run.
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, clap::Subcommand)]
enum Role {
    /// Serve Airtable's Web API for one base, without its limits
    Gateway(Box<gateway::Config>),
    /// Execute the steps of a workflow, each once for its key
    Worker(Box<worker::Config>),
    /// Be Airtable, offline
    Simulator(Box<simulator::Config>),
}

impl Role {
    fn name(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "gateway",
            Self::Worker(_) => "worker",
            Self::Simulator(_) => "simulator",
        }
    }

    fn host(&self) -> &host::Config {
        match self {
            Self::Gateway(config) => &config.host,
            Self::Worker(config) => &config.host,
            Self::Simulator(config) => &config.host,
        }
    }

    async fn run(self) -> Result<(), Box<dyn Error>> {
        let shutdown = host::shutdown::signalled()?;
        match self {
            Self::Gateway(config) => gateway::run(*config, shutdown).await?,
            Self::Worker(config) => worker::run(*config, shutdown).await?,
            Self::Simulator(config) => simulator::run(*config, shutdown).await?,
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let role = Cli::parse().role;
    let name = role.name();
    role.host().start_logs(name);
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed before");
    }
    match role.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(service = name, %error, "the service can't run");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_role_is_started_by_the_arguments_that_the_operator_and_the_chart_give() {
        for line in [
            "workloads gateway --listen=0.0.0.0:8002 --upstream=https://api.airtable.com --base=appXXXXXXXXXXXXXX \
             --token-file=/token --clients-file=/clients.json --audience=gateway.pyairtable.dev --ledger=/gateway.redb \
             --requests-per-second=5 --lockout-seconds=30",
            "workloads worker --listen=0.0.0.0:8010 --ledger=/worker.redb --gateway-token-file=/token \
             --audience=worker.pyairtable.dev/sales/deals --operator=system:serviceaccount:pyairtable-system:operator",
            "workloads simulator --listen=0.0.0.0:8090 --limits=airtable --snapshot=/snapshot.json",
            "workloads simulator",
        ] {
            let role = Cli::try_parse_from(line.split_whitespace()).unwrap().role;
            assert_eq!(Some(role.name()), line.split_whitespace().nth(1));
        }
    }
}
