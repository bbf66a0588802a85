//! Marks: which they are, and how they get into a create.

use serde_json::{Value, json};

use super::*;

const BASE: &str = "appAAAAAAAAAAAAAA";
const FIELD: &str = "fldKKKKKKKKKKKKKK";

fn tables(field_type: &str) -> Vec<Table> {
    let field = json!({"id": FIELD, "name": "Key", "type": field_type});
    let table =
        |id: &str, name: &str| json!({"id": id, "name": name, "primaryFieldId": FIELD, "fields": [field]});
    serde_json::from_value(json!([table("tblAAAAAAAAAAAAAA", "Deals"), table("tblBBBBBBBBBBBBBB", "Notes")]))
        .unwrap()
}

fn mark(table: &str, key: &str) -> Mark {
    Mark::new(&tables("singleLineText"), BASE, table, "Key", key).unwrap()
}

fn put(body: &str) -> Result<Option<String>, Written> {
    let request = Request { body: body.to_owned().into(), ..Request::post("/v0/a/T".into(), &Value::Null) };
    let marked = mark("Deals", "k").put(&request)?;
    Ok(marked.map(|marked| String::from_utf8(marked.body.to_vec()).unwrap()))
}

#[test]
fn only_a_single_line_text_of_the_table_holds_marks() {
    for (field_type, table, wanted, is_there) in [
        ("singleLineText", "Deals", "Key", true),
        ("singleLineText", "tblAAAAAAAAAAAAAA", FIELD, true),
        ("singleLineText", "Deals", "Other", false),
        ("singleLineText", "Unheard of", "Key", false),
        ("number", "Deals", "Key", false),
        ("formula", "Deals", "Key", false),
    ] {
        let mark = Mark::new(&tables(field_type), BASE, table, wanted, "k");
        assert_eq!(mark.is_some(), is_there, "{field_type} {table} {wanted}");
    }
}

#[test]
fn a_mark_is_of_one_key_in_one_table_of_one_base_and_does_not_tell_the_key() {
    let mine = mark("Deals", "k");
    assert_eq!(mark("tblAAAAAAAAAAAAAA", "k"), mine, "by its id it is the same table");
    assert_eq!((mine.cell(9).len(), mine.cell(9).ends_with("-9")), (34, true));
    assert_eq!(mine.owns(&mine.cell(3)), Some(true));
    let other_base = Mark::new(&tables("singleLineText"), "appBBBBBBBBBBBBBB", "Deals", "Key", "k").unwrap();
    for other in [mark("Deals", "another"), mark("Notes", "k"), other_base] {
        assert_eq!(mine.owns(&other.cell(0)), Some(false));
    }
    for text in ["", "k", "INV-17", "0123456789abcdef-0", "0123456789abcdef0123456789abcdef-x"] {
        assert_eq!(mine.owns(text), None, "{text}");
    }
}

#[test]
fn each_record_gets_its_mark_and_cells_stay_as_they_were_written() {
    let cell = |position| mark("Deals", "k").cell(position);
    let one = put(r#"{"typecast":true,"fields":{"A": 1.50,"B":12345678901234567890}}"#).unwrap().unwrap();
    let zero = cell(0);
    assert_eq!(
        one,
        format!(r#"{{"fields":{{"A":1.50,"B":12345678901234567890,"Key":"{zero}"}},"typecast":true}}"#)
    );
    let two = put(r#"{"records":[{"fields":{}},{"fields":{"fldAAAAAAAAAAAAAA":0}}]}"#).unwrap().unwrap();
    let two: Value = serde_json::from_str(&two).unwrap();
    assert_eq!(two["records"][0], json!({"fields": {"Key": cell(0)}}));
    assert_eq!(two["records"][1], json!({"fields": {"fldAAAAAAAAAAAAAA": 0, FIELD: cell(1)}}), "all by id");
}

#[test]
fn who_writes_the_field_is_told_and_an_empty_cell_is_none() {
    assert_eq!(put(r#"{"fields":{"Key":"mine"}}"#), Err(Written("Key".to_owned())));
    assert_eq!(
        put(&format!(r#"{{"records":[{{"fields":{{"{FIELD}":"x"}}}}]}}"#)),
        Err(Written("Key".to_owned()))
    );
    let empty = put(r#"{"fields":{"Key":null,"A":1}}"#).unwrap().unwrap();
    assert!(empty.contains(&mark("Deals", "k").cell(0)), "{empty}");
}

#[test]
fn what_is_no_create_is_left_to_airtable() {
    for body in ["", "[]", "{}", r#"{"fields":1}"#, r#"{"records":[{}]}"#, r#"{"records":[{"fields":[]}]}"#] {
        assert_eq!(put(body), Ok(None), "{body}");
    }
}
