//! Listing records: paging, order, filters, forms.

use std::sync::Arc;

use crate::support::{ADA, BASE, Simulator, column, own};
use serde_json::{Value, json};

async fn list(simulator: &Simulator, query: &str) -> Value {
    simulator.get(&format!("{BASE}/Customers?{query}")).await.ok()
}

async fn names(simulator: &Simulator, query: &str) -> Vec<String> {
    let listing = list(simulator, query).await;
    column(&listing, "Name").iter().map(|name| name.as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_by_offset_until_all_is_listed() {
    let simulator = Simulator::new();
    let first = list(&simulator, "pageSize=3&offset=").await;
    let offset = first["offset"].as_str().unwrap();
    assert!(offset.starts_with("itr") && offset.ends_with("/recCRM00000000104"), "{offset}");
    let second = list(&simulator, &format!("pageSize=3&offset={offset}")).await;
    assert_eq!(column(&second, "Name"), [json!("Dune Travel")]);
    assert!(second.get("offset").is_none());
}

#[tokio::test]
async fn most_records_counts_over_all_pages() {
    let simulator = Simulator::new();
    let first = list(&simulator, "pageSize=2&maxRecords=3").await;
    let offset = first["offset"].as_str().unwrap();
    let second = list(&simulator, &format!("pageSize=2&maxRecords=3&offset={offset}")).await;
    assert_eq!(second["records"].as_array().unwrap().len(), 1);
    assert!(second.get("offset").is_none());
}

#[tokio::test]
async fn paging_survives_deletions_on_the_way() {
    let simulator = Simulator::new();
    let first = list(&simulator, "pageSize=2").await;
    simulator.delete(&format!("{BASE}/Customers/recCRM00000000103")).await.ok();
    let offset = first["offset"].as_str().unwrap();
    assert_eq!(names(&simulator, &format!("pageSize=2&offset={offset}")).await, ["Dune Travel"]);
}

#[tokio::test]
async fn offsets_that_are_not_ours_are_refused() {
    let simulator = Simulator::new();
    for (offset, kind) in [
        ("banana", "INVALID_OFFSET_VALUE"),
        ("itr00000000000000/rec00000000000000", "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"),
    ] {
        assert_eq!(simulator.get(&format!("{BASE}/Customers?offset={offset}")).await.kind(), kind);
    }
}

#[tokio::test]
async fn order_is_by_choice_by_number_by_text_without_case_and_empties_come_first() {
    let simulator = Simulator::new();
    let by_status =
        names(&simulator, "sort[0][field]=Status&sort[1][field]=Name&sort[1][direction]=desc").await;
    assert_eq!(by_status, ["Corner Café", "Blue Bicycles", "Ada's Bakery", "Dune Travel"]);
    let by_limit = names(&simulator, "sort[0][field]=Credit+limit").await;
    assert_eq!(by_limit, ["Corner Café", "Dune Travel", "Blue Bicycles", "Ada's Bakery"]);
    let descending =
        names(&simulator, "sort[0][field]=Name&sort[0][direction]=desc&view=Active+customers").await;
    assert_eq!(descending[0], "Dune Travel");
    let by_orders = names(&simulator, "sort[0][field]=Orders&sort[0][direction]=desc").await;
    assert_eq!(by_orders[..2], ["Blue Bicycles", "Ada's Bakery"], "O-1003 before O-1001, O-1002");
}

#[tokio::test]
async fn formulas_filter_by_every_kind_of_cell() {
    let simulator = Simulator::new();
    for (formula, expected) in [
        ("{Status}='Active'", vec!["Ada's Bakery", "Blue Bicycles"]),
        ("{VIP}=TRUE()", vec!["Ada's Bakery"]),
        ("{Credit limit}>2000", vec!["Ada's Bakery", "Blue Bicycles"]),
        ("FIND('vip',{Tags})", vec!["Ada's Bakery"]),
        ("{Orders}='O-1003'", vec!["Blue Bicycles"]),
        ("IS_BEFORE({Since},'2020-01-01')", vec!["Dune Travel"]),
        ("{fldCRM00000000101}='Ada\\'s Bakery'", vec!["Ada's Bakery"]),
        ("NOT({tier})", vec!["Corner Café"]),
        ("RECORD_ID()='recCRM00000000102'", vec!["Blue Bicycles"]),
        ("{Order count}=0", vec!["Corner Café", "Dune Travel"]),
    ] {
        let body = json!({"filterByFormula": formula, "method": "get", "timeZone": "utc"});
        let listing =
            simulator.post(&format!("{BASE}/Customers/listRecords?userLocale=en-ie"), body).await.ok();
        assert_eq!(column(&listing, "Name"), expected, "{formula}");
    }
}

#[tokio::test]
async fn a_bad_formula_says_what_is_wrong() {
    let simulator = Simulator::new();
    let refused = |query: &'static str| {
        let simulator = &simulator;
        async move { simulator.get(&format!("{BASE}/Customers?filterByFormula={query}")).await.refused() }
    };
    assert_eq!(
        refused("FOO(1)").await.2,
        "The formula for filtering records is invalid: Invalid formula. Please check your formula text."
    );
    let (status, kind, message) = refused("AND(Foo,Bar)").await;
    assert_eq!((status, kind.as_str()), (422, "INVALID_FILTER_BY_FORMULA"));
    assert_eq!(message, "The formula for filtering records is invalid: Unknown field names: foo, bar");
}

#[tokio::test]
async fn fields_are_chosen_by_name_or_id_in_three_notations() {
    let simulator = Simulator::new();
    for query in [
        "fields[]=Name&fields[]=Email",
        "fields=Name&fields=fldCRM00000000102",
        "fields[0]=Email&fields[1]=Name",
    ] {
        let listing = list(&simulator, query).await;
        let record = &listing["records"][0]["fields"];
        assert_eq!(record, &json!({"Name": "Ada's Bakery", "Email": "ada@bakery.example"}), "{query}");
    }
    assert_eq!(simulator.get(&format!("{BASE}/Customers?fields[]=Nmae")).await.kind(), "UNKNOWN_FIELD_NAME");
}

#[tokio::test]
async fn cells_come_by_field_id_or_as_text_when_asked() {
    let simulator = Simulator::new();
    let record = simulator.get(&format!("{BASE}/Customers/{ADA}?returnFieldsByFieldId=1")).await.ok();
    assert_eq!(record["fields"]["fldCRM00000000101"], "Ada's Bakery");
    let record = simulator
        .get(&format!("{BASE}/Customers/{ADA}?cellFormat=string&timeZone=utc&userLocale=en"))
        .await
        .ok();
    assert_eq!(record["fields"]["Orders"], "O-1001, O-1002");
    assert_eq!(record["fields"]["VIP"], "checked");
}

#[tokio::test]
async fn formula_fields_are_computed() {
    let simulator = Simulator::new();
    let listing =
        simulator.get(&format!("{BASE}/Orders?sort[0][field]=Total&sort[0][direction]=desc")).await.ok();
    assert_eq!(column(&listing, "Total"), [json!(1450), json!(298.5), json!(125)]);
    assert_eq!(column(&listing, "Number"), [3, 2, 1]);
}

#[tokio::test]
async fn results_that_are_no_numbers_are_told_as_such() {
    let field = |id: &str, name: &str, formula: &str| json!({"id": id, "name": name, "type": "formula", "options": {"formula": formula}});
    let fixture = json!({"user": {"id": "usr1", "email": "a@b.c"}, "bases": [{
        "id": "app00000000000001", "name": "B", "permissionLevel": "create",
        "tables": [{"id": "tbl1", "name": "T", "primaryFieldId": "fld1", "fields": [
            field("fld1", "A", "1/0"), field("fld2", "B", "{A}"), field("fld3", "C", "SQRT(-1)")]}],
        "records": {"tbl1": [{"id": "rec1", "createdTime": "2026-01-01T00:00:00.000Z", "fields": {}}]}}]});
    let fields = &own(&fixture).get("/v0/app00000000000001/T").await.ok()["records"][0]["fields"];
    let error = json!({"error": "#ERROR!"});
    assert_eq!(fields, &json!({"A": error, "B": error, "C": {"specialValue": "NaN"}}));
}

#[tokio::test]
async fn unknown_views_are_refused_each_in_its_way() {
    let simulator = Simulator::new();
    for (view, kind) in [
        ("Nowhere", "VIEW_NAME_NOT_FOUND"),
        ("viw00000000000000", "VIEW_ID_NOT_FOUND"),
        ("viwCRM00000000020", "FAILED_STATE_CHECK"),
    ] {
        assert_eq!(simulator.get(&format!("{BASE}/Customers?view={view}")).await.kind(), kind);
    }
}

#[tokio::test]
async fn a_listing_that_computes_for_long_keeps_nobody_waiting() {
    let simulator = Arc::new(Simulator::new());
    let listing = tokio::spawn({
        let simulator = simulator.clone();
        let slow = "REGEX_REPLACE(REPT('a', 100000), 'a*?b', 'x') = ''";
        let formula = format!("NOT(OR({}))", [slow; 8].join(", "));
        async move {
            let asked = json!({"filterByFormula": formula, "fields": ["Name"]});
            simulator.post(&format!("{BASE}/Customers/listRecords"), asked).await
        }
    });
    let used = async || simulator.get("/admin/limits").await.ok()["usedCalls"].clone();
    while used().await == json!({}) {
        tokio::task::yield_now().await;
    }
    simulator.get("/v0/meta/whoami").await.ok();
    simulator.patch(&format!("{BASE}/Customers/{ADA}"), json!({"fields": {"Name": "Ida"}})).await.ok();
    let ada = simulator.get(&format!("{BASE}/Customers/{ADA}")).await.ok();
    assert_eq!(ada["fields"]["Name"], "Ida");
    assert_eq!(simulator.raw("/admin/bases/appCRM00000000001/Customers").await.status(), 200);
    assert!(!listing.is_finished(), "it goes on");
    assert_eq!(column(&listing.await.unwrap().ok(), "Name").len(), 4);
}
