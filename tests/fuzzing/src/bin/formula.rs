//! Every text is a formula or is refused; a formula prints as the same one, and has one value.
#![cfg_attr(fuzzing, no_main)]

use airtable::formula::{Formula, Outcome, Row, Syntax, Unreadable, Value};
use jiff::Timestamp;

fuzzing::target!(run);

fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(syntax) = Syntax::read(text) else { return };
    let printed = syntax.to_string();
    let again = Syntax::read(&printed).map(|again| again.to_string());
    assert_eq!(again.as_ref(), Ok(&printed), "prints as another formula");
    assert_eq!(syntax.renamed(|_| None), text, "changed though nothing was renamed");
    let by_id = |name: &str| Some(format!("fld{}", place(name)));
    assert_eq!(
        Syntax::read(&syntax.renamed(by_id)).map(|again| again.fields().len() <= syntax.fields().len()),
        Ok(true),
        "is no formula with ids"
    );
    assert_eq!(value(text), value(&printed), "has another value when it was printed");
}

fn value(text: &str) -> Result<String, Unreadable> {
    let formula = Formula::read(text, |name| Some(place(name)))?;
    // NaN differs from itself, but not in words.
    Ok(format!("{:?}", formula.evaluate(&Record)))
}

/// Fields are told apart by the length of their names.
fn place(name: &str) -> usize {
    name.len() % 6
}

struct Record;

impl Row for Record {
    fn record_id(&self) -> &'static str {
        "rec00000000000001"
    }

    fn created(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn modified(&self, fields: &[usize]) -> Option<Timestamp> {
        fields.is_empty().then_some(Timestamp::UNIX_EPOCH)
    }

    fn cell(&self, field: usize) -> Outcome<'_> {
        Ok(match field {
            0 => Value::Blank,
            1 => Value::of_text("Ünï 12,5 %"),
            2 => Value::Number(-7.25),
            3 => Value::of_text("2026-11-21T02:03:04.123Z"),
            4 => Value::List(vec![Value::of_text("a"), Value::Number(1.0), Value::List(vec![Value::Blank])]),
            _ => Value::of_moment(Timestamp::MAX),
        })
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}
