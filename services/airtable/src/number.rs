//! Numbers that people wrote, and numbers as JSON has them.

use serde_json::Number;

/// Beyond this not every whole number has a place among the binary fractions.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// The number in a text: currency signs, thousands and units are passed over. `None` where no finite number is left.
pub fn read(text: &str) -> Option<f64> {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
    digits.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The number in JSON, whole ones without a fraction; `None` for those that JSON has no notation for.
#[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53, checked before")]
pub fn json(number: f64) -> Option<Number> {
    if number.fract() == 0.0 && number.abs() < WHOLE {
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_thousands_and_units_are_passed_over() {
        for (text, number) in [("$1,000", 1000.0), ("-€ 2.50", -2.5), ("7 kg", 7.0), (" .5", 0.5)] {
            assert_eq!(read(text), Some(number), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "many", "2026-11-21", "1.2.3", "-", &"9".repeat(400)] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_have_no_fraction_in_json() {
        for (number, text) in [(2.0, "2"), (-0.0, "0"), (2.5, "2.5"), (1e20, "1e+20")] {
            assert_eq!(json(number).unwrap().to_string(), text);
        }
        assert_eq!(json(f64::NAN), None);
    }
}
