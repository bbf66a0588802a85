//! Numbers that people wrote.

/// The number in a text: currency signs, thousands and units are passed over. `None` where no finite number is left.
pub fn read(text: &str) -> Option<f64> {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
    digits.parse().ok().filter(|number: &f64| number.is_finite())
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
}
