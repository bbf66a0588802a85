//! Results of formulas and rollups: the schema and the cells say the same of them.

use serde_json::{Value, json};

use crate::{
    computed::{ITEMS, SALES, field, fixture},
    support::{Simulator, own},
};

const TABLES: &str = "/v0/meta/bases/appSALES000000001/tables";
const PEN: &str = "recSALES000000101";

fn text() -> Value {
    json!({"type": "singleLineText"})
}

/// The cells of an item, under the names of their fields.
async fn item(simulator: &Simulator, id: &str) -> Value {
    simulator.get(&format!("{SALES}/Items/{id}")).await.ok()["fields"].take()
}

/// The result that the schema names for a field of Sales.
async fn result(simulator: &Simulator, name: &str) -> Value {
    let tables = simulator.get(TABLES).await.ok();
    let fields = tables["tables"][0]["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).unwrap()["options"]["result"].clone()
}

/// The fixture with further fields of Sales.
fn with(fields: impl IntoIterator<Item = Value>) -> Simulator {
    let mut fixture = fixture();
    fixture["bases"][0]["tables"][0]["fields"].as_array_mut().unwrap().extend(fields);
    own(&fixture)
}

fn rollup(id: &str, name: &str, formula: &str, read: &str) -> Value {
    let options =
        json!({"recordLinkFieldId": "fldSALES000000011", "fieldIdInLinkedTable": read, "formula": formula});
    field(id, name, "rollup", options)
}

#[tokio::test]
async fn a_formula_that_gives_a_list_is_a_text_in_the_schema_and_in_cells() {
    let simulator = own(&fixture());
    let unsold = simulator.post(&format!("{SALES}/Items"), json!({"fields": {"Item": "Cap"}})).await.ok();
    for formula in ["{Sale}", "{Sale of}", "ARRAYUNIQUE({Sale})", "IF({Pieces} > 2, {Sale}, '')"] {
        let options = json!({"options": {"formula": formula}});
        let changed = simulator.patch(&format!("{ITEMS}/fields/Total"), options).await.ok();
        assert_eq!(changed["options"]["result"], text(), "{formula}");
        assert_eq!(item(&simulator, PEN).await["Total"], "Sale 1", "{formula}");
        let empty = item(&simulator, unsold["id"].as_str().unwrap()).await;
        assert_eq!(empty.get("Total"), None, "{formula}");
    }
    let numbers = with([field("030", "All", "formula", json!({"formula": "{Prices}"}))]);
    assert_eq!(result(&numbers, "All").await, text());
    let listed = numbers.get(&format!("{SALES}/Sales")).await.ok();
    assert_eq!(listed["records"][0]["fields"]["All"], "6, 12.25");
}

#[tokio::test]
async fn a_formula_whose_result_is_said_to_be_several_gives_a_list() {
    let several = json!({"type": "multipleSelects", "options": {"choices": []}});
    let options = json!({"formula": "ARRAYFLATTEN({Items}, {Seller})", "result": several});
    let simulator = with([field("030", "All", "formula", options)]);
    assert_eq!(result(&simulator, "All").await, several);
    let all = async || {
        let listed = simulator.get(&format!("{SALES}/Sales")).await.ok();
        listed["records"][0]["fields"].get("All").cloned()
    };
    assert_eq!(all().await, Some(json!(["Pen", "Ink", "Eve"])));
    let path = format!("{SALES}/Sales/recSALES000000001");
    simulator.patch(&path, json!({"fields": {"Seller": null}})).await.ok();
    assert_eq!(all().await, Some(json!(["Pen", "Ink"])), "without what is blank");
    simulator.patch(&path, json!({"fields": {"Items": []}})).await.ok();
    assert_eq!(all().await, None);
}

#[tokio::test]
async fn what_is_computed_to_be_empty_is_left_out_and_zero_is_not() {
    let checkbox = json!({"type": "checkbox", "options": {"icon": "check", "color": "greenBright"}});
    let simulator = with([
        field("030", "Text", "formula", json!({"formula": "IF({Number} = 1, '', 'x')"})),
        field("031", "No", "formula", json!({"formula": "{Number} > 1", "result": checkbox})),
        field("032", "Yes", "formula", json!({"formula": "{Number} = 1", "result": checkbox})),
        field("033", "Zero", "formula", json!({"formula": "{Number} - 1"})),
        rollup("034", "Joined", "ARRAYJOIN(values)", "fldSALES000000103"),
    ]);
    let path = format!("{SALES}/Sales/recSALES000000001");
    let changed = simulator.patch(&path, json!({"fields": {"Items": []}})).await.ok();
    let cells = &changed["fields"];
    assert_eq!((cells.get("Text"), cells.get("No"), cells.get("Joined")), (None, None, None));
    assert_eq!((&cells["Yes"], &cells["Zero"]), (&json!(true), &json!(0)));
}

#[tokio::test]
async fn fields_that_differ_do_not_make_a_number_a_text() {
    let formula = json!({"formula": "1 / ({Number} - {Count})"});
    let simulator = with([field("030", "Share", "formula", formula)]);
    assert_eq!(result(&simulator, "Share").await["type"], "number");
}

#[tokio::test]
async fn the_result_of_a_rollup_is_found_by_computing_it() {
    let pieces = "fldSALES000000103";
    let simulator = with([
        rollup("030", "Joined", "ARRAYJOIN(values)", "fldSALES000000101"),
        rollup("031", "All", "values", pieces),
        rollup("032", "Most", "MAX(values)", pieces),
        rollup("033", "Since", "DATEADD('2026-01-01', SUM(values), 'days')", pieces),
    ]);
    let number = json!({"type": "number", "options": {"precision": 0}});
    for (name, expected, cell) in [
        ("Joined", text(), json!("Pen, Ink")),
        ("All", text(), json!("4, 1")),
        ("Most", number, json!(4)),
        ("Sum", json!({"type": "number", "options": {"precision": 2}}), json!(18.25)),
        ("Dear", text(), json!("yes")),
    ] {
        assert_eq!(result(&simulator, name).await, expected, "{name}");
        let listed = simulator.get(&format!("{SALES}/Sales")).await.ok();
        assert_eq!(listed["records"][0]["fields"][name], cell, "{name}");
    }
    assert_eq!(result(&simulator, "Since").await["type"], "dateTime");
}
