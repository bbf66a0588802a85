//! Functions of moments. Without `SET_TIMEZONE` they reckon in UTC.

use std::borrow::Cow;

use jiff::{Timestamp, tz::TimeZone};

use super::{Function, argument, of_row, of_values, units};
use crate::{
    formula::{
        locale::Locale,
        moment,
        value::{Fault, Moment, Value},
    },
    time,
};

/// As moment.js shows a moment of which nothing else is said.
const PATTERN: &str = "YYYY-MM-DDTHH:mm:ssZ";

pub const FUNCTIONS: &[Function] = &[
    of_row("NOW", |row| Ok(Value::of_moment(row.now()))),
    of_row("TODAY", |row| {
        let today = row.now().to_zoned(TimeZone::UTC).start_of_day().map_err(|_| Fault)?;
        Ok(Value::of_zoned(today))
    }),
    of_values("DATEADD", 3, 3, |values| {
        let Moment { at, locale } = moment(values, 0)?;
        let at = units::add(&at, argument(values, 1).number()?, &argument(values, 2).shown())?;
        Ok(Value::Moment(Moment { at, locale }))
    }),
    of_values("DATETIME_DIFF", 2, 3, |values| {
        let unit = unit(values, "seconds");
        units::between(&moment(values, 0)?.at, &moment(values, 1)?.at, &unit).map(Value::Number)
    }),
    of_values("DATETIME_FORMAT", 1, 2, |values| {
        let pattern = values.get(1).filter(|pattern| !pattern.is_blank());
        let pattern = pattern.map_or(Cow::Borrowed(PATTERN), Value::shown);
        Ok(Value::of_text(moment::format(&moment(values, 0)?, readable(&pattern)?)))
    }),
    of_values("DATETIME_PARSE", 1, 3, |values| {
        let locale = values.get(2).map_or(Ok(Locale::default()), |name| locale(name))?;
        match (argument(values, 0), values.get(1)) {
            (Value::Text(text), Some(pattern)) if !pattern.is_blank() => {
                let pattern = pattern.shown();
                moment::parse(text, readable(&pattern)?, locale).map(Value::of_moment).ok_or(Fault)
            }
            _ => moment(values, 0).map(Value::Moment),
        }
    }),
    of_values("IS_AFTER", 2, 2, |values| Ok(Value::of_truth(instant(values, 0)? > instant(values, 1)?))),
    of_values("IS_BEFORE", 2, 2, |values| Ok(Value::of_truth(instant(values, 0)? < instant(values, 1)?))),
    of_values("IS_SAME", 2, 3, |values| {
        let unit = unit(values, "milliseconds");
        let (a, b) = (moment(values, 0)?.at, moment(values, 1)?.at);
        let b = b.with_time_zone(a.time_zone().clone());
        Ok(Value::of_truth(units::beginning(&a, &unit)? == units::beginning(&b, &unit)?))
    }),
    of_values("SET_TIMEZONE", 2, 2, |values| {
        let zone = time::zone(&argument(values, 1).shown()).ok_or(Fault)?;
        let Moment { at, locale } = moment(values, 0)?;
        Ok(Value::Moment(Moment { at: at.with_time_zone(zone), locale }))
    }),
    of_values("SET_LOCALE", 2, 2, |values| {
        Ok(Value::Moment(Moment { locale: locale(argument(values, 1))?, ..moment(values, 0)? }))
    }),
];

pub fn moment(values: &[Value<'_>], place: usize) -> Result<Moment, Fault> {
    argument(values, place).moment()
}

fn readable(pattern: &str) -> Result<&str, Fault> {
    Some(pattern).filter(|pattern| moment::is_readable(pattern)).ok_or(Fault)
}

fn instant(values: &[Value<'_>], place: usize) -> Result<Timestamp, Fault> {
    Ok(moment(values, place)?.at.timestamp())
}

/// The third argument as the name of a unit.
fn unit<'a>(values: &'a [Value<'_>], absent: &'static str) -> Cow<'a, str> {
    values.get(2).map_or(Cow::Borrowed(absent), Value::shown)
}

fn locale(name: &Value<'_>) -> Result<Locale, Fault> {
    Locale::named(&name.shown()).ok_or(Fault)
}
