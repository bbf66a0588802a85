//! Named client keys in files, compared in constant time.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::SecretFile;

/// A client's key.
#[derive(Debug)]
pub struct Key {
    /// The client's name, for logs and rights.
    pub name: String,
    file: SecretFile,
}

impl Key {
    /// The key of the client `name`, kept in `file`.
    pub fn new(name: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), file: SecretFile::new(file) }
    }
}

/// The keys of all clients.
#[derive(Debug, Default)]
pub struct Keys(Vec<Key>);

impl FromIterator<Key> for Keys {
    fn from_iter<T: IntoIterator<Item = Key>>(keys: T) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl Keys {
    /// The key that `presented` is, if any.
    ///
    /// Every key is compared, by its hash, so that the time taken tells nothing about them. A key whose file can't
    /// be read matches nobody, and is warned about.
    pub fn find(&self, presented: &str) -> Option<&Key> {
        let presented: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let mut found = None;
        for key in &self.0 {
            match key.file.read() {
                Ok(secret) if bool::from(secret.hash().ct_eq(&presented)) => found = Some(key),
                Ok(_) => (),
                Err(error) => tracing::warn!(client = key.name, %error, "the key of a client can't be read"),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_value_and_a_missing_file_matches_nobody() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("crm"), "key-of-crm\n").unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        let keys: Keys = ["gone", "empty", "crm"]
            .into_iter()
            .map(|name| Key::new(name, folder.path().join(name)))
            .collect();
        assert_eq!(keys.find("key-of-crm").unwrap().name, "crm");
        for presented in ["key-of-cr", "key-of-crm\n", "KEY-OF-CRM", ""] {
            assert!(keys.find(presented).is_none(), "{presented:?}");
        }
    }
}
