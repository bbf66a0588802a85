//! Random plans of up to twelve steps, random events and times: every law holds, and reliable answers bring the end.
#![expect(clippy::unwrap_used, reason = "what a test can't set up must fail it")]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use saga::{
    Cause, Command, Compensation, Direction, Event, Limits, Phase, Plan, Policy, Progress, Repair, Report,
    State, Step, Verdict, invariants::check_transition, phase, start, step, verdict,
};

/// What happens next, in words that fit any plan.
#[derive(Debug, Clone)]
enum Happening {
    /// A call under way ends.
    Answer {
        call: prop::sample::Index,
        report: Report,
    },
    /// An answer arrives that nobody asked for, or late.
    Stray {
        step: prop::sample::Index,
        direction: Direction,
        attempt: u32,
        report: Report,
    },
    Wait {
        milliseconds: i64,
    },
    WaitForWake,
    Cancel {
        cause: Cause,
    },
    Suspend,
    Resume,
    Repair {
        step: prop::sample::Index,
        verb: Repair,
    },
}

fn report() -> impl Strategy<Value = Report> {
    let words = || ("Reason".to_owned(), "message".to_owned());
    let busy = move |seconds: Option<i64>| {
        let (reason, message) = words();
        Report::Busy { reason, message, retry_after: seconds.map(SignedDuration::from_secs) }
    };
    prop_oneof![
        4 => Just(Report::Succeeded { outputs: Some("{}".to_owned()) }),
        1 => Just(Report::Refused { reason: words().0, message: words().1 }),
        2 => prop::option::of(-1_i64..9).prop_map(busy),
        2 => Just(Report::Unknown { reason: words().0, message: words().1 }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let direction = || prop_oneof![Just(Direction::Do), Just(Direction::Undo)];
    let verb = prop_oneof![Just(Repair::Retry), Just(Repair::Skip), Just(Repair::Resolve)];
    let cause = prop_oneof![Just(Cause::Deleted), Just(Cause::Cancelled { reason: "why".to_owned() })];
    prop_oneof![
        12 => (any::<prop::sample::Index>(), report()).prop_map(|(call, report)| Happening::Answer { call, report }),
        2 => (any::<prop::sample::Index>(), direction(), 0_u32..4, report())
            .prop_map(|(step, direction, attempt, report)| Happening::Stray { step, direction, attempt, report }),
        3 => (0_i64..20_000).prop_map(|milliseconds| Happening::Wait { milliseconds }),
        4 => Just(Happening::WaitForWake),
        1 => cause.prop_map(|cause| Happening::Cancel { cause }),
        1 => Just(Happening::Suspend),
        2 => Just(Happening::Resume),
        3 => (any::<prop::sample::Index>(), verb).prop_map(|(step, verb)| Happening::Repair { step, verb }),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    (1_u32..30, 0_u32..4, 0_u32..5, 0_u32..20, 100_u32..300, 0_u32..=100).prop_map(
        |(timeout, attempts, initial, more, factor, jitter)| Policy {
            timeout_seconds: timeout,
            max_attempts: attempts,
            initial_backoff_seconds: initial,
            max_backoff_seconds: initial + more,
            backoff_factor_percent: factor,
            jitter_percent: jitter,
        },
    )
}

/// Steps that need some of those before them, in an order that is not the order of the needs.
fn plan() -> impl Strategy<Value = Plan> {
    let shape = (any::<u16>(), any::<u16>(), any::<bool>(), policy(), policy());
    let limits = (prop::option::of(1_u32..60), prop::option::of(1_u32..60), 0_u32..4);
    (prop::collection::vec(shape, 1..=12), limits, any::<bool>()).prop_map(|(shapes, limits, reversed)| {
        let mut steps: Vec<Step> = shapes
            .into_iter()
            .enumerate()
            .map(|(place, (mask, thin, undo, action, undoing))| Step {
                name: format!("s{place}"),
                needs: (0..place)
                    .filter(|bit| mask & thin & (1 << bit) != 0)
                    .map(|bit| format!("s{bit}"))
                    .collect(),
                compensation: if undo { Compensation::Undo } else { Compensation::Nothing },
                action,
                undo: undoing,
            })
            .collect();
        if reversed {
            steps.reverse();
        }
        let (active_deadline_seconds, compensation_deadline_seconds, parallelism) = limits;
        let limits = Limits { active_deadline_seconds, compensation_deadline_seconds, parallelism };
        Plan::new(steps, limits).unwrap().keyed("uid")
    })
}

fn name_and_call(command: &Command) -> (String, Direction, u32) {
    match command {
        Command::Do { step, attempt, .. } => (step.clone(), Direction::Do, *attempt),
        Command::Undo { step, attempt, .. } => (step.clone(), Direction::Undo, *attempt),
    }
}

/// A run under test: each event is checked against all laws before it is taken.
struct Run {
    plan: Plan,
    progress: Progress,
    commands: Vec<Command>,
    wake: Option<Timestamp>,
    now: Timestamp,
}

impl Run {
    fn new(plan: Plan) -> Self {
        let now = Timestamp::from_millisecond(1_800_000_000_250).unwrap();
        let progress = start(&plan, now);
        let mut run = Self { plan, progress, commands: Vec::new(), wake: None, now };
        run.take(&Event::Tick);
        run
    }

    fn take(&mut self, event: &Event) {
        let next = step(&self.plan, &self.progress, event.clone(), self.now);
        check_transition(&self.plan, &self.progress, event, &next.progress, &next.commands).unwrap();

        let again = step(&self.plan, &next.progress, Event::Tick, self.now);
        assert_eq!(again, next, "a tick right afterwards changes nothing");

        if let Event::Repair { step: name, .. } = event
            && verdict(&self.progress, name) != Verdict::Accepted
        {
            let tick = step(&self.plan, &self.progress, Event::Tick, self.now);
            assert_eq!(tick, next, "a repair that is not accepted changes nothing");
        }

        let written = serde_json::to_string(&self.progress).unwrap();
        let recovered: Progress = serde_json::from_str(&written).unwrap();
        assert_eq!(step(&self.plan, &recovered, event.clone(), self.now), next, "a restart changes nothing");

        if let Some(wake) = next.wake {
            assert!(wake > self.now, "{wake} is not after {}", self.now);
            let early = wake.checked_sub(SignedDuration::from_millis(1)).unwrap().max(self.now);
            assert_eq!(step(&self.plan, &next.progress, Event::Tick, early).progress, next.progress);
            assert_ne!(step(&self.plan, &next.progress, Event::Tick, wake).progress, next.progress);
        } else {
            assert!(next.commands.is_empty(), "calls have an end: {:?}", next.commands);
            let later = self.now.checked_add(SignedDuration::from_hours(1000)).unwrap();
            assert_eq!(step(&self.plan, &next.progress, Event::Tick, later).progress, next.progress);
        }
        (self.progress, self.commands, self.wake) = (next.progress, next.commands, next.wake);
    }

    fn happen(&mut self, happening: Happening) {
        let name =
            |step: prop::sample::Index, plan: &Plan| plan.steps[step.index(plan.steps.len())].name.clone();
        match happening {
            Happening::Answer { .. } if self.commands.is_empty() => {}
            Happening::Answer { call, report } => {
                let (step, direction, attempt) = name_and_call(call.get(&self.commands));
                self.take(&Event::Reported { step, direction, attempt, report });
            }
            Happening::Stray { step, direction, attempt, report } => {
                self.take(&Event::Reported { step: name(step, &self.plan), direction, attempt, report });
            }
            Happening::Wait { milliseconds } => {
                self.now = self.now.checked_add(SignedDuration::from_millis(milliseconds)).unwrap();
                self.take(&Event::Tick);
            }
            Happening::WaitForWake => self.wait_for_wake(),
            Happening::Cancel { cause } => self.take(&Event::Cancel { cause }),
            Happening::Suspend => self.take(&Event::Suspend),
            Happening::Resume => self.take(&Event::Resume),
            Happening::Repair { step, verb } => {
                let step = self.in_need().unwrap_or_else(|| name(step, &self.plan));
                self.take(&Event::Repair { step, verb });
            }
        }
    }

    fn wait_for_wake(&mut self) {
        self.now = self.wake.unwrap_or(self.now);
        self.take(&Event::Tick);
    }

    fn phase(&self) -> Phase {
        phase(&self.plan, &self.progress)
    }

    /// A step whose undo does not get on.
    fn in_need(&self) -> Option<String> {
        let step = self.progress.steps.keys().find(|step| verdict(&self.progress, step) == Verdict::Accepted);
        step.cloned()
    }

    /// One move of a world in which every call succeeds and every person helps.
    fn be_reliable(&mut self) {
        let stuck = self
            .progress
            .steps
            .iter()
            .find(|(_, own)| own.state == State::Stuck)
            .map(|(step, _)| step.clone());
        if self.progress.active_since.is_none() {
            self.take(&Event::Resume);
        } else if let Some(command) = self.commands.first() {
            let (step, direction, attempt) = name_and_call(command);
            self.take(&Event::Reported {
                step,
                direction,
                attempt,
                report: Report::Succeeded { outputs: None },
            });
        } else if let Some(step) = stuck {
            self.take(&Event::Repair { step, verb: Repair::Retry });
        } else {
            self.wait_for_wake();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_law_holds_and_reliable_answers_bring_the_end(
        plan in plan(),
        script in prop::collection::vec(happening(), 0..60),
    ) {
        let mut run = Run::new(plan);
        for happening in script {
            run.happen(happening);
        }
        let enough = 8 * run.plan.steps.len() + 8;
        for _ in 0..enough {
            if !run.phase().is_final() {
                run.be_reliable();
            }
        }
        prop_assert!(run.phase().is_final(), "{:?} after {enough} reliable moves: {:?}", run.phase(), run.progress);
    }

    #[test]
    fn without_trouble_every_plan_succeeds_in_as_many_reports_as_it_has_steps(plan in plan()) {
        let mut run = Run::new(plan);
        for _ in 0..run.plan.steps.len() {
            run.be_reliable();
        }
        prop_assert_eq!(run.phase(), Phase::Succeeded);
    }
}
