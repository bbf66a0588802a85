//! The processes that drive the run: they read, decide, write, and only then call. A process that was not the last to
//! write takes the journal over by a write of its own before it calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use saga::{
    Command, Direction, Event, Plan, Progress, Report, Transition, Verdict, invariants::check_transition,
    step, verdict,
};

use crate::{
    scene::{Promise, Scene},
    words::{Answer, Call, Reply, Request},
    world::{World, now},
};

/// A process that drives the run: the journal as it last saw it, and the calls it waits for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Driver {
    pub seen: Arc<Progress>,
    /// Who held the journal then.
    holder: Option<usize>,
    pub calls: BTreeMap<Call, Sent>,
}

/// Who may have sent a call.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Sent {
    /// True once the driver that waits for it sent it, or could not.
    pub tried: bool,
    /// Another driver, or this one before a crash.
    pub by_another: bool,
}

impl Driver {
    /// A process that has read the journal and not called anybody.
    pub fn new(journal: &Arc<Progress>) -> Self {
        Self { seen: Arc::clone(journal), holder: None, calls: BTreeMap::new() }
    }
}

impl World {
    /// An answer reaches its driver; it stays on its way where the write conflicts, or where a copy of it does.
    pub fn hear(&mut self, scene: &Scene, reply: Reply, kept: bool) {
        let Reply { call, to, answer } = reply;
        let may_be_sent = self.drivers[to].calls.get(&call).is_none_or(|sent| sent.by_another);
        let alone = !may_be_sent || !scene.keeps(Promise::SentBefore);
        if self.end(scene, to, call, answer.report(alone)) && !kept {
            self.replies.retain(|other| *other != reply);
        }
    }

    /// A driver could not send a call, and takes note of that as soon as it can.
    pub fn fail_to_send(&mut self, scene: &Scene, driver: usize, call: Call) {
        self.requests.retain(|request| *request != Request { call, from: Some(driver) });
        if let Some(sent) = self.drivers[driver].calls.get_mut(&call) {
            sent.tried = true;
        }
        let reply = Reply { call, to: driver, answer: Answer::NotSent };
        self.replies.push(reply);
        self.hear(scene, reply, false);
    }

    /// A driver waits no longer for an answer.
    pub fn give_up(&mut self, scene: &Scene, driver: usize, call: Call) {
        let report = Report::Unknown { reason: String::new(), message: String::new() };
        self.end(scene, driver, call, report);
    }

    /// A call ends for a driver; false when the write conflicts.
    fn end(&mut self, scene: &Scene, driver: usize, call: Call, report: Report) -> bool {
        let sent = self.drivers[driver].calls.remove(&call);
        let is_written = self.act(scene, driver, &reported(scene, call, report));
        if let (false, Some(sent)) = (is_written, sent) {
            self.drivers[driver].calls.insert(call, sent);
        }
        is_written
    }

    /// A driver takes an event, and then what a person wishes, on the journal as it saw it, writes, and then calls;
    /// false when the write conflicts.
    pub fn act(&mut self, scene: &Scene, driver: usize, event: &Event) -> bool {
        let seen = Arc::clone(&self.drivers[driver].seen);
        let mut next = self.checked(scene, &seen, event).progress;
        let mut wishes = self.wishes.clone();
        for (place, verb) in self.wishes.clone() {
            let step = scene.plan.steps[place].name.clone();
            if verdict(&next, &step) != Verdict::Waiting {
                next = self.checked(scene, &next, &Event::Repair { step, verb }).progress;
                wishes.remove(&place);
            }
        }
        let takes_over = self.drivers[driver].holder != Some(driver);
        if next != *seen || wishes != self.wishes || takes_over {
            let is_newest = seen == self.journal && self.drivers[driver].holder == self.holder;
            if scene.keeps(Promise::CompareAndSwap) && !is_newest {
                self.read(driver);
                return false;
            }
            self.wishes = wishes;
            self.journal = Arc::new(next);
            self.take_over(scene, driver);
            self.read(driver);
        }
        self.dispatch(scene, driver, &wanted(&scene.plan, &seen));
        true
    }

    /// A driver reads the journal and takes an event on it.
    pub fn look(&mut self, scene: &Scene, driver: usize, event: &Event) {
        self.read(driver);
        self.act(scene, driver, event);
    }

    fn read(&mut self, driver: usize) {
        self.drivers[driver].seen = Arc::clone(&self.journal);
        self.drivers[driver].holder = self.holder;
    }

    /// From now on whatever the others called may have been sent by this one as well.
    fn take_over(&mut self, scene: &Scene, driver: usize) {
        if self.holder.replace(driver) == Some(driver) || !scene.keeps(Promise::SentSince) {
            return;
        }
        for (place, other) in self.drivers.iter_mut().enumerate() {
            if place != driver {
                other.calls.values_mut().for_each(|sent| sent.by_another = true);
            }
        }
    }

    fn checked(&mut self, scene: &Scene, seen: &Progress, event: &Event) -> Transition {
        let next = step(&scene.plan, seen, event.clone(), now());
        if let Err(broken) = check_transition(&scene.plan, seen, event, &next.progress, &next.commands) {
            self.broken = Some(broken.to_string());
        }
        next
    }

    /// Makes the calls that the driver does not make yet; those that were wanted before may have been sent before.
    fn dispatch(&mut self, scene: &Scene, driver: usize, before: &BTreeSet<Call>) {
        let wanted = wanted(&scene.plan, &self.drivers[driver].seen);
        self.drivers[driver].calls.retain(|call, _| wanted.contains(call));
        for call in wanted {
            if self.drivers[driver].calls.contains_key(&call) {
                continue;
            }
            self.requests.push(Request { call, from: Some(driver) });
            let sent = Sent { tried: false, by_another: before.contains(&call) };
            self.drivers[driver].calls.insert(call, sent);
        }
    }

    pub fn call_and_crash(&mut self, scene: &Scene, reply: Reply) {
        let seen = Arc::clone(&self.drivers[reply.to].seen);
        let next = self.checked(scene, &seen, &reported(scene, reply.call, reply.answer.report(true)));
        self.requests
            .extend(wanted(&scene.plan, &next.progress).into_iter().map(|call| Request { call, from: None }));
        self.replies.retain(|other| *other != reply);
        self.crash(scene, reply.to);
    }

    pub fn crash(&mut self, scene: &Scene, driver: usize) {
        self.holder = self.holder.filter(|holder| *holder != driver);
        self.drivers[driver].calls.clear();
        self.replies.retain(|reply| reply.to != driver);
        for request in &mut self.requests {
            request.from = request.from.filter(|from| *from != driver);
        }
        self.look(scene, driver, &Event::Tick);
    }
}

fn reported(scene: &Scene, call: Call, report: Report) -> Event {
    let Call { step, direction, attempt } = call;
    Event::Reported { step: scene.plan.steps[step].name.clone(), direction, attempt, report }
}

/// The calls that must be under way.
pub fn wanted(plan: &Plan, progress: &Progress) -> BTreeSet<Call> {
    let place =
        |name: String| plan.steps.iter().position(|step| step.name == name).expect("steps of the plan");
    saga::commands(plan, progress)
        .into_iter()
        .map(|command| match command {
            Command::Do { step, attempt, .. } => {
                Call { step: place(step), direction: Direction::Do, attempt }
            }
            Command::Undo { step, attempt, .. } => {
                Call { step: place(step), direction: Direction::Undo, attempt }
            }
        })
        .collect()
}
