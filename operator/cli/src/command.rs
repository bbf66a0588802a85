//! The command line as a whole.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{Ending, base, cluster::Cluster, error::Error, output};

/// What people do with bases of Airtable and the schema that they declare
///
/// Also a plugin of kubectl: call it kubectl-pyairtable on the PATH, then `kubectl pyairtable` runs it.
#[derive(Debug, clap::Parser)]
#[command(name = "pyairtable", version)]
pub struct Cli {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: Cluster,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Bases of Airtable and their schema
    #[command(subcommand)]
    Base(base::Command),
    /// Print the completion of a shell
    Completion {
        /// The shell
        shell: Shell,
    },
}

/// Prints the completion for `shell`.
pub fn complete(shell: Shell) -> Result<Ending, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pyairtable", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
