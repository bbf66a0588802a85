//! Functions of text. Places count characters from 1.

use std::borrow::Cow;

use regex::Regex;

use super::{ANY, Function, argument, of_pattern, of_values, size, whole};
use crate::formula::{
    evaluate::{LARGEST, Outcome, within},
    pattern,
    value::{Fault, Value},
};

/// Characters that a replacement may look at: each search for a match may go on to the end of the text.
const MOST_WORK: usize = 50_000_000;

pub const FUNCTIONS: &[Function] = &[
    of_values("CONCATENATE", 0, ANY, |values| {
        let texts: Vec<_> = values.iter().map(Value::shown).collect();
        within(texts.iter().map(|text| text.len()).sum())?;
        Ok(Value::of_text(texts.concat()))
    }),
    of_values("ENCODE_URL_COMPONENT", 1, 1, |values| Ok(Value::of_text(encode(&text(values, 0))))),
    of_values("FIND", 2, 3, |values| {
        let place = find(&text(values, 0), &text(values, 1), size(values, 2, 1)?);
        Ok(Value::Number(place.unwrap_or(0.0)))
    }),
    of_values("SEARCH", 2, 3, |values| {
        let place =
            find(&text(values, 0).to_lowercase(), &text(values, 1).to_lowercase(), size(values, 2, 1)?);
        Ok(place.map_or(Value::Blank, Value::Number))
    }),
    of_values("LEFT", 1, 2, |values| Ok(slice(&text(values, 0), 0, size(values, 1, 1)?))),
    of_values("RIGHT", 1, 2, |values| {
        let text = text(values, 0);
        let count = size(values, 1, 1)?;
        Ok(slice(&text, text.chars().count().saturating_sub(count), count))
    }),
    of_values("MID", 3, 3, |values| {
        let start = size(values, 1, 1)?.saturating_sub(1);
        Ok(slice(&text(values, 0), start, size(values, 2, 0)?))
    }),
    of_values("LEN", 1, 1, |values| Ok(Value::Number(length(&text(values, 0))))),
    of_values("LOWER", 1, 1, |values| Ok(Value::of_text(text(values, 0).to_lowercase()))),
    of_values("UPPER", 1, 1, |values| Ok(Value::of_text(text(values, 0).to_uppercase()))),
    of_values("TRIM", 1, 1, |values| Ok(Value::of_text(text(values, 0).trim().to_owned()))),
    of_values("REPLACE", 4, 4, replace),
    of_values("REPT", 2, 2, |values| {
        let (text, times) = (text(values, 0), size(values, 1, 0)?);
        within(text.len().saturating_mul(times))?;
        Ok(Value::of_text(text.repeat(times)))
    }),
    of_values("SUBSTITUTE", 3, 4, substitute),
    of_values("T", 1, 1, |values| match argument(values, 0) {
        text @ Value::Text(_) => Ok(text.clone()),
        _ => Ok(Value::Blank),
    }),
    of_values("VALUE", 1, 1, value),
    of_pattern("REGEX_MATCH", 2, |regex, values| Ok(Value::of_truth(regex.is_match(&text(values, 0))))),
    of_pattern("REGEX_EXTRACT", 2, |regex, values| {
        let text = text(values, 0);
        let found = regex.find(&text).ok_or(Fault)?;
        Ok(Value::of_text(found.as_str().to_owned()))
    }),
    of_pattern("REGEX_REPLACE", 3, regex_replace),
];

fn text<'a>(values: &'a [Value<'_>], place: usize) -> Cow<'a, str> {
    argument(values, place).shown()
}

fn length(text: &str) -> f64 {
    f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX))
}

fn slice<'v>(text: &str, start: usize, count: usize) -> Value<'v> {
    Value::of_text(text.chars().skip(start).take(count).collect::<String>())
}

/// The place of `needle` in `hay`, looked for from the place `start` on.
fn find(needle: &str, hay: &str, start: usize) -> Option<f64> {
    let begin = hay.char_indices().nth(start.saturating_sub(1))?.0;
    let at = begin + hay.get(begin..)?.find(needle).filter(|_| !needle.is_empty())?;
    Some(length(hay.get(..at)?) + 1.0)
}

fn replace<'v>(values: &[Value<'v>]) -> Outcome<'v> {
    let (text, new) = (text(values, 0), text(values, 3));
    let start = size(values, 1, 1)?.saturating_sub(1);
    let count = size(values, 2, 0)?;
    within(text.len().saturating_add(new.len()))?;
    let head = text.chars().take(start);
    let tail = text.chars().skip(start.saturating_add(count));
    Ok(Value::of_text(head.chain(new.chars()).chain(tail).collect::<String>()))
}

fn substitute<'v>(values: &[Value<'v>]) -> Outcome<'v> {
    let (text, old, new) = (text(values, 0), text(values, 1), text(values, 2));
    if old.is_empty() {
        return Ok(Value::of_text(text.into_owned()));
    }
    let nth = whole(values, 3, 0)?;
    if nth <= 0 {
        let occurrences = text.matches(&*old).count();
        within(text.len() - occurrences * old.len() + occurrences.saturating_mul(new.len()))?;
        return Ok(Value::of_text(text.replace(&*old, &new)));
    }
    let nth = usize::try_from(nth).unwrap_or(usize::MAX);
    Ok(Value::of_text(match text.match_indices(&*old).nth(nth - 1) {
        Some((at, _)) => {
            let (head, tail) = text.split_at(at);
            within(text.len().saturating_add(new.len()))?;
            format!("{head}{new}{}", tail.strip_prefix(&*old).unwrap_or(tail))
        }
        None => text.into_owned(),
    }))
}

fn regex_replace<'v>(regex: &Regex, values: &[Value<'v>]) -> Outcome<'v> {
    let (text, replacement) = (text(values, 0), pattern::replacement(&text(values, 2)));
    let most_matches = MOST_WORK / text.len().max(1);
    let matches = regex.find_iter(&text).take(most_matches).count();
    // A group is no longer than the match it is in, and matches don't overlap.
    let of_groups = text.len().saturating_mul(1 + replacement.matches("${").count());
    if matches == most_matches
        || of_groups.saturating_add(matches.saturating_mul(replacement.len())) > LARGEST
    {
        return Err(Fault);
    }
    let replaced = regex.replace_all(&text, replacement.as_str()).into_owned();
    within(replaced.len())?;
    Ok(Value::of_text(replaced))
}

/// The number in a text: currency signs, thousands and units are passed over, a percent sign divides.
fn value<'v>(values: &[Value<'v>]) -> Outcome<'v> {
    let argument = argument(values, 0);
    if let Value::Number(_) | Value::Blank = argument {
        return Ok(argument.clone());
    }
    crate::number::read(&argument.shown()).map(Value::Number).ok_or(Fault)
}

fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}
