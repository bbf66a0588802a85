//! `pyairtable base`: what is done with a base.

mod export;
mod manifest;
mod plan;
mod source;

use crate::{Ending, cluster::Cluster, error::Error};

/// What is done with a base.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show how a base differs from the schema that its AirtableBase declares
    ///
    /// Exits with 0 where nothing differs, 2 where something does, 1 on errors. Without a token, that of the base's own Secret
    /// is used, if you may read it.
    Plan(plan::Plan),
    /// Print the AirtableBase of a base as it is, with its schema
    ///
    /// A plan of it has no changes. Views, records and what Airtable works out by itself are no part of it.
    Export(export::Export),
}

/// Does it.
pub async fn run(command: Command, cluster: &Cluster) -> Result<Ending, Error> {
    match command {
        Command::Plan(plan) => plan.run(cluster).await,
        Command::Export(export) => export.run(cluster).await,
    }
}
