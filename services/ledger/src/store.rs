//! The ledger's file: opening it, and saying what is wrong with it.

use std::{
    fmt::Display,
    fs::{File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use jiff::Timestamp;
use redb::{Database, DatabaseError, StorageError, backends::InMemoryBackend};

use crate::{Error, transaction::Transaction};

/// Most bytes of the file that are kept in memory: a ledger shares a small pod, and keys are seldom used again.
const CACHE: usize = 8 << 20;

/// An open ledger file.
pub struct Store {
    database: Database,
    file: String,
}

impl Store {
    /// Opens or creates the file, or a store in memory without one. Also when it was born: `now` for a new one.
    pub fn open(path: Option<&Path>, now: Timestamp) -> Result<(Self, Timestamp), Error> {
        let file = path.map_or_else(|| "in memory".to_owned(), |path| path.display().to_string());
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE);
        let database = match path {
            None => builder.create_with_backend(InMemoryBackend::new()),
            Some(path) => {
                make_private(path)
                    .map_err(|error| Error::Unreachable { file: file.clone(), why: error.to_string() })?;
                builder.create(path)
            }
        }
        .map_err(|error| refused(&file, &error))?;
        if let Some(path) = path {
            keep_name(path)
                .map_err(|error| Error::Unreachable { file: file.clone(), why: error.to_string() })?;
        }
        let store = Self { database, file };
        let mut transaction = store.begin()?;
        let born = transaction.birth(now)?;
        transaction.end()?;
        Ok((store, born))
    }

    /// Begins the one write transaction that may be open.
    pub fn begin(&self) -> Result<Transaction<'_>, Error> {
        let write = self.database.begin_write().map_err(|error| storage(&self.file, error))?;
        Ok(Transaction::new(write, &self.file))
    }
}

/// A missing file is made for its owner alone: requests and answers are in it. One that is there stays as it is.
fn make_private(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// A new file survives a power cut only once its folder is on disk as well.
fn keep_name(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Tells a file that is not a ledger from one that can't be reached.
fn refused(file: &str, error: &DatabaseError) -> Error {
    let file = file.to_owned();
    let why = error.to_string();
    match error {
        DatabaseError::DatabaseAlreadyOpen => Error::InUse { file },
        DatabaseError::Storage(StorageError::Io(io))
            if !matches!(io.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            Error::Unreachable { file, why }
        }
        _ => Error::Damaged { file, why },
    }
}

/// A failure while the ledger was open.
pub fn storage(file: &str, why: impl Display) -> Error {
    Error::Storage { file: file.to_owned(), why: why.to_string() }
}
