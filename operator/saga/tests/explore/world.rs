//! The model's state, which moves it allows, and what each makes of it. Time stands at [`now`]: when it passes,
//! everything written moves into the past instead, so that states differ by what matters alone.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use saga::{
    Cause, Compensation, Direction, Event, Phase, Progress, Repair, State, Verdict, phase, start, step,
    verdict,
};

use crate::{
    driver::{Driver, wanted},
    scene::{Promise, Scene},
    words::{Call, Mood, Move, Reply, Request},
    worker::Key,
};

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub journal: Arc<Progress>,
    pub keys: Vec<Key>,
    /// The driver that wrote the journal last; none when it has crashed since: it starts again as another.
    pub holder: Option<usize>,
    pub drivers: Vec<Driver>,
    pub requests: Vec<Request>,
    pub replies: Vec<Reply>,
    /// What a person decided about steps, while no driver has taken note of it; one decision a step.
    pub wishes: BTreeMap<usize, Repair>,
    /// A law that the move to this state broke.
    pub broken: Option<String>,
}

/// The one time of the model.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

impl World {
    pub fn first(scene: &Scene) -> Self {
        let journal = Arc::new(start(&scene.plan, now()));
        let driver = Driver::new(&journal);
        let mut world = Self {
            journal,
            holder: None,
            keys: vec![Key::default(); scene.plan.steps.len()],
            drivers: vec![driver; scene.drivers],
            requests: Vec::new(),
            replies: Vec::new(),
            wishes: BTreeMap::new(),
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
        let Driver { seen, calls, .. } = &self.drivers[driver];
        moves.push((Move::Crash { driver }, 1));
        for (call, sent) in calls {
            moves.push((Move::GiveUp { driver, call: *call }, 1));
            if !sent.tried {
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
        for (step, own) in scene.plan.steps.iter().enumerate() {
            if verdict(&self.journal, &own.name) == Verdict::Refused || self.wishes.contains_key(&step) {
                continue;
            }
            let is_stuck = self.journal.steps.get(&own.name).is_some_and(|own| own.state == State::Stuck);
            for verb in [Repair::Retry, Repair::Skip, Repair::Resolve] {
                moves.push((Move::Repair { step, verb }, u8::from(!is_stuck)));
            }
        }
    }

    /// The state after a move that [`World::moves`] offered.
    pub fn after(&self, scene: &Scene, action: Move) -> Self {
        let mut next = self.clone();
        match action {
            Move::Deliver { request, mood, kept } => next.deliver(scene, request, mood, kept),
            Move::Hear { reply, kept } => next.hear(scene, reply, kept),
            Move::HearHastily { reply } => next.call_and_crash(scene, reply),
            Move::GiveUp { driver, call } => next.give_up(scene, driver, call),
            Move::Unreachable { driver, call } => next.fail_to_send(scene, driver, call),
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
                next.wishes.insert(step, verb);
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
                sent.tried = true;
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
