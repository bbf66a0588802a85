//! Plans, against a model of Airtable.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may end by a panic")]

mod cases;
mod laws;
mod model;
