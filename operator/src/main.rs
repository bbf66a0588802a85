//! The operator's process: command line, logs, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use operator::config::{Cli, Command};

// musl's own allocator is slow under threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Crds => crds_as_yaml(),
        Command::Run(config) => run(*config).await,
        Command::Smoke(smoke) => smoke_test(&smoke).await,
    }
}

async fn run(config: operator::config::Config) -> ExitCode {
    telemetry::Logs { filter: config.log.clone(), json: !config.log_text }.start("operator");
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    install_tls_provider();
    let shutdown = match host::shutdown::signalled() {
        Ok(shutdown) => shutdown,
        Err(error) => return failed(&error),
    };
    match operator::run(config, shutdown).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn smoke_test(smoke: &operator::smoke::Smoke) -> ExitCode {
    telemetry::Logs { filter: "info".to_owned(), json: false }.start("smoke");
    install_tls_provider();
    match operator::smoke::run(smoke).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the smoke test failed");
            ExitCode::FAILURE
        }
    }
}

fn install_tls_provider() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed before");
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    tracing::error!(%error, "the operator can't run");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn crds_as_yaml() -> ExitCode {
    for crd in crds::all() {
        match serde_json::to_string_pretty(&crd) {
            Ok(json) => println!("---\n{json}"),
            Err(error) => return failed(&error),
        }
    }
    ExitCode::SUCCESS
}
