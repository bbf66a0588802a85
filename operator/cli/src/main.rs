//! `pyairtable`: what people do with bases from their own machine. This file is the process: arguments in, exit code out.

mod base;
mod cluster;
mod command;
mod error;
mod output;

use std::process::ExitCode;

use clap::Parser as _;
use command::{Cli, Command};

/// What a command came to, as its exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Done; for a plan: nothing differs.
    Done,
    /// A plan has changes.
    Changes,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => Self::SUCCESS,
            Ending::Changes => Self::from(2),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Where nobody reads any more there is nobody to tell.
            let _told = usage.print();
            return if usage.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        output::complain("a TLS provider was installed before");
    }
    let ended = match cli.command {
        Command::Base(command) => base::run(command, &cli.cluster).await,
        Command::Completion { shell } => command::complete(shell),
    };
    ended.map_or_else(
        |error| {
            output::complain(&format!("error: {error}"));
            ExitCode::FAILURE
        },
        ExitCode::from,
    )
}
