//! Functions that say a part of a moment. The parts of blank are blank.

use jiff::Zoned;

use super::{Function, argument, date::moment, of_values};
use crate::formula::{
    evaluate::Outcome,
    value::{Fault, Value},
};

pub const FUNCTIONS: &[Function] = &[
    of_values("YEAR", 1, 1, |values| part(values, |at| at.year().into())),
    of_values("MONTH", 1, 1, |values| part(values, |at| at.month().into())),
    of_values("DAY", 1, 1, |values| part(values, |at| at.day().into())),
    of_values("HOUR", 1, 1, |values| part(values, |at| at.hour().into())),
    of_values("MINUTE", 1, 1, |values| part(values, |at| at.minute().into())),
    of_values("SECOND", 1, 1, |values| part(values, |at| at.second().into())),
    of_values("WEEKDAY", 1, 2, |values| {
        let first = first_weekday(values)?;
        part(values, |at| f64::from((at.weekday().to_sunday_zero_offset() - first).rem_euclid(7)))
    }),
    of_values("WEEKNUM", 1, 2, |values| {
        let first = first_weekday(values)?;
        part(values, |at| {
            let new_year = at.first_of_year().map_or(0, |day| day.weekday().to_sunday_zero_offset());
            f64::from((at.day_of_year() - 1 + i16::from((new_year - first).rem_euclid(7))) / 7 + 1)
        })
    }),
    of_values("DATESTR", 1, 1, |values| text(values, "%Y-%m-%d")),
    of_values("TIMESTR", 1, 1, |values| text(values, "%H:%M:%S")),
];

fn part<'v>(values: &[Value<'v>], part: impl Fn(&Zoned) -> f64) -> Outcome<'v> {
    match argument(values, 0) {
        Value::Blank => Ok(Value::Blank),
        _ => Ok(Value::Number(part(&moment(values, 0)?.at))),
    }
}

fn text<'v>(values: &[Value<'v>], format: &str) -> Outcome<'v> {
    match argument(values, 0) {
        Value::Blank => Ok(Value::Blank),
        _ => Ok(Value::of_text(moment(values, 0)?.at.strftime(format).to_string())),
    }
}

/// The day that weeks begin with, Sunday is 0.
fn first_weekday(values: &[Value<'_>]) -> Result<i8, Fault> {
    match values.get(1).map(|day| day.shown().to_ascii_lowercase()).as_deref() {
        None | Some("" | "sunday") => Ok(0),
        Some("monday") => Ok(1),
        Some(_) => Err(Fault),
    }
}
