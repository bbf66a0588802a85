//! The model's state, which moves it allows, and what each makes of it. Time stands at [`now`]: when it passes,
//! everything written moves into the past instead, so that states differ by what matters alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use saga::{
    Cause, Command, Compensation, Direction, Event, Phase, Plan, Progress, Repair, Report, State, Transition,
    Verdict, invariants::check_transition, phase, start, step, verdict,
};

use crate::{
    scene::{Promise, Scene},
    words::{Answer, Call, Mood, Move, Reply, Request},
    worker::Key,
};

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub journal: Arc<Progress>,
    pub keys: Vec<Key>,
    drivers: Vec<Driver>,
    requests: Vec<Request>,
    replies: Vec<Reply>,
    /// What a person decided about a step, while no driver has taken note of it.
    wish: Option<(usize, Repair)>,
    /// A law that the move to this state broke.
    pub broken: Option<String>,
}

/// A process that drives the run: the journal as it last saw it, and the calls it waits for.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Driver {
    seen: Arc<Progress>,
    calls: BTreeMap<Call, Sent>,
}

/// Who may have sent a call.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Sent {
    /// The driver that waits for it.
    by_me: bool,
    /// Another driver, or this one before a crash.
    by_another: bool,
}

/// The one time of the model.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

impl World {
    pub fn first(scene: &Scene) -> Self {
        let journal = Arc::new(start(&scene.plan, now()));
        let driver = Driver { seen: Arc::clone(&journal), calls: BTreeMap::new() };
        let mut world = Self {
            journal,
            keys: vec![Key::default(); scene.plan.steps.len()],
            drivers: vec![driver; scene.drivers],
            requests: Vec::new(),
            replies: Vec::new(),
            wish: None,
            broken: None,
        };
        world.act(scene, 0, &Event::Tick);
        world
    }

    /// All moves that are possible here, with the faults they cost.
    pub fn moves(&self, scene: &Scene) -> Vec<(Move, u8)> {
        let mut moves = Vec::new();
        for request in &self.requests {
            self.deliveries(scene, *request, &mut moves);
        }
        if self.journal.finished_at.is_some() {
            return moves;
        }
        for reply in &self.replies {
            moves.push((Move::Hear { reply: *reply, kept: false }, 0));
            moves.push((Move::Hear { reply: *reply, kept: true }, 1));
            if !scene.keeps(Promise::IntentFirst) {
                moves.push((Move::HearHastily { reply: *reply }, 1));
            }
        }
        for driver in 0..self.drivers.len() {
            self.driver_moves(scene, driver, &mut moves);
        }
        self.human_moves(scene, &mut moves);
        if let Some(wake) = step(&scene.plan, &self.journal, Event::Tick, now()).wake {
            let expires =
                self.journal.steps.values().any(|own| own.state.call().is_some_and(|call| call.2 <= wake));
            moves.push((Move::Pass, u8::from(expires)));
        }
        moves
    }

    fn deliveries(&self, scene: &Scene, request: Request, moves: &mut Vec<(Move, u8)>) {
        let is_decided = self.keys[request.call.step].is_decided(request.call, scene);
        for mood in [Mood::Willing, Mood::Refusing, Mood::Busy] {
            if mood == Mood::Willing || !is_decided {
                let cost = u8::from(mood != Mood::Willing);
                moves.push((Move::Deliver { request, mood, kept: false }, cost));
                moves.push((Move::Deliver { request, mood, kept: true }, cost + 1));
            }
        }
    }

    fn driver_moves(&self, scene: &Scene, driver: usize, moves: &mut Vec<(Move, u8)>) {
        let Driver { seen, calls } = &self.drivers[driver];
        moves.push((Move::Crash { driver }, 1));
        for (call, sent) in calls {
            moves.push((Move::GiveUp { driver, call: *call }, 1));
            if !sent.by_me {
                moves.push((Move::Unreachable { driver, call: *call }, 1));
            }
        }
        let all_called = wanted(&scene.plan, &self.journal).iter().all(|call| calls.contains_key(call));
        if *seen != self.journal || !all_called {
            moves.push((Move::Look { driver }, u8::from(driver > 0 && !all_called)));
        }
    }

    fn human_moves(&self, scene: &Scene, moves: &mut Vec<(Move, u8)>) {
        let phase = phase(&scene.plan, &self.journal);
        match phase {
            Phase::Suspended => moves.push((Move::Resume, 0)),
            Phase::Running => moves.extend([(Move::Cancel, 1), (Move::Suspend, 1)]),
            Phase::Compensating => moves.push((Move::Suspend, 1)),
            Phase::Stuck | Phase::Succeeded | Phase::Compensated | Phase::Failed => {}
        }
        let is_open = |step: &saga::Step| verdict(&self.journal, &step.name) != Verdict::Refused;
        if let (Some(step), None) = (scene.plan.steps.iter().position(is_open), self.wish) {
            let cost = u8::from(phase != Phase::Stuck);
            for verb in [Repair::Retry, Repair::Skip, Repair::Resolve] {
                moves.push((Move::Repair { step, verb }, cost));
            }
        }
    }

    /// The state after a move that [`World::moves`] offered.
    pub fn after(&self, scene: &Scene, action: Move) -> Self {
        let mut next = self.clone();
        match action {
            Move::Deliver { request, mood, kept } => next.deliver(scene, request, mood, kept),
            Move::Hear { reply, kept } => {
                if next.hear(scene, reply.to, reply.call, reply.answer.report()) && !kept {
                    next.replies.retain(|other| *other != reply);
                }
            }
            Move::HearHastily { reply } => next.call_and_crash(scene, reply),
            Move::GiveUp { driver, call } => _ = next.hear(scene, driver, call, unknown()),
            Move::Unreachable { driver, call } => {
                next.requests.retain(|request| *request != Request { call, from: Some(driver) });
                let proves =
                    !next.drivers[driver].calls[&call].by_another || !scene.keeps(Promise::SentBefore);
                let report = if proves { Answer::Busy.report() } else { unknown() };
                next.hear(scene, driver, call, report);
            }
            Move::Pass => next.pass(scene),
            Move::Look { driver } => next.look(scene, driver, &Event::Tick),
            Move::Crash { driver } => next.crash(scene, driver),
            Move::Cancel => {
                next.look(scene, 0, &Event::Cancel { cause: Cause::Cancelled { reason: String::new() } });
            }
            Move::Suspend => next.look(scene, 0, &Event::Suspend),
            Move::Resume => next.look(scene, 0, &Event::Resume),
            Move::Repair { step, verb } => {
                if verb == Repair::Resolve {
                    next.keys[step].undo_by_hand();
                }
                next.wish = Some((step, verb));
                next.look(scene, 0, &Event::Tick);
            }
        }
        next.forget_what_is_over(scene);
        next
    }

    fn deliver(&mut self, scene: &Scene, request: Request, mood: Mood, kept: bool) {
        let call = request.call;
        let (answer, taken_back) = self.keys[call.step].take(call, mood, scene);
        if taken_back {
            self.check_undo_order(scene, call.step);
        }
        if let Some(to) = request.from {
            self.replies.push(Reply { call, to, answer });
            if let Some(sent) = self.drivers[to].calls.get_mut(&call) {
                sent.by_me = true;
            }
        }
        if !kept {
            self.requests.retain(|other| *other != request);
        }
    }

    fn check_undo_order(&mut self, scene: &Scene, step: usize) {
        let own = |step: usize| &self.journal.steps[&scene.plan.steps[step].name];
        let left = (0..self.keys.len()).find(|other| {
            own(*other).sequence > own(step).sequence
                && own(*other).state != State::Skipped
                && scene.plan.steps[*other].compensation == Compensation::Undo
                && self.keys[*other].effects > 0
        });
        if let Some(left) = left {
            self.broken =
                Some(format!("undo-in-reverse-start-order: {left} is still there when {step} is undone"));
        }
    }

    /// A call ends for a driver; false when the write conflicts.
    fn hear(&mut self, scene: &Scene, driver: usize, call: Call, report: Report) -> bool {
        let sent = self.drivers[driver].calls.remove(&call);
        let is_written = self.act(scene, driver, &reported(scene, call, report));
        if let (false, Some(sent)) = (is_written, sent) {
            self.drivers[driver].calls.insert(call, sent);
        }
        is_written
    }

    /// A driver takes an event, and then what a person wishes, on the journal as it saw it, writes, and then calls;
    /// false when the write conflicts.
    fn act(&mut self, scene: &Scene, driver: usize, event: &Event) -> bool {
        let seen = Arc::clone(&self.drivers[driver].seen);
        let mut next = self.checked(scene, &seen, event).progress;
        let mut wish = self.wish;
        if let Some((step, verb)) = self.wish {
            let step = scene.plan.steps[step].name.clone();
            if verdict(&next, &step) != Verdict::Waiting {
                next = self.checked(scene, &next, &Event::Repair { step, verb }).progress;
                wish = None;
            }
        }
        if next != *seen || wish != self.wish {
            if scene.keeps(Promise::CompareAndSwap) && seen != self.journal {
                self.drivers[driver].seen = Arc::clone(&self.journal);
                return false;
            }
            self.wish = wish;
            self.journal = Arc::new(next);
            self.drivers[driver].seen = Arc::clone(&self.journal);
        }
        self.dispatch(scene, driver, &wanted(&scene.plan, &seen));
        true
    }

    /// A driver reads the journal and takes an event on it.
    fn look(&mut self, scene: &Scene, driver: usize, event: &Event) {
        self.drivers[driver].seen = Arc::clone(&self.journal);
        self.act(scene, driver, event);
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
            if scene.keeps(Promise::SentSince) {
                self.drivers.iter_mut().filter_map(|other| other.calls.get_mut(&call)).for_each(|sent| {
                    sent.by_another = true;
                });
            }
            let sent = Sent { by_me: false, by_another: before.contains(&call) };
            self.drivers[driver].calls.insert(call, sent);
        }
    }

    fn call_and_crash(&mut self, scene: &Scene, reply: Reply) {
        let seen = Arc::clone(&self.drivers[reply.to].seen);
        let next = self.checked(scene, &seen, &reported(scene, reply.call, reply.answer.report()));
        self.requests
            .extend(wanted(&scene.plan, &next.progress).into_iter().map(|call| Request { call, from: None }));
        self.replies.retain(|other| *other != reply);
        self.crash(scene, reply.to);
    }

    fn crash(&mut self, scene: &Scene, driver: usize) {
        self.drivers[driver].calls.clear();
        self.replies.retain(|reply| reply.to != driver);
        for request in &mut self.requests {
            request.from = request.from.filter(|from| *from != driver);
        }
        self.look(scene, driver, &Event::Tick);
    }

    /// Drops the messages that can't change anything any more, so that states differ by what matters alone.
    fn forget_what_is_over(&mut self, scene: &Scene) {
        let journal = Arc::clone(&self.journal);
        let own = |call: &Call| journal.steps[&scene.plan.steps[call.step].name].state;
        let is_over = |call: &Call| match (call.direction, own(call)) {
            (Direction::Do, State::Doing { .. } | State::Resting { .. }) => false,
            (Direction::Do, _) | (_, State::Undone | State::Skipped) => true,
            (Direction::Undo, _) => false,
        };
        if scene.keeps(Promise::CompareAndSwap) {
            self.replies.retain(|reply| !is_over(&reply.call));
            let keys = &self.keys;
            self.requests
                .retain(|Request { call, .. }| !(is_over(call) && keys[call.step].is_decided(*call, scene)));
        }
        self.requests.sort_unstable();
        self.requests.dedup();
        self.replies.sort_unstable();
        self.replies.dedup();
    }

    fn pass(&mut self, scene: &Scene) {
        let Some(wake) = step(&scene.plan, &self.journal, Event::Tick, now()).wake else { return };
        let by = wake.duration_since(now());
        self.journal = Arc::new(aged(&self.journal, by));
        for driver in &mut self.drivers {
            driver.seen = Arc::new(aged(&driver.seen, by));
        }
        self.look(scene, 0, &Event::Tick);
    }
}

fn unknown() -> Report {
    Report::Unknown { reason: String::new(), message: String::new() }
}

fn reported(scene: &Scene, call: Call, report: Report) -> Event {
    let Call { step, direction, attempt } = call;
    Event::Reported { step: scene.plan.steps[step].name.clone(), direction, attempt, report }
}

/// The calls that must be under way.
fn wanted(plan: &Plan, progress: &Progress) -> BTreeSet<Call> {
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

/// The same journal some time later. What has passed counts as just passed: without deadlines of the run, how long
/// ago something was changes nothing.
fn aged(progress: &Progress, by: SignedDuration) -> Progress {
    let mut aged = progress.clone();
    for own in aged.steps.values_mut() {
        match &mut own.state {
            State::Doing { deadline: due, .. }
            | State::Undoing { deadline: due, .. }
            | State::Resting { until: due, .. }
            | State::UndoResting { until: due, .. } => {
                *due = due.checked_sub(by).unwrap_or(*due).max(now());
            }
            State::Pending | State::Done | State::Failed | State::Undone | State::Stuck | State::Skipped => {}
        }
    }
    aged
}
