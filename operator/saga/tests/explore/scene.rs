//! What is explored: a plan, how many drivers and faults there are, and which promises are kept.

use saga::{Compensation, Limits, Plan, Policy, Step};

/// One exploration.
pub struct Scene {
    pub plan: Plan,
    pub drivers: usize,
    /// How many faults may happen in one run, all kinds together.
    pub faults: u8,
    /// The promise that is not kept, if any.
    pub without: Option<Promise>,
}

impl Scene {
    pub fn keeps(&self, promise: Promise) -> bool {
        self.without != Some(promise)
    }
}

/// What the guarantees rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// After an undo, also of an unknown key, no action of that key takes effect.
    Tombstones,
    /// A second action of a key answers as the first did.
    Ledger,
    /// After a final refusal no action of that key takes effect.
    FinalRefusals,
    /// After "not now" no copy of that attempt, nor of an earlier one, takes effect.
    BusyWithoutEffect,
    /// That a call did not leave is taken as a proof only if no earlier process may have sent it.
    SentBefore,
    /// The same of a process that took over since the call was decided on.
    SentSince,
    /// The journal is written before a call leaves.
    IntentFirst,
    /// A journal that another driver wrote since it was read is not overwritten.
    CompareAndSwap,
}

/// `a`, then `b`, then `c`.
pub fn chain() -> Plan {
    plan(&[("a", &[]), ("b", &["a"]), ("c", &["b"])])
}

/// The same, where `b` has nothing to undo.
pub fn chain_over_a_read() -> Plan {
    let Plan { mut steps, limits, .. } = chain();
    steps[1].compensation = Compensation::Nothing;
    Plan::new(steps, limits).expect("still valid")
}

/// `a`, then `b` and `c` at once, then `d`.
pub fn diamond() -> Plan {
    plan(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])])
}

fn plan(steps: &[(&str, &[&str])]) -> Plan {
    let policy = Policy {
        timeout_seconds: 10,
        max_attempts: 2,
        initial_backoff_seconds: 1,
        max_backoff_seconds: 1,
        backoff_factor_percent: 100,
        jitter_percent: 0,
    };
    let steps = steps
        .iter()
        .map(|(name, needs)| Step {
            name: (*name).to_owned(),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            compensation: Compensation::Undo,
            action: policy,
            undo: policy,
        })
        .collect();
    Plan::new(steps, Limits::default()).expect("the plans above are valid")
}
