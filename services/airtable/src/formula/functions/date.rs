//! Functions of moments. Without `SET_TIMEZONE` they reckon in UTC.

use jiff::{RoundMode, Span, Timestamp, Unit, Zoned, ZonedRound};

use super::{Function, argument, of_row, of_values, whole};
use crate::{
    formula::{
        evaluate::Outcome,
        moment,
        value::{Fault, Value},
    },
    time,
};

pub const FUNCTIONS: &[Function] = &[
    of_row("NOW", |row| Ok(Value::of_moment(row.now()))),
    of_row("TODAY", |row| midnight(&row.now().to_zoned(jiff::tz::TimeZone::UTC)).map(Value::Moment)),
    of_values("YEAR", 1, 1, |values| part(values, |at| at.year().into())),
    of_values("MONTH", 1, 1, |values| part(values, |at| at.month().into())),
    of_values("DAY", 1, 1, |values| part(values, |at| at.day().into())),
    of_values("HOUR", 1, 1, |values| part(values, |at| at.hour().into())),
    of_values("MINUTE", 1, 1, |values| part(values, |at| at.minute().into())),
    of_values("SECOND", 1, 1, |values| part(values, |at| at.second().into())),
    of_values("WEEKDAY", 1, 2, |values| {
        let first = first_weekday(values);
        part(values, |at| f64::from((at.weekday().to_sunday_zero_offset() - first).rem_euclid(7)))
    }),
    of_values("WEEKNUM", 1, 2, |values| {
        let first = first_weekday(values);
        part(values, |at| {
            let new_year = at.first_of_year().map_or(0, |day| day.weekday().to_sunday_zero_offset());
            f64::from((at.day_of_year() - 1 + i16::from((new_year - first).rem_euclid(7))) / 7 + 1)
        })
    }),
    of_values("DATESTR", 1, 1, |values| Ok(Value::Text(at(values, 0)?.strftime("%Y-%m-%d").to_string()))),
    of_values("TIMESTR", 1, 1, |values| Ok(Value::Text(at(values, 0)?.strftime("%H:%M:%S").to_string()))),
    of_values("DATEADD", 3, 3, |values| {
        let span = span(argument(values, 1).number()?, &argument(values, 2).text())?;
        at(values, 0)?.checked_add(span).map(Value::Moment).map_err(|_| Fault)
    }),
    of_values("DATETIME_DIFF", 2, 3, |values| {
        let unit = values.get(2).map_or_else(|| "seconds".to_owned(), Value::text);
        difference(&at(values, 0)?, &at(values, 1)?, &unit).map(Value::Number)
    }),
    of_values("DATETIME_FORMAT", 1, 2, |values| {
        let moment = at(values, 0)?;
        Ok(Value::Text(match values.get(1) {
            Some(pattern) => moment::format(&moment, &pattern.text()),
            None => moment::format(&moment, "YYYY-MM-DDTHH:mm:ssZ"),
        }))
    }),
    of_values("DATETIME_PARSE", 1, 3, |values| match (argument(values, 0), values.get(1)) {
        (Value::Text(text), Some(pattern)) if !pattern.is_blank() => {
            moment::parse(text, &pattern.text()).map(Value::of_moment).ok_or(Fault)
        }
        _ => at(values, 0).map(Value::Moment),
    }),
    of_values("IS_AFTER", 2, 2, |values| {
        Ok(Value::of_truth(at(values, 0)?.timestamp() > at(values, 1)?.timestamp()))
    }),
    of_values("IS_BEFORE", 2, 2, |values| {
        Ok(Value::of_truth(at(values, 0)?.timestamp() < at(values, 1)?.timestamp()))
    }),
    of_values("IS_SAME", 2, 3, |values| {
        let unit = values.get(2).map_or_else(|| "milliseconds".to_owned(), Value::text);
        Ok(Value::of_truth(beginning(&at(values, 0)?, &unit)? == beginning(&at(values, 1)?, &unit)?))
    }),
    of_values("SET_TIMEZONE", 2, 2, |values| {
        let zone = time::zone(&argument(values, 1).text()).ok_or(Fault)?;
        Ok(Value::Moment(at(values, 0)?.with_time_zone(zone)))
    }),
    // Names of months and days are English in every locale.
    of_values("SET_LOCALE", 2, 2, |values| at(values, 0).map(Value::Moment)),
];

pub fn at(values: &[Value], place: usize) -> Result<Zoned, Fault> {
    argument(values, place).moment()
}

pub fn midnight(moment: &Zoned) -> Result<Zoned, Fault> {
    moment.start_of_day().map_err(|_| Fault)
}

fn part(values: &[Value], part: impl Fn(&Zoned) -> f64) -> Outcome {
    match argument(values, 0) {
        Value::Blank => Ok(Value::Blank),
        _ => Ok(Value::Number(part(&at(values, 0)?))),
    }
}

/// The day that weeks begin with, Sunday is 0.
fn first_weekday(values: &[Value]) -> i8 {
    i8::from(values.get(1).is_some_and(|day| day.text().eq_ignore_ascii_case("monday")))
}

/// Long, singular and moment's short names of units; capital M is months.
fn unit(name: &str) -> Option<(Unit, i64)> {
    if name == "M" {
        return Some((Unit::Month, 1));
    }
    Some(match name.to_ascii_lowercase().as_str() {
        "millisecond" | "milliseconds" | "ms" => (Unit::Millisecond, 1),
        "second" | "seconds" | "s" => (Unit::Second, 1),
        "minute" | "minutes" | "m" => (Unit::Minute, 1),
        "hour" | "hours" | "h" => (Unit::Hour, 1),
        "day" | "days" | "d" => (Unit::Day, 1),
        "week" | "weeks" | "w" => (Unit::Week, 1),
        "month" | "months" => (Unit::Month, 1),
        "quarter" | "quarters" | "q" => (Unit::Month, 3),
        "year" | "years" | "y" => (Unit::Year, 1),
        _ => return None,
    })
}

fn span(count: f64, name: &str) -> Result<Span, Fault> {
    let (unit, times) = unit(name).ok_or(Fault)?;
    let count = whole(&[Value::Number(count)], 0, 0)?.checked_mul(times).ok_or(Fault)?;
    let span = Span::new();
    match unit {
        Unit::Millisecond => span.try_milliseconds(count),
        Unit::Second => span.try_seconds(count),
        Unit::Minute => span.try_minutes(count),
        Unit::Hour => span.try_hours(count),
        Unit::Day => span.try_days(count),
        Unit::Week => span.try_weeks(count),
        Unit::Month => span.try_months(count),
        _ => span.try_years(count),
    }
    .map_err(|_| Fault)
}

/// Whole units from `b` to `a`, negative where `a` is earlier.
fn difference(a: &Zoned, b: &Zoned, name: &str) -> Result<f64, Fault> {
    let (unit, times) = unit(name).ok_or(Fault)?;
    let count = match unit {
        Unit::Year | Unit::Month => {
            let span = b.with_time_zone(a.time_zone().clone()).until((Unit::Month, a)).map_err(|_| Fault)?;
            let months = i64::from(span.get_months());
            if unit == Unit::Year { months / 12 } else { months / times }
        }
        unit => {
            let milliseconds = a.timestamp().as_millisecond() - b.timestamp().as_millisecond();
            milliseconds / length(unit)
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of all representable times are below 2^53")]
    Ok(count as f64)
}

fn length(unit: Unit) -> i64 {
    match unit {
        Unit::Second => 1_000,
        Unit::Minute => 60_000,
        Unit::Hour => 3_600_000,
        Unit::Day => 86_400_000,
        Unit::Week => 7 * 86_400_000,
        _ => 1,
    }
}

/// When the unit that `moment` lies in begins.
fn beginning(moment: &Zoned, name: &str) -> Result<Timestamp, Fault> {
    let (unit, times) = unit(name).ok_or(Fault)?;
    let begin = match unit {
        Unit::Year => moment.first_of_year().and_then(|day| day.start_of_day()),
        Unit::Month => {
            let back = i64::from(moment.month() - 1) % times;
            moment
                .first_of_month()
                .and_then(|day| day.checked_sub(Span::new().months(back)))
                .and_then(|day| day.start_of_day())
        }
        Unit::Week => {
            let back = i64::from(moment.weekday().to_sunday_zero_offset());
            moment.checked_sub(Span::new().days(back)).and_then(|day| day.start_of_day())
        }
        Unit::Day => moment.start_of_day(),
        unit => moment.round(ZonedRound::new().smallest(unit).mode(RoundMode::Floor)),
    };
    begin.map(|begin| begin.timestamp()).map_err(|_| Fault)
}
