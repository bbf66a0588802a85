//! Schema as code: the declared tables and fields, the found ones, and the changes that lead from one to the other.
//!
//! Pure. Nothing is ever removed and no type is ever changed: what would need that is said as [`Action::CannotChange`].
//! What the base has and nobody declared is left alone and is no difference.

mod change;
mod compare;
mod export;
mod links;
mod matching;
mod options;
mod plan;
mod request;
mod scene;
mod sides;

pub use change::{Action, Change};
pub use export::export;
pub use plan::plan;
pub use request::{Method, Request};
