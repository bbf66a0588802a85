//! One connection to one run of a server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, PushInfo, PushKind, RedisError,
    ServerErrorKind, ToRedisArgs, aio::MultiplexedConnection, cmd,
};
use tokio::time::timeout;

use crate::{Error, Script, Source};

/// How long connecting and answering may take each.
pub const LIMIT: Duration = Duration::from_secs(1);

/// Told of each call: its outcome as a label, and how long it took.
pub(crate) type Observer = Arc<dyn Fn(&'static str, Duration) + Send + Sync>;

/// A connection; clones share it. Once it broke it stays broken: [`crate::Valkey::connected`] has the next one.
#[derive(Clone)]
pub struct Connection {
    calls: MultiplexedConnection,
    run_id: Arc<str>,
    is_over: Arc<AtomicBool>,
    observer: Observer,
}

impl Connection {
    pub(crate) async fn open(source: &Source, observer: Observer) -> Result<Self, Error> {
        let client = Client::open(source.read()?).map_err(|error| Error::of_connecting(&error))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let opened = timeout(LIMIT, introduced(&client, is_over.clone())).await;
        let late = || Error::Unreachable("no answer within a second".to_owned());
        let (calls, about) = opened.map_err(|_| late())?.map_err(|error| Error::of_connecting(&error))?;
        if line(&about, "role") != Some("master") {
            return Err(Error::read_only());
        }
        let Some(run_id) = line(&about, "run_id").filter(|id| !id.is_empty()) else {
            return Err(Error::Refused(
                "INFO does not say which run of the server it is (run_id)".to_owned(),
            ));
        };
        Ok(Self { calls, run_id: run_id.into(), is_over, observer })
    }

    /// Which run of the server answers: another one after each restart, known before anything was asked of it.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Runs `script`.
    pub async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[impl ToRedisArgs],
        args: &[impl ToRedisArgs],
    ) -> Result<T, Error> {
        let by_hash = script.by_hash(keys, args);
        self.observed(async {
            match self.send(&by_hash).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    self.send(&script.by_code(keys, args)).await
                }
                answered => answered,
            }
        })
        .await
    }

    /// Runs one command.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        self.observed(self.send(command)).await
    }

    /// Whether it is known to be broken.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        command.query_async(&mut self.calls.clone()).await
    }

    async fn observed<T>(&self, call: impl Future<Output = Result<T, RedisError>>) -> Result<T, Error> {
        let begun = Instant::now();
        let answered = match timeout(LIMIT, call).await {
            Ok(answered) => answered.map_err(|error| Error::of_call(&error)),
            Err(_) => Err(Error::TimedOut),
        };
        if answered.as_ref().is_err_and(Error::ends_connection) {
            self.is_over.store(true, Relaxed);
        }
        (self.observer)(answered.as_ref().map_or_else(Error::label, |_| "ok"), begun.elapsed());
        answered
    }
}

/// A connection, and what its server says about itself.
async fn introduced(
    client: &Client,
    is_over: Arc<AtomicBool>,
) -> Result<(MultiplexedConnection, String), RedisError> {
    let notice = move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            is_over.store(true, Relaxed);
        }
        Ok::<(), ()>(())
    };
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_push_sender(notice);
    let mut calls = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut about = String::new();
    for section in ["server", "replication"] {
        let told: String = cmd("INFO").arg(section).query_async(&mut calls).await?;
        about.push_str(&told);
    }
    Ok((calls, about))
}

/// The value of `name` in what `INFO` says.
fn line<'a>(about: &'a str, name: &str) -> Option<&'a str> {
    about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}
