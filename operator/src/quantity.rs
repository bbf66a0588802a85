//! Kubernetes quantities by value: `0.5` and `500m` are the same. Pure.

use serde_json::Value;

/// True when both are quantities of one value; strings and numbers mix.
pub fn same(left: &Value, right: &Value) -> bool {
    match (thousandths(left), thousandths(right)) {
        (Some(left), Some(right)) => (left - right).abs() < 0.5,
        _ => false,
    }
}

/// The value in whole units, rounded down; none for what is no quantity, or below 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "of what is out of range the nearest is taken"
)]
pub fn whole(value: &Value) -> Option<u64> {
    thousandths(value).filter(|value| *value >= 0.0).map(|value| (value / 1e3) as u64)
}

/// The value in thousandths.
fn thousandths(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let digits =
        text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '+')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let factor = match suffix {
        "m" => 1.0,
        "" => 1e3,
        "k" => 1e6,
        "M" => 1e9,
        "G" => 1e12,
        "T" => 1e15,
        "Ki" => 1e3 * 1024.0,
        "Mi" => 1e3 * 1024.0 * 1024.0,
        "Gi" => 1e3 * 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1e3 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_of_one_value_are_the_same_however_written() {
        for (left, right) in
            [(json!("0.5"), json!("500m")), (json!(1), json!("1000m")), (json!("1Gi"), json!("1024Mi"))]
        {
            assert!(same(&left, &right), "{left} {right}");
        }
        assert!(!same(&json!("1"), &json!("1m")));
        assert!(!same(&json!("Always"), &json!("Never")));
    }

    #[test]
    fn what_is_no_quantity_or_below_nothing_has_no_whole_value() {
        let wholes = [json!("1Gi"), json!(512), json!("1500m"), json!("128Mi")].map(|value| whole(&value));
        assert_eq!(wholes, [Some(1 << 30), Some(512), Some(1), Some(128 << 20)]);
        for none in [json!("much"), json!("-1"), json!(null), json!("1Xi")] {
            assert_eq!(whole(&none), None, "{none}");
        }
    }
}
