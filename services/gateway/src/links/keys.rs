//! The keys that sign URLs, by their file: the first signs, all of them verify, so that a key can be replaced.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    last: Mutex<Last>,
}

/// What the file came to.
#[derive(Default)]
struct Last {
    read: Option<Result<Secret, String>>,
    /// Those of the last time that it had some.
    ring: Option<Arc<Ring>>,
    /// Why it has none now.
    why: Option<String>,
}

/// The keys in it. They are not printed.
pub struct Ring {
    first: Hmac<Sha256>,
    others: Vec<Hmac<Sha256>>,
}

impl Keys {
    /// The keys in `file`, which may come later.
    pub fn new(file: &Path) -> Self {
        Self { file: SecretFile::new(file), last: Mutex::default() }
    }

    /// The keys as the file has them; where it has none, those that it had.
    pub fn ring(&self) -> Option<Arc<Ring>> {
        self.last().ring.clone()
    }

    /// Whether there are keys.
    ///
    /// # Errors
    /// Why not, beginning with a reason.
    pub fn check(&self) -> Result<(), String> {
        let last = self.last();
        let why = last.why.as_deref().filter(|_| last.ring.is_none());
        why.map_or(Ok(()), |why| Err(format!("AttachmentKeysUnusable: {why}")))
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        let read = self.file.read().map_err(|error| error.to_string());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.learn(read)
            && let Some(why) = &last.why
        {
            tracing::warn!(file = %self.file.path().display(), why, "the keys for URLs can't be used, those before stay");
        }
        last
    }
}

impl Last {
    /// Whether the file is another one than before.
    fn learn(&mut self, read: Result<Secret, String>) -> bool {
        if self.read.as_ref() == Some(&read) {
            return false;
        }
        match read.as_ref().map_err(Clone::clone).and_then(Ring::read) {
            Ok(ring) => (self.ring, self.why) = (Some(Arc::new(ring)), None),
            Err(why) => self.why = Some(why),
        }
        self.read = Some(read);
        true
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
        let keys = Keys::new(&file);
        assert!(keys.ring().is_none(), "they may come later");
        assert!(keys.check().unwrap_err().starts_with("AttachmentKeysUnusable: "));
        std::fs::write(&file, "hunter2").unwrap();
        let why = keys.check().unwrap_err();
        assert!(why.contains("32 characters") && !why.contains("hunter2"), "{why}");
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, OLD).unwrap();
        let keys = Keys::new(&file);
        let mac = keys.ring().unwrap().mac("message");
        std::fs::remove_file(&file).unwrap();
        assert!(keys.ring().unwrap().verifies("message", &mac));
        assert_eq!(keys.check(), Ok(()));
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told_once_until_it_changes() {
        let mut last = Last::default();
        let missing = || Err("missing".to_owned());
        let short = || Ok(Secret::from("hunter2"));
        let learnt: Vec<bool> =
            [missing(), missing(), short(), short(), missing()].map(|read| last.learn(read)).into();
        assert_eq!(learnt, [true, false, true, false, true]);
    }
}
