//! Whether a record read from Airtable is one that was to be created: pure, and careful to say "can't tell".

use std::collections::{BTreeSet, HashSet};

use airtable::{Cells, FieldType, Table, cell::is_empty};
use jiff::SignedDuration;
use serde_json::Value;

use crate::keyed::write::Create;

/// How a record compares to one that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    Same,
    /// As far as one can see: Airtable may have read the values otherwise than they were written.
    Unclear,
    /// Not as it was written, but a cell of it may be: somebody may have changed the others since.
    Akin,
    Different,
}

/// What records that may be the created ones say about the create.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It happened: the positions of its records, in the order they were asked for.
    Created(Vec<usize>),
    /// None of them is of this create, unless it was changed beyond recognition.
    NotCreated,
    /// Can't tell.
    Unclear,
}

/// The fields, by id and by name, whose texts come back with the punctuation that was written. In rich text it is markup, which
/// Airtable writes in its own way; a field that nobody knows may be that.
#[derive(Debug, Default)]
pub struct PlainText(HashSet<String>);

impl PlainText {
    /// Those of `table`.
    pub fn of(table: &Table) -> Self {
        use FieldType::{Email, MultilineText, PhoneNumber, SingleLineText, Url};
        let is_plain =
            |kind: &FieldType| matches!(kind, SingleLineText | MultilineText | Email | PhoneNumber | Url);
        let plain = table.fields.iter().filter(|field| is_plain(&field.field_type));
        Self(plain.flat_map(|field| [field.id.clone(), field.name.clone()]).collect())
    }

    /// Whether `create` writes any of them.
    pub fn is_in(&self, create: &Create) -> bool {
        create.records.iter().flat_map(|record| record.keys()).any(|name| self.0.contains(name))
    }
}

/// What `candidates` (the cells of records, oldest first) say about `create`.
pub fn judge(create: &Create, candidates: &[Cells], plain: &PlainText) -> Verdict {
    let mut taken = Vec::new();
    for wanted in &create.records {
        let fits = |(position, found): &(usize, &Cells)| {
            !taken.contains(position) && compare(wanted, found, create.typecast, plain) == Likeness::Same
        };
        if let Some((position, _)) = candidates.iter().enumerate().find(fits) {
            taken.push(position);
        }
    }
    let others = candidates.iter().enumerate().filter(|(position, _)| !taken.contains(position));
    let closest = others.map(|(_, found)| closest(create, found, plain)).min().unwrap_or(Likeness::Different);
    match (taken.len(), closest) {
        (0, Likeness::Different) => Verdict::NotCreated,
        (count, Likeness::Akin | Likeness::Different) if count == create.records.len() => {
            Verdict::Created(taken)
        }
        _ => Verdict::Unclear,
    }
}

/// How `found` compares to that of the records asked for which is most like it.
pub fn closest(create: &Create, found: &Cells, plain: &PlainText) -> Likeness {
    let all = create.records.iter().map(|wanted| compare(wanted, found, create.typecast, plain));
    all.min().unwrap_or(Likeness::Different)
}

/// By all cells that were written; a record without any is like every other.
fn compare(wanted: &Cells, found: &Cells, typecast: bool, plain: &PlainText) -> Likeness {
    let written = wanted.iter().filter(|(_, cell)| !is_empty(cell));
    let cells: Vec<Likeness> = written
        .map(|(name, cell)| match found.get(name) {
            Some(found) => compare_cell(cell, found, typecast, plain.0.contains(name)),
            // Airtable drops attachments that it can't fetch, and what typecast can't convert.
            None if typecast || cell.is_array() || cell.is_object() => Likeness::Unclear,
            None => Likeness::Different,
        })
        .collect();
    let emptied =
        wanted.iter().any(|(name, cell)| is_empty(cell) && found.get(name).is_some_and(|it| !is_empty(it)));
    let least = match (cells.iter().min(), cells.iter().max()) {
        (Some(most), Some(Likeness::Different)) if *most < Likeness::Different => Likeness::Akin,
        (_, least) => least.copied().unwrap_or(Likeness::Unclear),
    };
    if emptied { least.max(Likeness::Unclear) } else { least }
}

fn compare_cell(wanted: &Value, found: &Value, typecast: bool, is_plain: bool) -> Likeness {
    if wanted == found {
        return Likeness::Same;
    }
    match (wanted, found) {
        _ if typecast => Likeness::Unclear,
        (Value::Number(wanted), Value::Number(found)) => compare_numbers(wanted.as_f64(), found.as_f64()),
        (Value::String(wanted), Value::String(found)) => compare_texts(wanted, found, is_plain),
        (Value::Bool(_), Value::Bool(_)) => Likeness::Different,
        (Value::Array(wanted), Value::Array(found)) => compare_lists(wanted, found),
        // Attachments, collaborators, barcodes and the like come back with more than was written.
        _ => Likeness::Unclear,
    }
}

/// Choices and links may come back without duplicates and in another order; what is in both lists may be left of what
/// was written.
fn compare_lists(wanted: &[Value], found: &[Value]) -> Likeness {
    match (texts(wanted), texts(found)) {
        (Some(wanted), Some(found)) if wanted.is_disjoint(&found) => Likeness::Different,
        _ => Likeness::Unclear,
    }
}

fn texts(items: &[Value]) -> Option<BTreeSet<&str>> {
    items.iter().map(Value::as_str).collect()
}

/// A field's precision may round what was written.
fn compare_numbers(wanted: Option<f64>, found: Option<f64>) -> Likeness {
    match (wanted, found) {
        (Some(wanted), Some(found)) if (wanted - found).abs() < f64::EPSILON => Likeness::Same,
        (Some(wanted), Some(found)) if (wanted - found).abs() >= 1.0 => Likeness::Different,
        _ => Likeness::Unclear,
    }
}

const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// Texts that are points in time are compared as such: Airtable keeps and writes milliseconds. White space and line ends
/// do not count; rich text comes back with other punctuation, but with the same words.
fn compare_texts(wanted: &str, found: &str, is_plain: bool) -> Likeness {
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match (time(wanted), time(found)) {
        (Some(wanted), Some(found)) if wanted.duration_since(found).abs() < MILLISECOND => Likeness::Same,
        (Some(_), Some(_)) => Likeness::Different,
        _ if wanted.split_whitespace().eq(found.split_whitespace()) => Likeness::Same,
        _ if is_plain => Likeness::Different,
        (None, None) if !is_date(wanted) && !is_date(found) && words(wanted) != words(found) => {
            Likeness::Different
        }
        _ => Likeness::Unclear,
    }
}

fn words(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).collect()
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
        judged_in(wanted, found, &PlainText::default())
    }

    fn judged_in(wanted: &[Value], found: &[Value], plain: &PlainText) -> Verdict {
        judge(&create(wanted, false), &found.iter().cloned().map(cells).collect::<Vec<_>>(), plain)
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
        let wanted = [json!({"Name": "A", "Amount": 1, "When": "2026-01-01T00:00:00Z"})];
        assert_eq!(judged(&wanted, &[]), Verdict::NotCreated);
        let others =
            [json!({"Name": "B", "Amount": 3, "When": "2026-01-01T00:00:01.000Z"}), json!({"Else": 1})];
        assert_eq!(judged(&wanted, &others), Verdict::NotCreated);
    }

    #[test]
    fn a_record_that_shares_a_cell_may_have_been_changed_since() {
        let wanted = [json!({"Name": "A", "Status": "New"})];
        let changed = json!({"Name": "changed by hand", "Status": "New"});
        assert_eq!(judged(&wanted, std::slice::from_ref(&changed)), Verdict::Unclear);
        assert_eq!(judged(&wanted, &[json!({"Name": "A"})]), Verdict::Unclear, "a cell was emptied");
        assert_eq!(
            judged(&wanted, &[changed, json!({"Name": "A", "Status": "New"})]),
            Verdict::Created(vec![1]),
            "where the very record is there, that one is meant"
        );
    }

    #[test]
    fn what_airtable_may_have_converted_is_never_different() {
        for (wanted, found) in [
            (json!({"File": [{"url": "u"}]}), json!({})),
            (json!({"Tags": ["x", "x"]}), json!({"Tags": ["x"]})),
            (json!({"Tags": ["x", "y"]}), json!({"Tags": ["y", "x"]})),
            (json!({"Text": "* one\n* two"}), json!({"Text": "- one\n- two\n"})),
        ] {
            assert_eq!(judged(std::slice::from_ref(&wanted), &[found]), Verdict::Unclear, "{wanted}");
        }
    }

    #[test]
    fn punctuation_counts_where_no_field_can_be_rich_text() {
        let field = |name: &str, kind: &str| json!({"id": format!("fld{name}"), "name": name, "type": kind});
        let fields = [field("No", "singleLineText"), field("Text", "richText"), field("Else", "new")];
        let table: Table = serde_json::from_value(
            json!({"id": "tbl1", "name": "T", "primaryFieldId": "fldNo", "fields": fields}),
        )
        .unwrap();
        let plain = PlainText::of(&table);
        let compared = |name: &str| {
            judged_in(&[json!({name: "R2-0"})], &[json!({name: "R-20"}), json!({name: "R 2-0"})], &plain)
        };
        for name in ["No", "fldNo"] {
            assert_eq!(compared(name), Verdict::NotCreated, "{name}");
        }
        for name in ["Text", "fldText", "Else", "Unknown"] {
            assert_eq!(compared(name), Verdict::Unclear, "{name}");
        }
        let same =
            judged_in(&[json!({"No": "R2-0 "})], &[json!({"No": "R-20"}), json!({"No": "R2-0"})], &plain);
        assert_eq!(same, Verdict::Created(vec![1]));
    }

    #[test]
    fn white_space_and_line_ends_do_not_count() {
        let found = json!({"Text": "one two\nthree\n"});
        assert_eq!(judged(&[json!({"Text": "one  two\r\nthree "})], &[found]), Verdict::Created(vec![0]));
    }

    #[test]
    fn times_of_one_millisecond_are_the_same() {
        let wanted = json!({"At": "2026-01-01T01:00:00.123956+01:00"});
        for (found, verdict) in [
            ("2026-01-01T00:00:00.123Z", Verdict::Created(vec![0])),
            ("2026-01-01T00:00:00.124Z", Verdict::Created(vec![0])),
            ("2026-01-01T00:00:00.125Z", Verdict::NotCreated),
            ("2026-01-01T00:00:00.122Z", Verdict::NotCreated),
        ] {
            assert_eq!(judged(std::slice::from_ref(&wanted), &[json!({"At": found})]), verdict, "{found}");
        }
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
        assert_eq!(
            judge(&typecast, &[cells(json!({"Amount": 12}))], &PlainText::default()),
            Verdict::Unclear
        );
        assert_eq!(
            judge(&typecast, &[cells(json!({"Amount": "12"}))], &PlainText::default()),
            Verdict::Created(vec![0])
        );
        assert_eq!(judge(&typecast, &[], &PlainText::default()), Verdict::NotCreated);
    }
}
