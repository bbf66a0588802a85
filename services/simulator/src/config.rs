//! What the simulator takes on its command line.

use std::path::PathBuf;

/// Airtable offline.
// Without a group of its own: clap would name it as that of `host::Config`, and refuse both.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Config {
    /// What every service takes.
    #[command(flatten)]
    pub host: host::Config,
    /// Fixture to start with, a JSON file; a small CRM base when absent
    #[arg(long, env = "SIMULATOR_FIXTURE", value_name = "FILE")]
    pub fixture: Option<PathBuf>,
    /// File that keeps what is written over restarts; it wins over the fixture once it exists
    #[arg(long, env = "SIMULATOR_SNAPSHOT", value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Whose rate limits to keep
    #[arg(long, env = "SIMULATOR_LIMITS", value_enum, default_value = "airtable")]
    pub limits: Limits,
    /// Token to accept, repeatable or comma-separated; without any, every bearer token is accepted
    #[arg(
        long = "token",
        env = "SIMULATOR_TOKENS",
        value_name = "TOKEN",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub tokens: Vec<String>,
}

/// Whose rate limits to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Limits {
    /// Five requests a second for each base, then thirty seconds of refusals
    Airtable,
    /// None
    Off,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        config: Config,
    }

    #[test]
    fn tokens_are_repeated_or_separated_by_commas() {
        let line =
            ["simulator", "--listen", "127.0.0.1:0", "--token", "a,b", "--token", "c", "--limits", "off"];
        let config = Line::try_parse_from(line).unwrap().config;
        assert_eq!(config.tokens, ["a", "b", "c"]);
        assert_eq!(config.limits, Limits::Off);
    }
}
