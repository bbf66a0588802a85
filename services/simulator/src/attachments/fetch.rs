//! Fetching the files that attachments name, after the write was answered.

use std::time::Duration;

use axum::body::Bytes;
use reqwest::{Response, header::CONTENT_TYPE};

use super::{
    cell,
    files::{File, Kept, MOST_BYTES},
};
use crate::{
    outbound::{self, Outbound},
    state::State,
};

/// Largest file, in bytes. Airtable takes 1 GB.
const LARGEST: usize = 16 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Outbound(#[from] outbound::Error),
    #[error("the URL was answered {0}")]
    Status(u16),
    #[error("the file is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("the file did not arrive within {} s", TIMEOUT.as_secs())]
    TimedOut,
}

/// Begins to fetch what is awaited and not fetched yet.
pub fn begin(state: &State) {
    let awaited = state.held().files.begin_fetching();
    for (id, url) in awaited {
        let state = state.clone();
        tokio::spawn(async move {
            let file = fetched(state.outbound(), &url).await.unwrap_or_else(|error| {
                tracing::info!(attachment = id, %error, "an attachment could not be fetched");
                File::Missing { why: error.to_string(), tried: Some((url, state.now())) }
            });
            arrived(&state, &id, file);
        });
    }
}

fn arrived(state: &State, id: &str, file: File) {
    let mut held = state.held();
    let held = &mut *held;
    let fits = match &file {
        File::Kept(kept) => held.files.make_room(kept.size, &held.world.bases),
        _ => true,
    };
    let full = || {
        let why = format!("the simulator keeps {MOST_BYTES} bytes of files at most");
        File::Missing { why, tried: None }
    };
    held.files.arrived(id, if fits { file } else { full() });
    state.note_change();
}

async fn fetched(outbound: &Outbound, url: &str) -> Result<File, Error> {
    // Never closed.
    let _turn = outbound.fetching.acquire().await;
    let answer = async {
        let url = outbound.url(url)?;
        let named = cell::media_type(url.path());
        let sent = outbound.following()?.get(url).send();
        let response = sent.await.map_err(outbound::Error::from)?;
        if !response.status().is_success() {
            return Err(Error::Status(response.status().as_u16()));
        }
        let said = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let said = said.map_or(named, |said| said.split(';').next().unwrap_or_default().trim()).to_owned();
        Ok(File::Kept(Kept::new(said, body(response).await?)))
    };
    tokio::time::timeout(TIMEOUT, answer).await.unwrap_or(Err(Error::TimedOut))
}

async fn body(mut response: Response) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(outbound::Error::from)? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err(Error::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}
