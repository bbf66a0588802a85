//! Units of time by moment.js's names: added to a moment, counted between two, and begun.

use jiff::{RoundMode, SignedDuration, Span, Timestamp, Unit, Zoned, ZonedRound};

use super::truncated;
use crate::formula::value::Fault;

/// Long, singular and short names; only `M` and `m` differ by case.
fn unit(name: &str) -> Result<(Unit, i64), Fault> {
    if name == "M" {
        return Ok((Unit::Month, 1));
    }
    Ok(match name.to_ascii_lowercase().as_str() {
        "millisecond" | "milliseconds" | "ms" => (Unit::Millisecond, 1),
        "second" | "seconds" | "s" => (Unit::Second, 1),
        "minute" | "minutes" | "m" => (Unit::Minute, 1),
        "hour" | "hours" | "h" => (Unit::Hour, 1),
        "day" | "days" | "d" => (Unit::Day, 1),
        "week" | "weeks" | "w" => (Unit::Week, 1),
        "month" | "months" => (Unit::Month, 1),
        "quarter" | "quarters" | "q" => (Unit::Month, 3),
        "year" | "years" | "y" => (Unit::Month, 12),
        _ => return Err(Fault),
    })
}

/// The moment so many units later. Parts of hours and less are exact, of days and more to the nearest day or month.
pub fn add(moment: &Zoned, count: f64, name: &str) -> Result<Zoned, Fault> {
    let (unit, times) = unit(name)?;
    let whole = |number: f64| truncated((number * as_float(times)).round());
    let later = match unit {
        Unit::Month => Span::new().try_months(whole(count)).and_then(|span| moment.checked_add(span)),
        Unit::Week => Span::new().try_days(whole(count * 7.0)).and_then(|span| moment.checked_add(span)),
        Unit::Day => Span::new().try_days(whole(count)).and_then(|span| moment.checked_add(span)),
        unit => {
            let milliseconds = truncated((count * as_float(length(unit))).round());
            moment.checked_add(SignedDuration::from_millis(milliseconds))
        }
    };
    later.map_err(|_| Fault)
}

/// Whole units from `b` to `a`, negative where `a` is earlier.
pub fn between(a: &Zoned, b: &Zoned, name: &str) -> Result<f64, Fault> {
    let (unit, times) = unit(name)?;
    Ok(as_float(if unit == Unit::Month {
        let b = b.with_time_zone(a.time_zone().clone());
        i64::from(b.until((Unit::Month, a)).map_err(|_| Fault)?.get_months()) / times
    } else {
        (a.timestamp().as_millisecond() - b.timestamp().as_millisecond()) / length(unit)
    }))
}

/// When the unit that `moment` lies in begins; weeks begin on Sunday.
pub fn beginning(moment: &Zoned, name: &str) -> Result<Timestamp, Fault> {
    let (unit, times) = unit(name)?;
    let begin = match unit {
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

/// Milliseconds of a unit that has always as many.
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

#[expect(clippy::cast_precision_loss, reason = "milliseconds of all representable times are below 2^53")]
fn as_float(number: i64) -> f64 {
    number as f64
}
