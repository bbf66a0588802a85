//! Text into tokens.

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

/// The tokens of `text`; `None` for an unclosed quote or brace, or a sign that means nothing.
pub fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '"' | '\'' => quoted(rest, first).map(|(inner, after)| (Token::Text(inner), after))?,
            '{' => quoted(rest, '}').map(|(inner, after)| (Token::Field(inner), after))?,
            '0'..='9' | '.' => number(rest)?,
            _ if starts_word(first) => word(rest),
            _ => sign(rest)?,
        };
        tokens.push(token);
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
    Some((Token::Number(digits.parse().ok()?), after))
}

/// What stands between the first character and `close`; a backslash takes the next character as it is.
fn quoted(rest: &str, close: char) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == close {
            return Some((inner, rest.get(at + character.len_utf8()..)?));
        }
        match character {
            '\\' => match characters.next()?.1 {
                'n' => inner.push('\n'),
                't' => inner.push('\t'),
                escaped => inner.push(escaped),
            },
            other => inner.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_braces_take_escapes() {
        assert_eq!(
            tokens(r#"'it\'s' "a\"b\n" {x\}y}"#).unwrap(),
            [Token::Text("it's".into()), Token::Text("a\"b\n".into()), Token::Field("x}y".into())]
        );
    }

    #[test]
    fn what_is_not_closed_or_not_known_is_no_formula() {
        for text in ["'abc", "{abc", "1 % 2", "a == b #", "1.2.3"] {
            assert_eq!(tokens(text), None, "{text}");
        }
    }
}
