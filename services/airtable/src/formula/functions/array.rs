//! Functions of cells with several values.

use std::collections::HashSet;

use super::{ANY, Function, argument, of_values, whole};
use crate::formula::{
    evaluate::{self, Outcome},
    value::Value,
};

pub const FUNCTIONS: &[Function] = &[
    of_values("ARRAYJOIN", 1, 2, |values| {
        let separator = values.get(1).map_or_else(|| ", ".to_owned(), Value::text);
        let items: Vec<_> = argument(values, 0).leaves().into_iter().map(Value::shown).collect();
        let length: usize = items.iter().map(|item| item.len().saturating_add(separator.len())).sum();
        evaluate::within(length.saturating_sub(separator.len()))?;
        Ok(Value::of_text(items.join(&separator)))
    }),
    of_values("ARRAYCOMPACT", 1, 1, |values| {
        Ok(list(argument(values, 0).leaves().into_iter().filter(|item| !item.is_blank())))
    }),
    of_values("ARRAYFLATTEN", 1, ANY, |values| Ok(list(values.iter().flat_map(Value::leaves)))),
    of_values("ARRAYUNIQUE", 1, 1, |values| {
        let mut seen = HashSet::new();
        Ok(list(argument(values, 0).leaves().into_iter().filter(|item| seen.insert(item.shown()))))
    }),
    of_values("ARRAYSLICE", 2, 3, slice),
];

fn list<'a, 'v: 'a>(items: impl Iterator<Item = &'a Value<'v>>) -> Value<'v> {
    Value::List(items.cloned().collect())
}

/// From one place to another, both counted from 1 and included; negative places count from the end.
fn slice<'v>(values: &[Value<'v>]) -> Outcome<'v> {
    let items = argument(values, 0).leaves();
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let place = |given: i64| if given < 0 { length.saturating_add(given) } else { given.saturating_sub(1) };
    let (first, last) = (place(whole(values, 1, 1)?), place(whole(values, 2, length)?));
    let inside = (0_i64..).zip(items).filter(|(at, _)| (first..=last).contains(at)).map(|(_, item)| item);
    Ok(list(inside))
}
