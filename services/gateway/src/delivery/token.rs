//! The gateway's own token for Airtable: which one is in use, whether Airtable takes it, waiting for the next one.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use auth::{Secret, SecretFile};
use tokio::time::Instant;

use crate::metrics::Metrics;

/// How long a request waits for a token that replaces a refused one: a kubelet takes about a minute to bring it.
pub const ROTATION: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Why there is no token to send with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    /// The file can't be read, or holds what is no token.
    #[error("{0}")]
    Missing(String),
    /// Airtable refuses the token in the file.
    #[error("Airtable refuses the token in {0} (401): replace it by a valid personal access token")]
    Refused(String),
}

/// The token, by its file.
pub struct Token {
    file: SecretFile,
    standing: Mutex<Standing>,
    metrics: Metrics,
}

/// What Airtable said to the tokens seen so far.
#[derive(Default)]
struct Standing {
    accepted: Option<Secret>,
    refused: Option<Secret>,
}

impl Token {
    /// The token in `file`.
    pub fn new(file: PathBuf, metrics: Metrics) -> Self {
        Self { file: SecretFile::new(file), standing: Mutex::default(), metrics }
    }

    /// The token as the file has it, whatever Airtable thinks of it.
    pub fn current(&self) -> Result<Secret, NoToken> {
        let token = self.file.read().map_err(|error| NoToken::Missing(error.to_string()))?;
        if token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(token)
        } else {
            let file = self.file.path().display();
            Err(NoToken::Missing(format!(
                "{file}: expected one token, one line, of visible ASCII characters"
            )))
        }
    }

    /// A token that Airtable does not refuse as far as is known. Where it refuses one that it accepted before, a
    /// rotation is under way: waits for the next one, at most [`ROTATION`] and until `deadline`.
    pub async fn usable(&self, deadline: Instant) -> Result<Secret, NoToken> {
        let patience = deadline.min(Instant::now() + ROTATION);
        loop {
            let token = self.current()?;
            if !self.is_refused(&token) {
                return Ok(token);
            }
            if !self.was_accepted(&token) || Instant::now() + LOOK_EVERY > patience {
                return Err(NoToken::Refused(self.file.path().display().to_string()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Airtable answered a request with `token`: by 401, or otherwise.
    pub fn answered(&self, token: &Secret, unauthorized: bool) {
        let mut standing = self.standing();
        if !unauthorized && standing.refused.is_none() && standing.accepted.as_ref() == Some(token) {
            return;
        }
        let refused_before = standing.refused.as_ref() == Some(token);
        if unauthorized {
            standing.refused = Some(token.clone());
        } else {
            standing.accepted = Some(token.clone());
            standing.refused = None;
        }
        drop(standing);
        self.metrics.token_refused(unauthorized);
        if unauthorized && !refused_before {
            tracing::error!(file = %self.file.path().display(), "Airtable refuses the token");
        }
    }

    fn is_refused(&self, token: &Secret) -> bool {
        self.standing().refused.as_ref() == Some(token)
    }

    fn was_accepted(&self, token: &Secret) -> bool {
        self.standing().accepted.as_ref() == Some(token)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
