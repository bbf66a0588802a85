//! Cells and records as they travel: JSON values by field, empty ones left out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Cell values by the name or the id of their field.
pub type Cells = Map<String, Value>;

/// A record as Airtable answers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// `rec…`.
    pub id: String,
    /// RFC 3339 in UTC with milliseconds.
    pub created_time: String,
    /// The cells that are not empty.
    #[serde(default)]
    pub fields: Cells,
}

/// Whether a cell with this value is empty: null, `""`, `[]` and `false` are, `0` is not.
///
/// Airtable leaves empty cells out of answers, and clears a cell that any of them is written to.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn zero_is_a_value_and_false_is_not() {
        assert!(!is_empty(&json!(0)));
        assert!(is_empty(&json!(false)));
        assert!(is_empty(&json!([])));
        assert!(is_empty(&json!("")));
    }
}
