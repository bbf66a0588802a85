//! Snapshots: the world and its effects in a file, so that a restart loses nothing.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    fixture::{self, Fixture},
    journal::{Effect, Journal},
    state::State,
    world::World,
};

/// How long changes are gathered before they are written.
const GATHER: Duration = Duration::from_millis(200);

/// The file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot {
    world: Fixture,
    effects: Vec<Effect>,
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("snapshot {path}: {error}; the folder must exist and be writable")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// The file is not a snapshot.
    #[error("snapshot {path} is not valid: {error}; remove it to start from the fixture")]
    Invalid {
        /// Which file.
        path: String,
        /// Where and why.
        error: serde_json::Error,
    },
    /// The world in it does not fit together.
    #[error(transparent)]
    World(#[from] fixture::Error),
}

impl Snapshot {
    pub fn of(world: &World, journal: &Journal) -> Self {
        Self { world: Fixture::of_world(world), effects: journal.effects().cloned().collect() }
    }

    /// Reads a snapshot; `None` where there is no such file yet.
    pub fn read(path: &Path) -> Result<Option<(World, Journal)>, Error> {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| failed(path, error))?,
        };
        let snapshot: Self = serde_json::from_slice(&text)
            .map_err(|error| Error::Invalid { path: path.display().to_string(), error })?;
        Ok(Some((snapshot.world.into_world()?, Journal::after(snapshot.effects))))
    }

    /// Writes the file beside its place, then moves it there: a reader sees the old one or the new one.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let write = || -> io::Result<()> {
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(io::BufWriter::new(&mut file), self)?;
            file.flush()?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|error| failed(path, error))
    }
}

/// Writes the file after changes until it is dropped.
pub async fn keep(state: State, path: PathBuf) {
    loop {
        state.changed().await;
        tokio::time::sleep(GATHER).await;
        if let Err(error) = save(&state, &path).await {
            tracing::warn!(%error, "the snapshot could not be written, the next change tries again");
        }
    }
}

/// Writes the file now.
pub async fn save(state: &State, path: &Path) -> Result<(), Error> {
    let (state, to) = (state.clone(), path.to_owned());
    let written = tokio::task::spawn_blocking(move || state.snapshot().write(&to)).await;
    written.unwrap_or_else(|error| Err(failed(path, io::Error::other(error))))
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::Io { path: path.display().to_string(), error }
}
