//! The gateway's own token for Airtable: which one is in use, whether Airtable takes it, waiting for the next one.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use auth::{Secret, SecretFile};
use tokio::time::Instant;

use crate::metrics::Metrics;

/// How long after the first refusal of a token that was good requests wait for the next one: a kubelet takes about a minute
/// to bring it. Who comes later is told at once that it was no rotation.
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
    /// And since when.
    refused: Option<(Secret, Instant)>,
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
    /// rotation is under way: waits for the next one, until [`ROTATION`] after the first refusal, and until `deadline`.
    pub async fn usable(&self, deadline: Instant) -> Result<Secret, NoToken> {
        loop {
            let token = self.current()?;
            let Some(since) = self.refused_since(&token) else { return Ok(token) };
            let patience = deadline.min(since + ROTATION);
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
        let refused_before = standing.refused.as_ref().is_some_and(|(refused, _)| refused == token);
        let wait_seconds = if standing.accepted.as_ref() == Some(token) { ROTATION.as_secs() } else { 0 };
        if !unauthorized {
            standing.accepted = Some(token.clone());
            standing.refused = None;
        } else if !refused_before {
            standing.refused = Some((token.clone(), Instant::now()));
        }
        drop(standing);
        self.metrics.token_refused(unauthorized);
        if unauthorized && !refused_before {
            let file = self.file.path().display();
            tracing::error!(%file, wait_seconds, "Airtable refuses the token: requests wait so long for another");
        }
    }

    fn refused_since(&self, token: &Secret) -> Option<Instant> {
        self.standing().refused.as_ref().filter(|(refused, _)| refused == token).map(|(_, since)| *since)
    }

    fn was_accepted(&self, token: &Secret) -> bool {
        self.standing().accepted.as_ref() == Some(token)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rotation_is_waited_for_once_and_who_comes_later_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "pat").unwrap();
        let metrics = Metrics::register(&telemetry::metrics::Metrics::new()).unwrap();
        let token = Token::new(folder.path().join("token"), metrics);
        let (secret, begun) = (token.current().unwrap(), Instant::now());
        token.answered(&secret, false);
        token.answered(&secret, true);
        let far = begun + ROTATION * 10;
        tokio::time::advance(ROTATION / 2).await;
        assert!(token.usable(begun + ROTATION / 2).await.is_err());
        assert_eq!(begun.elapsed(), ROTATION / 2, "who can't wait does not");
        // A repeat that is refused as well is no new beginning.
        token.answered(&secret, true);
        assert!(token.usable(far).await.is_err());
        let waited = begun.elapsed();
        assert!(waited <= ROTATION && waited + LOOK_EVERY >= ROTATION, "{waited:?}");
        let told = Instant::now();
        assert!(token.usable(far).await.is_err());
        assert_eq!(told.elapsed(), Duration::ZERO);
        token.answered(&secret, false);
        assert_eq!(token.usable(far).await, Ok(secret), "a probe was taken");
    }
}
