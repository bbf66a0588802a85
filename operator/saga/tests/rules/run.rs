//! A run in the hands of a test: short words for events, and seconds since the start for times.

use jiff::{SignedDuration, Timestamp};
use saga::{
    Cause, Command, Compensation, Direction, Event, Limits, Phase, Plan, Policy, Progress, Repair, Report,
    State, Step, StepProgress, Transition, commands, explain::explain, invariants::check_transition, phase,
    start, step,
};

/// Three attempts of 30 s with rests of 1 s, then 2 s.
pub const POLICY: Policy = Policy {
    timeout_seconds: 30,
    max_attempts: 3,
    initial_backoff_seconds: 1,
    max_backoff_seconds: 60,
    backoff_factor_percent: 200,
    jitter_percent: 0,
};

/// The time some milliseconds after the start.
pub fn at_millisecond(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

/// The time some seconds after the start.
pub fn at(seconds: i64) -> Timestamp {
    at_millisecond(seconds * 1000)
}

pub fn a_step(name: &str, needs: &[&str]) -> Step {
    Step {
        name: name.to_owned(),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        compensation: Compensation::Undo,
        action: POLICY,
        undo: POLICY,
    }
}

/// `a`, `b` and `c`, one after the other.
pub fn chain() -> Plan {
    Plan::new(vec![a_step("a", &[]), a_step("b", &["a"]), a_step("c", &["b"])], Limits::default()).unwrap()
}

/// The chain with limits.
pub fn limited(limits: Limits) -> Plan {
    Plan::new(chain().steps, limits).unwrap()
}

pub fn done() -> Report {
    Report::Succeeded { outputs: None }
}

pub fn refused() -> Report {
    Report::Refused { reason: "NotAllowed".to_owned(), message: "the field is computed".to_owned() }
}

pub fn busy(retry_after: Option<i64>) -> Report {
    Report::Busy {
        reason: "Busy".to_owned(),
        message: "too many calls".to_owned(),
        retry_after: retry_after.map(SignedDuration::from_secs),
    }
}

pub fn unknown() -> Report {
    Report::Unknown { reason: "ConnectionReset".to_owned(), message: "the connection was cut".to_owned() }
}

pub struct Run {
    pub plan: Plan,
    pub progress: Progress,
    pub wake: Option<Timestamp>,
    now: Timestamp,
}

impl Run {
    /// A run of this plan whose first steps have started.
    pub fn of(plan: Plan) -> Self {
        let progress = start(&plan, at(0));
        let mut run = Self { plan, progress, wake: None, now: at(0) };
        run.take(&Event::Tick);
        run
    }

    /// A run of the chain in which these steps are done.
    pub fn with_done(steps: &[&str]) -> Self {
        let mut run = Self::of(chain());
        for step in steps {
            run.reports(step, 1, done());
        }
        run
    }

    pub fn take(&mut self, event: &Event) {
        let Transition { progress, commands, wake } =
            step(&self.plan, &self.progress, event.clone(), self.now);
        check_transition(&self.plan, &self.progress, event, &progress, &commands).unwrap();
        (self.progress, self.wake) = (progress, wake);
    }

    pub fn reports(&mut self, step: &str, attempt: u32, report: Report) {
        self.take(&Event::Reported { step: step.to_owned(), direction: Direction::Do, attempt, report });
    }

    pub fn undo_reports(&mut self, step: &str, attempt: u32, report: Report) {
        self.take(&Event::Reported { step: step.to_owned(), direction: Direction::Undo, attempt, report });
    }

    pub fn is_cancelled(&mut self) {
        self.take(&Event::Cancel { cause: Cause::Cancelled { reason: "changed my mind".to_owned() } });
    }

    pub fn is_repaired(&mut self, step: &str, verb: Repair) {
        self.take(&Event::Repair { step: step.to_owned(), verb });
    }

    /// Lets the time become this and looks again.
    pub fn ticks_at(&mut self, now: Timestamp) {
        self.now = now;
        self.take(&Event::Tick);
    }

    /// The calls under way, as `do a1` or `undo b2`.
    pub fn calls(&self) -> Vec<String> {
        commands(&self.plan, &self.progress)
            .iter()
            .map(|command| match command {
                Command::Do { step, attempt, .. } => format!("do {step}{attempt}"),
                Command::Undo { step, attempt, .. } => format!("undo {step}{attempt}"),
            })
            .collect()
    }

    pub fn of_step(&self, step: &str) -> &StepProgress {
        &self.progress.steps[step]
    }

    pub fn state(&self, step: &str) -> State {
        self.of_step(step).state
    }

    pub fn phase(&self) -> Phase {
        phase(&self.plan, &self.progress)
    }

    pub fn explained(&self) -> String {
        explain(&self.plan, &self.progress)
    }
}
