//! Limits, as requests meet them and as `/admin/limits` sets them.

use crate::support::{BASE, Simulator, own};
use serde_json::{Value, json};
use simulator::{Allowed, Behaviour, Fixture};

const UNLIMITED: &str = r#"{"perBase": null, "perUser": null, "lockoutSeconds": 30, "monthlyCalls": null}"#;

fn customers() -> String {
    format!("{BASE}/Customers")
}

#[tokio::test]
async fn the_monthly_quota_refuses_records_and_not_the_schema() {
    let simulator = Simulator::new();
    simulator.put("/admin/limits", json!({"monthlyCalls": 2})).await.ok();
    simulator.get(&customers()).await.ok();
    simulator.post(&customers(), json!({"fields": {}})).await.ok();
    let refused = simulator.get(&customers()).await;
    let message = "API billing plan limit exceeded. You've reached the maximum number of requests allowed for this month.";
    assert_eq!(refused.0, 429);
    assert_eq!(
        refused.1,
        json!({"errors": [{"error": "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "message": message}]})
    );
    simulator.get("/v0/meta/bases/appCRM00000000001/tables").await.ok();
    simulator.get("/v0/meta/whoami").await.ok();
    let limits = simulator.get("/admin/limits").await.ok();
    assert_eq!(
        (&limits["monthlyCalls"], &limits["usedCalls"]),
        (&json!(2), &json!({"wspCRM00000000001": 2}))
    );
    simulator.put("/admin/limits", serde_json::from_str(UNLIMITED).unwrap()).await.ok();
    simulator.get(&customers()).await.ok();
}

#[tokio::test]
async fn limits_go_back_to_those_of_the_start_with_a_reset() {
    let allowed = Allowed { per_base: Some(1), lockout_seconds: 60, ..Allowed::as_airtable() };
    let behaviour = Behaviour { limited: true, allowed: Some(allowed), ..Behaviour::default() };
    let simulator = Simulator::with(Fixture::sample().unwrap(), behaviour);
    let expected =
        json!({"perBase": 1, "perUser": 50, "lockoutSeconds": 60, "monthlyCalls": null, "usedCalls": {}});
    assert_eq!(simulator.get("/admin/limits").await.ok(), expected);
    simulator.get(&customers()).await.ok();
    assert_eq!(simulator.get(&customers()).await.kind(), "RATE_LIMIT_REACHED");
    simulator.put("/admin/limits", json!({"perBase": 3})).await.ok();
    simulator.get(&customers()).await.ok();
    simulator.post("/admin/reset", Value::Null).await.ok();
    assert_eq!(simulator.get("/admin/limits").await.ok(), expected);
    let refused = simulator.put("/admin/limits", json!({"perSecond": 3})).await.refused();
    assert_eq!((refused.0, refused.1.as_str()), (422, "INVALID_LIMITS"));
    assert!(refused.2.contains("unknown field `perSecond`, expected one of `perBase`"), "{}", refused.2);
}

#[tokio::test]
async fn a_url_of_sixteen_thousand_characters_is_too_long_and_one_less_is_not() {
    let simulator = Simulator::new();
    let host = "https://api.airtable.com".len();
    let path = format!("{}?filterByFormula='x'", customers());
    let filled = |length: usize| path.replace('x', &"x".repeat(length - host - path.len() + 1));
    assert_eq!(simulator.get(&filled(16_000)).await.refused().0, 414);
    simulator.get(&filled(15_999)).await.ok();
}

#[tokio::test]
async fn pages_hold_one_to_a_hundred_records() {
    let simulator = Simulator::new();
    for size in ["0", "101", "-1", "x"] {
        let refused = simulator.get(&format!("{}?pageSize={size}", customers())).await.refused();
        assert_eq!((refused.0, refused.1.as_str()), (422, "INVALID_PAGE_SIZE_ARGUMENT"), "{size}");
    }
    simulator.get(&format!("{}?pageSize=100", customers())).await.ok();
}

#[tokio::test]
async fn a_hundred_thousand_records_with_formulas_are_filtered_sorted_and_listed() {
    let mut fixture: Value = serde_json::from_str(include_str!("../../fixtures/crm.json")).unwrap();
    let records: Vec<_> = (0..100_000)
        .map(|number| {
            json!({"id": format!("recMany{number:010}"), "createdTime": "2026-01-05T09:00:00.000Z",
                "fields": {"Order": format!("O-{number}"), "Quantity": number, "Unit price": 2}})
        })
        .collect();
    fixture["bases"][0]["records"] = json!({"tblCRM00000000002": records});
    let simulator = own(&fixture);
    let asked = json!({"filterByFormula": "AND({Total} >= 199990, {Customer} = '')", "fields": ["Total"],
        "sort": [{"field": "Total", "direction": "desc"}]});
    let listing = simulator.post(&format!("{BASE}/Orders/listRecords"), asked).await.ok();
    assert_eq!(listing["records"].as_array().unwrap().len(), 5);
    assert_eq!(listing["records"][0]["fields"], json!({"Total": 199_998}));
    let page = simulator.get(&format!("{BASE}/Orders")).await.ok();
    assert_eq!(page["records"].as_array().unwrap().len(), 100);
}
