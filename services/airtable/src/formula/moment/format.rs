//! A moment as a pattern has it.

use jiff::{Zoned, civil::Weekday};

use super::{Part, next, written_out};
use crate::formula::{locale::Locale, value::Moment};

/// The moment in its own time zone and language, as the pattern has it.
pub fn format(moment: &Moment, pattern: &str) -> String {
    let pattern = written_out(pattern, moment.locale);
    let mut out = String::new();
    let mut rest = pattern.as_str();
    while !rest.is_empty() {
        let (part, after) = next(rest);
        match part {
            Part::Token(token) => out += &shown(&moment.at, token, moment.locale),
            Part::Fraction(digits) => {
                out += format!("{:09}", moment.at.subsec_nanosecond()).get(..digits).unwrap_or_default();
            }
            Part::Text(text) => out += text,
        }
        rest = after;
    }
    out
}

fn shown(at: &Zoned, token: &str, locale: Locale) -> String {
    let name = |names: &[&str], place: i8| {
        usize::try_from(place)
            .ok()
            .and_then(|place| names.get(place))
            .map_or_else(String::new, |name| (*name).trim().to_owned())
    };
    let (month, weekday) = (at.month() - 1, at.weekday().to_sunday_zero_offset());
    let twelve = (at.hour() + 11) % 12 + 1;
    let iso = at.date().iso_week_date();
    match token {
        "YYYY" => format!("{:04}", at.year()),
        "YY" => format!("{:02}", at.year().rem_euclid(100)),
        "GGGG" => iso.year().to_string(),
        "GG" => format!("{:02}", iso.year().rem_euclid(100)),
        "gggg" => week_year(at).to_string(),
        "gg" => format!("{:02}", week_year(at).rem_euclid(100)),
        "Q" => (month / 3 + 1).to_string(),
        "Qo" => ordinal((month / 3 + 1).into()),
        "MMMM" => name(locale.months(), month),
        "MMM" => name(locale.short_months(), month),
        "MM" => format!("{:02}", at.month()),
        "M" => at.month().to_string(),
        "Mo" => ordinal(at.month().into()),
        "DDDD" => format!("{:03}", at.day_of_year()),
        "DDD" => at.day_of_year().to_string(),
        "DDDo" => ordinal(at.day_of_year()),
        "DD" => format!("{:02}", at.day()),
        "D" => at.day().to_string(),
        "Do" => ordinal(at.day().into()),
        "dddd" => name(locale.days(), weekday),
        "ddd" => name(locale.short_days(), weekday),
        "dd" => name(locale.short_days(), weekday).chars().take(2).collect(),
        "d" | "e" => weekday.to_string(),
        "do" => ordinal(weekday.into()),
        "E" => at.weekday().to_monday_one_offset().to_string(),
        "w" => week(at).to_string(),
        "wo" => ordinal(week(at)),
        "ww" => format!("{:02}", week(at)),
        "W" => iso.week().to_string(),
        "Wo" => ordinal(iso.week().into()),
        "WW" => format!("{:02}", iso.week()),
        "HH" => format!("{:02}", at.hour()),
        "H" => at.hour().to_string(),
        "hh" => format!("{twelve:02}"),
        "h" => twelve.to_string(),
        "kk" => format!("{:02}", (at.hour() + 23) % 24 + 1),
        "k" => ((at.hour() + 23) % 24 + 1).to_string(),
        "mm" => format!("{:02}", at.minute()),
        "m" => at.minute().to_string(),
        "ss" => format!("{:02}", at.second()),
        "s" => at.second().to_string(),
        "A" => if at.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        "a" => if at.hour() < 12 { "am" } else { "pm" }.to_owned(),
        "ZZ" => at.strftime("%z").to_string(),
        "Z" => at.strftime("%:z").to_string(),
        "zz" | "z" => at.strftime("%Z").to_string(),
        "X" => at.timestamp().as_second().to_string(),
        "x" => at.timestamp().as_millisecond().to_string(),
        _ => String::new(),
    }
}

/// The week that the first of January lies in is the first, and weeks begin on Sunday.
fn week(at: &Zoned) -> i16 {
    let saturday = last_of_week(at);
    if saturday.0 == at.year() { (saturday.1 - 1) / 7 + 1 } else { 1 }
}

/// The year that the week belongs to.
fn week_year(at: &Zoned) -> i16 {
    last_of_week(at).0
}

/// Year and day of the year of the Saturday of the week.
fn last_of_week(at: &Zoned) -> (i16, i16) {
    let date = at.date();
    let left = Weekday::Saturday.to_sunday_zero_offset() - date.weekday().to_sunday_zero_offset();
    let saturday = date.saturating_add(jiff::Span::new().days(left));
    (saturday.year(), saturday.day_of_year())
}

fn ordinal(number: i16) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at: &str, locale: &str, cases: &[(&str, &str)]) {
        let moment = Moment { at: at.parse().unwrap(), locale: Locale::named(locale).unwrap() };
        for (pattern, expected) in cases {
            assert_eq!(format(&moment, pattern), *expected, "{pattern}");
        }
    }

    #[test]
    fn every_token_shows_what_moment_js_shows() {
        check(
            "2026-11-02T15:04:05.678[Europe/Berlin]",
            "en",
            &[
                ("YYYY YY gggg gg GGGG GG", "2026 26 2026 26 2026 26"),
                ("Q Qo M Mo MM MMM MMMM", "4 4th 11 11th 11 Nov November"),
                ("D Do DD DDD DDDo DDDD", "2 2nd 02 306 306th 306"),
                ("d do dd ddd dddd e E", "1 1st Mo Mon Monday 1 1"),
                ("w wo ww W Wo WW", "45 45th 45 45 45th 45"),
                ("H HH h hh k kk m mm s ss", "15 15 3 03 15 15 4 04 5 05"),
                ("S SS SSS SSSS A a", "6 67 678 6780 PM pm"),
                ("Z ZZ z X x", "+01:00 +0100 CET 1793628245 1793628245678"),
                ("LT LTS L l", "3:04 PM 3:04:05 PM 11/02/2026 11/2/2026"),
                ("LL ll", "November 2, 2026 Nov 2, 2026"),
                ("LLL lll", "November 2, 2026 3:04 PM Nov 2, 2026 3:04 PM"),
                ("LLLL", "Monday, November 2, 2026 3:04 PM"),
                ("llll", "Mon, Nov 2, 2026 3:04 PM"),
                ("[Today is] dddd \\Q[Q]", "Today is Monday QQ"),
                ("[[Day] D [D", "[Day 2 [2"),
                ("YYYY-MM-DDTHH:mm:ss.SSSZ", "2026-11-02T15:04:05.678+01:00"),
            ],
        );
    }

    #[test]
    fn weeks_at_the_turn_of_the_year_belong_to_the_year_of_their_saturday_or_thursday() {
        check("2026-12-31T00:30:00[UTC]", "en", &[("gggg w GGGG W h k", "2027 1 2026 53 12 24")]);
        check("2027-01-02T12:00:00[UTC]", "en", &[("gggg w GGGG W h k", "2027 1 2026 53 12 12")]);
    }

    #[test]
    fn names_and_dates_are_those_of_the_locale() {
        check(
            "2026-03-02T15:04:05[UTC]",
            "de",
            &[("dddd, D. MMMM YYYY", "Montag, 2. März 2026"), ("L LT", "02.03.2026 15:04")],
        );
        check("2026-03-02T15:04:05[UTC]", "fr", &[("LL", "2 mars 2026"), ("dddd", "lundi")]);
        check("2026-03-02T15:04:05[UTC]", "en-gb", &[("L", "02/03/2026")]);
    }
}
