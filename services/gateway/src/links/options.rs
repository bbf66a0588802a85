//! The options of the gateway's own URLs of attachments on its command line.

use std::path::PathBuf;

use reqwest::Url;

use super::hosts::Host;
use crate::config;

/// Which URLs attachments have in answers.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Options {
    /// Public URL of this gateway: attachments in answers have URLs under it, which don't expire; Airtable's when absent
    #[arg(
        id = "attachment_urls",
        long = "attachment-urls",
        env = "GATEWAY_ATTACHMENT_URLS",
        value_name = "URL",
        requires = "attachment_key_file",
        value_parser = config::base_url
    )]
    pub urls: Option<Url>,
    /// File with the keys that sign these URLs, one a line of at least 32 characters: the first signs, all are good
    #[arg(
        id = "attachment_key_file",
        long = "attachment-key-file",
        env = "GATEWAY_ATTACHMENT_KEY_FILE",
        value_name = "FILE"
    )]
    pub key_file: Option<PathBuf>,
    /// Hosts that Airtable keeps content on: a name, or `*.` before one; of others no URL is replaced or fetched.
    /// `http://` before it for one without TLS, `:port` after it for one whose URLs name a port
    #[arg(
        id = "attachment_hosts",
        long = "attachment-hosts",
        env = "GATEWAY_ATTACHMENT_HOSTS",
        value_name = "HOST",
        value_delimiter = ',',
        default_value = "*.airtableusercontent.com"
    )]
    pub hosts: Vec<Host>,
}
