//! Comments on records: pages, mentions, threads, whose they are, and what they leave behind.

use serde_json::{Value, json};
use simulator::{Behaviour, Fixture};

use crate::support::{ADA, BASE, BLUE, Simulator, own};

fn comments(record: &str) -> String {
    format!("{BASE}/Customers/{record}/comments")
}

async fn add(simulator: &Simulator, text: &str) -> Value {
    simulator.post(&comments(ADA), json!({"text": text})).await.ok()
}

fn texts(page: &Value) -> Vec<&str> {
    page["comments"].as_array().unwrap().iter().map(|comment| comment["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn comments_are_listed_newest_first_page_by_page_until_the_offset_is_null() {
    let simulator = Simulator::new();
    for text in ["one", "two", "three"] {
        add(&simulator, text).await;
    }
    let first = simulator.get(&format!("{}?pageSize=2", comments(ADA))).await.ok();
    assert_eq!(texts(&first), ["three", "two"]);
    let offset = first["offset"].as_str().unwrap();
    let second = simulator.get(&format!("{}?pageSize=2&offset={offset}", comments(ADA))).await.ok();
    assert_eq!((texts(&second), &second["offset"]), (vec!["one"], &Value::Null));
    assert!(second.as_object().unwrap().contains_key("offset"), "it is there, and null");
    let empty = simulator.get(&comments(BLUE)).await.ok();
    assert_eq!(empty, json!({"comments": [], "offset": null}));
}

#[tokio::test]
async fn a_comment_is_answered_changed_and_deleted() {
    let simulator = Simulator::new();
    let made = add(&simulator, "hello").await;
    assert_eq!(made["lastUpdatedTime"], Value::Null);
    assert_eq!(made["author"]["id"], simulator.get("/v0/meta/whoami").await.ok()["id"]);
    let path = format!("{}/{}", comments(ADA), made["id"].as_str().unwrap());
    let changed = simulator.patch(&path, json!({"text": "changed"})).await.ok();
    assert_eq!((&changed["text"], &changed["id"]), (&json!("changed"), &made["id"]));
    assert!(changed["lastUpdatedTime"].is_string());
    assert_eq!(simulator.delete(&path).await.ok(), json!({"id": made["id"], "deleted": true}));
    assert_eq!(
        simulator.delete(&path).await.refused(),
        (404, "MODEL_ID_NOT_FOUND".into(), "Comment not found".into())
    );
}

#[tokio::test]
async fn users_are_mentioned_by_id_or_address_until_the_text_drops_them() {
    let simulator = Simulator::new();
    let me = simulator.get("/v0/meta/whoami").await.ok();
    let (id, email) = (me["id"].as_str().unwrap(), me["email"].as_str().unwrap());
    let made = add(&simulator, &format!("@[{email}] and @[usrNobody00000000]")).await;
    assert_eq!(made["text"], format!("@[{id}] and @[usrNobody00000000]"));
    assert_eq!(made["mentioned"][id]["type"], "user");
    assert_eq!(made["mentioned"].as_object().unwrap().len(), 1);
    let path = format!("{}/{}", comments(ADA), made["id"].as_str().unwrap());
    let changed = simulator.patch(&path, json!({"text": "nobody"})).await.ok();
    assert_eq!(changed.get("mentioned"), None);
}

#[tokio::test]
async fn colleagues_and_groups_are_mentioned_on_any_record() {
    let mut world: Value = serde_json::to_value(Fixture::sample().unwrap()).unwrap();
    world["user"]["colleagues"] =
        json!([{"id": "usrCRM00000000002", "email": "eve@example.com", "name": "Eve"}]);
    let groups = json!([{"id": "ugpCRM00000000001", "name": "Sales", "memberIds": []}]);
    world["account"] = json!({"enterprise": {"id": "entCRM00000000001", "groups": groups}});
    let simulator = own(&world);
    let made =
        add(&simulator, "@[EVE@example.com], @[usrCRM00000000002], @[ugpCRM00000000001] and @[Sales]").await;
    assert_eq!(made["text"], "@[usrCRM00000000002], @[usrCRM00000000002], @[ugpCRM00000000001] and @[Sales]");
    let expected = json!({
        "usrCRM00000000002": {"id": "usrCRM00000000002", "type": "user", "displayName": "Eve", "email": "eve@example.com"},
        "ugpCRM00000000001": {"id": "ugpCRM00000000001", "type": "userGroup", "displayName": "Sales"},
    });
    assert_eq!(made["mentioned"], expected);
    let page = simulator.get(&comments(ADA)).await.ok();
    assert_eq!(page["comments"][0]["mentioned"], expected);
}

#[tokio::test]
async fn a_reply_names_a_comment_on_the_same_record() {
    let simulator = Simulator::new();
    let parent = add(&simulator, "question").await;
    let reply = json!({"text": "answer", "parentCommentId": parent["id"]});
    assert_eq!(simulator.post(&comments(ADA), reply.clone()).await.ok()["parentCommentId"], parent["id"]);
    assert_eq!(simulator.post(&comments(BLUE), reply).await.kind(), "MODEL_ID_NOT_FOUND");
}

#[tokio::test]
async fn what_is_not_a_comment_is_refused() {
    let simulator = Simulator::new();
    let post = async |body: Value| simulator.post(&comments(ADA), body).await.kind();
    assert_eq!(post(json!({})).await, "INVALID_REQUEST_MISSING_FIELDS");
    assert_eq!(post(json!({"text": ""})).await, "INVALID_REQUEST_UNKNOWN");
    assert_eq!(post(json!({"text": "x", "parentCommentId": 1})).await, "INVALID_REQUEST_UNKNOWN");
    let strange = comments("recCRM00000000999");
    assert_eq!(simulator.get(&strange).await.refused().0, 403);
    assert_eq!(simulator.post(&strange, json!({"text": "x"})).await.refused().0, 404);
    let list = async |query: &str| simulator.get(&format!("{}?{query}", comments(ADA))).await.kind();
    assert_eq!(list("pageSize=101").await, "INVALID_PAGE_SIZE_ARGUMENT");
    assert_eq!(list("offset=comNothing0000000").await, "INVALID_OFFSET_VALUE");
}

#[tokio::test]
async fn records_tell_their_comments_where_asked_and_take_them_along() {
    let simulator = Simulator::new();
    add(&simulator, "one").await;
    add(&simulator, "two").await;
    let count = async |query: &str| {
        let listing = simulator.get(&format!("{BASE}/Customers?{query}")).await.ok();
        listing["records"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|record| record.get("commentCount").cloned())
            .collect::<Vec<_>>()
    };
    assert_eq!(count("recordMetadata[]=commentCount").await, [json!(2)]);
    assert_eq!(count("").await, Vec::<Value>::new());
    simulator.delete(&format!("{BASE}/Customers/{ADA}")).await.ok();
    assert_eq!(simulator.get(&comments(ADA)).await.refused().0, 403);
}

#[tokio::test]
async fn only_the_author_changes_a_comment_and_readers_write_none() {
    let fixture = |level: &str| {
        let mut world: Value = serde_json::to_value(Fixture::sample().unwrap()).unwrap();
        world["bases"][0]["permissionLevel"] = json!(level);
        world["bases"][0]["comments"] = json!({ADA: [{
            "id": "comCRM00000000001", "text": "hers", "createdTime": "2026-01-05T09:00:00Z",
            "author": {"id": "usrCRM00000000002", "email": "eve@example.com"}
        }]});
        Fixture::parse(&world.to_string(), "test").unwrap()
    };
    let simulator = Simulator::with(fixture("comment"), Behaviour::default());
    let hers = format!("{}/comCRM00000000001", comments(ADA));
    for answer in [simulator.patch(&hers, json!({"text": "mine"})).await, simulator.delete(&hers).await] {
        assert_eq!(answer.refused().1, "INVALID_PERMISSIONS");
    }
    let mine = add(&simulator, "@[eve@example.com]").await;
    assert_eq!(mine["mentioned"]["usrCRM00000000002"]["displayName"], "eve@example.com");
    let reader = Simulator::with(fixture("read"), Behaviour::default());
    assert_eq!(reader.post(&comments(ADA), json!({"text": "x"})).await.kind(), "INVALID_PERMISSIONS");
    assert_eq!(texts(&reader.get(&comments(ADA)).await.ok()), ["hers"]);
}
