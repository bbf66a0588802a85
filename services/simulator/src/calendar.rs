//! Dates, times of day and durations in the formats that fields have for them.

use jiff::civil;

/// How a locale writes a date in digits; the longest prefix that fits decides, all else is written as in en-US.
const DIGITS: [(&str, &str); 16] = [
    ("en-us", "%-m/%-d/%Y"),
    ("en-ca", "%Y-%m-%d"),
    ("en", "%d/%m/%Y"),
    ("de", "%-d.%-m.%Y"),
    ("fr-ca", "%Y-%m-%d"),
    ("fr", "%d/%m/%Y"),
    ("es", "%-d/%-m/%Y"),
    ("it", "%-d/%-m/%Y"),
    ("pt", "%d/%m/%Y"),
    ("nl", "%-d-%-m-%Y"),
    ("sv", "%Y-%m-%d"),
    ("da", "%-d.%-m.%Y"),
    ("pl", "%-d.%-m.%Y"),
    ("zh", "%Y/%-m/%-d"),
    ("ja", "%Y/%-m/%-d"),
    ("ko", "%Y. %-m. %-d."),
];

/// A date in a format of `dateFormat`; as in ISO 8601 where none is said. Names of months are English.
pub fn date(day: civil::Date, format: Option<&str>, locale: &str) -> String {
    let pattern = match format {
        Some("l") => local(locale),
        Some("LL") if is_american(locale) => "%B %-d, %Y",
        Some("LL") => "%-d %B %Y",
        Some("M/D/YYYY") => "%-m/%-d/%Y",
        Some("D/M/YYYY") => "%-d/%-m/%Y",
        _ => "%Y-%m-%d",
    };
    day.strftime(pattern).to_string()
}

/// A time of day in a format of `timeFormat`; with 24 hours where none is said.
pub fn time(at: civil::Time, format: Option<&str>) -> String {
    let pattern = if format == Some("h:mma") { "%-I:%M%P" } else { "%H:%M" };
    at.strftime(pattern).to_string()
}

/// Seconds in a `durationFormat`: `h:mm`, `h:mm:ss`, and with one to three digits after a point.
pub fn duration(seconds: f64, format: &str) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let decimals = format.split_once('.').map_or(0, |(_, digits)| digits.len()).min(3);
    if format == "h:mm" {
        let minutes = whole(seconds.abs() / 60.0);
        return format!("{sign}{}:{:02}", minutes / 60, minutes % 60);
    }
    // Rounded before it is taken apart, so that 59.99 is a minute and not sixty seconds.
    let parts = [1, 10, 100, 1000].get(decimals).copied().unwrap_or(1_u32);
    let (all, parts) = (whole(seconds.abs() * f64::from(parts)), u64::from(parts));
    let seconds = all / parts;
    let point = if decimals == 0 { String::new() } else { format!(".{:0decimals$}", all % parts) };
    format!("{sign}{}:{:02}:{:02}{point}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and the cast saturates"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

fn local(locale: &str) -> &'static str {
    let fitting =
        DIGITS.iter().filter(|(prefix, _)| locale == *prefix || locale.starts_with(&format!("{prefix}-")));
    let best = fitting.max_by_key(|(prefix, _)| prefix.len());
    if locale == "en" { "%-m/%-d/%Y" } else { best.map_or("%-m/%-d/%Y", |(_, pattern)| pattern) }
}

fn is_american(locale: &str) -> bool {
    matches!(locale, "en" | "en-us") || !locale.starts_with("en")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_field_says_or_the_locale() {
        let day = civil::date(2026, 11, 2);
        for (format, locale, expected) in [
            (Some("l"), "en-us", "11/2/2026"),
            (Some("l"), "en", "11/2/2026"),
            (Some("l"), "en-gb", "02/11/2026"),
            (Some("l"), "de", "2.11.2026"),
            (Some("l"), "fr-ca", "2026-11-02"),
            (Some("l"), "tlh", "11/2/2026"),
            (Some("LL"), "en-us", "November 2, 2026"),
            (Some("LL"), "en-ie", "2 November 2026"),
            (Some("M/D/YYYY"), "de", "11/2/2026"),
            (Some("D/M/YYYY"), "en-us", "2/11/2026"),
            (Some("YYYY-MM-DD"), "en-us", "2026-11-02"),
            (None, "en-us", "2026-11-02"),
        ] {
            assert_eq!(date(day, format, locale), expected, "{format:?} {locale}");
        }
    }

    #[test]
    fn durations_are_rounded_before_they_are_taken_apart() {
        for (seconds, format, expected) in [
            (0.0, "h:mm", "0:00"),
            (3661.0, "h:mm", "1:01"),
            (89.0, "h:mm", "0:01"),
            (3599.9, "h:mm:ss", "1:00:00"),
            (61.26, "h:mm:ss.S", "0:01:01.3"),
            (59.999, "h:mm:ss.SS", "0:01:00.00"),
            (1.0016, "h:mm:ss.SSS", "0:00:01.002"),
            (-60.0, "h:mm:ss", "-0:01:00"),
            (360_000.0, "h:mm:ss", "100:00:00"),
        ] {
            assert_eq!(duration(seconds, format), expected, "{seconds} {format}");
        }
    }
}
