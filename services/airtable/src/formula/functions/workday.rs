//! Functions that count days of work, and those that say a distance in words.

use jiff::{Span, Zoned, civil::Date};

use super::{
    Function, argument,
    date::{at, midnight},
    of_expressions, of_values, whole,
};
use crate::formula::{
    Row,
    evaluate::{Outcome, values},
    expression::Expression,
    value::{Fault, Value},
};

/// Farther than this no one plans; it bounds the work of one call.
const MOST_DAYS: i64 = 100_000;

pub const FUNCTIONS: &[Function] = &[
    of_values("WORKDAY", 2, 3, workday),
    of_values("WORKDAY_DIFF", 2, 3, workday_diff),
    of_expressions("FROMNOW", 1, 1, |arguments, row| distance(arguments, row)),
    of_expressions("TONOW", 1, 1, |arguments, row| distance(arguments, row)),
];

/// The day that is so many days of work after the given one.
fn workday(values: &[Value]) -> Outcome {
    let holidays = holidays(argument(values, 2));
    let mut day = midnight(&at(values, 0)?)?;
    let count = whole(values, 1, 0)?;
    if count.abs() > MOST_DAYS {
        return Err(Fault);
    }
    let mut left = count.abs();
    while left > 0 {
        day = day.checked_add(Span::new().days(count.signum())).map_err(|_| Fault)?;
        left -= i64::from(is_workday(&day, &holidays));
    }
    Ok(Value::Moment(day))
}

/// Days of work between two days, both included where they are such; negative where the first is later.
fn workday_diff(values: &[Value]) -> Outcome {
    let holidays = holidays(argument(values, 2));
    let (a, b) = (midnight(&at(values, 0)?)?, midnight(&at(values, 1)?)?);
    let (mut day, last, sign) = if a <= b { (a, b, 1.0) } else { (b, a, -1.0) };
    let mut count: u32 = 0;
    let mut looked = 0;
    while day <= last {
        count += u32::from(is_workday(&day, &holidays));
        looked += 1;
        if looked > MOST_DAYS {
            return Err(Fault);
        }
        day = day.tomorrow().map_err(|_| Fault)?;
    }
    Ok(Value::Number(f64::from(count) * sign))
}

fn is_workday(day: &Zoned, holidays: &[Date]) -> bool {
    day.weekday().to_monday_zero_offset() < 5 && !holidays.contains(&day.date())
}

/// Dates as `YYYY-MM-DD`, separated by commas.
fn holidays(value: &Value) -> Vec<Date> {
    value.text().split(',').filter_map(|day| day.trim().get(..10)?.parse().ok()).collect()
}

/// How far a moment is from the present, in the largest unit that fits: `3 days`.
fn distance(arguments: &[Expression], row: &dyn Row) -> Outcome {
    let given = values(arguments, row)?;
    let seconds = at(&given, 0)?.timestamp().as_second().abs_diff(row.now().as_second());
    let units =
        [("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3_600), ("minute", 60)];
    let (name, length) = units.into_iter().find(|(_, length)| seconds >= *length).unwrap_or(("second", 1));
    let count = seconds / length;
    Ok(Value::Text(format!("{count} {name}{}", if count == 1 { "" } else { "s" })))
}
