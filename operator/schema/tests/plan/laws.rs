//! What holds for every declaration and every base.

use std::collections::HashMap;

use airtable::FieldType;
use crds::base_schema::{DesiredField, DesiredTable};
use proptest::{option, prelude::*};
use schema::{Action, export, plan};
use serde_json::json;

use crate::model::Base;

const TABLES: [&str; 4] = ["A", "B", "b", "C"];
const NAMES: [&str; 7] = ["x", "X", "y", "z", "A", "B", "n"];
const TYPES: [&str; 9] = [
    "singleLineText",
    "number",
    "checkbox",
    "singleSelect",
    "date",
    "formula",
    "rollup",
    "createdTime",
    "multipleRecordLinks",
];

fn one_of<const N: usize>(all: [&'static str; N]) -> impl Strategy<Value = String> {
    prop::sample::select(all.to_vec()).prop_map(str::to_owned)
}

fn field() -> impl Strategy<Value = DesiredField> {
    let parts = (
        one_of(NAMES),
        one_of(TYPES),
        option::of(one_of(["", "why"])),
        one_of(TABLES),
        option::of(one_of(NAMES)),
    );
    parts.prop_map(|(name, kind, description, table, inverse)| {
        let is_link = kind == "multipleRecordLinks";
        let options = match kind.as_str() {
            "number" => json!({"precision": name.len()}),
            "singleSelect" => json!({"choices": [{"name": table}]}),
            "formula" => json!({"formula": format!("{{{name}}} & '{table}'")}),
            _ => json!(null),
        };
        DesiredField {
            id: None,
            name,
            r#type: kind,
            description,
            linked_table: is_link.then_some(table),
            inverse_field: inverse.filter(|_| is_link),
            options: options.as_object().cloned(),
        }
    })
}

fn tables() -> impl Strategy<Value = Vec<DesiredTable>> {
    let primary = one_of(["singleLineText", "singleLineText", "singleLineText", "formula"]);
    let description = option::of(one_of(["", "what"]));
    let parts = (one_of(TABLES), description, prop::collection::vec(field(), 0..6), primary, 0..8);
    let table = parts.prop_map(|(name, description, mut fields, primary, id)| {
        let primary = json!({"name": "Name", "type": primary});
        fields.insert(0, serde_json::from_value(primary).unwrap());
        let id = (id == 0).then(|| "tblNOWHERE0000000".to_owned());
        DesiredTable { id, name, description, fields }
    });
    prop::collection::vec(table, 0..4)
}

/// A base that somebody worked in: a formula in each table, which the API could not create.
fn base(declared: &[DesiredTable]) -> Base {
    let mut base = Base::with(declared);
    for (at, table) in base.tables.iter_mut().enumerate() {
        let options = json!({"formula": format!("{{{}}}", table.primary_field_id), "isValid": true});
        let field = json!({"id": format!("fldFORMULA{at:07}"), "name": "z by hand", "type": "formula", "options": options});
        table.fields.push(serde_json::from_value(field).unwrap());
    }
    base
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exported_is_no_change(declared in tables()) {
        let base = base(&declared);
        let left = plan(&export(&base.tables), &base.tables);
        prop_assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn what_is_applied_leaves_only_what_cannot_be_changed(before in tables(), declared in tables()) {
        let mut base = base(&before);
        let left = base.apply_all(&declared);
        prop_assert!(left.iter().all(|change| change.action == Action::CannotChange), "{left:#?}");
        prop_assert!(left.iter().all(|change| change.why.is_some()), "{left:#?}");
    }

    #[test]
    fn nothing_is_removed_and_no_type_changes(before in tables(), declared in tables()) {
        let mut base = base(&before);
        let types = |base: &Base| -> HashMap<String, FieldType> {
            let fields = base.tables.iter().flat_map(|table| table.fields.clone());
            fields.map(|field| (field.id, field.field_type)).collect()
        };
        let was = types(&base);
        base.apply_all(&declared);
        let is = types(&base);
        prop_assert!(was.iter().all(|(id, kind)| is.get(id) == Some(kind)), "{was:?} {is:?}");
    }
}
