//! Text with expressions in it, taken apart.

use crate::path::{self, Path};

/// A piece of a string.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text as it is, escapes resolved.
    Text(&'a str),
    /// An expression, and how it was written.
    Expression { path: Path, source: &'a str },
}

/// Takes a string apart; the error is an expression as written and what is wrong with it.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, (String, String)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find("${") {
        let (before, source) = rest.split_at(dollar);
        if let Some(escaped) = before.strip_suffix('$') {
            parts.extend(
                [Part::Text(escaped), Part::Text("${")].into_iter().filter(|part| *part != Part::Text("")),
            );
            rest = source.get(2..).unwrap_or_default();
            continue;
        }
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let (path, after) = source
            .strip_prefix("${")
            .ok_or_else(|| "does not begin with ${".to_owned())
            .and_then(path::parse)
            .and_then(|(path, after)| match after.trim_start().strip_prefix('}') {
                Some(after) => Ok((path, after)),
                None => Err(unexpected(after)),
            })
            .map_err(|problem| (written(source).to_owned(), problem))?;
        let length = source.len() - after.len();
        parts.push(Part::Expression { path, source: source.get(..length).unwrap_or(source) });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
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
