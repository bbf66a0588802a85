//! Sagas under way in this process: the newest object of each, answers that were not taken yet, calls that are under way.
//!
//! A cache of what can be read again: losing it costs time only.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crds::{Saga, workflow::SagaTemplate};
use kube::{
    ResourceExt as _,
    runtime::{reflector::ObjectRef, watcher::Event},
};
use saga::{Command, Direction, Report};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

/// The most definitions kept in memory.
const MOST_TEMPLATES: usize = 1000;

/// Names one call of a saga.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId {
    /// The step.
    pub step: String,
    /// Action or compensation.
    pub direction: Direction,
    /// Which attempt.
    pub attempt: u32,
}

impl CallId {
    /// The call that a command asks for.
    pub fn of(command: &Command) -> Self {
        let (step, direction, attempt) = match command {
            Command::Do { step, attempt, .. } => (step, Direction::Do, attempt),
            Command::Undo { step, attempt, .. } => (step, Direction::Undo, attempt),
        };
        Self { step: step.clone(), direction, attempt: *attempt }
    }
}

/// A worker has seen a newer epoch than that of the call: another process is in charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fenced;

/// How a call ended, waiting to be taken into the journal.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The call.
    pub call: CallId,
    /// The epoch it was made in.
    pub epoch: i64,
    /// How it ended.
    pub report: Report,
}

/// What came for a saga since its last turn.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    /// Answers that are not in the journal yet.
    pub answers: Vec<Answer>,
    /// The highest epoch that a worker refused as an older one.
    pub fenced: Option<i64>,
}

#[derive(Default)]
struct Entry {
    newest: Option<Saga>,
    /// Another process is in charge by what a worker said: what is known here may be old.
    is_doubtful: bool,
    inbox: Inbox,
    calls: BTreeSet<CallId>,
}

/// Definitions by namespace and name of their revision.
type Templates = HashMap<(String, String), Arc<SagaTemplate>>;

/// Shared by all passes; cloned cheaply.
#[derive(Clone)]
pub struct Live {
    sagas: Arc<Mutex<HashMap<String, Entry>>>,
    /// Uids in the list that the watch is reading.
    listed: Arc<Mutex<HashSet<String>>>,
    templates: Arc<Mutex<Templates>>,
    look_again: mpsc::Sender<ObjectRef<Saga>>,
    /// Bounds the calls under way.
    pub permits: Arc<Semaphore>,
    /// The tasks of the calls.
    pub tasks: TaskTracker,
}

impl Live {
    /// Nothing under way; at most `calls` calls at once. `look_again` is told which saga has an answer.
    pub fn new(calls: usize, look_again: mpsc::Sender<ObjectRef<Saga>>) -> Self {
        Self {
            sagas: Arc::default(),
            listed: Arc::default(),
            templates: Arc::default(),
            look_again,
            permits: Arc::new(Semaphore::new(calls)),
            tasks: TaskTracker::new(),
        }
    }

    /// The newer of what was seen by the watch and what this process wrote or read itself.
    pub fn newest(&self, uid: &str, seen: &Saga) -> Saga {
        let sagas = self.lock();
        match sagas.get(uid).and_then(|entry| entry.newest.as_ref()) {
            Some(kept) if version(kept) > version(seen) => kept.clone(),
            _ => seen.clone(),
        }
    }

    /// True when what is known of the saga may be old and has to be read again.
    pub fn is_doubtful(&self, uid: &str) -> bool {
        self.lock().get(uid).is_some_and(|entry| entry.is_doubtful)
    }

    /// Keeps an object as the newest known.
    pub fn keep(&self, uid: &str, saga: &Saga) {
        let mut sagas = self.lock();
        let entry = sagas.entry(uid.to_owned()).or_default();
        entry.is_doubtful = false;
        entry.newest = Some(saga.clone());
    }

    /// Forgets a saga that has ended, once the watch has seen its end too: before, an old object could bring it back.
    pub fn settle(&self, uid: &str, seen: &Saga) {
        let mut sagas = self.lock();
        let is_seen = |entry: &Entry| entry.newest.as_ref().is_none_or(|kept| version(seen) >= version(kept));
        if sagas.get(uid).is_some_and(is_seen) {
            sagas.remove(uid);
        }
    }

    /// Forgets a saga that ended or is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Takes note of what the watch tells: nothing is kept of what is gone, nor of what is seen to have ended.
    pub fn note(&self, event: &Event<Saga>) {
        let uid = |saga: &Saga| saga.uid().unwrap_or_default();
        match event {
            Event::Apply(saga) if has_ended(saga) => self.settle(&uid(saga), saga),
            Event::Delete(saga) => self.forget(&uid(saga)),
            Event::Init => self.listed().clear(),
            Event::InitApply(saga) => drop(self.listed().insert(uid(saga))),
            Event::InitDone => {
                let listed = std::mem::take(&mut *self.listed());
                self.lock().retain(|uid, _| listed.contains(uid));
            }
            Event::Apply(_) => {}
        }
    }

    /// What came since the last turn.
    pub fn inbox(&self, uid: &str) -> Inbox {
        self.lock().get(uid).map(|entry| entry.inbox.clone()).unwrap_or_default()
    }

    /// The journal holds these answers now.
    pub fn taken(&self, uid: &str, taken: &[CallId]) {
        if let Some(entry) = self.lock().get_mut(uid) {
            entry.inbox.answers.retain(|answer| !taken.contains(&answer.call));
            entry.inbox.fenced = None;
        }
    }

    /// True when the call is neither under way nor answered; it is under way from now on.
    pub fn begin(&self, uid: &str, call: &CallId) -> bool {
        let mut sagas = self.lock();
        let entry = sagas.entry(uid.to_owned()).or_default();
        !entry.inbox.answers.iter().any(|answer| answer.call == *call) && entry.calls.insert(call.clone())
    }

    /// The call ended: with an answer for the journal, or without one when another process is in charge.
    pub async fn end(
        &self,
        saga: ObjectRef<Saga>,
        uid: &str,
        call: CallId,
        epoch: i64,
        ended: Result<Report, Fenced>,
    ) {
        {
            let mut sagas = self.lock();
            let Some(entry) = sagas.get_mut(uid) else { return };
            entry.calls.remove(&call);
            if let Ok(report) = ended {
                entry.inbox.answers.push(Answer { call, epoch, report });
            } else {
                entry.is_doubtful = true;
                entry.inbox.fenced = entry.inbox.fenced.max(Some(epoch));
            }
        }
        // Closed only while the process ends.
        let _stopping = self.look_again.send(saga).await;
    }

    /// A definition by namespace and name of its revision.
    pub fn template(&self, namespace: &str, revision: &str) -> Option<Arc<SagaTemplate>> {
        let key = (namespace.to_owned(), revision.to_owned());
        self.templates.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    /// Keeps a definition; revisions never change.
    pub fn keep_template(
        &self,
        namespace: &str,
        revision: &str,
        template: SagaTemplate,
    ) -> Arc<SagaTemplate> {
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if templates.len() >= MOST_TEMPLATES {
            templates.clear();
        }
        let template = Arc::new(template);
        templates.insert((namespace.to_owned(), revision.to_owned()), template.clone());
        template
    }

    fn listed(&self) -> MutexGuard<'_, HashSet<String>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.sagas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_ended(saga: &Saga) -> bool {
    saga.status.as_ref().is_some_and(|status| status.completion_time.is_some())
}

/// Resource versions of one object are comparable numbers since Kubernetes 1.35 says so; before, etcd made them so.
fn version(saga: &Saga) -> u64 {
    saga.resource_version().and_then(|version| version.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn saga(uid: &str, version: u64, ended: Option<&str>) -> Saga {
        serde_json::from_value(json!({
            "metadata": {"name": uid, "uid": uid, "resourceVersion": version.to_string()}, "spec": {},
            "status": {"completionTime": ended},
        }))
        .unwrap()
    }

    fn live_with(uids: &[&str]) -> Live {
        let live = Live::new(1, mpsc::channel(1).0);
        for uid in uids {
            live.keep(uid, &saga(uid, 5, None));
        }
        live
    }

    fn known(live: &Live) -> Vec<String> {
        let mut known: Vec<String> = live.lock().keys().cloned().collect();
        known.sort();
        known
    }

    #[test]
    fn nothing_is_kept_of_a_saga_that_is_gone() {
        let live = live_with(&["a", "b"]);
        live.note(&Event::Delete(saga("a", 6, None)));
        assert_eq!(known(&live), ["b"]);
    }

    #[test]
    fn nothing_is_kept_of_a_saga_that_went_while_nobody_watched() {
        let live = live_with(&["a", "b"]);
        live.note(&Event::Init);
        live.note(&Event::InitApply(saga("b", 6, None)));
        live.note(&Event::InitDone);
        assert_eq!(known(&live), ["b"]);
    }

    #[test]
    fn nothing_is_kept_of_a_saga_once_its_own_end_is_seen_and_an_older_end_proves_nothing() {
        let live = live_with(&["a"]);
        let end = Some("2026-01-01T00:00:00Z");
        live.note(&Event::Apply(saga("a", 4, end)));
        assert_eq!(known(&live), ["a"]);
        live.note(&Event::Apply(saga("a", 5, end)));
        assert!(known(&live).is_empty());
    }
}
