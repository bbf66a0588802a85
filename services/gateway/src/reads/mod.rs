//! Reads: those asked for at once travel once, answers may be kept for a while, and lists have the gateway's own offsets.
//!
//! One direction: what is asked ([`question`]), what is kept ([`store`]), who asks the same ([`calls`]), and pages of
//! records ([`pages`]). What was written meanwhile is known by [`marks`], and by [`replicas`] where there are several: a
//! client never gets an answer from before a write that this gateway had answered before the client asked.

mod calls;
mod control;
mod form;
mod marks;
mod offset;
mod options;
mod page;
mod pages;
mod places;
mod question;
mod replicas;
mod scope;
mod store;
mod tables;
mod urls;
mod walk;
mod writing;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use futures::FutureExt as _;
use http::StatusCode;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

pub use self::{
    calls::Outcome,
    options::{Options, Trouble},
    replicas::Replicas,
    urls::Present,
    writing::AskedTables,
};
use self::{
    calls::{Calls, Running},
    control::{Forward, Status, Wish},
    marks::{Marks, Reading},
    options::Freshness,
    pages::Pages,
    question::{Key, Question},
    replicas::Told,
    scope::Keep,
    store::Store,
    urls::Urls,
};
use crate::{
    delivery::{
        Delivery, Undelivered,
        retry::{self, Care},
        upstream::Request,
    },
    links::{Links, Wanted},
    metrics::Metrics,
    queue::{caller::Caller, urgency::Urgency},
};

/// Answers that are renewed at the same time while old ones are given.
const MOST_REFRESHES: usize = 4;

/// The reads of a gateway; clones share them.
#[derive(Clone)]
pub struct Reads(Arc<Shared>);

struct Shared {
    options: Options,
    delivery: Delivery,
    pages: Pages,
    urls: Urls,
    board: Mutex<Board>,
    refreshes: Arc<Semaphore>,
    metrics: Metrics,
    replicas: Replicas,
    /// How long a write of which nobody knows how it ended may yet take effect.
    doubt: Duration,
    /// How often this gateway changed the schema.
    schema_changes: AtomicU64,
}

struct Board {
    marks: Marks,
    store: Store,
    calls: Calls,
}

/// A read of a client.
struct Asked {
    request: Request,
    question: Question,
    wish: Wish,
    wanted: Wanted,
    caller: Caller,
}

/// How a read goes on.
enum Step {
    Give(Status, crate::answer::Answer),
    Await { running: Running, why: Forward, is_joined: bool },
}

impl Reads {
    /// Reads that go by `delivery` and are answered with `links`, where there are any; `doubt` is how long a write may wait and travel.
    pub fn new(
        options: &Options,
        links: Option<Links>,
        delivery: Delivery,
        metrics: Metrics,
        replicas: Replicas,
        doubt: Duration,
    ) -> Self {
        if let Some(option) = options.idle() {
            tracing::warn!(option, "does nothing without kept answers (--cache-ttl-seconds)");
        }
        let capacity = usize::try_from(options.bytes).unwrap_or(usize::MAX);
        let store = Store::new(capacity, links.is_some());
        let board = Board { marks: Marks::default(), store, calls: Calls::default() };
        Self(Arc::new(Shared {
            options: options.clone(),
            pages: Pages::new(delivery.clone(), replicas.places()),
            urls: Urls::new(links),
            delivery,
            board: Mutex::new(board),
            refreshes: Arc::new(Semaphore::new(MOST_REFRESHES)),
            metrics,
            replicas,
            doubt,
            schema_changes: AtomicU64::default(),
        }))
    }

    /// The answer to a request that changes nothing.
    pub async fn answer(&self, request: Request, wanted: Wanted, caller: Caller) -> Outcome {
        let Some(mut question) = Question::of(&request) else {
            let status = Status::Forwarded { why: Forward::Bypass, is_collapsed: false };
            let answer = self.0.delivery.send(&request, Care::Read, &caller).await?;
            return Ok(self.marked(status, self.wanted(wanted, &request.target, None, answer)));
        };
        if wanted == Wanted::Airtables && self.links().is_some() {
            question = question.of_airtables_urls();
        }
        let wish = Wish::of(&request.headers);
        let asked = Arc::new(Asked { request, question, wish, wanted, caller });
        loop {
            let told = self.told(&asked.question.scope).await;
            let (running, why, is_collapsed) = match self.look(&asked, &told) {
                Step::Give(status, answer) => return Ok(self.marked(status, answer)),
                Step::Await { running, why, is_joined } => (running, why, is_joined),
            };
            let outcome = if is_collapsed {
                // Who asked first may have more time.
                let in_time = timeout_at(asked.caller.deadline, running).await;
                in_time.unwrap_or(Err(Undelivered::QueueDeadline))
            } else {
                running.await
            };
            // Or less, or no right to a place.
            let has_no_turn = matches!(
                outcome,
                Err(Undelivered::QueueFull | Undelivered::QueueDeadline | Undelivered::StoreUnavailable)
            );
            if !(has_no_turn && is_collapsed && Instant::now() < asked.caller.deadline) {
                return self.conclude(&asked, &told, outcome, Status::Forwarded { why, is_collapsed });
            }
        }
    }

    /// What there is to give or to wait for.
    fn look(&self, asked: &Arc<Asked>, told: &Told) -> Step {
        let now = Instant::now();
        let mut board = self.board();
        let Board { marks, store, .. } = &mut *board;
        let (key, wish) = (&asked.question.key, asked.wish);
        let found = store.find(key, marks, told, now).filter(|found| !found.is_unsettled);
        self.0.metrics.cache_bytes(store.bytes());
        let why = match found {
            _ if !self.keeps(asked) => Forward::Bypass,
            None if *told == Told::Silence => Forward::Silence,
            None => Forward::Miss,
            Some(found) if wish.is_new_only() || found.age > wish.oldest => Forward::Request,
            Some(found) => match self.0.options.freshness(found.age, found.limit) {
                Freshness::TooOld => Forward::Stale,
                Freshness::Fresh => {
                    let ttl = self.0.options.ttl(found.limit).saturating_sub(found.age);
                    return Step::Give(Status::Hit { age: found.age, ttl }, found.answer);
                }
                Freshness::Stale => {
                    self.refresh(&mut board, asked, told, now);
                    let over = found.age.saturating_sub(self.0.options.ttl(found.limit));
                    return Step::Give(Status::Revalidating { age: found.age, over }, found.answer);
                }
            },
        };
        // A call that is found must not be dropped here: its end takes the lock.
        let joined = if wish.is_new_only() {
            None
        } else {
            board.calls.find((key, asked.caller.urgency), &board.marks, told, wish.oldest, now)
        };
        let is_joined = joined.is_some();
        let running = joined.unwrap_or_else(|| self.begin(&mut board, asked, told, now));
        Step::Await { running, why, is_joined }
    }

    /// Sends a read, for all who wait for it.
    fn begin(&self, board: &mut Board, asked: &Arc<Asked>, told: &Told, now: Instant) -> Running {
        let reading = board.marks.read(&asked.question.scope, now).told_of(told.clone());
        let seen = self.0.urls.reading(&asked.request.target, &mut board.marks, now);
        let call = Call {
            reads: self.clone(),
            key: asked.question.key,
            number: board.calls.next_number(),
            reading: reading.clone(),
            keep: if self.keeps(asked) { asked.question.keep } else { Keep::Never },
        };
        let (asked, wanted) = (asked.clone(), asked.wanted);
        let (key, number) = ((call.key, asked.caller.urgency), call.number);
        let fetch = async move {
            let shared = &call.reads.0;
            let Asked { request, question, caller, .. } = &*asked;
            let answer = match &question.list {
                Some(list) => shared.pages.read(request, list, caller).await?,
                None => shared.delivery.send(request, Care::Read, caller).await?,
            };
            let answer = call.reads.wanted(wanted, &request.target, seen, answer);
            Ok(call.keep(answer))
        };
        board.calls.begin(key, number, reading, fetch.boxed())
    }

    /// Sends a read for nobody but the store, unless one is under way or too many are.
    fn refresh(&self, board: &mut Board, asked: &Arc<Asked>, told: &Told, now: Instant) {
        let Ok(permit) = self.0.refreshes.clone().try_acquire_owned() else { return };
        // Nobody waits for it: whoever's turns it takes.
        let any = (&asked.question.key, Urgency::Bulk);
        let under_way = board.calls.find(any, &board.marks, told, asked.wish.oldest, now);
        let running = match under_way {
            Some(running) => running,
            None => self.begin(board, asked, told, now),
        };
        host::spawn(async move {
            let _kept_by_then = running.await;
            drop(permit);
        });
    }

    /// The outcome, or an old answer where that is better.
    fn conclude(&self, asked: &Asked, told: &Told, outcome: Outcome, status: Status) -> Outcome {
        if let Some(trouble) = trouble(&outcome).filter(|_| !asked.wish.is_new_only()) {
            let mut board = self.board();
            let Board { marks, store, .. } = &mut *board;
            let found = store.find(&asked.question.key, marks, told, Instant::now());
            drop(board);
            let is_better = |found: &store::Found| {
                found.age <= asked.wish.oldest
                    && self.0.options.is_better_than(trouble, found.age, found.limit)
            };
            if let Some(found) = found.filter(is_better) {
                let over = found.age.saturating_sub(self.0.options.ttl(found.limit));
                return Ok(self.marked(Status::InTrouble { trouble, age: found.age, over }, found.answer));
            }
        }
        outcome.map(|answer| self.marked(status, answer))
    }

    /// Whether the answer may come from what is kept, and be kept.
    fn keeps(&self, asked: &Asked) -> bool {
        self.0.options.keeps() && asked.question.keep != Keep::Never && asked.wish.may_keep
    }

    fn marked(&self, status: Status, answer: crate::answer::Answer) -> crate::answer::Answer {
        self.0.metrics.read(status.label());
        status.mark(answer)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read that was sent: it leaves the board when it ends, or when nobody waits for it any more.
struct Call {
    reads: Reads,
    key: Key,
    number: u64,
    reading: Reading,
    keep: Keep,
}

impl Call {
    /// The answer, done with, which may be kept from now on.
    fn keep(&self, answer: crate::answer::Answer) -> crate::answer::Answer {
        if answer.status != StatusCode::OK || self.keep == Keep::Never {
            return answer.settled();
        }
        let answer = answer.compact().settled();
        let mut board = self.reads.board();
        let Board { marks, store, .. } = &mut *board;
        store.keep(self.key, self.reading.clone(), self.keep, &answer, marks, Instant::now());
        drop(board);
        answer
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.reads.board().calls.end(&self.key, self.number);
    }
}

/// Why an old answer may be better than this outcome.
pub fn trouble(outcome: &Outcome) -> Option<Trouble> {
    match outcome {
        Ok(answer) => match retry::Outcome::of_answer(answer) {
            retry::Outcome::Quota => Some(Trouble::Quota),
            retry::Outcome::Failed => Some(Trouble::Unreachable),
            _ => None,
        },
        Err(
            Undelivered::NotSent(_)
            | Undelivered::Lost(_)
            | Undelivered::Unavailable
            | Undelivered::StoreUnavailable,
        ) => Some(Trouble::Unreachable),
        Err(_) => None,
    }
}

#[cfg(test)]
#[path = "joining_tests.rs"]
mod tests;
