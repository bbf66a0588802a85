//! Whether a record read from Airtable is one that was to be created: pure, and careful to say "can't tell".

use serde_json::Value;

use crate::write::{Cells, Create, is_empty};

/// How a record compares to one that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    Same,
    /// Airtable may have read the value otherwise than it was written.
    Unclear,
    Different,
}

/// What records that may be the created ones say about the create.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It happened: the positions of its records, in the order they were asked for.
    Created(Vec<usize>),
    /// None of them is of this create.
    NotCreated,
    /// Can't tell.
    Unclear,
}

/// What `candidates` (the cells of records, oldest first) say about `create`.
pub fn judge(create: &Create, candidates: &[Cells]) -> Verdict {
    let likeness = |wanted: &Cells, found: &Cells| compare(wanted, found, create.typecast);
    let mut taken = Vec::new();
    for wanted in &create.records {
        let fits = |(position, found): &(usize, &Cells)| {
            !taken.contains(position) && likeness(wanted, found) == Likeness::Same
        };
        if let Some((position, _)) = candidates.iter().enumerate().find(fits) {
            taken.push(position);
        }
    }
    let resembles =
        |found: &Cells| create.records.iter().any(|wanted| likeness(wanted, found) != Likeness::Different);
    let others = candidates
        .iter()
        .enumerate()
        .filter(|(position, found)| !taken.contains(position) && resembles(found));
    match (taken.len(), others.count()) {
        (0, 0) => Verdict::NotCreated,
        (count, 0) if count == create.records.len() => Verdict::Created(taken),
        _ => Verdict::Unclear,
    }
}

/// The least alike of all cells that were written; a record without any is like every other.
fn compare(wanted: &Cells, found: &Cells, typecast: bool) -> Likeness {
    let cells = wanted.iter().filter(|(_, cell)| !is_empty(cell));
    let likeness = cells.map(|(name, cell)| match found.get(name) {
        Some(found) => compare_cell(cell, found, typecast),
        None if typecast => Likeness::Unclear,
        None => Likeness::Different,
    });
    let emptied =
        wanted.iter().any(|(name, cell)| is_empty(cell) && found.get(name).is_some_and(|it| !is_empty(it)));
    let least = likeness.max().unwrap_or(Likeness::Unclear);
    if emptied { least.max(Likeness::Unclear) } else { least }
}

fn compare_cell(wanted: &Value, found: &Value, typecast: bool) -> Likeness {
    if wanted == found {
        return Likeness::Same;
    }
    match (wanted, found) {
        _ if typecast => Likeness::Unclear,
        (Value::Number(wanted), Value::Number(found)) => compare_numbers(wanted.as_f64(), found.as_f64()),
        (Value::String(wanted), Value::String(found)) => compare_texts(wanted, found),
        (Value::Bool(_), Value::Bool(_)) => Likeness::Different,
        (Value::Array(wanted), Value::Array(found)) if wanted.len() != found.len() => Likeness::Different,
        (Value::Array(wanted), Value::Array(found)) => {
            let items = wanted.iter().zip(found).map(|(wanted, found)| compare_cell(wanted, found, typecast));
            items.max().unwrap_or(Likeness::Same)
        }
        // Attachments, collaborators, barcodes and the like come back with more than was written.
        _ => Likeness::Unclear,
    }
}

/// A field's precision may round what was written.
fn compare_numbers(wanted: Option<f64>, found: Option<f64>) -> Likeness {
    match (wanted, found) {
        (Some(wanted), Some(found)) if (wanted - found).abs() < f64::EPSILON => Likeness::Same,
        (Some(wanted), Some(found)) if (wanted - found).abs() >= 1.0 => Likeness::Different,
        _ => Likeness::Unclear,
    }
}

/// Texts that are points in time are compared as such: Airtable always writes milliseconds.
fn compare_texts(wanted: &str, found: &str) -> Likeness {
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match (time(wanted), time(found)) {
        (Some(wanted), Some(found)) if wanted == found => Likeness::Same,
        (Some(_), Some(_)) => Likeness::Different,
        _ if wanted.trim() == found.trim() => Likeness::Unclear,
        (None, None) if !is_date(wanted) && !is_date(found) => Likeness::Different,
        _ => Likeness::Unclear,
    }
}

/// Dates may be written in several forms.
fn is_date(text: &str) -> bool {
    text.len() >= 8 && text.bytes().take(4).all(|byte| byte.is_ascii_digit()) && text.contains(['-', '/'])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cells(value: Value) -> Cells {
        serde_json::from_value(value).unwrap()
    }

    fn create(records: &[Value], typecast: bool) -> Create {
        let records = records.iter().cloned().map(cells).collect();
        Create { table: String::new(), records, single: false, typecast, by_field_id: false }
    }

    fn judged(wanted: &[Value], found: &[Value]) -> Verdict {
        judge(&create(wanted, false), &found.iter().cloned().map(cells).collect::<Vec<_>>())
    }

    #[test]
    fn records_with_exactly_these_cells_are_the_created_ones_in_the_order_asked_for() {
        let (a, b) = (json!({"Name": "A", "Amount": 1}), json!({"Name": "B", "Paid": false, "Note": null}));
        let found =
            [json!({"Name": "B", "Computed": 7}), json!({"Name": "C"}), json!({"Name": "A", "Amount": 1.0})];
        assert_eq!(judged(&[a, b], &found), Verdict::Created(vec![2, 0]));
    }

    #[test]
    fn no_record_or_only_different_ones_prove_that_nothing_was_created() {
        let wanted = [json!({"Name": "A", "Tags": ["x"], "When": "2026-01-01T00:00:00Z"})];
        assert_eq!(judged(&wanted, &[]), Verdict::NotCreated);
        let others = [
            json!({"Name": "B", "Tags": ["x"], "When": "2026-01-01T00:00:00.000Z"}),
            json!({"Name": "A", "Tags": ["x", "y"], "When": "2026-01-01T00:00:00.000Z"}),
            json!({"Name": "A", "Tags": ["x"], "When": "2026-01-01T00:00:01.000Z"}),
            json!({"Name": "A", "Tags": ["x"]}),
        ];
        assert_eq!(judged(&wanted, &others), Verdict::NotCreated);
    }

    #[test]
    fn too_many_too_few_or_doubtful_ones_can_not_be_told() {
        let a = json!({"Name": "A"});
        assert_eq!(judged(std::slice::from_ref(&a), &[a.clone(), a.clone()]), Verdict::Unclear);
        assert_eq!(judged(&[a.clone(), json!({"Name": "B"})], std::slice::from_ref(&a)), Verdict::Unclear);
        assert_eq!(
            judged(&[json!({"File": [{"url": "u"}]})], &[json!({"File": [{"id": "att", "url": "v"}]})]),
            Verdict::Unclear
        );
        assert_eq!(judged(&[json!({"Ratio": 0.123})], &[json!({"Ratio": 0.12})]), Verdict::Unclear);
        assert_eq!(judged(&[json!({})], &[json!({"Name": "foreign"})]), Verdict::Unclear);
    }

    #[test]
    fn with_typecast_only_equal_cells_are_told() {
        let typecast = create(&[json!({"Amount": "12"})], true);
        assert_eq!(judge(&typecast, &[cells(json!({"Amount": 12}))]), Verdict::Unclear);
        assert_eq!(judge(&typecast, &[cells(json!({"Amount": "12"}))]), Verdict::Created(vec![0]));
        assert_eq!(judge(&typecast, &[]), Verdict::NotCreated);
    }
}
