//! Webhooks: what can be one, how its payloads are paged, and for how long it lives.

use serde_json::{Value, json};

use crate::support::{ADA, BASE, Simulator};

pub const HOOKS: &str = "/v0/bases/appCRM00000000001/webhooks";
const WEEK: u64 = 7 * 24 * 60 * 60;

pub async fn hook(simulator: &Simulator, options: Value) -> String {
    let body = json!({"specification": {"options": options}});
    simulator.post(HOOKS, body).await.ok()["id"].as_str().unwrap().to_owned()
}

/// A webhook of all changes of records.
pub async fn data_hook(simulator: &Simulator, filters: Value, includes: Value) -> String {
    let mut filters = filters;
    filters["dataTypes"] = json!(["tableData"]);
    hook(simulator, json!({"filters": filters, "includes": includes})).await
}

pub async fn payloads(simulator: &Simulator, hook: &str) -> Vec<Value> {
    let listed = simulator.get(&format!("{HOOKS}/{hook}/payloads")).await.ok();
    listed["payloads"].as_array().unwrap().clone()
}

pub async fn update(simulator: &Simulator, fields: Value) {
    simulator.patch(&format!("{BASE}/Customers/{ADA}"), json!({"fields": fields})).await.ok();
}

#[tokio::test]
async fn payloads_are_paged_by_cursor_and_fifty_at_most() {
    let simulator = Simulator::new();
    let hook = data_hook(&simulator, json!({}), json!({})).await;
    for number in 0..53 {
        update(&simulator, json!({"Name": number.to_string()})).await;
    }
    let page = async |query: &str| {
        let page = simulator.get(&format!("{HOOKS}/{hook}/payloads{query}")).await.ok();
        (
            page["payloads"].as_array().unwrap().len(),
            page["cursor"].as_u64().unwrap(),
            page["mightHaveMore"].as_bool().unwrap(),
        )
    };
    assert_eq!(page("").await, (50, 51, true));
    assert_eq!(page("?cursor=51").await, (3, 54, false));
    assert_eq!(page("?cursor=54").await, (0, 54, false));
    assert_eq!(page("?cursor=2&limit=2").await, (2, 4, true));
    for (query, message) in [
        ("?cursor=0", "cursor must be a number from 1 on"),
        ("?cursor=x", "cursor must be a number from 1 on"),
        ("?limit=0", "limit must be a number from 1 to 50"),
        ("?limit=51", "limit must be a number from 1 to 50"),
    ] {
        let refused = simulator.get(&format!("{HOOKS}/{hook}/payloads{query}")).await.refused();
        assert_eq!((refused.0, refused.2.as_str()), (422, message), "{query}");
    }
    assert_eq!(simulator.get(HOOKS).await.ok()["webhooks"][0]["cursorForNextPayload"], 54);
}

#[tokio::test]
async fn what_no_webhook_can_be_is_refused_and_the_message_names_the_field() {
    let simulator = Simulator::new();
    let refused = async |body: Value| simulator.post(HOOKS, body).await.refused();
    let filters = |filters: Value| json!({"specification": {"options": {"filters": filters}}});
    let includes = |ids: Value| json!({"specification": {"options": {"filters": {"dataTypes": ["tableData"]}, "includes": {"includeCellValuesInFieldIds": ids}}}});
    for (body, named) in [
        (json!({}), "specification"),
        (json!({"specification": {}}), "options"),
        (filters(json!({})), "dataTypes"),
        (filters(json!({"dataTypes": []})), "dataTypes"),
        (filters(json!({"dataTypes": ["data"]})), "`data`"),
        (
            filters(json!({"dataTypes": ["tableData"], "recordChangeScope": "tblCRM00000000099"})),
            "recordChangeScope",
        ),
        (filters(json!({"dataTypes": ["tableData"], "recordChangeScope": "Customers"})), "recordChangeScope"),
        (
            filters(json!({"dataTypes": ["tableData"], "watchDataInFieldIds": ["fldNothing0000000"]})),
            "watchDataInFieldIds",
        ),
        (filters(json!({"dataTypes": ["tableData"], "changeType": ["add"]})), "changeType"),
        (includes(json!("some")), "includeCellValuesInFieldIds must be \"all\" or a list of ids of fields"),
        (includes(json!([1])), "includeCellValuesInFieldIds must be \"all\" or a list of ids of fields"),
        (json!({"notificationUrl": "ftp://x", "specification": {}}), "notificationUrl"),
    ] {
        let (status, _, message) = refused(body.clone()).await;
        assert!(status == 422 && message.contains(named), "{body}: {message}");
    }
    for _ in 0..10 {
        data_hook(&simulator, json!({}), json!({})).await;
    }
    let (status, _, message) = refused(filters(json!({"dataTypes": ["tableData"]}))).await;
    assert!(status == 422 && message.contains("10 webhooks"), "{message}");
    let gone = format!("{HOOKS}/achNothing0000000");
    for answer in [simulator.delete(&gone).await, simulator.post(&format!("{gone}/refresh"), json!({})).await]
    {
        assert_eq!(answer.refused(), (404, "MODEL_ID_NOT_FOUND".to_owned(), "Webhook not found".to_owned()));
    }
    assert_eq!(simulator.delete(&format!("{HOOKS}/short")).await.1, json!({"error": "NOT_FOUND"}));
}

#[tokio::test]
async fn a_webhook_lives_a_week_unless_it_is_refreshed_or_listed() {
    let simulator = Simulator::new();
    let (left, refreshed) = (
        data_hook(&simulator, json!({}), json!({})).await,
        data_hook(&simulator, json!({}), json!({})).await,
    );
    let listed = data_hook(&simulator, json!({}), json!({})).await;
    let ahead =
        async |seconds: u64| simulator.put("/admin/clock", json!({"aheadSeconds": seconds})).await.ok();
    ahead(WEEK - 60).await;
    let expires = simulator.post(&format!("{HOOKS}/{refreshed}/refresh"), json!({})).await.ok();
    assert!(expires["expirationTime"].is_string());
    payloads(&simulator, &listed).await;
    ahead(WEEK + 60).await;
    update(&simulator, json!({"Name": "Ada"})).await;
    let enabled: Vec<bool> = simulator.get(HOOKS).await.ok()["webhooks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hook| hook["isHookEnabled"].as_bool().unwrap())
        .collect();
    assert_eq!(enabled, [false, true, true]);
    assert_eq!(payloads(&simulator, &left).await.len(), 0);
    assert_eq!(payloads(&simulator, &listed).await.len(), 1);
    assert_eq!(simulator.post(&format!("{HOOKS}/{left}/refresh"), json!({})).await.0, 422, "too late");
    ahead(2 * WEEK + 60).await;
    let there = simulator.get(HOOKS).await.ok();
    assert_eq!(there["webhooks"].as_array().unwrap().len(), 2);
}
