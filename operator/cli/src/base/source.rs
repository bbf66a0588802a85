//! Where the schema of a base is read: Airtable, or whatever speaks its API.

use std::{path::PathBuf, time::Duration};

use airtable::Table;
use reqwest::{Client, redirect::Policy};
use serde::Deserialize;

use crate::error::Error;

/// Airtable's own API.
const AIRTABLE: &str = "https://api.airtable.com";
/// The largest schema, in bytes.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Where, and with which token.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// URL of the API; else spec.endpoint, or Airtable's own
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// File with the token.
    #[arg(
        long,
        value_name = "FILE",
        help = "File with the token, which needs the scope schema.bases:read; else the variable AIRTABLE_TOKEN"
    )]
    pub token_file: Option<PathBuf>,
    // An option would be seen in the list of processes: it is there for its variable.
    #[arg(long, env = "AIRTABLE_TOKEN", hide = true, hide_env_values = true)]
    token: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    tables: Vec<Table>,
}

impl Source {
    /// The token that was given.
    pub fn token(&self) -> Result<Option<String>, Error> {
        let Some(path) = &self.token_file else {
            return Ok(self.token.clone().filter(|token| !token.is_empty()));
        };
        let failed = |source| Error::File { file: path.display().to_string(), source };
        Ok(Some(std::fs::read_to_string(path).map_err(failed)?.trim().to_owned()))
    }

    /// The endpoint that was given, else `declared`, else Airtable's own.
    pub fn endpoint(&self, declared: Option<&str>) -> String {
        self.endpoint.as_deref().or(declared).unwrap_or(AIRTABLE).to_owned()
    }
}

/// The tables of a base.
pub async fn tables(endpoint: &str, token: &str, base: &str) -> Result<Vec<Table>, Error> {
    let url = endpoint.trim_end_matches('/');
    ask(&format!("{url}/v0/meta/bases/{base}/tables"), token).await.map_err(|why| Error::Ask {
        base: base.to_owned(),
        url: url.to_owned(),
        why,
    })
}

async fn ask(url: &str, token: &str) -> Result<Vec<Table>, String> {
    let client = Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_mins(1))
        .redirect(Policy::none())
        .build();
    let request = client.map_err(|error| plain(&error))?.get(url).bearer_auth(token);
    let mut answer = request.send().await.map_err(|error| plain(&error))?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| plain(&error))? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(format!("the answer is larger than {MOST_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|error| format!("the answer is no schema: {error}"))?;
        return Ok(answer.tables);
    }
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let (kind, message) = airtable::error::read(&body).unwrap_or_default();
    Err(format!("it answers {} {kind}: {}", status.as_u16(), message.unwrap_or("no message")))
}

/// The innermost cause, which does not repeat the URL.
fn plain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() }
}
