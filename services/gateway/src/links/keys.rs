//! The keys that sign URLs, by their file: the first signs, all of them verify, so that a key can be replaced.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use auth::{Secret, SecretFile};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Of a key, in characters.
const SHORTEST: usize = 32;
/// Of a MAC, in bytes: as hard to guess as a UUID.
const MAC_BYTES: usize = 16;

/// The file, read again when it changes.
pub struct Keys {
    file: SecretFile,
    last: Mutex<(Secret, Arc<Ring>)>,
}

/// The keys in it. They are not printed.
pub struct Ring {
    first: Hmac<Sha256>,
    others: Vec<Hmac<Sha256>>,
}

impl Keys {
    /// The keys in `file`.
    ///
    /// # Errors
    /// When it can't be read, or what is in it are no keys.
    pub fn open(file: &Path) -> Result<Self, String> {
        let file = SecretFile::new(file);
        let secret = file.read().map_err(|error| error.to_string())?;
        let ring = Ring::read(&secret).map_err(|why| format!("{}: {why}", file.path().display()))?;
        Ok(Self { last: Mutex::new((secret, Arc::new(ring))), file })
    }

    /// The keys as the file has them; where it can't be read, those that it had.
    pub fn ring(&self) -> Arc<Ring> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match self.file.read() {
            Ok(secret) if secret == last.0 => (),
            Ok(secret) => match Ring::read(&secret) {
                Ok(ring) => *last = (secret, Arc::new(ring)),
                Err(why) => tracing::warn!(file = %self.file.path().display(), why, "the keys for URLs stay"),
            },
            Err(error) => tracing::warn!(%error, "the keys for URLs stay"),
        }
        last.1.clone()
    }
}

impl Ring {
    fn read(secret: &Secret) -> Result<Self, String> {
        let lines = secret.expose().lines().map(str::trim).filter(|line| !line.is_empty());
        let key = |line: &str| {
            let key = Hmac::new_from_slice(line.as_bytes()).ok().filter(|_| line.len() >= SHORTEST);
            key.ok_or_else(|| {
                format!("a key has fewer than {SHORTEST} characters: write random ones, one key a line")
            })
        };
        let mut keys = lines.map(key).collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = keys.next().ok_or("there is no key in it")?;
        Ok(Self { first, others: keys.collect() })
    }

    /// The MAC of a message, as a part of a path.
    pub fn mac(&self, message: &str) -> String {
        let mac = self.first.clone().chain_update(message).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode(mac.get(..MAC_BYTES).unwrap_or(&mac))
    }

    /// Whether one of the keys made this MAC; in constant time.
    pub fn verifies(&self, message: &str, mac: &str) -> bool {
        let mac = URL_SAFE_NO_PAD.decode(mac).ok().filter(|mac| mac.len() == MAC_BYTES);
        let Some(mac) = mac else { return false };
        std::iter::once(&self.first)
            .chain(&self.others)
            .any(|key| key.clone().chain_update(message).verify_truncated_left(&mac).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(lines: &[&str]) -> Result<Ring, String> {
        Ring::read(&Secret::from(lines.join("\n").as_str()))
    }

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn a_key_can_be_replaced_without_breaking_what_it_signed() {
        let old = ring(&[OLD]).unwrap().mac("message");
        let both = ring(&[NEW, "", OLD]).unwrap();
        assert!(both.verifies("message", &old) && both.verifies("message", &both.mac("message")));
        assert_ne!(both.mac("message"), old, "the first signs");
        let new = ring(&[NEW]).unwrap();
        assert!(!new.verifies("message", &old), "a key that is gone is good for nothing");
        for mac in [
            "",
            "00",
            &new.mac("message")[..4],
            &format!("{}00", new.mac("message")),
            &new.mac("other"),
            &"=".repeat(22),
        ] {
            assert!(!new.verifies("message", mac), "{mac}");
        }
    }

    #[test]
    fn short_keys_and_none_are_refused_without_being_told() {
        let error = ring(&[OLD, "hunter2"]).err().unwrap();
        assert!(error.contains("32 characters") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_file_that_breaks_later_leaves_the_keys_that_it_had() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        assert!(Keys::open(&file).is_err());
        std::fs::write(&file, OLD).unwrap();
        let keys = Keys::open(&file).unwrap();
        let mac = keys.ring().mac("message");
        std::fs::remove_file(&file).unwrap();
        assert!(keys.ring().verifies("message", &mac));
    }
}
