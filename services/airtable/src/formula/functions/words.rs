//! Functions that say in words how far a moment is from the present.

use super::{Function, date::moment, of_expressions};
use crate::formula::{
    Row,
    evaluate::{Outcome, values},
    expression::Expression,
    value::Value,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

pub const FUNCTIONS: &[Function] =
    &[of_expressions("FROMNOW", 1, 1, distance), of_expressions("TONOW", 1, 1, distance)];

fn distance<'e>(arguments: &'e [Expression], row: &'e dyn Row) -> Outcome<'e> {
    let at = moment(&values(arguments, row)?, 0)?.at.timestamp();
    Ok(Value::of_text(words(at.as_second().abs_diff(row.now().as_second()))))
}

/// As moment.js rounds and words it, without "in" and "ago".
fn words(seconds: u64) -> String {
    let nearest = |unit: u64| (seconds + unit / 2) / unit;
    let (minutes, hours, days) = (nearest(MINUTE), nearest(HOUR), nearest(DAY));
    // A month has 30.44 days as a rule, a year 365.25.
    let (months, years) = (nearest(2_629_746), nearest(31_557_600));
    if seconds < 45 {
        "a few seconds".to_owned()
    } else if minutes <= 1 {
        "a minute".to_owned()
    } else if minutes < 45 {
        format!("{minutes} minutes")
    } else if hours <= 1 {
        "an hour".to_owned()
    } else if hours < 22 {
        format!("{hours} hours")
    } else if days <= 1 {
        "a day".to_owned()
    } else if days < 26 {
        format!("{days} days")
    } else if months <= 1 {
        "a month".to_owned()
    } else if months < 11 {
        format!("{months} months")
    } else if years <= 1 {
        "a year".to_owned()
    } else {
        format!("{years} years")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_worded_as_moment_js_words_them() {
        for (seconds, expected) in [
            (44, "a few seconds"),
            (89, "a minute"),
            (90, "2 minutes"),
            (44 * MINUTE, "44 minutes"),
            (89 * MINUTE, "an hour"),
            (90 * MINUTE, "2 hours"),
            (22 * HOUR, "a day"),
            (3 * DAY, "3 days"),
            (25 * DAY, "25 days"),
            (30 * DAY, "a month"),
            (60 * DAY, "2 months"),
            (345 * DAY, "a year"),
            (800 * DAY, "2 years"),
        ] {
            assert_eq!(words(seconds), expected, "{seconds}");
        }
    }
}
