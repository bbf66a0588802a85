//! Functions of cells with several values.

use super::{Function, argument, of_values, whole};
use crate::formula::{compare, evaluate::Outcome, value::Value};

pub const FUNCTIONS: &[Function] = &[
    of_values("ARRAYJOIN", 1, 2, |values| {
        let separator = values.get(1).map_or_else(|| ", ".to_owned(), Value::text);
        let items: Vec<_> = argument(values, 0).leaves().into_iter().map(Value::text).collect();
        Ok(Value::Text(items.join(&separator)))
    }),
    of_values("ARRAYCOMPACT", 1, 1, |values| {
        Ok(list(argument(values, 0).leaves().into_iter().filter(|item| !item.is_blank())))
    }),
    of_values("ARRAYFLATTEN", 1, usize::MAX, |values| Ok(list(values.iter().flat_map(Value::leaves)))),
    of_values("ARRAYUNIQUE", 1, 1, |values| {
        let mut unique: Vec<&Value> = Vec::new();
        for item in argument(values, 0).leaves() {
            if !unique.iter().any(|known| compare::equal(known, item)) {
                unique.push(item);
            }
        }
        Ok(list(unique.into_iter()))
    }),
    of_values("ARRAYSLICE", 2, 3, slice),
];

fn list<'a>(items: impl Iterator<Item = &'a Value>) -> Value {
    Value::List(items.cloned().collect())
}

/// From one place to another, both counted from 1 and included; negative places count from the end.
fn slice(values: &[Value]) -> Outcome {
    let items = argument(values, 0).leaves();
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let place = |given: i64| if given < 0 { length.saturating_add(given) } else { given.saturating_sub(1) };
    let (first, last) = (place(whole(values, 1, 1)?), place(whole(values, 2, length)?));
    let inside = (0_i64..).zip(items).filter(|(at, _)| (first..=last).contains(at)).map(|(_, item)| item);
    Ok(list(inside))
}
