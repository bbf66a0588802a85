//! The file that keeps what Airtable tells once, and only to who makes a webhook: its secret.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use airtable::webhook::MacSecret;
use serde::{Deserialize, Serialize};

/// A webhook of which the secret is known.
#[derive(Debug, Clone)]
pub struct Known {
    pub id: String,
    pub secret: MacSecret,
}

/// The answer that makes a webhook; in the file, what is kept of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    id: String,
    mac_secret_base64: String,
}

impl Made {
    /// The webhook that was made; none where its secret is none.
    pub fn known(&self) -> Option<Known> {
        let secret = MacSecret::from_base64(&self.mac_secret_base64)?;
        Some(Known { id: self.id.clone(), secret })
    }
}

/// The file, where there is one.
#[derive(Debug, Clone)]
pub struct Memory(Option<PathBuf>);

impl Memory {
    /// What is in `file`, if anything, is read by [`Memory::recall`].
    pub fn new(file: Option<PathBuf>) -> Self {
        Self(file)
    }

    /// The webhook that was kept last. What can't be read is as good as lost.
    pub fn recall(&self) -> Option<Known> {
        let file = self.0.as_ref()?;
        let made = match fs::read(file) {
            Ok(text) => serde_json::from_slice::<Made>(&text).ok().and_then(|made| made.known()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(_) => None,
        };
        if made.is_none() {
            tracing::warn!(file = %file.display(), "what was kept of the webhook can't be read: it is made anew");
        }
        made
    }

    /// Keeps a webhook, whole or not at all; for the eyes of this user only.
    pub fn keep(&self, made: &Made) -> io::Result<()> {
        let Some(file) = &self.0 else { return Ok(()) };
        let next = file.with_extension("next");
        let mut written =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        written.write_all(&serde_json::to_vec(made)?)?;
        written.sync_all()?;
        fs::rename(next, file)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_was_kept_is_recalled_and_nobody_else_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("webhook.json");
        let memory = Memory::new(Some(file.clone()));
        assert!(memory.recall().is_none());
        let made: Made =
            serde_json::from_str(r#"{"id":"ach1","macSecretBase64":"SmVmZQ==","expirationTime":"x"}"#)
                .unwrap();
        memory.keep(&made).unwrap();
        let known = memory.recall().unwrap();
        assert_eq!(
            (known.id.as_str(), known.secret.header(b"x")),
            ("ach1", made.known().unwrap().secret.header(b"x"))
        );
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "{").unwrap();
        assert!(memory.recall().is_none());
    }
}
