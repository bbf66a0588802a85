//! Slots that go back to the store, by a task of its own: nobody waits for that.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{
        Notify,
        mpsc::{Receiver, Sender, channel},
        oneshot,
    },
    time::Instant,
};
use valkey::{Error, Script, Valkey};

use super::{Terms, key, microseconds};

/// So many wait to go back; the leases of others have to end by themselves.
const MOST: usize = 1024;
/// Between attempts while the store can't be used.
const PAUSE: Duration = Duration::from_millis(200);

/// So long somebody waits at the end for what is to go back.
const LAST: Duration = Duration::from_secs(1);

/// One slot of the base and of the token; dropped, it goes back.
#[derive(Debug)]
pub struct Slot {
    names: Option<Names>,
    taken: Instant,
    is_used: bool,
    desk: Desk,
}

/// Where a slot is to be found.
#[derive(Debug)]
pub struct Names {
    pub id: String,
    pub of_base: String,
    pub of_token: String,
}

/// What there is to do, and until when it makes sense.
#[derive(Debug)]
enum Task {
    GiveBack { names: Names, is_used: bool, ended: Instant, until: Instant },
    LockOut { until: Instant },
    Tell(oneshot::Sender<()>),
}

/// Takes slots back, and tells of lock-outs; clones share it.
#[derive(Debug, Clone)]
pub struct Desk {
    tasks: Sender<Task>,
    freed: Arc<Notify>,
    lease: Duration,
}

/// What does it.
struct Clerk {
    store: Valkey,
    give_back: Script,
    lock_out: Script,
    lockout: String,
    terms: Terms,
    freed: Arc<Notify>,
}

impl Slot {
    /// From now on its request may arrive. False when it is too late for that: the process stood still.
    pub fn used(&mut self) -> bool {
        self.is_used = self.taken.elapsed() < super::SENT_WITHIN;
        self.is_used
    }
}

#[cfg(test)]
impl Slot {
    pub fn taken(&self) -> Instant {
        self.taken
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(names) = self.names.take() {
            let until = self.taken + self.desk.lease;
            self.desk.put(Task::GiveBack { names, is_used: self.is_used, ended: Instant::now(), until });
        }
    }
}

impl Desk {
    /// A desk for slots of `base`, with a task that ends with the last clone.
    pub fn new(store: Valkey, base: &str, terms: Terms) -> Self {
        let (tasks, queued) = channel(MOST);
        let freed = Arc::new(Notify::new());
        let clerk = Clerk {
            store,
            give_back: Script::new(include_str!("give_back.lua")),
            lock_out: Script::new(include_str!("lock_out.lua")),
            lockout: key(base, "lockout"),
            terms,
            freed: freed.clone(),
        };
        tokio::spawn(clerk.work(queued));
        Self { tasks, freed, lease: terms.lease }
    }

    /// A slot that was asked for at `taken`.
    pub fn slot(&self, names: Names, taken: Instant) -> Slot {
        Slot { names: Some(names), taken, is_used: false, desk: self.clone() }
    }

    /// No replica sends for so long.
    pub fn lock_out(&self, time: Duration) {
        self.put(Task::LockOut { until: Instant::now() + time });
    }

    /// A slot is free that was not used.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Whatever was to go back is back, or does not get there in time.
    pub async fn settle(&self) {
        let (teller, told) = oneshot::channel();
        self.put(Task::Tell(teller));
        let _told_or_time = tokio::time::timeout(LAST, told).await;
    }

    fn put(&self, task: Task) {
        if self.tasks.try_send(task).is_err() {
            tracing::warn!("the store can't be told of all that ended: leases have to end by themselves");
        }
    }
}

impl Clerk {
    async fn work(self, mut queued: Receiver<Task>) {
        while let Some(task) = queued.recv().await {
            let until = match &task {
                Task::GiveBack { until, .. } | Task::LockOut { until } => *until,
                Task::Tell(_) => Instant::now(),
            };
            while self.attend(&task).await.is_err() && Instant::now() < until {
                tokio::time::sleep(PAUSE).await;
            }
            match task {
                Task::GiveBack { is_used: false, .. } => self.freed.notify_one(),
                Task::Tell(teller) => drop(teller),
                _ => (),
            }
        }
    }

    async fn attend(&self, task: &Task) -> Result<(), Error> {
        match task {
            Task::GiveBack { names, is_used, ended, .. } => {
                let keys = [&names.of_base, &names.of_token];
                let Terms { window, lease, .. } = self.terms;
                let is_used = u8::from(*is_used).to_string();
                let times = [window, lease, ended.elapsed()].map(microseconds);
                let [window, lease, ago] = &times;
                let args = [&names.id, &is_used, window, lease, ago];
                self.store.script(&self.give_back, &keys, &args).await
            }
            Task::LockOut { until } => {
                let left = until.saturating_duration_since(Instant::now()).as_millis().max(1).to_string();
                self.store.script(&self.lock_out, &[&self.lockout], &[left]).await
            }
            Task::Tell(_) => Ok(()),
        }
    }
}
