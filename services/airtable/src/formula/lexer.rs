//! Text into tokens.

use std::ops::Range;

/// A token of a formula.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Number(f64),
    Text(String),
    /// `{Field name}`, without the braces.
    Field(String),
    /// A bare word: a function where `(` follows, else a field.
    Word(String),
    /// An operator, parenthesis or comma.
    Sign(&'static str),
}

const SIGNS: [&str; 14] = ["!=", "<=", ">=", "=", "<", ">", "&", "+", "-", "*", "/", "(", ")", ","];

/// The tokens of `text` and where each stands; `None` for an unclosed quote or brace, or a sign that means nothing.
pub fn tokens(text: &str) -> Option<Vec<(Token, Range<usize>)>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '"' | '\'' => quoted(rest, first).map(|(inner, after)| (Token::Text(inner), after))?,
            '{' => braced(rest).map(|(inner, after)| (Token::Field(inner), after))?,
            '0'..='9' | '.' => number(rest)?,
            _ if starts_word(first) => word(rest),
            _ => sign(rest)?,
        };
        tokens.push((token, text.len() - rest.len()..text.len() - after.len()));
        rest = after.trim_start();
    }
    Some(tokens)
}

fn starts_word(first: char) -> bool {
    first.is_alphabetic() || first == '_'
}

fn word(rest: &str) -> (Token, &str) {
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    (Token::Word(word.to_owned()), after)
}

fn sign(rest: &str) -> Option<(Token, &str)> {
    SIGNS.iter().find_map(|sign| Some((Token::Sign(sign), rest.strip_prefix(sign)?)))
}

fn number(rest: &str) -> Option<(Token, &str)> {
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    let number: f64 = digits.parse().ok()?;
    number.is_finite().then_some((Token::Number(number), after))
}

/// What stands between two quotes; a backslash before any other character than the known ones stands for itself, so that
/// patterns may be written as `"\d"` and as `"\\d"`.
fn quoted(rest: &str, quote: char) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some((inner, rest.get(at + 1..)?));
        }
        if character != '\\' {
            inner.push(character);
            continue;
        }
        match characters.next()?.1 {
            'n' => inner.push('\n'),
            't' => inner.push('\t'),
            'r' => inner.push('\r'),
            escaped @ ('\\' | '"' | '\'') => inner.push(escaped),
            other => inner.extend(['\\', other]),
        }
    }
    None
}

/// What stands between two braces; `\}` is a brace within the name, any other backslash stands for itself.
fn braced(rest: &str) -> Option<(String, &str)> {
    let mut end = rest.find('}')?;
    while rest.get(..end)?.ends_with('\\') {
        end += 1 + rest.get(end + 1..)?.find('}')?;
    }
    Some((rest.get(1..end)?.replace(r"\}", "}"), rest.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Option<Vec<Token>> {
        Some(tokens(text)?.into_iter().map(|(token, _)| token).collect())
    }

    #[test]
    fn quotes_and_braces_take_escapes() {
        assert_eq!(
            kinds(r#"'it\'s' "a\"b\n\d\\d" {x\}y} {C:\new\\}\}z}"#).unwrap(),
            [
                Token::Text("it's".into()),
                Token::Text("a\"b\n\\d\\d".into()),
                Token::Field("x}y".into()),
                Token::Field(r"C:\new\}}z".into())
            ]
        );
    }

    #[test]
    fn tokens_know_where_they_stand() {
        let text = "  {é}=  'x' ";
        let spans: Vec<_> = tokens(text).unwrap().into_iter().map(|(_, span)| &text[span]).collect();
        assert_eq!(spans, ["{é}", "=", "'x'"]);
    }

    #[test]
    fn what_is_not_closed_or_not_known_is_no_formula() {
        let huge = "9".repeat(400);
        for text in ["'abc", "{abc", r"{abc\}", r"'abc\'", "1 % 2", "a == b #", "1.2.3", ".", &huge] {
            assert_eq!(tokens(text), None, "{text}");
        }
    }
}
