//! The command line of a gateway, and why it may refuse to start.

use std::{path::PathBuf, time::Duration};

use airtable::id::Kind;
use auth::ApiServer;
use reqwest::Url;

use crate::{answers::Bounds, delivery::upstream, links, queue::Limits, reads, store, webhook};

/// What Airtable allows one user in a second, over all bases.
const OF_TOKEN: u32 = 50;
/// What is not for answers: 15 MiB at rest, 48 for bodies of requests, 8 for answers of writes beyond their room, and the rest for
/// connections and what the allocator keeps.
const NOT_FOR_ANSWERS: usize = 88 << 20;
/// For answers beside those that are kept, at least.
const LEAST_FOR_ANSWERS: usize = 24 << 20;

/// Longer than the kernel keeps what nobody acknowledges (5 s). Tests that kill gateways don't wait for a network.
const SETTLE_AT_LEAST: u64 = if cfg!(feature = "failpoints") { 0 } else { 6 };

/// What a gateway takes on its command line; each option also from the environment.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Config {
    /// What every service takes.
    #[command(flatten)]
    pub host: host::Config,
    /// Who reviews the tokens of Kubernetes clients.
    #[command(flatten)]
    pub api_server: ApiServer,
    /// Airtable, or what stands for it
    #[arg(long, env = "GATEWAY_UPSTREAM", default_value = "https://api.airtable.com", value_name = "URL", value_parser = upstream_url)]
    pub upstream: Url,
    /// Id of the one base this gateway serves
    #[arg(long, env = "GATEWAY_BASE", value_name = "appXXXXXXXXXXXXXX", value_parser = base_id)]
    pub base: String,
    /// File with the personal access token for Airtable; read again when it changes
    #[arg(long, env = "GATEWAY_TOKEN_FILE", value_name = "FILE")]
    pub token_file: PathBuf,
    /// JSON file with the clients and their rights; read again when it changes
    #[arg(long, env = "GATEWAY_CLIENTS_FILE", value_name = "FILE", conflicts_with = "client_key_file")]
    pub clients_file: Option<PathBuf>,
    /// File with the key of the only client, which has full rights
    #[arg(long, env = "GATEWAY_CLIENT_KEY_FILE", value_name = "FILE")]
    pub client_key_file: Option<PathBuf>,
    /// Audience that tokens of Kubernetes clients must be made for; repeat it, or write commas, where any of several will do
    #[arg(
        long,
        env = "GATEWAY_AUDIENCE",
        value_name = "AUDIENCE",
        value_delimiter = ',',
        default_value = "gateway.pyairtable.dev"
    )]
    pub audience: Vec<String>,
    /// Requests to Airtable in any second, at most
    #[arg(long, env = "GATEWAY_REQUESTS_PER_SECOND", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub requests_per_second: u32,
    /// Requests with one token in any second, to all bases, at most; 50 without it, or --requests-per-second where that is more
    #[arg(long, env = "GATEWAY_TOKEN_REQUESTS_PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub token_requests_per_second: Option<u32>,
    /// The store that replicas share.
    #[command(flatten)]
    pub store: store::Options,
    /// Seconds to send nothing after Airtable said its rate limit was reached
    #[arg(long, env = "GATEWAY_LOCKOUT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub lockout_seconds: u64,
    /// Requests that may wait; more are answered 503
    #[arg(long, env = "GATEWAY_QUEUE_LENGTH", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub queue_length: u32,
    /// Seconds a request may wait, repeats and lock-outs included
    #[arg(long, env = "GATEWAY_QUEUE_DEADLINE_SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub queue_deadline_seconds: u64,
    /// Send writes of one record that wait at the same time together, up to ten in one request
    #[arg(long, env = "GATEWAY_MERGE", value_enum, default_value_t = Switch::On, hide_possible_values = true, value_name = "on|off")]
    pub merge: Switch,
    /// Field, by name or id, that creates under an Idempotency-Key mark their records in, where the table has it as a
    /// single line text: then they are found by it, not by their cells
    #[arg(long, env = "GATEWAY_KEY_FIELD", value_name = "FIELD", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub key_field: Option<String>,
    /// Seconds after which a request whose connection broke can no longer take effect, at least 6
    #[arg(long, env = "GATEWAY_SETTLE_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(SETTLE_AT_LEAST..=600))]
    pub settle_seconds: u64,
    /// File that remembers what was written under which Idempotency-Key, of one replica; without it that is in the store,
    /// or in memory where there is none
    #[arg(long, env = "GATEWAY_LEDGER", value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Seconds after which a key that a replica was at is free for the others, where it does not say any more that it is at it;
    /// the same for all that share a store
    #[arg(long, env = "GATEWAY_CLAIM_SECONDS", default_value_t = ledger::LEASE.as_secs(), value_parser = clap::value_parser!(u64).range(3..=600))]
    pub claim_seconds: u64,
    /// Days after which the outcome of a write is forgotten: longer than anybody repeats or undoes one
    #[arg(long, env = "GATEWAY_LEDGER_RETENTION_DAYS", default_value_t = 30, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub ledger_retention_days: u16,
    /// Bytes of memory that the process may take. What is not needed otherwise is room for answers: 88 MiB less, those that
    /// are kept among them, but never less than 24 MiB beside these
    #[arg(long, env = "GATEWAY_MEMORY_BYTES", default_value_t = 128 << 20, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub memory_bytes: u64,
    /// Reads that are shared and kept.
    #[command(flatten)]
    pub reads: reads::Options,
    /// URLs of attachments.
    #[command(flatten)]
    pub links: links::Options,
    /// How changes by others are heard of.
    #[command(flatten)]
    pub webhook: webhook::Options,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl Config {
    /// How long a request may take on the way to Airtable, without the last answer.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.queue_deadline_seconds)
    }

    /// How long outcomes and tombstones are kept.
    pub fn retention(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.ledger_retention_days))
    }

    /// Bounds of the queue.
    pub fn queue_limits(&self) -> Limits {
        let of_token = self.token_requests_per_second.unwrap_or(OF_TOKEN.max(self.requests_per_second));
        Limits {
            requests_per_second: usize::try_from(self.requests_per_second).unwrap_or(usize::MAX),
            token_requests_per_second: usize::try_from(of_token).unwrap_or(usize::MAX),
            length: usize::try_from(self.queue_length).unwrap_or(usize::MAX),
            lockout: Duration::from_secs(self.lockout_seconds),
        }
    }

    /// Room for answers.
    pub fn answer_bounds(&self) -> Bounds {
        let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let kept = if self.reads.keeps() { bytes(self.reads.bytes) } else { 0 };
        let left = bytes(self.memory_bytes).saturating_sub(NOT_FOR_ANSWERS);
        Bounds { all: left.max(kept.saturating_add(LEAST_FOR_ANSWERS)), kept }
    }

    /// Bounds of each HTTP request: what waited until its deadline still gets its answer.
    pub fn http_limits(&self) -> host::Limits {
        let margin = Duration::from_secs(15);
        let usual = host::Limits::default();
        host::Limits {
            body_bytes: crate::proxy::LARGEST_BODY,
            timeout: self.patience() + upstream::TIMEOUT + margin,
            // Who waits has one each, and others must get through to be told that too many wait.
            connections: usual.connections.max(2 * self.queue_limits().length),
            ..usual
        }
    }
}

/// Why a gateway does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration can't work.
    #[error("{0}")]
    Config(String),
    /// The client for the Kubernetes API server can't be made.
    #[error(transparent)]
    Auth(#[from] auth::Error),
    /// The ledger can't be opened, or has stopped.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The file with the store's URL can't be used.
    #[error("store: {0}")]
    Store(#[from] valkey::Error),
    /// A metric is registered twice.
    #[error("metrics: {0}")]
    Metrics(#[from] telemetry::metrics::Error),
    /// The client for Airtable can't be made; it needs the system's root certificates.
    #[error("client for Airtable: {0}; for https it needs root certificates (SSL_CERT_FILE)")]
    Upstream(String),
    /// TLS can't be served.
    #[error(transparent)]
    Tls(#[from] host::tls::Error),
    /// What is done beside the requests, such as the probes of Airtable, is not done any more.
    #[error("a task beside the requests ended: {0}")]
    Background(tokio::task::JoinError),
    /// The address can't be listened on, or the listener failed.
    #[error("listen {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
}

fn base_id(text: &str) -> Result<String, String> {
    if Kind::Base.names(text) {
        Ok(text.to_owned())
    } else {
        Err("expected `app` followed by 14 letters and digits".to_owned())
    }
}

/// A URL that paths are put behind: what else it had would be lost.
pub fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_plain = !has_user && url.query().is_none() && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && is_plain {
        Ok(url)
    } else {
        Err("expected http://… or https://… without a user, `?` and `#`".to_owned())
    }
}

/// A URL that paths such as `/v0/app…` are put behind.
fn upstream_url(text: &str) -> Result<Url, String> {
    let url = base_url(text)?;
    if url.path().trim_end_matches('/').ends_with("/v0") {
        return Err(
            "expected the URL without `/v0` at its end: the paths put behind it begin with that".to_owned()
        );
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_base_url_is_one_that_a_path_can_follow() {
        for text in ["https://airtable.example.com", "http://[::1]:8002/prefix/"] {
            assert!(base_url(text).is_ok(), "{text}");
        }
        for text in [
            "ftp://airtable.example.com",
            "https://x.example.com/?a=b",
            "https://x.example.com/?",
            "https://x.example.com/#a",
            "https://user@x.example.com",
            "https://user:password@x.example.com",
            "https://x.example.com:99999",
            "x",
        ] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        config: Config,
    }

    fn refusal(more: &str) -> Option<String> {
        let line = [
            "gateway",
            "--listen=127.0.0.1:0",
            "--token-file=t",
            "--client-key-file=k",
            "--base=appAAAAAAAAAAAAAA",
        ];
        let more = more.split_whitespace();
        Line::try_parse_from(line.into_iter().chain(more)).err().map(|error| error.to_string())
    }

    #[test]
    fn a_request_is_not_taken_for_gone_while_the_kernel_may_still_send_it() {
        assert_eq!(refusal("--settle-seconds=6"), None);
        if !cfg!(feature = "failpoints") {
            let said = refusal("--settle-seconds=5").unwrap();
            assert!(said.contains("6..=600"), "{said}");
        }
    }

    #[test]
    fn a_base_is_named_by_an_id_of_17_characters() {
        assert!(base_id("appCRM00000000001").is_ok());
        for text in ["appCRM0000000000", "appCRM000000000011", "tblCRM00000000001", "appCRM0000000000/"] {
            assert!(base_id(text).unwrap_err().contains("14 letters"), "{text}");
        }
    }

    #[test]
    fn what_is_not_needed_otherwise_is_room_for_answers_and_kept_ones_leave_some_of_it() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            config: Config,
        }
        let bounds = |more: &[&str]| {
            let line = ["gateway", "--listen=127.0.0.1:0", "--base=appAAAAAAAAAAAAAA", "--token-file=token"];
            let line = <Line as clap::Parser>::parse_from(line.iter().chain(more));
            let Bounds { all, kept } = line.config.answer_bounds();
            (all >> 20, kept >> 20)
        };
        assert_eq!(bounds(&[]), (40, 0));
        assert_eq!(bounds(&["--cache-ttl-seconds=1"]), (40, 16));
        assert_eq!(bounds(&["--memory-bytes=1073741824"]), (936, 0));
        assert_eq!(bounds(&["--memory-bytes=67108864"]), (24, 0));
        assert_eq!(bounds(&["--cache-ttl-seconds=1", "--cache-bytes=1073741824"]), (1048, 1024));
    }

    #[test]
    fn an_upstream_is_named_without_its_version() {
        for text in ["https://api.airtable.com", "http://127.0.0.1:8090/", "https://x.example.com/airtable"] {
            assert!(upstream_url(text).is_ok(), "{text}");
        }
        for text in ["https://api.airtable.com/v0", "https://x.example.com/airtable/v0/"] {
            assert!(upstream_url(text).unwrap_err().contains("without `/v0`"), "{text}");
        }
    }
}
