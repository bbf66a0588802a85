//! Functions of text. Places count characters from 1.

use regex::Regex;

use super::{ANY, Function, argument, of_values, size, whole};
use crate::formula::{
    evaluate::Outcome,
    value::{Fault, Value},
};

/// Longest text that a function makes; Airtable's own limit of a long text.
const LONGEST: usize = 100_000;

pub const FUNCTIONS: &[Function] = &[
    of_values("CONCATENATE", 0, ANY, |values| {
        Ok(Value::Text(values.iter().map(Value::text).collect::<String>()))
    }),
    of_values("ENCODE_URL_COMPONENT", 1, 1, |values| Ok(Value::Text(encode(&argument(values, 0).text())))),
    of_values("FIND", 2, 3, |values| Ok(Value::Number(find(values, str::to_owned)?.unwrap_or(0.0)))),
    of_values("SEARCH", 2, 3, |values| {
        Ok(find(values, str::to_lowercase)?.map_or(Value::Blank, Value::Number))
    }),
    of_values("LEFT", 1, 2, |values| Ok(slice(&argument(values, 0).text(), 0, size(values, 1, 1)?))),
    of_values("RIGHT", 1, 2, |values| {
        let text = argument(values, 0).text();
        let count = size(values, 1, 1)?;
        Ok(slice(&text, text.chars().count().saturating_sub(count), count))
    }),
    of_values("MID", 3, 3, |values| {
        let start = size(values, 1, 1)?.saturating_sub(1);
        Ok(slice(&argument(values, 0).text(), start, size(values, 2, 0)?))
    }),
    of_values("LEN", 1, 1, |values| {
        let length = u32::try_from(argument(values, 0).text().chars().count()).unwrap_or(u32::MAX);
        Ok(Value::Number(f64::from(length)))
    }),
    of_values("LOWER", 1, 1, |values| Ok(Value::Text(argument(values, 0).text().to_lowercase()))),
    of_values("UPPER", 1, 1, |values| Ok(Value::Text(argument(values, 0).text().to_uppercase()))),
    of_values("TRIM", 1, 1, |values| Ok(Value::of_text(argument(values, 0).text().trim()))),
    of_values("REPLACE", 4, 4, replace),
    of_values("REPT", 2, 2, |values| {
        let text = argument(values, 0).text();
        let times = size(values, 1, 0)?;
        if text.len().saturating_mul(times) > LONGEST {
            Err(Fault)
        } else {
            Ok(Value::Text(text.repeat(times)))
        }
    }),
    of_values("SUBSTITUTE", 3, 4, substitute),
    of_values("T", 1, 1, |values| match argument(values, 0) {
        text @ Value::Text(_) => Ok(text.clone()),
        _ => Ok(Value::Blank),
    }),
    of_values("VALUE", 1, 1, value),
    of_values("REGEX_MATCH", 2, 2, |values| {
        Ok(Value::of_truth(regex(argument(values, 1))?.is_match(&argument(values, 0).text())))
    }),
    of_values("REGEX_EXTRACT", 2, 2, |values| {
        let text = argument(values, 0).text();
        regex(argument(values, 1))?.find(&text).map(|found| Value::of_text(found.as_str())).ok_or(Fault)
    }),
    of_values("REGEX_REPLACE", 3, 3, |values| {
        let (text, replacement) = (argument(values, 0).text(), argument(values, 2).text());
        let replaced = regex(argument(values, 1))?.replace_all(&text, replacement).into_owned();
        if replaced.len() > LONGEST { Err(Fault) } else { Ok(Value::Text(replaced)) }
    }),
];

fn slice(text: &str, start: usize, count: usize) -> Value {
    Value::Text(text.chars().skip(start).take(count).collect::<String>())
}

/// The place of the first argument in the second, from the third on.
fn find(values: &[Value], fold: fn(&str) -> String) -> Result<Option<f64>, Fault> {
    let needle: Vec<char> = fold(&argument(values, 0).text()).chars().collect();
    let hay: Vec<char> = fold(&argument(values, 1).text()).chars().collect();
    let start = size(values, 2, 1)?.saturating_sub(1);
    if needle.is_empty() {
        return Ok(None);
    }
    let place = hay.windows(needle.len()).skip(start).position(|window| window == needle);
    Ok(place.and_then(|place| u32::try_from(place + start + 1).ok()).map(f64::from))
}

fn replace(values: &[Value]) -> Outcome {
    let text = argument(values, 0).text();
    let start = size(values, 1, 1)?.saturating_sub(1);
    let count = size(values, 2, 0)?;
    let head = text.chars().take(start);
    let tail = text.chars().skip(start.saturating_add(count));
    Ok(Value::Text(head.chain(argument(values, 3).text().chars()).chain(tail).collect::<String>()))
}

fn substitute(values: &[Value]) -> Outcome {
    let (text, old, new) =
        (argument(values, 0).text(), argument(values, 1).text(), argument(values, 2).text());
    if old.is_empty() {
        return Ok(Value::Text(text));
    }
    let occurrences = text.matches(old.as_str()).count();
    if text.len().saturating_add(occurrences.saturating_mul(new.len())) > LONGEST {
        return Err(Fault);
    }
    let nth = whole(values, 3, 0)?;
    if nth <= 0 {
        return Ok(Value::Text(text.replace(&old, &new)));
    }
    let nth = usize::try_from(nth).unwrap_or(usize::MAX);
    Ok(Value::Text(match text.match_indices(old.as_str()).nth(nth - 1) {
        Some((at, _)) => {
            let (head, tail) = text.split_at(at);
            format!("{head}{new}{}", tail.strip_prefix(old.as_str()).unwrap_or(tail))
        }
        None => text,
    }))
}

/// The number in a text: currency signs, thousands and units are passed over.
fn value(values: &[Value]) -> Outcome {
    let argument = argument(values, 0);
    if let Value::Number(_) = argument {
        return Ok(argument.clone());
    }
    let digits: String =
        argument.text().chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
    digits.parse().map(Value::Number).map_err(|_| Fault)
}

fn regex(pattern: &Value) -> Result<Regex, Fault> {
    Regex::new(&pattern.text()).map_err(|_| Fault)
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
