//! Patterns of REGEX functions: RE2's notation, which Airtable takes, in that of the regex crate.

use regex::{Regex, RegexBuilder};

use super::value::Fault;

/// Bytes that a built pattern may take: repetitions of repetitions grow without end, and so does the time of a search.
const LARGEST: usize = 1 << 17;

/// The pattern; one that is misshapen or too large is an error.
pub fn regex(pattern: &str) -> Result<Regex, Fault> {
    let mut builder = RegexBuilder::new(&translated(pattern));
    builder.size_limit(LARGEST).nest_limit(100).build().map_err(|_| Fault)
}

/// `$1` to `$99` are what groups found, `$$` and any other `$` stand for a dollar sign.
pub fn replacement(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let digits = after.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let (group, others) = after.split_at(digits);
        if group.is_empty() {
            out.push_str("$$");
        } else {
            out.extend(["${", group, "}"]);
        }
        rest = others.strip_prefix('$').filter(|_| group.is_empty()).unwrap_or(others);
    }
    out + rest
}

/// RE2's classes know ASCII only, and within brackets only a few characters have a meaning.
fn translated(pattern: &str) -> String {
    let mut out = String::new();
    let mut in_brackets = false;
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next() {
                Some('b') if !in_brackets => out.push_str(r"(?-u:\b)"),
                Some(escaped) => match class(escaped) {
                    Some(class) => out.push_str(class),
                    None => out.extend(['\\', escaped]),
                },
                None => out.push('\\'),
            },
            '[' if in_brackets => match rest.as_str().split_once(":]") {
                Some((name, after)) if name.starts_with(':') => {
                    out.extend(["[", name, ":]"]);
                    rest = after.chars();
                }
                _ => out.push_str(r"\["),
            },
            '&' | '~' if in_brackets => out.extend(['\\', character]),
            '[' => {
                in_brackets = true;
                out.push('[');
                // A closing bracket that comes first is meant as such.
                for (first, meant) in [('^', "^"), (']', r"\]")] {
                    if let Some(after) = rest.as_str().strip_prefix(first) {
                        out.push_str(meant);
                        rest = after.chars();
                    }
                }
            }
            ']' => {
                in_brackets = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

fn class(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_re2_means() {
        for (pattern, text, fits) in [
            (r"^\w+$", "abc_1", true),
            (r"^\w+$", "é", false),
            (r"^\W$", "é", true),
            (r"^\d$", "٣", false),
            (r"^[\d.,]+$", "1,000.5", true),
            (r"^[^\s]+$", "a b", false),
            (r"\bfox\b", "a fox!", true),
            ("^[[]$", "[", true),
            ("^[]a]+$", "]a", true),
            ("^[^]]$", "]", false),
            ("^[[:alpha:]-]+$", "a-b", true),
            ("^[a&&b]+$", "&", true),
            ("^.$", "é", true),
            ("(?i)HELLO", "hello", true),
        ] {
            assert_eq!(regex(pattern).unwrap().is_match(text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn misshapen_and_huge_patterns_are_errors() {
        for pattern in ["(", "[", r"(?=x)", r"\", "(a{1000}){1000}", &"(".repeat(10_000)] {
            assert_eq!(regex(pattern).err(), Some(Fault), "{pattern}");
        }
    }

    #[test]
    fn replacements_name_groups_by_number() {
        let replaced =
            |text: &str| regex("(a)(b)").unwrap().replace_all("ab", replacement(text)).into_owned();
        for (text, expected) in [("$2$1", "ba"), ("$1x", "ax"), ("5$", "5$"), ("$$1", "$1"), ("$x", "$x")] {
            assert_eq!(replaced(text), expected, "{text}");
        }
    }
}
