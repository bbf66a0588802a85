//! Plans of declarations that people write.

use airtable::Table;
use crds::base_schema::DesiredTable;
use schema::{Action, Change, export, plan};
use serde_json::{Value, json};

use crate::model::Base;

fn declared(yaml: &str) -> Vec<DesiredTable> {
    serde_saphyr::from_str(yaml).unwrap()
}

fn found(tables: Value) -> Vec<Table> {
    serde_json::from_value(tables).unwrap()
}

fn lines(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

const SHOP: &str = "
- name: Customers
  description: Who buys
  fields:
  - {name: Name, type: singleLineText}
  - {name: Orders, type: multipleRecordLinks, linkedTable: Orders, inverseField: Customer}
- name: Orders
  fields:
  - {name: Order, type: singleLineText}
  - {name: Customer, type: multipleRecordLinks, linkedTable: Customers}
  - {name: State, type: singleSelect, options: {choices: [{name: open}, {name: sent, color: greenLight2}]}}
  - {name: Paid, type: checkbox}
";

#[test]
fn new_tables_come_before_the_links_between_them_and_both_sides_are_one_link() {
    let declared = declared(SHOP);
    assert_eq!(
        lines(&plan(&declared, &[])),
        [
            "Customers is to be created: Name (singleLineText)",
            "Orders is to be created: Order (singleLineText), State (singleSelect), Paid (checkbox)",
            "Customers.Orders is to be created: multipleRecordLinks to Orders (waits for table Orders)",
            "Orders.Customer is to be created: multipleRecordLinks to Customers (is made as the other side of Customers.Orders)",
        ]
    );
    let mut base = Base::default();
    assert_eq!(base.apply_all(&declared), []);
    let names: Vec<&str> = base.tables[1].fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["Order", "State", "Paid", "Customer"]);
    assert_eq!(base.tables[0].fields.len(), 2, "one link, not two");
}

#[test]
fn an_other_side_whose_name_was_lost_with_the_operator_is_renamed_not_made_again() {
    let declared = declared(SHOP);
    let mut base = Base::with(&declared);
    base.tables[1].fields.last_mut().unwrap().name = "Customers".to_owned();
    let changes = plan(&declared, &base.tables);
    assert_eq!(lines(&changes), ["name of Orders.Customer is \"Customers\", not \"Customer\""]);
    assert_eq!(changes[0].action, Action::UpdateField);
    assert_eq!(base.apply_all(&declared), []);
}

#[test]
fn two_links_of_which_nobody_says_whether_they_are_one_are_not_made() {
    let silent = SHOP.replace(", inverseField: Customer", "");
    let changes = plan(&declared(&silent), &[]);
    let cannot: Vec<&Change> =
        changes.iter().filter(|change| change.action == Action::CannotChange).collect();
    assert_eq!(cannot.len(), 2);
    assert!(
        cannot[0].why.as_ref().unwrap().starts_with("Orders.Customer links back: say inverseField"),
        "{changes:?}"
    );
}

#[test]
fn a_table_with_an_id_is_renamed_and_one_without_is_found_by_its_name_in_any_case() {
    let base = found(json!([
        {"id": "tblAAAAAAAAAAAAAA", "name": "Old", "primaryFieldId": "f1", "fields": [{"id": "f1", "name": "Name", "type": "singleLineText"}]},
        {"id": "tblBBBBBBBBBBBBBB", "name": "STOCK", "primaryFieldId": "f2", "fields": [{"id": "f2", "name": "Name", "type": "singleLineText"}]}
    ]));
    let declared = declared(
        "
- {id: tblAAAAAAAAAAAAAA, name: New, fields: [{name: Name, type: singleLineText}]}
- {name: Stock, fields: [{name: Name, type: singleLineText}]}
- {id: tblCCCCCCCCCCCCCC, name: Gone, fields: [{name: Name, type: singleLineText}]}
- {name: sTock, fields: [{name: Name, type: singleLineText}]}
",
    );
    assert_eq!(
        lines(&plan(&declared, &base)),
        [
            "name of New is \"Old\", not \"New\"",
            "name of Stock is \"STOCK\", not \"Stock\"",
            "Gone is missing (no table has this id: remove the id to have a table created)",
            "sTock is missing (it is declared twice: Airtable does not tell names apart by case)",
        ]
    );
}

#[test]
fn options_are_compared_by_what_they_mean() {
    let field = |name: &str, kind: &str, options: Value| json!({"id": format!("fld{name}"), "name": name, "type": kind, "options": options});
    let base = found(json!([{"id": "tbl1", "name": "T", "primaryFieldId": "fldName", "fields": [
        {"id": "fldName", "name": "Name", "type": "singleLineText"},
        field("Stage", "singleSelect", json!({"choices": [{"id": "sel1", "name": "open", "color": "blueLight2"}, {"id": "sel2", "name": "won"}]})),
        field("Sum", "number", json!({"precision": 2})),
        field("Day", "date", json!({"dateFormat": {"name": "iso", "format": "YYYY-MM-DD"}})),
        field("Total", "formula", json!({"formula": "{fldSum} * 2", "isValid": true, "referencedFieldIds": ["fldSum"]})),
        field("Twice", "rollup", json!({"recordLinkFieldId": "fldName", "isValid": true})),
    ]}]));
    let same = "
- name: T
  fields:
  - {name: Name, type: singleLineText, description: ''}
  - {name: Stage, type: singleSelect, options: {choices: [{name: won}, {name: open}]}}
  - {name: Sum, type: number, options: {precision: 2.0}}
  - {name: Day, type: date, options: {dateFormat: {name: iso}}}
  - {name: Total, type: formula, options: {formula: 'Sum*2'}}
  - {name: Twice, type: rollup, options: {recordLinkFieldId: Name}}
";
    assert_eq!(plan(&declared(same), &base), []);
    let other = same
        .replace("[{name: won}", "[{name: lost, color: redBright}")
        .replace("precision: 2.0", "precision: 1")
        .replace("Sum*2", "Sum * 3")
        .replace("type: date", "type: dateTime");
    assert_eq!(
        lines(&plan(&declared(&other), &base)),
        [
            "formula of T.Total is \"{Sum} * 2\", not \"Sum * 3\"",
            "options.choices of T.Stage is \"open (blueLight2), won\", not \"lost (redBright)\" (Airtable's API can't change the options of a field: change them in Airtable, or correct the declaration)",
            "options.precision of T.Sum is \"2\", not \"1\" (Airtable's API can't change the options of a field: change them in Airtable, or correct the declaration)",
            "type of T.Day is \"date\", not \"dateTime\" (Airtable's API can't change the type of a field: change it in Airtable, or correct the declaration)",
        ]
    );
}

#[test]
fn the_base_of_the_simulator_comes_back_as_it_is_declared() {
    let fixture: Value =
        serde_json::from_str(include_str!("../../../../services/simulator/fixtures/crm.json")).unwrap();
    let tables = found(fixture["bases"][0]["tables"].clone());
    let declared = export(&tables);
    assert_eq!(plan(&declared, &tables), []);
    let yaml = serde_saphyr::to_string(&declared).unwrap();
    assert!(!yaml.contains("fldCRM") && !yaml.contains("selCRM"), "names, not ids: {yaml}");
    let mut base = Base::default();
    let left = base.apply_all(&declared);
    assert!(left.iter().all(|change| change.action == Action::CannotChange), "{left:#?}");
    assert_eq!(base.tables.len(), tables.len());
}
