//! Named client keys in files, compared in constant time.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{Error, Secret, SecretFile};

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

    fn read(&self) -> Result<Secret, Error> {
        let key = self.file.read()?;
        if key.expose().contains(char::is_control) {
            let file = self.file.path().display().to_string();
            return Err(Error::SecretFile { file, why: "not one key in one line of text".to_owned() });
        }
        Ok(key)
    }

    fn unusable(&self, error: &Error) -> Fault {
        Fault::Unusable { client: self.name.clone(), why: error.to_string() }
    }
}

/// The keys of all clients.
#[derive(Debug, Default)]
pub struct Keys {
    keys: Vec<Key>,
    /// What was logged, so that it is said once and not at each request.
    told: Mutex<BTreeSet<Fault>>,
}

/// Why a key lets nobody in. Its message holds no key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// The file is missing, unreadable, empty, or holds something else than one line of text.
    #[error("the key of {client} can't be used: {why}")]
    Unusable {
        /// The client's name.
        client: String,
        /// What is wrong with the file, by its name.
        why: String,
    },
    /// Nobody can tell which of the two presents it.
    #[error("{one} and {other} have the same key, which lets in neither: give each its own")]
    Shared {
        /// The name of the client that is listed first.
        one: String,
        /// The name of the other.
        other: String,
    },
}

/// The keys as their files are now.
#[derive(Debug, PartialEq, Eq)]
pub struct Survey {
    /// How many of them let somebody in.
    pub usable: usize,
    /// Why the others don't.
    pub faults: BTreeSet<Fault>,
}

impl FromIterator<Key> for Keys {
    fn from_iter<T: IntoIterator<Item = Key>>(keys: T) -> Self {
        Self { keys: keys.into_iter().collect(), told: Mutex::default() }
    }
}

impl Keys {
    /// The key that `presented` is, if it is that of one client alone.
    ///
    /// Every key is compared, by its hash, so that the time taken tells nothing about them. A key that can't be used
    /// matches nobody; that is logged when it is first met.
    pub fn find(&self, presented: &str) -> Option<&Key> {
        let presented: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let (mut found, mut unusable) = (Vec::new(), Vec::new());
        for key in &self.keys {
            match key.read() {
                Ok(secret) if bool::from(secret.hash().ct_eq(&presented)) => found.push(key),
                Ok(_) => (),
                Err(error) => unusable.push(key.unusable(&error)),
            }
        }
        // A file that can't be used is read once for each request, not again to say what was said.
        if found.len() > 1 || !self.are_told(&unusable) {
            self.survey();
        }
        match found.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Reads all keys; logs each fault that was not there before.
    pub fn survey(&self) -> Survey {
        let mut faults = BTreeSet::new();
        let mut holders: BTreeMap<[u8; 32], Vec<&str>> = BTreeMap::new();
        for key in &self.keys {
            match key.read() {
                Ok(secret) => holders.entry(secret.hash()).or_default().push(&key.name),
                Err(error) => drop(faults.insert(key.unusable(&error))),
            }
        }
        let usable = holders.values().filter(|names| names.len() == 1).count();
        for names in holders.values() {
            let pairs = names.iter().zip(names.iter().skip(1));
            let shared = |(one, other): (&&str, &&str)| Fault::Shared {
                one: (*one).to_owned(),
                other: (*other).to_owned(),
            };
            faults.extend(pairs.map(shared));
        }
        for fault in self.news(&faults) {
            tracing::error!("{fault}");
        }
        Survey { usable, faults }
    }

    fn are_told(&self, faults: &[Fault]) -> bool {
        if faults.is_empty() {
            return true;
        }
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().all(|fault| told.contains(fault))
    }

    /// Those that were not there at the last look.
    fn news(&self, faults: &BTreeSet<Fault>) -> Vec<Fault> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = faults.difference(&told).cloned().collect();
        told.clone_from(faults);
        news
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

    #[test]
    fn a_key_of_two_clients_is_neithers_and_the_survey_names_both_but_not_the_key() {
        let folder = tempfile::tempdir().unwrap();
        for (name, key) in [("guest", "copied"), ("admin", "copied\n"), ("crm", "own")] {
            std::fs::write(folder.path().join(name), key).unwrap();
        }
        let names = ["guest", "admin", "crm"];
        let keys: Keys = names.into_iter().map(|name| Key::new(name, folder.path().join(name))).collect();
        assert!(keys.find("copied").is_none());
        assert_eq!(keys.find("own").unwrap().name, "crm");
        let Survey { usable, faults } = keys.survey();
        let fault = Fault::Shared { one: "guest".to_owned(), other: "admin".to_owned() };
        assert!(!fault.to_string().contains("copied"));
        assert_eq!((usable, faults), (1, BTreeSet::from([fault])));
    }

    #[test]
    fn a_file_that_holds_not_one_line_of_text_is_named_and_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for (content, why) in [
            (b"k1\nk2\n".as_slice(), "one line"),
            (b"k\x07", "one line"),
            (b"\xff\xfe", "UTF-8"),
            (b" \n", "empty"),
        ] {
            std::fs::write(&path, content).unwrap();
            let keys = Keys::from_iter([Key::new("crm", &path)]);
            let Survey { usable, faults } = keys.survey();
            let [Fault::Unusable { client, why: message }] = faults.iter().collect::<Vec<_>>()[..] else {
                panic!("{faults:?}")
            };
            assert_eq!((usable, client.as_str()), (0, "crm"));
            assert!(message.contains(why) && message.contains(path.to_str().unwrap()), "{message}");
            assert!(keys.find("k1").is_none() && keys.find("k1\nk2").is_none());
        }
    }

    #[test]
    fn a_fault_is_told_when_it_comes_and_not_at_each_request() {
        let fault = |why: &str| Fault::Unusable { client: "crm".to_owned(), why: why.to_owned() };
        let (gone, empty) = (BTreeSet::from([fault("gone")]), BTreeSet::from([fault("empty")]));
        let keys = Keys::default();
        assert_eq!(keys.news(&gone), [fault("gone")]);
        assert_eq!(keys.news(&gone), []);
        assert_eq!(keys.news(&empty), [fault("empty")]);
        assert!(keys.are_told(&[]) && keys.are_told(&[fault("empty")]));
        assert!(!keys.are_told(&[fault("empty"), fault("gone")]));
        assert_eq!(keys.news(&BTreeSet::new()), []);
        assert_eq!(keys.news(&gone), [fault("gone")]);
    }
}
