//! The connection in use, and the next one when that broke.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{Cmd, FromRedisValue, ToRedisArgs, cmd};
use tokio::time::Instant;

use crate::{Connection, Error, Script, Source, connection::Observer};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A Valkey or Redis; clones share the connection.
#[derive(Clone)]
pub struct Valkey(Arc<Shared>);

struct Shared {
    source: Source,
    observer: Observer,
    standing: Mutex<Standing>,
    /// One connects, the others wait for what comes of it.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Standing {
    connection: Option<Connection>,
    failure: Option<Failure>,
}

/// What connecting came to last: nobody tries again before `until`.
#[derive(Clone)]
struct Failure {
    error: Error,
    pause: Duration,
    until: Instant,
}

impl Valkey {
    /// The server at `source`, which is not connected to yet.
    ///
    /// # Errors
    /// When the file is there, and can't be read or holds no URL.
    pub fn open(source: Source) -> Result<Self, Error> {
        Self::observed(source, |_, _| ())
    }

    /// The same; `observer` is told of each call: its outcome (`ok`, `unreachable`, `refused`, `timedOut`, `lost`,
    /// `failed`) and how long it took.
    ///
    /// # Errors
    /// When the file is there, and can't be read or holds no URL.
    pub fn observed(
        source: Source,
        observer: impl Fn(&'static str, Duration) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        // A Secret may come later than the pod that names it: until then the store is one that can't be reached.
        if source.path().exists() {
            source.read()?;
        }
        let (observer, connecting) = (Arc::new(observer), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Shared { source, observer, standing: Mutex::default(), connecting })))
    }

    /// A connection; what is sent on it goes to the run of the server that it names, or fails.
    pub async fn connected(&self) -> Result<Connection, Error> {
        if let Some(connection) = self.0.standing().usable() {
            return Ok(connection);
        }
        let begun = Instant::now();
        // In a task of its own: that it failed is remembered also when who asked first has gone away.
        let connecting = tokio::spawn(self.0.clone().connect());
        let connected = connecting.await.unwrap_or_else(|error| Err(Error::Unreachable(error.to_string())));
        if let Err(error) = &connected {
            (self.0.observer)(error.label(), begun.elapsed());
        }
        connected
    }

    /// Runs `script`, by its hash where the server knows it.
    pub async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[impl ToRedisArgs],
        args: &[impl ToRedisArgs],
    ) -> Result<T, Error> {
        self.connected().await?.script(script, keys, args).await
    }

    /// Runs one command.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        self.connected().await?.command(command).await
    }

    /// Whether the server answers, and can be written to as far as its role tells.
    pub async fn check(&self) -> Result<(), Error> {
        self.command::<()>(&cmd("PING")).await
    }
}

impl Shared {
    async fn connect(self: Arc<Self>) -> Result<Connection, Error> {
        let _one = self.connecting.lock().await;
        let last = {
            let mut standing = self.standing();
            match (standing.usable(), standing.failure.clone()) {
                (Some(connection), _) => return Ok(connection),
                (None, Some(failure)) if Instant::now() < failure.until => return Err(failure.error),
                (None, failure) => failure,
            }
        };
        let opened = Connection::open(&self.source, self.observer.clone()).await;
        let mut standing = self.standing();
        match &opened {
            Ok(connection) => {
                if last.is_some() {
                    tracing::info!("the store can be used again");
                }
                *standing = Standing { connection: Some(connection.clone()), failure: None };
            }
            Err(error) => {
                if last.as_ref().is_none_or(|last| last.error != *error) {
                    tracing::warn!(%error, "the store can't be used");
                }
                let pause = last.map_or(FIRST_PAUSE, |last| (last.pause * 2).min(LONGEST_PAUSE));
                standing.failure =
                    Some(Failure { error: error.clone(), pause, until: Instant::now() + pause });
            }
        }
        opened
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn usable(&mut self) -> Option<Connection> {
        self.connection = self.connection.take().filter(|connection| !connection.is_over());
        self.connection.clone()
    }
}

impl fmt::Debug for Valkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Valkey").field(&self.0.source.path()).finish()
    }
}
