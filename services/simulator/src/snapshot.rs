//! Snapshots: the world and its effects in a file, so that a restart loses nothing.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    attachments::{Files, folder},
    fixture::{self, Fixture},
    journal::{Effect, Journal},
    state::State,
    world::World,
};

/// How long changes are gathered before they are written; longer where the last writing took longer.
const GATHER: Duration = Duration::from_millis(200);

/// The file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot {
    world: Fixture,
    effects: Vec<Arc<Effect>>,
    #[serde(default)]
    attachments: Files,
}

/// What a snapshot brings back.
pub struct Restored {
    pub world: World,
    pub journal: Journal,
    pub files: Files,
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
    pub fn of(world: &World, effects: Vec<Arc<Effect>>, attachments: Files) -> Self {
        Self { world: Fixture::of_world(world), effects, attachments }
    }

    /// Reads a snapshot; `None` where there is no such file yet.
    pub fn read(path: &Path) -> Result<Option<Restored>, Error> {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| failed(path, error))?,
        };
        let mut snapshot: Self = serde_json::from_slice(&text)
            .map_err(|error| Error::Invalid { path: path.display().to_string(), error })?;
        folder::read(&folder::of(path), &mut snapshot.attachments).map_err(|error| failed(path, error))?;
        Ok(Some(Restored {
            world: snapshot.world.into_world()?,
            journal: Journal::after(snapshot.effects),
            files: snapshot.attachments,
        }))
    }

    /// Writes the file beside its place, then moves it there: a reader sees the old one or the new one.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let attachments = folder::of(path);
        let write = || -> io::Result<()> {
            folder::write(&attachments, &self.attachments)?;
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(io::BufWriter::new(&mut file), self)?;
            file.flush()?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            folder::tidy(&attachments, &self.attachments)
        };
        write().map_err(|error| failed(path, error))
    }
}

/// Writes the file after changes, one at a time, and a last time once `stopped` resolves.
///
/// # Errors
/// When the last one can't be written.
pub async fn keep(state: State, path: PathBuf, stopped: impl Future) -> Result<(), Error> {
    let mut stopped = pin!(stopped);
    let mut pause = GATHER;
    loop {
        let gathered = async {
            state.changed().await;
            tokio::time::sleep(pause).await;
        };
        tokio::select! {
            () = gathered => {}
            _ = &mut stopped => return save(&state, &path).await,
        }
        let begun = Instant::now();
        if let Err(error) = save(&state, &path).await {
            tracing::warn!(%error, "the snapshot could not be written, the next change tries again");
        }
        pause = GATHER.max(begun.elapsed());
    }
}

/// Writes the file now. To be awaited to its end: what is begun goes on, and would replace a later one.
async fn save(state: &State, path: &Path) -> Result<(), Error> {
    let (state, to) = (state.clone(), path.to_owned());
    let written = tokio::task::spawn_blocking(move || state.snapshot().write(&to)).await;
    written.unwrap_or_else(|error| Err(failed(path, io::Error::other(error))))
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::Io { path: path.display().to_string(), error }
}

#[cfg(test)]
mod tests {
    use airtable::Cells;
    use axum::http::Method;
    use telemetry::metrics::Metrics;
    use tokio::sync::oneshot;

    use super::*;
    use crate::{Behaviour, call::Call, world::Row};

    /// A simulator with so many rows that writing takes a while.
    fn large() -> State {
        let fixture = Fixture::sample().unwrap().into_world().unwrap();
        let mut world = fixture.clone();
        let table = Arc::make_mut(world.bases[0].tables.last_mut().unwrap());
        for number in 0..50_000 {
            let id = format!("recLarge{number:09}");
            table.push(Row { id, created: jiff::Timestamp::now(), modified: [].into(), cells: Cells::new() });
        }
        let snapshot = Some(Restored { world, journal: Journal::default(), files: Files::default() });
        State::new(fixture, snapshot, Behaviour::default(), &Metrics::new()).unwrap()
    }

    fn change(state: &State) {
        let path = "/v0/appCRM00000000001/Audit/recCRM00000000401";
        let call = Call::read(&Method::DELETE, path).unwrap();
        state.perform(&call, "", &[], "").unwrap();
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[tokio::test]
    async fn the_last_snapshot_waits_for_the_one_before_and_is_not_replaced_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("snapshot.json");
        let state = large();
        let (stop, stopped) = oneshot::channel::<()>();
        let keeper = tokio::spawn(keep(state.clone(), file.clone(), stopped));
        change(&state);
        while files(folder.path()).is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(!file.exists(), "the large one is being written beside its place");
        state.reset();
        drop(stop);
        keeper.await.unwrap().unwrap();
        assert_eq!(files(folder.path()), std::slice::from_ref(&file), "nobody writes any more");
        let world = Snapshot::read(&file).unwrap().unwrap().world;
        assert!(world.bases[0].table_of("recLarge000000000").is_none(), "it is the one after the reset");
    }
}
