//! Writes of which some files are known at once not to come.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

/// Why a file that is written is known at once not to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Failure {
    /// The same URL has just failed.
    AttachmentsFailedUploading,
    /// Too many are awaited.
    AttachmentUploadRateIsTooHigh,
}

/// The answer to a write, which says so where some of its files don't come.
pub fn told(mut answer: Value, failures: &BTreeSet<Failure>) -> Value {
    if let Value::Object(parts) = &mut answer
        && !failures.is_empty()
    {
        parts.insert("details".to_owned(), json!({"message": "partialSuccess", "reasons": failures}));
    }
    answer
}
