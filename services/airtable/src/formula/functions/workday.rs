//! Functions that count days of work: Monday to Friday but for holidays.

use std::collections::HashSet;

use jiff::{Span, civil::Date};

use super::{Function, argument, date::moment, of_values, whole};
use crate::formula::{
    evaluate::Outcome,
    value::{Fault, Moment, Value},
};

/// Farther than this no one plans; it bounds the work of one call.
const MOST_DAYS: i64 = 10_000;
/// Holidays that one call may name.
const MOST_HOLIDAYS: usize = 1_000;

pub const FUNCTIONS: &[Function] =
    &[of_values("WORKDAY", 2, 3, workday), of_values("WORKDAY_DIFF", 2, 3, workday_diff)];

/// The day that is so many days of work after the given one.
fn workday<'v>(values: &[Value<'v>]) -> Outcome<'v> {
    let holidays = holidays(argument(values, 2))?;
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
    let (a, b) = (moment(values, 0)?.at.date(), moment(values, 1)?.at.date());
    let (first, last, sign) = if a <= b { (a, b, 1) } else { (b, a, -1) };
    let free = holidays(argument(values, 2))?.into_iter().filter(|day| (first..=last).contains(day));
    let free = free.filter(|day| is_weekday(*day)).count();
    let days = weekdays(first, last) - i32::try_from(free).unwrap_or(i32::MAX);
    Ok(Value::Number((days * sign).into()))
}

/// From Monday to Friday, both days included.
fn weekdays(first: Date, last: Date) -> i32 {
    let days = (last - first).get_days() + 1;
    let begin = i32::from(first.weekday().to_monday_zero_offset());
    days / 7 * 5 + (0..days % 7).map(|day| i32::from((begin + day) % 7 < 5)).sum::<i32>()
}

fn is_weekday(day: Date) -> bool {
    day.weekday().to_monday_zero_offset() < 5
}

fn is_workday(day: Date, holidays: &HashSet<Date>) -> bool {
    is_weekday(day) && !holidays.contains(&day)
}

/// Dates as `YYYY-MM-DD`, separated by commas; what follows the day is passed over.
fn holidays(value: &Value<'_>) -> Result<HashSet<Date>, Fault> {
    let days = value.shown();
    if days.split(',').nth(MOST_HOLIDAYS).is_some() {
        return Err(Fault);
    }
    Ok(days.split(',').filter_map(|day| day.trim().get(..10)?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    #[test]
    fn weekdays_are_counted_as_if_one_by_one() {
        let first: Date = "2026-11-16".parse().unwrap();
        for begin in 0..7_i32 {
            for length in 0..30_i32 {
                let (begin, last) = (first + begin.days(), first + (begin + length).days());
                let one_by_one =
                    begin.series(1.day()).take_while(|day| *day <= last).filter(|day| is_weekday(*day));
                assert_eq!(
                    weekdays(begin, last),
                    i32::try_from(one_by_one.count()).unwrap(),
                    "{begin} to {last}"
                );
            }
        }
    }
}
