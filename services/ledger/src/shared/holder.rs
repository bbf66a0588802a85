//! The claims of one process in the store: which it holds, and until when that is certain.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

/// What stands in the store for a claim: no two claims have the same.
pub type Token = Arc<str>;

/// A claim by its token and its key.
pub type Held = (Token, Arc<str>);

/// A process that holds claims.
#[derive(Debug)]
pub struct Holder {
    name: String,
    /// How long a claim is held in the store after it was renewed last.
    lease: Duration,
    board: Mutex<Board>,
    /// Something is to be given up in the store.
    pub changed: Notify,
    /// A claim is not held any more.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Board {
    taken: u64,
    held: HashMap<Token, Record>,
    given_up: Vec<Held>,
    is_over: bool,
}

#[derive(Debug)]
struct Record {
    key: Arc<str>,
    /// The store holds it until then, at least.
    until: Instant,
    is_written: bool,
}

impl Holder {
    /// A process without claims.
    pub fn new(lease: Duration) -> Arc<Self> {
        let name = Uuid::new_v4().simple().to_string();
        let (changed, ended) = (Notify::new(), Notify::new());
        Arc::new(Self { name, lease, board: Mutex::default(), changed, ended })
    }

    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// A claim that is about to be written, asked for at `asked`.
    pub fn take(self: &Arc<Self>, key: &str, asked: Instant, quiet: Timestamp) -> Holding {
        let mut board = self.board();
        board.taken += 1;
        let token: Token = format!("{}:{}", self.name, board.taken).into();
        let key: Arc<str> = key.into();
        let record = Record { key: key.clone(), until: asked + self.lease, is_written: false };
        board.held.insert(token.clone(), record);
        Holding { watch: Watch { token, holder: self.clone() }, key, quiet }
    }

    /// The claim is in the store.
    pub fn written(&self, token: &Token) {
        if let Some(record) = self.board().held.get_mut(token) {
            record.is_written = true;
        }
    }

    /// Whether the claim is one of this process that it does not hold any more, so that the store need not be asked.
    pub fn has_given_up(&self, token: &str) -> bool {
        let is_own = token.strip_prefix(&self.name).is_some_and(|rest| rest.starts_with(':'));
        is_own && !self.holds(token)
    }

    pub fn holds(&self, token: &str) -> bool {
        self.board().held.contains_key(token)
    }

    /// The claims that are in the store.
    pub fn all_written(&self) -> Vec<Held> {
        let board = self.board();
        let written = board.held.iter().filter(|(_, record)| record.is_written);
        written.map(|(token, record)| (token.clone(), record.key.clone())).collect()
    }

    /// The store was asked at `asked` to hold it for another while: it did, or it is not held any more.
    pub fn renewed(&self, token: &Token, asked: Instant, is_held: bool) {
        if let Some(record) = self.board().held.get_mut(token) {
            record.until = if is_held { asked + self.lease } else { asked };
        }
        if !is_held {
            self.ended.notify_waiters();
        }
    }

    /// The store does not hold it any more, since it was settled.
    pub fn ended(&self, token: &Token) {
        self.board().held.remove(token);
        self.ended.notify_waiters();
    }

    /// What is to be given up in the store.
    pub fn given_up(&self) -> Vec<Held> {
        std::mem::take(&mut self.board().given_up)
    }

    /// Nobody uses the ledger any more.
    pub fn end(&self) {
        self.board().is_over = true;
        self.changed.notify_one();
    }

    pub fn is_over(&self) -> bool {
        self.board().is_over
    }

    /// Until when nobody else can have the claim, with a margin for what is begun just before.
    fn good_until(&self, token: &Token) -> Option<Instant> {
        self.board().held.get(token).and_then(|record| record.until.checked_sub(self.lease / 3))
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A claim; given up on drop, unless it was settled.
#[derive(Debug)]
pub struct Holding {
    watch: Watch,
    key: Arc<str>,
    quiet: Timestamp,
}

impl Holding {
    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn token(&self) -> Token {
        self.watch.token.clone()
    }

    /// See [`crate::Claim::quiet`].
    pub fn quiet(&self) -> Timestamp {
        self.quiet
    }

    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let Watch { token, holder } = &self.watch;
        let mut board = holder.board();
        if board.held.remove(token).is_some() {
            board.given_up.push((token.clone(), self.key.clone()));
            holder.changed.notify_one();
            holder.ended.notify_waiters();
        }
    }
}

/// Tells how long a claim is certain.
#[derive(Debug, Clone)]
pub struct Watch {
    token: Token,
    holder: Arc<Holder>,
}

impl Watch {
    pub fn is_good(&self) -> bool {
        self.holder.good_until(&self.token).is_some_and(|until| Instant::now() < until)
    }

    /// Resolves when it is not good any more.
    pub async fn ended(&self) {
        loop {
            // Made before the look, so that what ends in between is heard of.
            let ended = self.holder.ended.notified();
            match self.holder.good_until(&self.token) {
                Some(until) if Instant::now() < until => {
                    let _over_or_ended = tokio::time::timeout_at(until, ended).await;
                }
                _ => return,
            }
        }
    }
}
