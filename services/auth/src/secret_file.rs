//! A secret in a file, read again when the file changed.

use std::{
    fmt, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};

use crate::Error;

/// How often the file is looked at. Kubernetes takes a minute to bring a changed Secret to its volumes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Largest file read, in bytes: a Secret holds at most 1 MiB.
const LARGEST: u64 = 1 << 20;

/// The value of a secret. Neither its `Debug` nor anything else prints it; clones share it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    value: Arc<str>,
    hash: [u8; 32],
}

impl Secret {
    /// The value, for the one place that sends or compares it.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// Its SHA-256, for comparison in constant time and for cache keys.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self { value: value.into(), hash: Sha256::digest(value.as_bytes()).into() }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A file with one secret: UTF-8, whitespace around it is not part of it.
///
/// The file is looked at once a second at most, and read again when what its path leads to is another file or was
/// modified: Kubernetes replaces a symbolic link, an editor writes in place.
#[derive(Debug)]
pub struct SecretFile {
    path: PathBuf,
    last: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    at: Instant,
    version: Version,
    secret: Secret,
}

/// What tells two states of a file apart: device, inode, size, and time of modification with nanoseconds.
#[derive(Debug, PartialEq, Eq)]
struct Version(u64, u64, u64, i64, i64);

impl SecretFile {
    /// A secret at `path`; nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), last: Mutex::new(None) }
    }

    /// Where the secret is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secret as the file has it now, or had it less than a second ago.
    ///
    /// # Errors
    /// [`Error::SecretFile`] when the file is missing, unreadable, too large, not UTF-8 or empty.
    pub fn read(&self) -> Result<Secret, Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = &*last
            && seen.at.elapsed() < LOOK_EVERY
        {
            return Ok(seen.secret.clone());
        }
        let known = last.take();
        let seen = self.look(known)?;
        let secret = seen.secret.clone();
        *last = Some(seen);
        Ok(secret)
    }

    fn look(&self, known: Option<Seen>) -> Result<Seen, Error> {
        let metadata = fs::metadata(&self.path).map_err(|error| self.error(&error))?;
        let version =
            Version(metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
        let at = Instant::now();
        match known {
            Some(seen) if seen.version == version => Ok(Seen { at, ..seen }),
            _ if metadata.size() > LARGEST => Err(self.error(&format_args!("larger than {LARGEST} bytes"))),
            _ => Ok(Seen { at, version, secret: self.load()? }),
        }
    }

    fn load(&self) -> Result<Secret, Error> {
        let text = fs::read_to_string(&self.path).map_err(|error| self.error(&error))?;
        match text.trim() {
            "" => Err(self.error(&"the file is empty")),
            secret => Ok(secret.into()),
        }
    }

    fn error(&self, why: &dyn fmt::Display) -> Error {
        Error::SecretFile { file: self.path.display().to_string(), why: why.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Forgets when the file was last looked at, which a second would do as well.
    fn a_second_passes(file: &SecretFile) {
        if let Some(seen) = &mut *file.last.lock().unwrap() {
            seen.at = Instant::now().checked_sub(LOOK_EVERY).unwrap();
        }
    }

    #[test]
    fn a_replaced_symbolic_link_is_noticed_within_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("old"), "first\n").unwrap();
        fs::write(path("new"), "other\n").unwrap();
        symlink(path("old"), path("token")).unwrap();
        let file = SecretFile::new(path("token"));
        assert_eq!(file.read().unwrap().expose(), "first");

        symlink(path("new"), path("next")).unwrap();
        fs::rename(path("next"), path("token")).unwrap();
        assert_eq!(file.read().unwrap().expose(), "first", "the file is looked at once a second");
        a_second_passes(&file);
        assert_eq!(file.read().unwrap().expose(), "other");
    }

    #[test]
    fn a_missing_or_empty_file_is_an_error_that_names_it_and_never_an_old_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = SecretFile::new(&path);
        assert!(file.read().unwrap_err().to_string().starts_with(path.to_str().unwrap()));
        fs::write(&path, "secret").unwrap();
        assert_eq!(file.read().unwrap().expose(), "secret");
        fs::write(&path, " \n").unwrap();
        a_second_passes(&file);
        assert!(file.read().unwrap_err().to_string().ends_with("the file is empty"));
    }

    #[test]
    fn debug_prints_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "hunter2").unwrap();
        let file = SecretFile::new(folder.path().join("token"));
        let secret = file.read().unwrap();
        assert!(!format!("{file:?} {secret:?}").contains("hunter2"));
    }
}
