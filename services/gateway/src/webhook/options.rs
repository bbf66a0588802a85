//! The options of the gateway's own webhook on its command line.

use std::{path::PathBuf, time::Duration};

use reqwest::Url;

use crate::config;

/// How the gateway hears of what others change in the base.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Options {
    /// URL under which Airtable reaches this gateway: what others change is heard of by a webhook, and dropped from
    /// what is kept
    #[arg(
        id = "webhook_url",
        long = "webhook-url",
        env = "GATEWAY_WEBHOOK_URL",
        value_name = "URL",
        value_parser = config::base_url
    )]
    pub url: Option<Url>,
    /// File that keeps the secret of the webhook over restarts; without it each start makes another webhook
    #[arg(
        id = "webhook_state",
        long = "webhook-state",
        env = "GATEWAY_WEBHOOK_STATE",
        value_name = "FILE",
        requires = "webhook_url"
    )]
    pub state: Option<PathBuf>,
    /// Seconds between two looks whether the webhook is there and a notification was lost
    #[arg(long = "webhook-check-seconds", env = "GATEWAY_WEBHOOK_CHECK_SECONDS", default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub check_seconds: u32,
}

impl Options {
    /// Where notifications go, under this path of the gateway.
    pub fn notification_url(&self, path: &str) -> Option<String> {
        self.url.as_ref().map(|url| format!("{}{path}", url.as_str().trim_end_matches('/')))
    }

    /// Between two looks at the webhook.
    pub fn check(&self) -> Duration {
        Duration::from_secs(self.check_seconds.into())
    }
}
