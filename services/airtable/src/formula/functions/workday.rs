//! Functions that count days of work: Monday to Friday but for holidays.

use std::collections::HashSet;

use jiff::{Span, civil::Date};

use super::{Function, argument, date::moment, of_values, whole};
use crate::formula::{
    evaluate::Outcome,
    value::{Fault, Moment, Value},
};

/// Farther than this no one plans; it bounds the work of one call.
const MOST_DAYS: i64 = 100_000;

pub const FUNCTIONS: &[Function] =
    &[of_values("WORKDAY", 2, 3, workday), of_values("WORKDAY_DIFF", 2, 3, workday_diff)];

/// The day that is so many days of work after the given one.
fn workday<'v>(values: &[Value<'v>]) -> Outcome<'v> {
    let holidays = holidays(argument(values, 2));
    let Moment { at, locale } = moment(values, 0)?;
    let count = whole(values, 1, 0)?;
    if count.saturating_abs() > MOST_DAYS {
        return Err(Fault);
    }
    let mut day = at.date();
    let mut left = count.abs();
    while left > 0 {
        day = day.checked_add(Span::new().days(count.signum())).map_err(|_| Fault)?;
        left -= i64::from(is_workday(day, &holidays));
    }
    let at = day.to_zoned(at.time_zone().clone()).map_err(|_| Fault)?;
    Ok(Value::Moment(Moment { at, locale }))
}

/// Days of work between two days, both included where they are such; negative where the first is later.
fn workday_diff<'v>(values: &[Value<'v>]) -> Outcome<'v> {
    let holidays = holidays(argument(values, 2));
    let (a, b) = (moment(values, 0)?.at.date(), moment(values, 1)?.at.date());
    let (mut day, last, sign) = if a <= b { (a, b, 1.0) } else { (b, a, -1.0) };
    if i64::from((last - day).get_days()) > MOST_DAYS {
        return Err(Fault);
    }
    let mut count: u32 = 0;
    while day <= last {
        count += u32::from(is_workday(day, &holidays));
        day = day.tomorrow().map_err(|_| Fault)?;
    }
    Ok(Value::Number(f64::from(count) * sign))
}

fn is_workday(day: Date, holidays: &HashSet<Date>) -> bool {
    day.weekday().to_monday_zero_offset() < 5 && !holidays.contains(&day)
}

/// Dates as `YYYY-MM-DD`, separated by commas; what follows the day is passed over.
fn holidays(value: &Value<'_>) -> HashSet<Date> {
    value.shown().split(',').filter_map(|day| day.trim().get(..10)?.parse().ok()).collect()
}
