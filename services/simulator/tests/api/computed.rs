//! Computed cells, as lists and records answer them, and what the meta API tells of their fields.

use crate::support::{Simulator, column, own};
use serde_json::{Value, json};

pub const SALES: &str = "/v0/appSALES000000001";
pub const ITEMS: &str = "/v0/meta/bases/appSALES000000001/tables/Items";

pub fn field(id: &str, name: &str, kind: &str, options: impl Into<Value>) -> Value {
    let options: Value = options.into();
    json!({"id": format!("fldSALES000000{id}"), "name": name, "type": kind, "options": options})
}

fn through(field: &str) -> Value {
    json!({"recordLinkFieldId": "fldSALES000000011", "fieldIdInLinkedTable": field})
}

fn rollup(formula: &str) -> Value {
    json!({"recordLinkFieldId": "fldSALES000000011", "fieldIdInLinkedTable": "fldSALES000000104",
        "formula": formula, "result": {"type": "number", "options": {"precision": 2}}})
}

/// Items with price and number, and sales of them whose cells are computed from the items.
pub fn fixture() -> Value {
    let link = json!({"linkedTableId": "tblSALES000000002", "isReversed": false,
        "prefersSingleRecordLink": false, "inverseLinkFieldId": "fldSALES000000105"});
    let back = json!({"linkedTableId": "tblSALES000000001", "isReversed": false,
        "prefersSingleRecordLink": true, "inverseLinkFieldId": "fldSALES000000011"});
    let sales = json!([
        field("010", "Name", "formula", json!({"formula": "'Sale ' & Number"})),
        field("011", "Items", "multipleRecordLinks", link),
        field("012", "Number", "autoNumber", Value::Null),
        field("013", "Prices", "multipleLookupValues", through("fldSALES000000104")),
        field("014", "Sum", "rollup", rollup("SUM(values)")),
        field("015", "Dear", "rollup", rollup("IF(MAX(values) > 10, 'yes', '')")),
        field("016", "Count", "count", json!({"recordLinkFieldId": "fldSALES000000011"})),
        field("017", "Taxed", "formula", json!({"formula": "ROUND({Sum} * 1.19, 2)"})),
        field("018", "Dearest", "formula", json!({"formula": "MAX({Prices}) & ' of ' & {Items}"})),
        field("019", "Broken", "formula", json!({"formula": "1 / {Count}"})),
        field("020", "Unknown", "formula", json!({"formula": "{No such field}"})),
        field("021", "Open", "button", Value::Null),
        field("022", "Seller", "singleCollaborator", Value::Null),
        field("023", "Changed", "lastModifiedTime", json!({"referencedFieldIds": ["fldSALES000000022"]})),
        field("024", "By", "lastModifiedBy", Value::Null),
        field(
            "025",
            "Day",
            "createdTime",
            json!({"result": {"type": "date", "options": {"dateFormat": {"name": "iso", "format": "YYYY-MM-DD"}}}})
        ),
    ]);
    let items = json!([
        field("101", "Item", "singleLineText", Value::Null),
        field("102", "Price", "currency", json!({"precision": 2, "symbol": "€"})),
        field("103", "Pieces", "number", json!({"precision": 0})),
        field(
            "104",
            "Total",
            "formula",
            json!({"formula": "{Price} * Pieces", "result": {"type": "currency", "options": {"precision": 2, "symbol": "€"}}})
        ),
        field("105", "Sale", "multipleRecordLinks", back),
        field(
            "106",
            "Sale of",
            "multipleLookupValues",
            json!({"recordLinkFieldId": "fldSALES000000105", "fieldIdInLinkedTable": "fldSALES000000010"})
        ),
    ]);
    let item = |id: u8, name: &str, price: f64, pieces: u8| {
        json!({"id": format!("recSALES00000010{id}"), "createdTime": "2026-01-05T09:00:00.000Z",
            "fields": {"Item": name, "Price": price, "Pieces": pieces}})
    };
    json!({"user": {"id": "usrSALES000000001", "email": "ops@example.com", "name": "Operations",
            "colleagues": [{"id": "usrSALES000000002", "email": "eve@example.com", "name": "Eve"}]},
        "bases": [{"id": "appSALES000000001", "name": "Sales", "permissionLevel": "create",
            "tables": [
                {"id": "tblSALES000000001", "name": "Sales", "primaryFieldId": "fldSALES000000010", "fields": sales, "views": []},
                {"id": "tblSALES000000002", "name": "Items", "primaryFieldId": "fldSALES000000101", "fields": items, "views": []}],
            "records": {
                "tblSALES000000001": [{"id": "recSALES000000001", "createdTime": "2026-01-05T09:00:00.000Z",
                    "fields": {"Items": ["recSALES000000101", "recSALES000000102"], "Seller": {"id": "usrSALES000000002"}}}],
                "tblSALES000000002": [item(1, "Pen", 1.5, 4), item(2, "Ink", 12.25, 1)]}}]})
}

async fn sale(simulator: &Simulator) -> Value {
    simulator.get(&format!("{SALES}/Sales/recSALES000000001")).await.ok()["fields"].take()
}

#[tokio::test]
async fn cells_are_computed_from_the_records_that_they_lead_to() {
    let simulator = own(&fixture());
    let eve = json!({"id": "usrSALES000000002", "email": "eve@example.com", "name": "Eve"});
    let expected = json!({
        "Name": "Sale 1", "Items": ["recSALES000000101", "recSALES000000102"], "Number": 1,
        "Prices": [6, 12.25], "Sum": 18.25, "Dear": "yes", "Count": 2, "Taxed": 21.72,
        "Dearest": "12.25 of Pen, Ink", "Broken": 0.5, "Unknown": {"error": "#ERROR!"},
        "Open": {"label": "Open", "url": null}, "Seller": eve, "Changed": "2026-01-05T09:00:00.000Z",
        "By": {"id": "usrSALES000000001", "email": "ops@example.com", "name": "Operations"}, "Day": "2026-01-05",
    });
    assert_eq!(sale(&simulator).await, expected);
    let items = simulator.get(&format!("{SALES}/Items?fields[]=Sale of")).await.ok();
    assert_eq!(column(&items, "Sale of"), [json!(["Sale 1"]), json!(["Sale 1"])]);
}

#[tokio::test]
async fn a_change_of_a_linked_record_is_seen_and_a_deleted_one_forgotten() {
    let simulator = own(&fixture());
    let pen = format!("{SALES}/Items/recSALES000000101");
    simulator.patch(&pen, json!({"fields": {"Pieces": 10}})).await.ok();
    assert_eq!(sale(&simulator).await["Sum"], 27.25);
    simulator.delete(&pen).await.ok();
    simulator.delete(&format!("{SALES}/Items/recSALES000000102")).await.ok();
    let empty = sale(&simulator).await;
    assert_eq!((&empty["Sum"], &empty["Count"]), (&json!(0), &json!(0)));
    assert_eq!((empty.get("Prices"), empty.get("Items"), empty.get("Dear")), (None, None, None));
    assert_eq!(empty["Broken"], json!({"error": "#ERROR!"}));
}

#[tokio::test]
async fn a_watched_field_alone_moves_the_time_of_its_last_change_in_fields_and_in_formulas() {
    let simulator = own(&fixture());
    let same =
        format!("{SALES}/Sales?filterByFormula=IS_SAME(LAST_MODIFIED_TIME(Seller),Changed)&maxRecords=1");
    let is_same = async || simulator.get(&same).await.ok()["records"].as_array().unwrap().len() == 1;
    assert!(is_same().await, "a cell that the record came with");
    let path = format!("{SALES}/Sales/recSALES000000001");
    simulator.patch(&path, json!({"fields": {"Items": []}})).await.ok();
    assert_eq!(sale(&simulator).await["Changed"], "2026-01-05T09:00:00.000Z");
    simulator.patch(&path, json!({"fields": {"Seller": null}})).await.ok();
    assert_ne!(sale(&simulator).await["Changed"], "2026-01-05T09:00:00.000Z");
    assert!(is_same().await);
}

#[tokio::test]
async fn records_are_found_and_sorted_by_what_is_computed() {
    let simulator = own(&fixture());
    for (formula, found) in [
        ("{Sum} > 18", 1),
        ("{Sum} > 19", 0),
        ("FIND('Ink', {Items})", 1),
        ("{Prices} = '6, 12.25'", 1),
        ("{Unknown}", 0),
    ] {
        let asked = json!({"filterByFormula": formula});
        let listing = simulator.post(&format!("{SALES}/Sales/listRecords"), asked).await.ok();
        assert_eq!(listing["records"].as_array().unwrap().len(), found, "{formula}");
    }
    let sorted =
        simulator.get(&format!("{SALES}/Items?sort[0][field]=Total&sort[0][direction]=desc")).await.ok();
    assert_eq!(column(&sorted, "Item"), ["Ink", "Pen"]);
}

#[tokio::test]
async fn computed_fields_tell_whether_they_are_valid_what_they_need_and_what_they_give() {
    let simulator = own(&fixture());
    let tables = simulator.get("/v0/meta/bases/appSALES000000001/tables").await.ok();
    let options = |place: usize| &tables["tables"][0]["fields"][place]["options"];
    let currency = json!({"type": "currency", "options": {"precision": 2, "symbol": "€"}});
    assert_eq!(
        *options(0),
        json!({"formula": "'Sale ' & {fldSALES000000012}", "isValid": true,
            "referencedFieldIds": ["fldSALES000000012"], "result": {"type": "singleLineText"}})
    );
    assert_eq!((&options(3)["isValid"], &options(3)["result"]), (&json!(true), &currency));
    assert_eq!(
        (&options(4)["isValid"], options(4).get("formula")),
        (&json!(true), None),
        "as Airtable: not told"
    );
    assert_eq!(options(4)["referencedFieldIds"], json!(["fldSALES000000011"]));
    assert_eq!(options(6)["isValid"], true);
    assert_eq!(options(7)["result"], json!({"type": "number", "options": {"precision": 0}}));
    assert_eq!((&options(10)["isValid"], &options(10)["result"]), (&json!(false), &Value::Null));
    assert_eq!(options(13)["result"]["type"], "dateTime");
}

#[tokio::test]
async fn a_formula_is_changed_kept_by_id_and_refused_where_it_needs_itself() {
    let simulator = own(&fixture());
    let total = format!("{ITEMS}/fields/Total");
    let changed = simulator.patch(&total, json!({"options": {"formula": "Price + {Pieces}"}})).await.ok();
    assert_eq!(changed["options"]["formula"], "{fldSALES000000102} + {fldSALES000000103}");
    assert_eq!(changed["options"]["result"]["type"], "currency", "still a number, shown as before");
    simulator.patch(&format!("{ITEMS}/fields/Price"), json!({"name": "Cost"})).await.ok();
    let items = simulator.get(&format!("{SALES}/Items")).await.ok();
    assert_eq!(column(&items, "Total"), [json!(5.5), json!(13.25)]);
    let text = simulator.patch(&total, json!({"options": {"formula": "Item & '!'"}})).await.ok();
    assert_eq!(text["options"]["result"], json!({"type": "singleLineText"}));
    for (formula, reason) in [
        ("{Total} + 1", "Fields must not depend on themselves: Total"),
        ("{Nope}", "options.formula is invalid: Unknown field names: nope"),
        ("1 +", "options.formula is invalid: Invalid formula. Please check your formula text."),
    ] {
        let refused = simulator.patch(&total, json!({"options": {"formula": formula}})).await.refused();
        assert_eq!((refused.0, refused.2.as_str()), (422, reason), "{formula}");
    }
    let formula = json!({"options": {"formula": "1"}});
    assert_eq!(simulator.patch(&format!("{ITEMS}/fields/Item"), formula).await.refused().0, 422);
}

#[test]
fn a_fixture_whose_fields_need_each_other_is_refused_and_they_are_named() {
    let mut fixture = fixture();
    fixture["bases"][0]["tables"][1]["fields"][3]["options"]["formula"] = json!("{Sale of} & ''");
    fixture["bases"][0]["tables"][0]["fields"][0]["options"]["formula"] = json!("{Sum} & ''");
    let fixture = simulator::Fixture::parse(&fixture.to_string(), "test").unwrap();
    let metrics = telemetry::metrics::Metrics::new();
    let Err(error) = simulator::start(fixture, simulator::Behaviour::default(), &metrics) else {
        panic!("a circle was accepted")
    };
    let expected = "fixture: base appSALES000000001: Fields must not depend on themselves: Name needs Sum needs Total needs Sale of";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn each_formula_is_computed_once_however_often_others_need_it() {
    let mut fixture = fixture();
    let fields = fixture["bases"][0]["tables"][1]["fields"].as_array_mut().unwrap();
    for level in 0..28 {
        let below = if level == 0 { "Pieces".to_owned() } else { format!("Level {}", level - 1) };
        let formula = json!({"formula": format!("{{{below}}} + {{{below}}} + {{{below}}}")});
        fields.push(field(&format!("2{level:02}"), &format!("Level {level}"), "formula", formula));
    }
    let simulator = own(&fixture);
    let pen = simulator.get(&format!("{SALES}/Items/recSALES000000101")).await.ok();
    assert_eq!(pen["fields"]["Level 27"], 4_i64 * 3_i64.pow(28));
}
