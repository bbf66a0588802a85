//! Room for the bodies of answers, whoever has them: being read from Airtable, worked on, kept, or written to a slow client.
//!
//! A read waits for room in turn, for a while, and has none meanwhile. What has some and needs more waits beside that line, and of
//! bodies that grow one at a time: so nobody waits for ever for who waits for it. The answer to a write, which has happened,
//! waits for nothing; it is the write that waits, before it is sent.

mod share;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex, Notify},
    time::{Instant, timeout, timeout_at},
};

pub use self::share::Share;

/// How long an answer that is there waits for room: well within what an exchange with Airtable may take.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Answers up to this size go past those that wait, and are counted once, without the copies that work on them makes.
pub const SMALL: usize = 64 << 10;
/// So many reads may wait for room before further ones wait to be sent: each has an answer of Airtable's under way.
const MOST_IN_LINE: usize = 8;
/// How much more than the room answers to writes may take before further writes wait.
const OF_WRITES: usize = 8 << 20;

/// Room in bytes; clones share it.
#[derive(Debug, Clone)]
pub struct Answers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    taken: AtomicUsize,
    /// Told of whatever comes free, and how many listen.
    freed: Notify,
    listening: AtomicUsize,
    /// Held by the first of those who have no room yet, and how many these are.
    line: Mutex<()>,
    in_line: AtomicUsize,
    /// Held by the one body that waits in order to grow.
    growing: Mutex<()>,
}

/// So much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all answers together.
    pub all: usize,
    /// Of these, what kept ones may have for good.
    pub kept: usize,
}

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub struct Taken {
    answers: Answers,
    bytes: usize,
}

impl Answers {
    /// All of it free.
    pub fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Shared {
            bounds,
            taken: AtomicUsize::new(0),
            freed: Notify::new(),
            listening: AtomicUsize::new(0),
            line: Mutex::new(()),
            in_line: AtomicUsize::new(0),
            growing: Mutex::new(()),
        }))
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> usize {
        self.0.taken.load(SeqCst)
    }

    /// The most that one read may take with all its copies: more is never free.
    pub fn largest(&self) -> usize {
        self.0.bounds.all.saturating_sub(self.0.bounds.kept)
    }

    /// Whether so many reads wait for room that no other one should be sent.
    pub fn are_crowded(&self) -> bool {
        self.0.in_line.load(SeqCst) >= MOST_IN_LINE
    }

    /// Room for the answer to a read that has none yet; none where there is none in time.
    pub async fn reserve(&self, bytes: usize) -> Option<Taken> {
        self.reserve_up_to(bytes, bytes).await
    }

    /// All that is free, up to `most`, where that is at least `bytes`; none where it is less for too long.
    pub async fn reserve_up_to(&self, bytes: usize, most: usize) -> Option<Taken> {
        if (bytes <= SMALL || self.0.in_line.load(SeqCst) == 0)
            && let Some(taken) = self.take(bytes, most)
        {
            return Some(taken);
        }
        let _place = InLine::new(&self.0);
        let in_turn = async {
            let _turn = self.0.line.lock().await;
            self.until(|| self.take(bytes, most)).await
        };
        timeout(PATIENCE, in_turn).await.ok()
    }

    /// Room for who holds some already; none where there is none in time.
    pub async fn reserve_more(&self, bytes: usize) -> Option<Taken> {
        match self.take(bytes, bytes) {
            None => timeout(PATIENCE, self.until(|| self.take(bytes, bytes))).await.ok(),
            taken => taken,
        }
    }

    /// Room for what can't be refused any more.
    pub fn insist(&self, bytes: usize) -> Taken {
        self.0.taken.fetch_add(bytes, SeqCst);
        Taken { answers: self.clone(), bytes }
    }

    /// A read may be sent, since not too many wait for room. False at the deadline.
    pub async fn admit_read(&self, deadline: Instant) -> bool {
        self.admit(deadline, || !self.are_crowded()).await
    }

    /// A write may be sent: what others write has left room for its answer. False at the deadline.
    pub async fn admit_write(&self, deadline: Instant) -> bool {
        self.admit(deadline, || self.taken() < self.0.bounds.all.saturating_add(OF_WRITES)).await
    }

    async fn admit(&self, deadline: Instant, admits: impl Fn() -> bool) -> bool {
        admits() || timeout_at(deadline, self.until(|| admits().then_some(()))).await.is_ok()
    }

    fn take(&self, bytes: usize, most: usize) -> Option<Taken> {
        let part = |taken: usize| {
            Some(self.0.bounds.all.checked_sub(taken)?.min(most)).filter(|part| *part >= bytes)
        };
        let taken = self.0.taken.fetch_update(SeqCst, SeqCst, |taken| Some(taken + part(taken)?)).ok()?;
        Some(Taken { answers: self.clone(), bytes: part(taken)? })
    }

    fn give_back(&self, bytes: usize) {
        self.0.taken.fetch_sub(bytes, SeqCst);
        self.0.tell();
    }

    /// What `take` has in the end; it is asked again whenever something came free.
    async fn until<T>(&self, take: impl Fn() -> Option<T>) -> T {
        let _listening = Listening::new(&self.0.listening);
        loop {
            // Listening before looking, so that nothing comes free in between.
            let mut freed = pin!(self.0.freed.notified());
            freed.as_mut().enable();
            if let Some(taken) = take() {
                return taken;
            }
            freed.await;
        }
    }
}

impl Shared {
    fn tell(&self) {
        if self.listening.load(SeqCst) > 0 {
            self.freed.notify_waiters();
        }
    }
}

struct InLine<'a>(&'a Shared);

impl<'a> InLine<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.in_line.fetch_add(1, SeqCst);
        Self(shared)
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.in_line.fetch_sub(1, SeqCst);
        self.0.tell();
    }
}

struct Listening<'a>(&'a AtomicUsize);

impl<'a> Listening<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Taken {
    /// Room for so many bytes in all; false where there is none in time, or another body waits in order to grow.
    pub async fn grow(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let taken = match self.answers.take(more, more) {
            None => {
                let answers = self.answers.clone();
                let Ok(_only) = answers.0.growing.try_lock() else { return false };
                answers.reserve_more(more).await
            }
            taken => taken,
        };
        taken.map(|more| self.join(more)).is_some()
    }

    /// One room of two.
    pub fn join(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// How much it is.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Room for exactly so many bytes, wherever it comes from.
    pub fn fit(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.answers.0.taken.fetch_add(bytes - self.bytes, SeqCst);
        } else if bytes < self.bytes {
            self.answers.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.answers.give_back(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests;
