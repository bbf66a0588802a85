//! Outputs within what a caller reads of an answer. Pure.

use serde_json::Value;

/// The most bytes of outputs as JSON: the operator reads 256 KiB of an answer.
const LARGEST: usize = 192 << 10;

/// The outputs, or all but their largest members and `"truncated": true`.
pub fn fit(outputs: Value) -> Value {
    let Value::Object(mut members) = outputs else { return outputs };
    let mut sizes: Vec<(usize, String)> = members
        .iter()
        .map(|(name, value)| (name.len() + value.to_string().len() + 4, name.clone()))
        .collect();
    let mut total: usize = sizes.iter().map(|(size, _)| size).sum();
    if total > LARGEST {
        sizes.sort_unstable();
        while total > LARGEST
            && let Some((size, name)) = sizes.pop()
        {
            members.shift_remove(&name);
            total -= size;
        }
        members.insert("truncated".to_owned(), true.into());
    }
    members.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_outputs_that_are_too_large_the_largest_members_are_left_out() {
        let fields = |length: usize| json!({"Notes": "x".repeat(length)});
        let outputs = |length| json!({"recordId": "rec1", "recordIds": ["rec1"], "fields": fields(length)});
        assert_eq!(fit(outputs(100_000)), outputs(100_000));
        let expected = json!({"recordId": "rec1", "recordIds": ["rec1"], "truncated": true});
        assert_eq!(fit(outputs(LARGEST)), expected);
    }
}
