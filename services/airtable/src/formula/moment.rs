//! Patterns of moments in the notation of moment.js: `YYYY-MM-DD`, `h:mm a`, `[text]`.

use jiff::{Timestamp, Zoned, civil, tz::TimeZone};

const TOKENS: [&str; 34] = [
    "YYYY", "YY", "Q", "MMMM", "MMM", "MM", "M", "DDDD", "DDD", "Do", "DD", "D", "dddd", "ddd", "dd", "d",
    "E", "WW", "W", "ww", "w", "HH", "H", "hh", "h", "mm", "m", "ss", "s", "SSS", "A", "a", "ZZ", "Z",
];

/// Localised patterns, English.
const SHORTHANDS: [(&str, &str); 8] = [
    ("LLLL", "dddd, MMMM D, YYYY h:mm A"),
    ("LLL", "MMMM D, YYYY h:mm A"),
    ("LTS", "h:mm:ss A"),
    ("LT", "h:mm A"),
    ("LL", "MMMM D, YYYY"),
    ("L", "MM/DD/YYYY"),
    ("ll", "MMM D, YYYY"),
    ("l", "M/D/YYYY"),
];

/// A part of a pattern.
enum Part<'a> {
    Token(&'static str),
    Text(&'a str),
}

/// The moment in its own time zone, as the pattern has it.
pub fn format(moment: &Zoned, pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        if let Some((short, long)) = SHORTHANDS.iter().find(|(short, _)| rest.starts_with(short)) {
            out += &format(moment, long);
            rest = rest.get(short.len()..).unwrap_or_default();
            continue;
        }
        let (part, after) = next(rest);
        match part {
            Part::Token(token) => out += &token_text(moment, token),
            Part::Text(text) => out += text,
        }
        rest = after;
    }
    out
}

/// Reads `text` by the pattern, in UTC where it names no offset; `None` where it does not fit.
pub fn parse(text: &str, pattern: &str) -> Option<Timestamp> {
    let expanded = SHORTHANDS.iter().find(|(short, _)| *short == pattern).map_or(pattern, |(_, long)| long);
    let (mut strptime, mut rest) = (String::new(), expanded);
    let mut has_offset = false;
    while !rest.is_empty() {
        let (part, after) = next(rest);
        match part {
            Part::Token(token) => {
                strptime += directive(token)?;
                has_offset |= token.starts_with('Z');
            }
            Part::Text(literal) => strptime += &literal.replace('%', "%%"),
        }
        rest = after;
    }
    let broken = jiff::fmt::strtime::parse(&strptime, text.trim()).ok()?;
    if has_offset {
        return broken.to_timestamp().ok();
    }
    let date = broken.to_date().or_else(|_| {
        civil::Date::new(
            broken.year().unwrap_or(1970),
            broken.month().unwrap_or(1),
            broken.day().unwrap_or(1),
        )
    });
    let time = broken.to_time().unwrap_or(civil::Time::midnight());
    TimeZone::UTC.to_timestamp(date.ok()?.to_datetime(time)).ok()
}

fn next(rest: &str) -> (Part<'_>, &str) {
    if let Some((literal, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return (Part::Text(literal), after);
    }
    if let Some((token, after)) = TOKENS.iter().find_map(|token| Some((*token, rest.strip_prefix(token)?))) {
        return (Part::Token(token), after);
    }
    let end = rest.chars().next().map_or(0, char::len_utf8);
    let (text, after) = rest.split_at(end);
    (Part::Text(text), after)
}

fn token_text(at: &Zoned, token: &str) -> String {
    let show = |directive: &str| at.strftime(directive).to_string();
    match token {
        "Q" => ((at.month() - 1) / 3 + 1).to_string(),
        "Do" => ordinal(at.day()),
        "dd" => show("%a").chars().take(2).collect(),
        "d" => at.weekday().to_sunday_zero_offset().to_string(),
        "A" => show("%p"),
        "a" => show("%P"),
        "w" => (show("%U").parse::<u8>().unwrap_or_default() + 1).to_string(),
        "ww" => format!("{:02}", show("%U").parse::<u8>().unwrap_or_default() + 1),
        token => directive(token).map(show).unwrap_or_default(),
    }
}

/// The same in the notation of strftime; `None` for tokens that only make sense in output.
fn directive(token: &str) -> Option<&'static str> {
    Some(match token {
        "YYYY" => "%Y",
        "YY" => "%y",
        "MMMM" => "%B",
        "MMM" => "%b",
        "MM" => "%m",
        "M" => "%-m",
        "DDDD" => "%j",
        "DDD" => "%-j",
        "DD" => "%d",
        "D" => "%-d",
        "dddd" => "%A",
        "ddd" => "%a",
        "E" => "%u",
        "WW" => "%V",
        "W" => "%-V",
        "HH" => "%H",
        "H" => "%-H",
        "hh" => "%I",
        "h" => "%-I",
        "mm" => "%M",
        "m" => "%-M",
        "ss" => "%S",
        "s" => "%-S",
        "SSS" => "%3f",
        "A" | "a" => "%p",
        "ZZ" => "%z",
        "Z" => "%:z",
        _ => return None,
    })
}

fn ordinal(day: i8) -> String {
    let ending = match (day % 10, day) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_show_what_moment_shows() {
        let at: Zoned = "2026-11-02T15:04:05.678[UTC]".parse().unwrap();
        let cases = [
            ("YYYY-MM-DD", "2026-11-02"),
            ("M/D/YY h:mm A", "11/2/26 3:04 PM"),
            ("dddd, MMMM Do [at] HH:mm", "Monday, November 2nd at 15:04"),
            ("YYYY-MM-DDTHH:mm:ss.SSSZ", "2026-11-02T15:04:05.678+00:00"),
            ("[Q]Q LL", "Q4 November 2, 2026"),
        ];
        for (pattern, expected) in cases {
            assert_eq!(format(&at, pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_read_what_they_say() {
        let cases = [
            ("21/11/2026 15:04", "DD/MM/YYYY HH:mm", "2026-11-21T15:04:00Z"),
            ("4 Mar 2017 11 pm", "D MMM YYYY h a", "2017-03-04T23:00:00Z"),
            ("2026-11", "YYYY-MM", "2026-11-01T00:00:00Z"),
        ];
        for (text, pattern, expected) in cases {
            assert_eq!(parse(text, pattern), Some(expected.parse().unwrap()), "{text}");
        }
        assert_eq!(parse("soon", "YYYY"), None);
    }
}
