//! Languages of `SET_LOCALE` and `DATETIME_PARSE`: names of months and days, and the order of dates.

use pure_rust_locales::{Locale as Names, locale_match};

/// A language, and a country where that matters. English of the United States where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Locale(Names);

/// Countries of languages that are named without one and don't share their letters with it.
const COUNTRIES: [(&str, &str); 44] = [
    ("af", "ZA"),
    ("ar", "SA"),
    ("be", "BY"),
    ("bn", "BD"),
    ("br", "FR"),
    ("bs", "BA"),
    ("ca", "ES"),
    ("cs", "CZ"),
    ("cy", "GB"),
    ("da", "DK"),
    ("el", "GR"),
    ("en", "US"),
    ("et", "EE"),
    ("eu", "ES"),
    ("fa", "IR"),
    ("fy", "NL"),
    ("gl", "ES"),
    ("he", "IL"),
    ("hi", "IN"),
    ("hy", "AM"),
    ("ja", "JP"),
    ("ka", "GE"),
    ("km", "KH"),
    ("ko", "KR"),
    ("lb", "LU"),
    ("ml", "IN"),
    ("mr", "IN"),
    ("ms", "MY"),
    ("my", "MM"),
    ("nb", "NO"),
    ("ne", "NP"),
    ("nn", "NO"),
    ("sl", "SI"),
    ("sq", "AL"),
    ("sr", "RS"),
    ("sv", "SE"),
    ("ta", "IN"),
    ("te", "IN"),
    ("tl", "PH"),
    ("uk", "UA"),
    ("ur", "PK"),
    ("uz", "UZ"),
    ("vi", "VN"),
    ("zh", "CN"),
];

impl Default for Locale {
    fn default() -> Self {
        Self(Names::en_US)
    }
}

impl Locale {
    /// By moment.js's name, `de` or `en-gb`, in any case; a country that is not known falls back to the language alone.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        let (language, country) = name.split_once(['-', '_']).unwrap_or((&name, ""));
        let known =
            COUNTRIES.iter().find(|(own, _)| *own == language).map_or(language, |(_, country)| country);
        let of = |country: &str| format!("{language}_{}", country.to_uppercase()).as_str().try_into().ok();
        of(country).or_else(|| of(known)).map(Self)
    }

    /// January to December.
    pub fn months(self) -> &'static [&'static str] {
        locale_match!(self.0 => LC_TIME::MON)
    }

    /// The same, shortened.
    pub fn short_months(self) -> &'static [&'static str] {
        locale_match!(self.0 => LC_TIME::ABMON)
    }

    /// Sunday to Saturday.
    pub fn days(self) -> &'static [&'static str] {
        locale_match!(self.0 => LC_TIME::DAY)
    }

    /// The same, shortened.
    pub fn short_days(self) -> &'static [&'static str] {
        locale_match!(self.0 => LC_TIME::ABDAY)
    }

    /// The patterns that `LT`, `L`, `LL` and the like are short for.
    pub fn shorthand(self, short: &str) -> Option<String> {
        let american = self == Self::default();
        let time = if american { "h:mm A" } else { "HH:mm" };
        let day = if american { "MMMM D, YYYY" } else { "D MMMM YYYY" };
        Some(match short {
            "LT" => time.to_owned(),
            "LTS" => time.replace("mm", "mm:ss"),
            "L" => self.date(),
            "l" => self.date().replace("DD", "D").replace("MM", "M"),
            "LL" => day.to_owned(),
            "LLL" => format!("{day} {time}"),
            "LLLL" => format!("dddd, {day} {time}"),
            "ll" => day.replace("MMMM", "MMM"),
            "lll" => format!("{} {time}", day.replace("MMMM", "MMM")),
            "llll" => format!("ddd, {} {time}", day.replace("MMMM", "MMM")),
            _ => return None,
        })
    }

    /// A date in digits, in the order of the country.
    fn date(self) -> String {
        let format = locale_match!(self.0 => LC_TIME::D_FMT).replace(['-', 'O', 'E'], "-").replace("%-", "%");
        let digits = [("%d", "DD"), ("%e", "DD"), ("%m", "MM"), ("%Y", "YYYY"), ("%y", "YYYY")];
        let pattern =
            digits.iter().fold(format, |format, (directive, token)| format.replace(directive, token));
        if pattern.contains('%') { "MM/DD/YYYY".to_owned() } else { pattern }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_found_by_the_names_of_moment_js() {
        for name in
            ["en", "en-gb", "de", "de-at", "DE", "fr-ca", "pt-br", "zh-cn", "ja", "cs", "sr-cyrl", "uk"]
        {
            assert!(Locale::named(name).is_some(), "{name}");
        }
        assert_eq!(Locale::named("de-zz"), Locale::named("de"));
        assert_eq!(Locale::named("klingon"), None);
    }

    #[test]
    fn every_language_of_the_list_is_known() {
        for (name, _) in COUNTRIES {
            assert!(Locale::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn dates_stand_in_the_order_of_the_country() {
        for (name, long, short) in [
            ("en", "MM/DD/YYYY", "M/D/YYYY"),
            ("en-gb", "DD/MM/YYYY", "D/M/YYYY"),
            ("de", "DD.MM.YYYY", "D.M.YYYY"),
            ("sv", "YYYY-MM-DD", "YYYY-M-D"),
            ("cs", "DD.MM.YYYY", "D.M.YYYY"),
        ] {
            let locale = Locale::named(name).unwrap();
            assert_eq!(locale.shorthand("L").as_deref(), Some(long), "{name}");
            assert_eq!(locale.shorthand("l").as_deref(), Some(short), "{name}");
        }
    }
}
