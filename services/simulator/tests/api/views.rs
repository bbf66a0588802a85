//! Views: what they show, and what the meta API tells of them.

use crate::support::{BASE, Simulator, column, own};
use serde_json::{Value, json};

const META: &str = "/v0/meta/bases/appCRM00000000001";
const ACTIVE: &str = "viwCRM00000000011";

/// The sample whose view `Active customers` filters, sorts, and hides all but the name.
fn simulator() -> Simulator {
    let mut fixture: Value = serde_json::from_str(include_str!("../../fixtures/crm.json")).unwrap();
    fixture["bases"][0]["tables"][0]["views"][1] = json!({
        "id": ACTIVE, "name": "Active customers", "type": "grid", "visibleFieldIds": ["fldCRM00000000101"],
        "filterByFormula": "{Status} = 'Active'", "sort": [{"field": "Name", "direction": "desc"}]});
    own(&fixture)
}

#[tokio::test]
async fn a_view_restricts_orders_and_hides_nothing() {
    let simulator = simulator();
    let all = simulator.get(&format!("{BASE}/Customers?sort[0][field]=Name")).await.ok();
    let active = |record: &&Value| record["fields"]["Status"] == "Active";
    let mut expected: Vec<_> = all["records"].as_array().unwrap().iter().filter(active).cloned().collect();
    assert!(expected.len() > 1 && expected.len() < 4, "the sample has some of each");
    assert!(expected[0]["fields"]["Email"].is_string(), "hidden in the view, answered all the same");
    for view in [ACTIVE, "Active%20customers"] {
        let path = format!("{BASE}/Customers?view={view}");
        let ascending = simulator.get(&format!("{path}&sort[0][field]=Name")).await.ok();
        assert_eq!(ascending["records"], json!(expected), "the order asked for wins");
        let listed = simulator.get(&path).await.ok();
        expected.reverse();
        assert_eq!(listed["records"], json!(expected));
        expected.reverse();
    }
    let both = json!({"view": ACTIVE, "filterByFormula": "NOT({Status} = 'Active')"});
    let both = simulator.post(&format!("{BASE}/Customers/listRecords"), both).await.ok();
    assert_eq!(column(&both, "Name"), [] as [Value; 0]);
}

#[tokio::test]
async fn views_of_nowhere_and_of_another_table_are_refused() {
    let simulator = simulator();
    let list = async |view: &str| simulator.get(&format!("{BASE}/Orders?view={view}")).await;
    let refused = |kind: &str, message: &str| (422, kind.to_owned(), message.to_owned());
    assert_eq!(list("Nope").await.refused(), refused("VIEW_NAME_NOT_FOUND", "View Nope not found"));
    let unknown = refused("VIEW_ID_NOT_FOUND", "View viw00000000000000 not found");
    assert_eq!(list("viw00000000000000").await.refused(), unknown);
    assert_eq!(list(ACTIVE).await.1, json!({"error": {"type": "FAILED_STATE_CHECK"}}));
}

#[tokio::test]
async fn the_meta_api_tells_what_a_view_is_and_not_how_it_filters() {
    let simulator = simulator();
    let plain = json!({"id": ACTIVE, "name": "Active customers", "type": "grid"});
    assert_eq!(simulator.get(&format!("{META}/views/{ACTIVE}")).await.ok(), plain);
    let with_fields = simulator.get(&format!("{META}/views/{ACTIVE}?include=visibleFieldIds")).await.ok();
    assert_eq!(with_fields["visibleFieldIds"], json!(["fldCRM00000000101"]));
    let views = simulator.get(&format!("{META}/views")).await.ok();
    assert_eq!((views["views"].as_array().unwrap().len(), &views["views"][1]), (5, &plain));
    let tables = simulator.get(&format!("{META}/tables")).await.ok();
    assert_eq!(tables["tables"][0]["views"][1], plain);
    assert_eq!(simulator.get(&format!("{META}/views/viw00000000000000")).await.refused().0, 403);
}

#[tokio::test]
async fn a_view_is_deleted_but_not_the_last_one() {
    let simulator = simulator();
    let deleted = simulator.delete(&format!("{META}/views/{ACTIVE}")).await.ok();
    assert_eq!(deleted, json!({"id": ACTIVE, "deleted": true}));
    assert_eq!(simulator.get(&format!("{BASE}/Customers?view={ACTIVE}")).await.kind(), "VIEW_ID_NOT_FOUND");
    assert_eq!(simulator.delete(&format!("{META}/views/viwCRM00000000010")).await.refused().0, 422);
}

#[test]
fn a_fixture_with_a_view_that_cannot_be_shown_says_why() {
    let mut fixture: Value = serde_json::from_str(include_str!("../../fixtures/crm.json")).unwrap();
    for (part, value, reason) in [
        ("filterByFormula", json!("{Nope}"), "filterByFormula: Unknown field names: nope"),
        ("sort", json!([{"field": "Nope"}]), "the table has no field Nope"),
        ("visibleFieldIds", json!(["fldNope"]), "the table has no field fldNope"),
    ] {
        let view = &mut fixture["bases"][0]["tables"][0]["views"][1];
        *view = json!({"id": ACTIVE, "name": "Active customers", "type": "grid", part: value});
        let parsed = simulator::Fixture::parse(&fixture.to_string(), "test").unwrap();
        let metrics = telemetry::metrics::Metrics::new();
        let error =
            simulator::start(parsed, simulator::Behaviour::default(), &metrics).err().unwrap().to_string();
        assert_eq!(
            error,
            format!(
                "fixture: base appCRM00000000001, table tblCRM00000000001: view Active customers: {reason}"
            )
        );
    }
}
