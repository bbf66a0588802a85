//! Each rule of a saga by itself, in the order of a run's life.
#![expect(clippy::unwrap_used, reason = "what a test can't set up must fail it")]

mod back;
mod forward;
mod journal;
mod limits;
mod plan;
mod repair;
mod run;
mod sentences;
