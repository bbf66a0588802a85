//! The meta API.

use crate::support::{BASE, Simulator};
use serde_json::json;
use simulator::{Behaviour, Fixture};

const META: &str = "/v0/meta/bases/appCRM00000000001";

#[tokio::test]
async fn the_token_knows_whose_it_is_and_which_bases_it_sees() {
    let simulator = Simulator::new();
    assert_eq!(
        simulator.get("/v0/meta/whoami").await.ok(),
        json!({"id": "usrCRM00000000001", "email": "ops@example.com"})
    );
    let bases = simulator.get("/v0/meta/bases").await.ok();
    assert_eq!(
        bases,
        json!({"bases": [{"id": "appCRM00000000001", "name": "CRM", "permissionLevel": "create"}]})
    );
}

#[tokio::test]
async fn visible_fields_of_views_are_listed_on_request() {
    let simulator = Simulator::new();
    let plain = simulator.get(&format!("{META}/tables")).await.ok();
    assert_eq!(plain["tables"][0]["primaryFieldId"], "fldCRM00000000101");
    assert!(plain["tables"][0]["views"][0].get("visibleFieldIds").is_none());
    let full = simulator.get(&format!("{META}/tables?include=visibleFieldIds")).await.ok();
    assert!(full["tables"][0]["views"][0]["visibleFieldIds"].is_array());
}

#[tokio::test]
async fn a_new_table_takes_records_at_once() {
    let simulator = Simulator::new();
    let body = json!({"name": "Deals", "fields": [
        {"name": "Title", "type": "singleLineText"},
        {"name": "Stage", "type": "singleSelect", "options": {"choices": [{"name": "Open"}, {"name": "Won"}]}},
        {"name": "Customer", "type": "multipleRecordLinks", "options": {"linkedTableId": "tblCRM00000000001"}},
    ]});
    let table = simulator.post(&format!("{META}/tables"), body).await.ok();
    assert_eq!(table["primaryFieldId"], table["fields"][0]["id"]);
    assert_eq!(table["views"][0]["name"], "Grid view");
    assert!(table["fields"][1]["options"]["choices"][0]["id"].as_str().unwrap().starts_with("sel"));
    let fields = json!({"Title": "Big", "Stage": "Won", "Customer": ["recCRM00000000101"]});
    let deal = simulator.post(&format!("{BASE}/deals"), json!({"fields": fields})).await.ok();
    let customer = simulator.get(&format!("{BASE}/Customers/recCRM00000000101")).await.ok();
    assert_eq!(customer["fields"]["Deals"], json!([deal["id"]]), "the other side of the link exists");
}

#[tokio::test]
async fn a_refused_table_leaves_nothing_behind() {
    let simulator = Simulator::new();
    let before = simulator.get(&format!("{META}/tables")).await.ok();
    for (body, kind) in [
        (json!({"name": "customers", "fields": [{"name": "A", "type": "email"}]}), "DUPLICATE_TABLE_NAME"),
        (json!({"name": "X", "fields": []}), "INVALID_REQUEST_UNKNOWN"),
        (
            json!({"name": "X", "primaryFieldId": "A", "fields": [{"name": "A", "type": "email"}]}),
            "INVALID_REQUEST_UNKNOWN",
        ),
        (
            json!({"name": "X", "fields": [{"name": "A", "type": "checkbox", "options": {"icon": "check", "color": "redBright"}}]}),
            "INVALID_REQUEST_UNKNOWN",
        ),
        (
            json!({"name": "X", "fields": [{"name": "A", "type": "email"}, {"name": "a", "type": "url"}]}),
            "DUPLICATE_OR_EMPTY_FIELD_NAME",
        ),
        (
            json!({"name": "X", "fields": [{"name": "A", "type": "email"},
            {"name": "L", "type": "multipleRecordLinks", "options": {"linkedTableId": "tblCRM00000000001"}},
            {"name": "F", "type": "formula", "options": {"formula": "1"}}]}),
            "UNSUPPORTED_FIELD_TYPE_FOR_CREATE",
        ),
        (
            json!({"name": "X", "fields": [{"name": "A", "type": "number"}]}),
            "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE",
        ),
    ] {
        assert_eq!(simulator.post(&format!("{META}/tables"), body.clone()).await.kind(), kind, "{body}");
    }
    assert_eq!(simulator.get(&format!("{META}/tables")).await.ok(), before);
}

#[tokio::test]
async fn fields_are_added_renamed_and_their_formula_changed() {
    let simulator = Simulator::new();
    let orders = format!("{META}/tables/tblCRM00000000002");
    let field = json!({"name": "Weight", "type": "number", "options": {"precision": 1}, "description": "kg"});
    let field = simulator.post(&format!("{orders}/fields"), field).await.ok();
    let path = format!("{orders}/fields/{}", field["id"].as_str().unwrap());
    assert_eq!(simulator.patch(&path, json!({"name": "Mass"})).await.ok()["name"], "Mass");
    assert_eq!(
        simulator.patch(&path, json!({"name": "status"})).await.kind(),
        "DUPLICATE_OR_EMPTY_FIELD_NAME"
    );
    assert_eq!(simulator.patch(&path, json!({})).await.refused().0, 422);
    let total = format!("{orders}/fields/Total");
    let formula = json!({"options": {"formula": "{Quantity} + 1"}});
    let changed = simulator.patch(&total, formula).await.ok();
    assert_eq!(changed["options"]["referencedFieldIds"], json!(["fldCRM00000000204"]));
    assert_eq!(changed["options"]["formula"], "{fldCRM00000000204} + 1");
    let record = simulator.get(&format!("{BASE}/Orders/recCRM00000000201")).await.ok();
    assert_eq!(record["fields"]["Total"], 11);
    let table = simulator.patch(&orders, json!({"name": "Sales", "description": "sold"})).await.ok();
    assert_eq!((&table["name"], &table["description"]), (&json!("Sales"), &json!("sold")));
}

#[tokio::test]
async fn a_new_base_is_listed_and_can_be_deleted() {
    let simulator = Simulator::new();
    let tables = json!([{"name": "T", "fields": [{"name": "Name", "type": "singleLineText"}]}]);
    let body = json!({"name": "Fresh", "workspaceId": "wspCRM00000000001", "tables": tables});
    let base = simulator.post("/v0/meta/bases", body).await.ok();
    let id = base["id"].as_str().unwrap();
    simulator.post(&format!("/v0/{id}/T"), json!({"fields": {"Name": "x"}})).await.ok();
    assert_eq!(simulator.get("/v0/meta/bases").await.ok()["bases"][1]["id"], *id);
    assert_eq!(simulator.delete(&format!("/v0/meta/bases/{id}")).await.ok()["deleted"], true);
    assert_eq!(simulator.get(&format!("/v0/{id}/T")).await.refused().0, 403);
}

#[tokio::test]
async fn the_permission_level_bounds_what_a_token_may_do() {
    let mut fixture: serde_json::Value =
        serde_json::from_str(include_str!("../../fixtures/crm.json")).unwrap();
    fixture["bases"][0]["permissionLevel"] = json!("read");
    let simulator =
        Simulator::with(Fixture::parse(&fixture.to_string(), "test").unwrap(), Behaviour::default());
    simulator.get(&format!("{BASE}/Customers")).await.ok();
    let refused = simulator.post(&format!("{BASE}/Customers"), json!({"fields": {}})).await.refused();
    assert_eq!((refused.0, refused.1.as_str()), (403, "INVALID_PERMISSIONS"));
}

#[test]
fn a_fixture_that_does_not_fit_together_says_where() {
    let mut fixture: serde_json::Value =
        serde_json::from_str(include_str!("../../fixtures/crm.json")).unwrap();
    fixture["bases"][0]["records"]["tblCRM00000000004"][0]["fields"]["Evnet"] = json!("x");
    let fixture = Fixture::parse(&fixture.to_string(), "test").unwrap();
    let Err(error) = simulator::start(fixture, Behaviour::default(), &telemetry::metrics::Metrics::new())
    else {
        panic!("an unknown field was accepted")
    };
    let expected = "fixture: record recCRM00000000401 has a cell for field Evnet, which table tblCRM00000000004 does not have";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_fixture_whose_base_nobody_could_reach_is_refused() {
    let fixture = json!({"user": {"id": "usrCRM00000000001", "email": "a@b.c"}, "bases": [
        {"id": "appX", "name": "X", "permissionLevel": "create", "tables": []}]});
    let fixture = Fixture::parse(&fixture.to_string(), "test").unwrap();
    let metrics = telemetry::metrics::Metrics::new();
    let refused = simulator::start(fixture, Behaviour::default(), &metrics).map(drop).unwrap_err();
    assert_eq!(refused.to_string(), "fixture: base appX: its id must be app and 14 letters or digits");
}

#[tokio::test]
async fn a_new_field_has_its_options_completed_and_a_link_its_other_side() {
    let simulator = Simulator::new();
    let orders = format!("{META}/tables/Orders/fields");
    let due = json!({"name": "Due", "type": "date", "options": {"dateFormat": {"name": "european"}}});
    let due = simulator.post(&orders, due).await.ok();
    assert_eq!(due["options"]["dateFormat"], json!({"name": "european", "format": "D/M/YYYY"}));
    let link = json!({"name": "Payer", "type": "multipleRecordLinks",
        "options": {"linkedTableId": "tblCRM00000000001", "viewIdForRecordSelection": "viwCRM00000000011"}});
    let link = simulator.post(&orders, link).await.ok();
    assert_eq!(link["options"]["viewIdForRecordSelection"], "viwCRM00000000011");
    let tables = simulator.get(&format!("{META}/tables")).await.ok();
    let inverse = tables["tables"][0]["fields"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&inverse["name"], &inverse["id"]),
        (&json!("Orders 2"), &link["options"]["inverseLinkFieldId"])
    );
    assert_eq!(inverse["options"]["inverseLinkFieldId"], link["id"]);
    let own = json!({"name": "Follows", "type": "multipleRecordLinks", "options": {"linkedTableId": "tblCRM00000000002"}});
    let own = simulator.post(&orders, own).await.ok();
    let body = json!({"fields": {"Follows": ["recCRM00000000202"]}});
    simulator.patch(&format!("{BASE}/Orders/recCRM00000000201"), body).await.ok();
    let other = simulator.get(&format!("{BASE}/Orders/recCRM00000000202?returnFieldsByFieldId=1")).await.ok();
    let inverse = own["options"]["inverseLinkFieldId"].as_str().unwrap();
    assert_eq!(other["fields"][inverse], json!(["recCRM00000000201"]));
}

#[tokio::test]
async fn a_field_that_cannot_be_is_refused_and_the_option_is_named() {
    let simulator = Simulator::new();
    let link =
        |options: serde_json::Value| json!({"name": "F", "type": "multipleRecordLinks", "options": options});
    for (field, kind, message) in [
        (
            json!({"name": "F", "type": "number", "options": {"precision": 9}}),
            "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE",
            "Invalid options for F: options.precision must be a whole number from 0 to 8",
        ),
        (
            link(json!({"linkedTableId": "tblCRM00000000009"})),
            "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE",
            "Invalid options for F: options.linkedTableId tblCRM00000000009 is no table of this base",
        ),
        (
            link(
                json!({"linkedTableId": "tblCRM00000000001", "viewIdForRecordSelection": "viwCRM00000000020"}),
            ),
            "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE",
            "Invalid options for F: options.viewIdForRecordSelection viwCRM00000000020 is no view of the linked table",
        ),
        (
            json!({"name": "F", "type": "rollup"}),
            "UNSUPPORTED_FIELD_TYPE_FOR_CREATE",
            "Creating rollup fields is not supported at this time",
        ),
        (
            json!({"name": " ", "type": "email"}),
            "DUPLICATE_OR_EMPTY_FIELD_NAME",
            "Field name \" \" is empty or exists already",
        ),
    ] {
        let refused = simulator.post(&format!("{META}/tables/Orders/fields"), field).await.refused();
        assert_eq!(refused, (422, kind.to_owned(), message.to_owned()));
    }
    let too_long = json!({"name": "F", "type": "email", "description": "x".repeat(20_001)});
    assert_eq!(simulator.post(&format!("{META}/tables/Orders/fields"), too_long).await.refused().0, 422);
}

#[tokio::test]
async fn descriptions_are_set_and_taken_away_and_unknown_parts_refused() {
    let simulator = Simulator::new();
    let table = format!("{META}/tables/Orders");
    for (path, name) in [(table.clone(), "Orders"), (format!("{table}/fields/Quantity"), "Quantity")] {
        let described = simulator.patch(&path, json!({"description": "why"})).await.ok();
        assert_eq!((&described["description"], &described["name"]), (&json!("why"), &json!(name)));
        let bare = simulator.patch(&path, json!({"description": null})).await.ok();
        assert_eq!(bare.get("description"), None);
        for body in [json!({}), json!({"nmae": "x"}), json!({"name": 1}), json!({"name": ""})] {
            assert_eq!(simulator.patch(&path, body.clone()).await.refused().0, 422, "{body}");
        }
    }
    let options = json!({"options": {"linkedTableId": "tblCRM00000000001"}});
    let refused = simulator.patch(&format!("{table}/fields/Customer"), options).await.refused();
    assert_eq!(
        refused.2,
        "Only options.formula of a formula field can be updated, Customer is of type multipleRecordLinks"
    );
}

#[tokio::test]
async fn date_dependencies_are_set_and_links_are_objects_where_asked_for() {
    let simulator = Simulator::new();
    let settings = json!({"isEnabled": true, "durationFieldId": "fldCRM00000000204", "startDateFieldId": "fldCRM00000000207",
        "endDateFieldId": "fldCRM00000000207", "reschedulingMode": "flexible", "shouldSkipWeekendsAndHolidays": false});
    let table = format!("{META}/tables/Orders");
    let set = simulator.patch(&table, json!({"dateDependencySettings": settings})).await.ok();
    assert_eq!(set["dateDependencySettings"], settings);
    for (part, wrong) in
        [("durationFieldId", json!("fldNope")), ("reschedulingMode", json!("never")), ("isEnabled", json!(1))]
    {
        let mut settings = settings.clone();
        settings[part] = wrong;
        let refused = simulator.patch(&table, json!({"dateDependencySettings": settings})).await.refused();
        assert!(refused.2.starts_with(&format!("dateDependencySettings.{part} must be")), "{}", refused.2);
    }
    let path = format!("{BASE}/Orders/recCRM00000000201");
    let plain = simulator.get(&path).await.ok()["fields"]["Customer"].take();
    let told = simulator.get(&format!("{path}?includeDateDependencyMetadata=true")).await.ok();
    assert_eq!(told["fields"]["Customer"], json!([{"id": plain[0]}]));
    let asked = json!({"includeDateDependencyMetadata": true, "pageSize": 1});
    let listed = simulator.post(&format!("{BASE}/Orders/listRecords"), asked).await.ok();
    assert!(listed["records"][0]["fields"]["Customer"][0]["id"].is_string(), "{listed}");
}

#[tokio::test]
async fn a_base_needs_a_workspace_that_is_there() {
    let simulator = Simulator::new();
    let tables = json!([{"name": "T", "fields": [{"name": "Name", "type": "singleLineText"}]}]);
    let body = json!({"name": "Fresh", "workspaceId": "wspNOBODY00000001", "tables": tables});
    assert_eq!(simulator.post("/v0/meta/bases", body).await.refused().0, 403);
}

#[tokio::test]
async fn more_than_a_thousand_bases_are_listed_page_by_page() {
    let mut fixture: serde_json::Value =
        serde_json::from_str(include_str!("../../fixtures/crm.json")).unwrap();
    let base = |number: u32| json!({"id": format!("app{number:014}"), "name": "B", "permissionLevel": "read", "tables": []});
    fixture["bases"] = (0..1001).map(base).collect();
    let simulator = crate::support::own(&fixture);
    let first = simulator.get("/v0/meta/bases").await.ok();
    assert_eq!(first["bases"].as_array().unwrap().len(), 1000);
    let offset = first["offset"].as_str().unwrap();
    let second = simulator.get(&format!("/v0/meta/bases?offset={offset}")).await.ok();
    assert_eq!((second["bases"].as_array().unwrap().len(), second.get("offset")), (1, None));
    assert_eq!(simulator.get("/v0/meta/bases?offset=x").await.kind(), "INVALID_OFFSET_VALUE");
}
