//! The one thread that writes: takes what waits, does it in one transaction, and answers once that is durable.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::{Error, store::Store, transaction::Transaction};

/// How many operations may wait; further callers wait for room.
const QUEUE: usize = 1024;
/// How many operations share one transaction.
const BATCH: usize = 256;

/// An operation: works inside the transaction, if there is one, and leaves what to answer after the commit.
type Job = Box<dyn FnOnce(Result<&mut Transaction<'_>, Error>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// The writer's queue; the thread ends, and the file is closed, when the handle is dropped.
pub struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread on an open store.
    pub fn start(store: Store, path: Option<&Path>) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let path = path.map(Path::to_path_buf);
        let failed = Arc::new(AtomicBool::new(false));
        let failing = failed.clone();
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || write(Some(store), path.as_deref(), jobs, &failing))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), failed })
    }

    /// Whether a write failed since it was last proven that they don't.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// It is proven that writes succeed again.
    pub fn is_proven(&self) {
        self.failed.store(false, Ordering::Release);
    }

    /// Resolves when the thread has ended, by a panic.
    pub async fn ended(&self) {
        if let Some(queue) = &self.queue {
            queue.closed().await;
        }
    }

    /// Runs `work` in the next transaction; returns when that is durable.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let outcome = transaction.and_then(|transaction| work_or_spoil(work, transaction));
            Box::new(move |committed| {
                let _caller_gone = sender.send(committed.and(outcome));
            })
        });
        let queue = self.queue.as_ref().ok_or(Error::Stopped)?;
        queue.send(job).await.map_err(|_| Error::Stopped)?;
        receiver.await.map_err(|_| Error::Stopped)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the writer of the ledger had panicked");
        }
    }
}

/// An operation that failed while it wrote must not become durable by half.
fn work_or_spoil<T>(
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error>,
    transaction: &mut Transaction<'_>,
) -> Result<T, Error> {
    let outcome = work(transaction);
    if let Err(error @ Error::Storage { .. }) = &outcome {
        transaction.spoil(error.clone());
    }
    outcome
}

/// The thread. After a failure the store is opened anew, since redb refuses to go on with the old one.
fn write(mut store: Option<Store>, path: Option<&Path>, mut jobs: mpsc::Receiver<Job>, failed: &AtomicBool) {
    let mut waiting = Vec::with_capacity(BATCH);
    while jobs.blocking_recv_many(&mut waiting, BATCH) > 0 {
        if let Err(error) = commit(&mut store, path, waiting.drain(..), failed) {
            tracing::error!(%error, "the ledger could not be written");
            store = None;
        }
    }
}

/// Does the jobs in one transaction and answers each of them; the error has been answered as well.
fn commit(
    store: &mut Option<Store>,
    path: Option<&Path>,
    jobs: impl Iterator<Item = Job>,
    failed: &AtomicBool,
) -> Result<(), Error> {
    let mut transaction = match begin(store, path) {
        Ok(transaction) => transaction,
        Err(error) => {
            failed.store(true, Ordering::Release);
            jobs.for_each(|job| job(Err(error.clone()))(Ok(())));
            return Err(error);
        }
    };
    let answers: Vec<Answer> = jobs.map(|job| job(Ok(&mut transaction))).collect();
    let committed = transaction.end();
    if committed.is_err() {
        failed.store(true, Ordering::Release);
    }
    for answer in answers {
        answer(committed.clone());
    }
    committed
}

fn begin<'a>(store: &'a mut Option<Store>, path: Option<&Path>) -> Result<Transaction<'a>, Error> {
    let open = match store {
        Some(open) => open,
        None => store.insert(Store::open(path, Timestamp::now())?.0),
    };
    open.begin()
}
