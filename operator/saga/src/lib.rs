//! The pure core of a saga: what to do next, decided from a plan, what happened so far, and one event.
//!
//! No I/O, no clock, no randomness. [`step`] maps `(plan, progress, event, now)` to the next progress, the calls that
//! must be under way, and the time to look again. The caller writes the progress first and makes the calls afterwards.
//! Since the calls are a function of the progress, recovery after a crash is `step` with [`Event::Tick`].
//!
//! What the worker must promise for the guarantees to hold is the step contract; `tests/explore` checks both together.
#![deny(missing_docs)]

mod advance;
pub mod backoff;
mod due;
mod event;
pub mod explain;
pub mod invariants;
mod outcome;
mod plan;
mod progress;
mod repair;
mod report;
mod step;
mod unwind;

pub use event::{Command, Direction, Event, Repair, Report, Transition};
pub use outcome::{Phase, phase};
pub use plan::{Compensation, Limits, MAX_STEPS, Plan, PlanError, Policy, Step};
pub use progress::{Cause, Progress, State, StepProgress, Unwinding};
pub use repair::{Verdict, verdict};
pub use step::{commands, start, step};
