//! Patterns of moments in the notation of moment.js: `YYYY-MM-DD`, `h:mm a`, `[text]`.

mod format;
mod parse;

pub use format::format;
pub use parse::parse;

use super::locale::Locale;

/// All tokens; one that begins with another stands before it.
const TOKENS: [&str; 52] = [
    "YYYY", "YY", "GGGG", "GG", "gggg", "gg", "Qo", "Q", "MMMM", "MMM", "MM", "Mo", "M", "DDDD", "DDDo",
    "DDD", "DD", "Do", "D", "dddd", "ddd", "dd", "do", "d", "e", "E", "wo", "ww", "w", "Wo", "WW", "W", "HH",
    "H", "hh", "h", "kk", "k", "mm", "m", "ss", "s", "A", "a", "ZZ", "Z", "zz", "z", "X", "x", "LTS", "LT",
];

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Token(&'static str),
    /// So many digits of the fraction of a second.
    Fraction(usize),
    Text(&'a str),
}

/// Whether a pattern is short enough to be read for each record, in bytes; what it shows is then within the limit of texts.
pub const fn is_readable(pattern: &str) -> bool {
    pattern.len() <= 1_000
}

/// The pattern with `L`, `LT` and the like written out.
fn written_out(pattern: &str, locale: Locale) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let letters = rest.bytes().take(4).take_while(|byte| rest.as_bytes().first() == Some(byte)).count();
        let short = if rest.starts_with("LTS") {
            "LTS"
        } else if rest.starts_with("LT") {
            "LT"
        } else {
            rest.get(..letters).unwrap_or_default()
        };
        let after = if let Some(long) = locale.shorthand(short) {
            out += &long;
            rest.get(short.len()..).unwrap_or_default()
        } else {
            let (_, after) = next(rest);
            out += rest.get(..rest.len() - after.len()).unwrap_or_default();
            after
        };
        rest = after;
    }
    out
}

/// The first part of a pattern that is not empty, and what comes after it.
fn next(rest: &str) -> (Part<'_>, &str) {
    if let Some((literal, after)) = rest.strip_prefix('[').and_then(literal) {
        return (Part::Text(literal), after);
    }
    let digits = rest.bytes().take(9).take_while(|byte| *byte == b'S').count();
    if digits > 0 {
        return (Part::Fraction(digits), rest.get(digits..).unwrap_or_default());
    }
    if let Some((token, after)) = TOKENS.iter().find_map(|token| Some((*token, rest.strip_prefix(token)?))) {
        return (Part::Token(token), after);
    }
    let escaped = usize::from(rest.starts_with('\\') && rest.len() > 1);
    let end = escaped + rest.chars().nth(escaped).map_or(0, char::len_utf8);
    let (text, after) = rest.split_at(end);
    (Part::Text(text.get(escaped..).unwrap_or_default()), after)
}

/// What stands between brackets, where `inner` begins, and what comes after it. None holds another `[`, as in moment.js,
/// so that brackets that nothing closes cost one look each.
fn literal(inner: &str) -> Option<(&str, &str)> {
    let (literal, after) = inner.split_at_checked(inner.find(['[', ']'])?)?;
    Some((literal, after.strip_prefix(']')?))
}
