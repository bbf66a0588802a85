//! A text read by a pattern, as forgiving as moment.js: what is between the parts is passed over, and parts may be missing.

use jiff::{
    Span, Timestamp,
    civil::{Date, Time},
    tz::{Offset, TimeZone},
};

use super::{Part, next, written_out};
use crate::formula::locale::Locale;

/// Reads `text`, in UTC where it names no offset; `None` where nothing of it fits or where there is no such moment.
///
/// What the pattern does not name is 1970, January, the first, and midnight.
pub fn parse(text: &str, pattern: &str, locale: Locale) -> Option<Timestamp> {
    let pattern = written_out(pattern, locale);
    let mut reader = Reader { rest: text, locale, found: Found::default(), any: false };
    let mut rest = pattern.as_str();
    while !rest.is_empty() {
        let (part, after) = next(rest);
        reader.part(part).ok()?;
        rest = after;
    }
    if reader.any { reader.found.moment() } else { None }
}

/// The text says something that cannot be.
struct Impossible;

/// What was read so far.
#[derive(Default)]
struct Found {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    day_of_year: Option<i16>,
    hour: i8,
    /// Whether hours were counted to twelve, and it is afternoon.
    afternoon: Option<bool>,
    minute: i8,
    second: i8,
    nanosecond: i32,
    offset: Option<Offset>,
    milliseconds: Option<i64>,
}

impl Found {
    fn moment(self) -> Option<Timestamp> {
        if let Some(milliseconds) = self.milliseconds {
            return Timestamp::from_millisecond(milliseconds).ok();
        }
        let year = self.year.unwrap_or(1970);
        let date = match self.day_of_year {
            Some(day) => {
                let date = Date::new(year, 1, 1).ok()?.checked_add(Span::new().days(day - 1)).ok()?;
                Some(date).filter(|date| date.year() == year)?
            }
            None => Date::new(year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?,
        };
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let time = Time::new(hour, self.minute, self.second, self.nanosecond).ok()?;
        let zone = self.offset.map_or(TimeZone::UTC, TimeZone::fixed);
        zone.to_timestamp(date.to_datetime(time)).ok()
    }
}

struct Reader<'t> {
    rest: &'t str,
    locale: Locale,
    found: Found,
    any: bool,
}

impl Reader<'_> {
    fn part(&mut self, part: Part<'_>) -> Result<(), Impossible> {
        let token = match part {
            Part::Text(_) => return Ok(()),
            Part::Fraction(_) => {
                if let Some(digits) = self.digits(9) {
                    self.found.nanosecond = format!("{digits:0<9}").parse().map_err(|_| Impossible)?;
                }
                return Ok(());
            }
            Part::Token(token) => token,
        };
        match token {
            "YYYY" | "GGGG" | "gggg" => self.year(4)?,
            "YY" | "GG" | "gg" => self.year(2)?,
            "Q" | "Qo" => {
                self.found.month =
                    self.number::<i8>(1)?.map(|quarter| quarter.saturating_mul(3) - 2).or(self.found.month);
            }
            "MM" | "M" | "Mo" => self.found.month = self.number(2)?.or(self.found.month),
            "MMMM" | "MMM" => {
                let names = [self.locale.months(), self.locale.short_months()];
                if let Some(month) = self.name(&names)? {
                    self.found.month = Some(month + 1);
                }
            }
            "DDDD" | "DDD" | "DDDo" => self.found.day_of_year = self.number(3)?.or(self.found.day_of_year),
            "DD" | "D" | "Do" => self.found.day = self.number(2)?.or(self.found.day),
            "HH" | "H" | "hh" | "h" | "kk" | "k" => {
                self.found.hour = self.number(2)?.unwrap_or(self.found.hour);
            }
            "mm" | "m" => self.found.minute = self.number(2)?.unwrap_or(self.found.minute),
            "ss" | "s" => self.found.second = self.number(2)?.unwrap_or(self.found.second),
            "A" | "a" => {
                let half = self.name(&[&["am", "pm"], &["a.m.", "p.m."], &["a", "p"]]).unwrap_or(None);
                self.found.afternoon = half.map(|half| half == 1).or(self.found.afternoon);
            }
            "ZZ" | "Z" => self.offset(),
            "X" => self.found.milliseconds = self.since_1970(1_000)?,
            "x" => self.found.milliseconds = self.since_1970(1)?,
            // Days and weeks say nothing that the date does not, but they stand in the text.
            "dddd" | "ddd" | "dd" => {
                self.name(&[self.locale.days(), self.locale.short_days()])?;
            }
            "d" | "do" | "e" | "E" => {
                self.digits(1);
            }
            "ww" | "w" | "wo" | "WW" | "W" | "Wo" => {
                self.digits(2);
            }
            _ => {}
        }
        Ok(())
    }

    /// Two digits are those of a year from 1969 to 2068.
    fn year(&mut self, most: usize) -> Result<(), Impossible> {
        let Some(digits) = self.digits(most) else { return Ok(()) };
        let year: i16 = digits.parse().map_err(|_| Impossible)?;
        self.found.year = Some(match (digits.len(), year) {
            (2, 69..) => 1900 + year,
            (2, _) => 2000 + year,
            _ => year,
        });
        Ok(())
    }

    /// The next run of digits, cut after `most`.
    fn digits(&mut self, most: usize) -> Option<String> {
        let begin = self.rest.find(|c: char| c.is_ascii_digit())?;
        let from = self.rest.get(begin..)?;
        let length = from.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, after) = from.split_at_checked(length)?;
        (self.rest, self.any) = (after, true);
        Some(digits.to_owned())
    }

    /// The number of the next run of digits, if there is one.
    fn number<T: std::str::FromStr>(&mut self, most: usize) -> Result<Option<T>, Impossible> {
        self.digits(most).map(|digits| digits.parse().map_err(|_| Impossible)).transpose()
    }

    /// Milliseconds from so many of `unit` milliseconds each, before 1970 with a minus.
    fn since_1970(&mut self, unit: i64) -> Result<Option<i64>, Impossible> {
        let sign = if self.rest.trim_start().starts_with('-') { -unit } else { unit };
        Ok(self.number::<i64>(15)?.map(|count| count * sign))
    }

    /// The place of the name that comes next, if a word does.
    fn name(&mut self, lists: &[&[&str]]) -> Result<Option<i8>, Impossible> {
        let Some(begin) = self.rest.find(char::is_alphabetic) else { return Ok(None) };
        let from = self.rest.get(begin..).unwrap_or_default();
        let fits = |name: &str| {
            let name = name.trim();
            let end = from.char_indices().nth(name.chars().count()).map_or(from.len(), |(at, _)| at);
            let same = from.get(..end).is_some_and(|text| text.to_lowercase() == name.to_lowercase());
            (same && !name.is_empty()).then_some(end)
        };
        let named = lists.iter().flat_map(|list| (0..).zip(list.iter()));
        let longest =
            named.filter_map(|(place, name)| Some((fits(name)?, place))).max_by_key(|(end, _)| *end);
        let (end, place) = longest.ok_or(Impossible)?;
        (self.rest, self.any) = (from.get(end..).unwrap_or_default(), true);
        Ok(Some(place))
    }

    /// `Z`, `+01:00` or `+0100`.
    fn offset(&mut self) {
        let Some(begin) = self.rest.find(['Z', 'z', '+', '-']) else { return };
        let Some((sign, after)) = self.rest.get(begin..).and_then(|from| from.split_at_checked(1)) else {
            return;
        };
        self.rest = after;
        let seconds = match sign {
            "Z" | "z" => Some(0),
            sign => {
                let hours = self.number::<i32>(2).unwrap_or(None);
                let minutes = self.number::<i32>(2).unwrap_or(None).unwrap_or(0);
                let factor = if sign == "-" { -60 } else { 60 };
                hours.map(|hours| (hours * 60 + minutes) * factor)
            }
        };
        self.found.offset =
            seconds.and_then(|seconds| Offset::from_seconds(seconds).ok()).or(self.found.offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_read_what_they_say() {
        let cases = [
            ("21/11/2026 15:04", "DD/MM/YYYY HH:mm", "2026-11-21T15:04:00Z"),
            ("4 Mar 2017 11 pm", "D MMM YYYY h a", "2017-03-04T23:00:00Z"),
            ("12:30 AM, March 4th 2017", "hh:mm A, MMMM Do YYYY", "2017-03-04T00:30:00Z"),
            ("2026-11", "YYYY-MM", "2026-11-01T00:00:00Z"),
            ("2026", "YYYY-MM-DD", "2026-01-01T00:00:00Z"),
            ("20261121T150405.25", "YYYYMMDD[T]HHmmss.SS", "2026-11-21T15:04:05.25Z"),
            ("11/21/26", "l", "2026-11-21T00:00:00Z"),
            ("2026-11-21T15:04:05+01:00", "YYYY-MM-DDTHH:mm:ssZ", "2026-11-21T14:04:05Z"),
            ("2026-11-21 15:04 -0530", "YYYY-MM-DD HH:mm ZZ", "2026-11-21T20:34:00Z"),
            ("1793628245", "X", "2026-11-02T14:04:05Z"),
            ("1793628245678", "x", "2026-11-02T14:04:05.678Z"),
            ("325 2026", "DDD YYYY", "2026-11-21T00:00:00Z"),
            ("Monday, March 4th, 2019", "dddd, MMMM Do, YYYY", "2019-03-04T00:00:00Z"),
            ("Q3 99", "[Q]Q YY", "1999-07-01T00:00:00Z"),
        ];
        for (text, pattern, expected) in cases {
            assert_eq!(parse(text, pattern, Locale::default()), Some(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn names_are_those_of_the_locale() {
        let german = Locale::named("de").unwrap();
        let expected = Some("2026-03-04T00:00:00Z".parse().unwrap());
        assert_eq!(parse("4. März 2026", "D. MMMM YYYY", german), expected);
        assert_eq!(parse("04.03.2026", "L", german), expected);
        assert_eq!(parse("4. März 2026", "D. MMMM YYYY", Locale::default()), None);
    }

    #[test]
    fn what_does_not_fit_or_cannot_be_is_refused() {
        for (text, pattern) in [
            ("soon", "YYYY"),
            ("", "YYYY"),
            ("2026-13-01", "YYYY-MM-DD"),
            ("2026-02-30", "YYYY-MM-DD"),
            ("25:00", "HH:mm"),
            ("4 Foo 2026", "D MMM YYYY"),
            ("367 2026 x", "DDD"),
            ("999999999999", "X"),
            ("5", "[no token]"),
        ] {
            assert_eq!(parse(text, pattern, Locale::default()), None, "{text}");
        }
    }
}
