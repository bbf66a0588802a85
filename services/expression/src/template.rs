//! Text with expressions in it, taken apart and put together again.

use std::borrow::Cow;

use crate::path::{self, Path};

/// A piece of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text as it is meant: escapes and quotes resolved.
    Text(Cow<'a, str>),
    /// An expression, and how it was written.
    Expression { path: Path, source: &'a str },
}

/// Takes a string apart; the error is an expression as written and what is wrong with it.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, (String, String)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find("${") {
        let (before, source) = rest.split_at(dollar);
        let (part, after) = if let Some(before) = before.strip_suffix('$') {
            push_text(&mut parts, before);
            (Part::Text("${".into()), source.get(2..).unwrap_or_default())
        } else {
            push_text(&mut parts, before);
            expression(source).map_err(|problem| (written(source).to_owned(), problem))?
        };
        parts.push(part);
        rest = after;
    }
    push_text(&mut parts, rest);
    Ok(parts)
}

/// A string that [`parts`] takes apart into these again, neighbouring texts joined.
pub fn write(parts: &[Part<'_>]) -> String {
    let mut written = String::new();
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(more) => text.push_str(more),
            Part::Expression { source, .. } => {
                // Before an expression, dollars would make an escape of it.
                let plain = text.trim_end_matches('$');
                written.push_str(&escaped(plain));
                match text.strip_prefix(plain) {
                    Some("") | None => {}
                    Some(dollars) => written.extend(["${\"", dollars, "\"}"]),
                }
                written.push_str(source);
                text.clear();
            }
        }
    }
    written.push_str(&escaped(&text));
    // An expression that stood in text, were it only empty text, gives text.
    match parts {
        [_, _, ..] if parts.iter().any(|part| is_all(part, &written)) => format!("${{\"\"}}{written}"),
        _ => written,
    }
}

fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

fn is_all(part: &Part<'_>, written: &str) -> bool {
    matches!(part, Part::Expression { source, .. } if *source == written)
}

fn push_text<'a>(parts: &mut Vec<Part<'a>>, text: &'a str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
}

/// Reads from `${` to its closing brace; also what follows it.
fn expression(source: &str) -> Result<(Part<'_>, &str), String> {
    let inside = source.strip_prefix("${").unwrap_or(source).trim_start();
    if let Some((text, after)) = path::quoted(inside)? {
        let after =
            closed(after).ok_or("has something after the quoted text, where the closing } is expected")?;
        return Ok((Part::Text(text.into()), after));
    }
    let (path, after) = path::parse(inside)?;
    let after = closed(after).ok_or_else(|| unexpected(after))?;
    let source = source.strip_suffix(after).unwrap_or(source);
    Ok((Part::Expression { path, source }, after))
}

fn closed(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix('}')
}

fn unexpected(after: &str) -> String {
    match after.trim_start().chars().next() {
        None => "has no closing }".to_owned(),
        Some(other) => format!(
            "has {other:?} where a member (.name or [\"name\"]), an index ([0]) or the closing }} is expected; \
             only member access is supported"
        ),
    }
}

/// An unreadable expression as far as its closing brace.
fn written(source: &str) -> &str {
    source.split_inclusive('}').next().unwrap_or(source)
}
