//! Moments as Airtable writes and reads them.

use jiff::{Timestamp, civil, tz::TimeZone};

/// RFC 3339 in UTC with three digits of milliseconds, as every answer of Airtable has it.
pub fn write(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Reads ISO 8601 with or without time, seconds and zone, and American dates (`11/21/2026`, `11/21/2026 3:04 PM`).
///
/// A text that says no zone is read in `zone`.
pub fn read(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let civil = text.parse::<civil::DateTime>().ok().or_else(|| american(text))?;
    zone.to_timestamp(civil).ok()
}

/// The zone of this IANA name; UTC for `utc`, in any case.
pub fn zone(name: &str) -> Option<TimeZone> {
    if name.eq_ignore_ascii_case("utc") { Some(TimeZone::UTC) } else { TimeZone::get(name).ok() }
}

fn american(text: &str) -> Option<civil::DateTime> {
    ["%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M%p", "%m/%d/%Y %H:%M"]
        .iter()
        .find_map(|format| civil::DateTime::strptime(format, text).ok())
        .or_else(|| Some(civil::Date::strptime("%m/%d/%Y", text).ok()?.to_datetime(civil::Time::midnight())))
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
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, &TimeZone::UTC).map(write).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(read("soon", &TimeZone::UTC), None);
    }

    #[test]
    fn a_text_without_zone_is_read_in_the_given_one() {
        let berlin = zone("Europe/Berlin").unwrap();
        assert_eq!(write(read("2026-07-01T12:00", &berlin).unwrap()), "2026-07-01T10:00:00.000Z");
    }
}
