//! What the simulator takes on its command line.

use std::path::PathBuf;

use crate::limits::Allowed;

/// Nobody but this machine, unless more is asked for: `/admin` may be open to everybody who reaches it.
const LISTEN: &str = "127.0.0.1:8090";

/// Airtable offline.
// Without a group of its own: clap would name it as that of `host::Config`, and refuse both.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(mut_arg("listen", |listen| listen.required(false).default_value(LISTEN)))]
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
    /// Where clients reach the simulator, for URLs of attachments; as each client says in Host when absent
    #[arg(long, env = "SIMULATOR_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// Call addresses that are not public as well, for attachments and notifications: whoever writes to the
    /// simulator can make it call them
    #[arg(long, env = "SIMULATOR_PRIVATE_URLS")]
    pub private_urls: bool,
    /// Milliseconds until a notification that failed is sent again; twice as long each time after that
    #[arg(long, env = "SIMULATOR_NOTIFICATION_BACKOFF_MS", default_value_t = 10_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub notification_backoff_ms: u64,
    /// Requests a second to one base, with --limits airtable
    #[arg(long, env = "SIMULATOR_LIMIT_PER_BASE", value_name = "REQUESTS", default_value_t = 5)]
    pub limit_per_base: usize,
    /// Requests a second of the user to all bases, with --limits airtable
    #[arg(long, env = "SIMULATOR_LIMIT_PER_USER", value_name = "REQUESTS", default_value_t = 50)]
    pub limit_per_user: usize,
    /// Seconds in which who sent too many is refused, with --limits airtable
    #[arg(long, env = "SIMULATOR_LOCKOUT_SECONDS", value_name = "SECONDS", default_value_t = 30)]
    pub lockout_seconds: u64,
    /// Calls for records in a month for each workspace, with --limits airtable; no quota when absent
    #[arg(long, env = "SIMULATOR_MONTHLY_CALLS", value_name = "CALLS")]
    pub monthly_calls: Option<u64>,
    /// File with the bearer token that /admin needs; without it everybody may call that
    #[arg(long, env = "SIMULATOR_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,
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

impl Config {
    /// What `--limits airtable` allows.
    pub(crate) fn allowed(&self) -> Allowed {
        Allowed {
            per_base: Some(self.limit_per_base),
            per_user: Some(self.limit_per_user),
            lockout_seconds: self.lockout_seconds,
            monthly_calls: self.monthly_calls,
        }
    }
}

/// Whose rate limits to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Limits {
    /// Five requests a second for each base and fifty for the user, then thirty seconds of refusals
    Airtable,
    /// None
    Off,
}

/// An address of the web without a slash at its end.
fn public_url(text: &str) -> Result<String, String> {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    if is_web {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("expected http://… or https://…".to_owned())
    }
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
    fn without_an_address_only_this_machine_is_listened_to() {
        let listen = |line: &[&str]| Line::try_parse_from(line).unwrap().config.host.listen.to_string();
        assert_eq!(listen(&["simulator"]), "127.0.0.1:8090");
        assert_eq!(listen(&["simulator", "--listen", "0.0.0.0:80"]), "0.0.0.0:80");
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
