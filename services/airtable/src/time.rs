//! Moments as Airtable writes and reads them.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

/// When the year 0 began in UTC, in seconds from 1970; what was before has no notation of four digits.
const YEAR_0: i64 = -62_167_219_200;

/// RFC 3339 in UTC with three digits of milliseconds, as every answer of Airtable has it.
pub fn write(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Reads ISO 8601 with or without time, seconds and zone, and American dates (`11/21/2026`, `11/21/2026 3:04 PM`).
///
/// A text that says no zone is read in `zone`.
pub fn read(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    read_in(text, zone, false)
}

/// As [`read`]; with `day_first` a date with strokes begins with the day.
pub fn read_in(text: &str, zone: &TimeZone, day_first: bool) -> Option<Timestamp> {
    let text = text.trim();
    let stamped = text.parse::<Timestamp>().ok();
    let at = stamped.or_else(|| zone.to_timestamp(civil(text, day_first)?).ok());
    at.filter(|at| at.as_second() >= YEAR_0)
}

/// The date in any of these notations; time and zone don't change it.
pub fn read_date(text: &str, day_first: bool) -> Option<Date> {
    civil(text.trim(), day_first).map(DateTime::date).filter(|date| date.year() >= 0)
}

/// The zone of this IANA name; UTC for `utc`, in any case.
pub fn zone(name: &str) -> Option<TimeZone> {
    if name.eq_ignore_ascii_case("utc") { Some(TimeZone::UTC) } else { TimeZone::get(name).ok() }
}

fn civil(text: &str, day_first: bool) -> Option<DateTime> {
    // With `Z` behind it a text is no civil time to jiff, though the time it says is plain.
    let plain = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    plain.parse().ok().or_else(|| with_strokes(text, day_first)).or_else(|| in_words(text))
}

fn with_strokes(text: &str, day_first: bool) -> Option<DateTime> {
    let date = if day_first { "%d/%m/%Y" } else { "%m/%d/%Y" };
    [" %I:%M %p", " %I:%M%p", " %H:%M", " %H:%M:%S"]
        .iter()
        .find_map(|time| DateTime::strptime(format!("{date}{time}"), text).ok())
        .or_else(|| Some(Date::strptime(date, text).ok()?.to_datetime(Time::midnight())))
}

fn in_words(text: &str) -> Option<DateTime> {
    let dates = ["%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y"];
    let date = dates.iter().find_map(|format| Date::strptime(format, text).ok());
    Some(date?.to_datetime(Time::midnight()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_a_moment_is_read() {
        let cases = [
            ("2026-11-21", "2026-11-21T00:00:00.000Z"),
            ("2026-11-21T15:04", "2026-11-21T15:04:00.000Z"),
            ("2026-11-21 15:04:05.5", "2026-11-21T15:04:05.500Z"),
            ("2026-11-21T15:04:05+01:00", "2026-11-21T14:04:05.000Z"),
            ("2026-11-21T15:04:05.123Z", "2026-11-21T15:04:05.123Z"),
            ("11/21/2026", "2026-11-21T00:00:00.000Z"),
            ("11/1/2026 3:04 PM", "2026-11-01T15:04:00.000Z"),
            ("11/1/2026 3:04pm", "2026-11-01T15:04:00.000Z"),
            ("November 21, 2026", "2026-11-21T00:00:00.000Z"),
            ("21 Nov 2026", "2026-11-21T00:00:00.000Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, &TimeZone::UTC).map(write).as_deref(), Some(expected), "{text}");
        }
        for text in ["soon", "", "21/11/2026", "2026-02-30", "2026-11-21x"] {
            assert_eq!(read(text, &TimeZone::UTC), None, "{text}");
        }
    }

    #[test]
    fn a_text_without_zone_is_read_in_the_given_one() {
        let berlin = zone("Europe/Berlin").unwrap();
        assert_eq!(write(read("2026-07-01T12:00", &berlin).unwrap()), "2026-07-01T10:00:00.000Z");
    }

    #[test]
    fn the_day_may_come_before_the_month() {
        let day = |text, day_first| read_date(text, day_first).map(|date| date.to_string());
        assert_eq!(day("2/11/2026 15:04", true).as_deref(), Some("2026-11-02"));
        assert_eq!(day("2/11/2026 15:04", false).as_deref(), Some("2026-02-11"));
        assert_eq!(day("2026-11-02T23:30:00-05:00", true).as_deref(), Some("2026-11-02"));
        assert_eq!(day("2026-11-02T23:30:00.000Z", false).as_deref(), Some("2026-11-02"));
    }
}
