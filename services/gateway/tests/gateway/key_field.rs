//! Creates under keys in tables with a field for marks: found by it, where a search by cells could not tell.

use futures::future::join_all;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    setup::{Running, answer},
    simulated::{BASE, Pair, event},
};

const FIELD: &str = "Idempotency key";
const OPTION: &str = "--key-field=Idempotency key";

impl Pair {
    /// A gateway that leaves marks, in a base whose table `Audit` has the field for them.
    async fn marked(more: &[&str]) -> Self {
        let pair = Self::new(false, &[more, &[OPTION]].concat()).await;
        pair.add_field("singleLineText").await;
        pair
    }

    /// A person's request.
    fn person(&self, method: Method, path: &str) -> RequestBuilder {
        Client::new().request(method, format!("{}{path}", self.simulator)).bearer_auth("pat-of-a-person")
    }

    async fn add_field(&self, field_type: &str) {
        let fields =
            format!("/v0/meta/bases/{BASE}/tables/{}/fields", self.table().await["id"].as_str().unwrap());
        let field = json!({"name": FIELD, "type": field_type});
        let (status, body) = answer(self.person(Method::POST, &fields).json(&field)).await;
        assert_eq!(status, 200, "{body}");
    }

    async fn table(&self) -> Value {
        let (_, body) = answer(self.person(Method::GET, &format!("/v0/meta/bases/{BASE}/tables"))).await;
        body["tables"].as_array().unwrap().iter().find(|table| table["name"] == "Audit").unwrap().clone()
    }

    fn keyed(&self, key: &str, text: &str) -> RequestBuilder {
        self.audit(Method::POST, "", key).json(&event(text))
    }

    async fn faults(&self, faults: Value) {
        let put =
            Client::new().put(format!("{}/admin/faults", self.simulator)).json(&json!({"faults": faults}));
        assert!(put.send().await.unwrap().status().is_success());
    }

    /// The next create takes effect, and neither its answer comes nor can its record be looked for.
    async fn blind_next(&self) {
        let lost = json!({"match": {"method": "POST"}, "kind": {"cut": "afterEffect"}});
        let blind = json!({"match": {"pathContains": "listRecords"}, "kind": {"status": 501}});
        self.faults(json!([lost, blind])).await;
    }

    async fn creates_sent(&self) -> usize {
        let is_create = |request: &&Value| {
            request["method"] == "POST" && request["path"].as_str().unwrap().ends_with("/Audit")
        };
        self.admin("requests").await.iter().filter(is_create).count()
    }

    /// What a person creates.
    async fn create_by_hand(&self, fields: &Value) -> Value {
        let created =
            self.person(Method::POST, &format!("/v0/{BASE}/Audit")).json(&json!({"fields": fields}));
        let (status, body) = answer(created).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Another gateway for the same base, which knows nothing of what was done.
    async fn forgetful(&self) -> Running {
        Running::new(&self.simulator, &[OPTION, &format!("--base={BASE}")]).await
    }
}

fn since_an_hour(request: RequestBuilder) -> RequestBuilder {
    let hour_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    request.header("Idempotency-Since", hour_ago.to_string())
}

fn kind(answered: &(reqwest::StatusCode, Value)) -> (u16, &str) {
    (answered.0.as_u16(), answered.1["error"]["type"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_lost_create_is_told_from_one_like_it() {
    let pair = Pair::marked(&[]).await;
    for (when, sent) in [("afterEffect", 1), ("beforeEffect", 2)] {
        let likeness = pair.create_by_hand(&event(when)["fields"]).await;
        let before = pair.creates_sent().await;
        pair.cut_next("POST", when).await;
        let (status, body) = answer(pair.keyed(when, when)).await;
        assert_eq!((status.as_u16(), &body["fields"]["Event"]), (200, &json!(when)), "{body}");
        assert_ne!(body["id"], likeness["id"]);
        assert_eq!(body["fields"][FIELD].as_str().map(str::len), Some(34), "not the key itself");
        assert_eq!(pair.creates_sent().await - before, sent);
        assert_eq!(answer(pair.keyed(when, when)).await.1, body, "it is remembered");
    }
    assert_eq!(pair.effects("create").await, 4);
    let metrics = pair.gateway.metrics();
    assert!(metrics.contains(r#"gateway_keyed_creates_total{strategy="keyField"} 3"#), "{metrics}");
}

#[tokio::test]
async fn a_record_that_was_changed_since_is_found_all_the_same() {
    let pair = Pair::marked(&[]).await;
    pair.blind_next().await;
    assert_eq!(kind(&answer(pair.keyed("k", "A")).await), (503, "IDEMPOTENCY_OUTCOME_UNKNOWN"));
    let id = pair.admin("effects").await.last().unwrap()["record"].as_str().unwrap().to_owned();
    let change = json!({"fields": {"Event": "B", "Actor": null, "At": null, "Level": "error"}});
    let changed = answer(pair.person(Method::PATCH, &format!("/v0/{BASE}/Audit/{id}")).json(&change)).await;
    assert_eq!(changed.0, 200, "{}", changed.1);
    let (status, body) = answer(pair.keyed("k", "A")).await;
    assert_eq!(
        (status.as_u16(), &body["id"], &body["fields"]["Event"]),
        (200, &json!(id), &json!("B")),
        "{body}"
    );
    assert_eq!(pair.effects("create").await, 1);
}

#[tokio::test]
async fn a_lost_batch_is_answered_in_the_order_and_form_asked_for() {
    let pair = Pair::marked(&[]).await;
    pair.cut_next("POST", "afterEffect").await;
    let records = json!({"records": [event("b"), event("a"), event("a")], "returnFieldsByFieldId": true});
    let (status, body) = answer(pair.audit(Method::POST, "", "batch").json(&records)).await;
    assert_eq!(status, 200, "{body}");
    let table = pair.table().await;
    let field = |name: &str| {
        let found = table["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let cells = |name: &str| -> Vec<Value> {
        body["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["fields"][field(name)].clone())
            .collect()
    };
    assert_eq!(cells("Event"), ["b", "a", "a"]);
    let positions: Vec<_> = cells(FIELD).iter().map(|mark| mark.as_str().unwrap().chars().last()).collect();
    assert_eq!(positions, [Some('0'), Some('1'), Some('2')]);
    assert_eq!(pair.effects("create").await, 3);
}

#[tokio::test]
async fn creates_that_are_alike_travel_together_and_each_finds_its_own() {
    let pair = Pair::marked(&["--requests-per-second=2"]).await;
    // Reads the schema, so that the others arrive at the queue together.
    assert_eq!(answer(pair.keyed("first", "first")).await.0, 200);
    let before = pair.creates_sent().await;
    pair.cut_next("POST", "afterEffect").await;
    let keys = ["a", "b", "c", "d"];
    let typecast = |key| {
        let fields = event("same")["fields"].clone();
        answer(pair.audit(Method::POST, "", key).json(&json!({"fields": fields, "typecast": true})))
    };
    let answers = join_all(keys.map(typecast)).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    let ids: std::collections::BTreeSet<&str> =
        answers.iter().map(|(_, body)| body["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), pair.effects("create").await), (4, 5));
    assert!(pair.creates_sent().await - before < 4, "they travelled together");
}

#[tokio::test]
async fn after_a_ledger_was_lost_its_creates_are_known_by_their_marks() {
    let pair = Pair::marked(&[]).await;
    let done = answer(pair.keyed("done", "same")).await.1;
    let again = pair.forgetful().await;
    let create = |key: &str| {
        let request = again.request(Method::POST, &format!("/v0/{BASE}/Audit"));
        since_an_hour(request.header("Idempotency-Key", key)).json(&event("same"))
    };
    let new = answer(create("new")).await;
    assert_eq!(new.0, 200, "what is like it is another key's: {}", new.1);
    let found = answer(create("done")).await;
    assert_eq!(found, (reqwest::StatusCode::OK, done), "it is not sent again");
    assert_eq!(pair.effects("create").await, 2);
}

#[tokio::test]
async fn after_a_ledger_was_lost_what_has_no_mark_may_be_the_keys_all_the_same() {
    let pair = Pair::marked(&[]).await;
    pair.create_by_hand(&event("A")["fields"]).await;
    let unknown = answer(since_an_hour(pair.keyed("k", "A"))).await;
    assert_eq!(kind(&unknown), (503, "IDEMPOTENCY_OUTCOME_UNKNOWN"), "sent before there were marks?");
    assert_eq!(pair.effects("create").await, 1);
}

#[tokio::test]
async fn a_close_after_the_ledger_was_lost_says_what_was_done() {
    let pair = Pair::marked(&[]).await;
    let done = answer(pair.keyed("done", "A")).await.1;
    let again = pair.forgetful().await;
    let close = |key: &str| {
        let write = json!({"method": "POST", "path": format!("/v0/{BASE}/Audit"), "body": event("A")});
        let request = again.request(Method::DELETE, &format!("/api/airtable/ledger/{key}"));
        answer(since_an_hour(request).json(&write))
    };
    let closed = close("done").await.1;
    assert_eq!((&closed["state"], &closed["response"]["body"]), (&json!("closed"), &done), "{closed}");
    assert_eq!(close("never").await.1, json!({"state": "closed"}));
}

#[tokio::test]
async fn a_copy_made_by_hand_leaves_the_create_unknown_until_its_mark_is_emptied() {
    let pair = Pair::marked(&[]).await;
    pair.blind_next().await;
    assert_eq!(answer(pair.keyed("k", "A")).await.0, 503);
    let created = pair.admin("effects").await.last().unwrap().clone();
    let copy = pair.create_by_hand(&created["fields"]).await;
    let (status, body) = answer(pair.keyed("k", "A")).await;
    let message = body["error"]["message"].as_str().unwrap();
    assert!(status == 503 && message.contains("same mark") && message.contains(FIELD), "{body}");
    let path = format!("/v0/{BASE}/Audit/{}", copy["id"].as_str().unwrap());
    let emptied = answer(pair.person(Method::PATCH, &path).json(&json!({"fields": {FIELD: null}}))).await;
    assert_eq!(emptied.0, 200);
    assert_eq!(answer(pair.keyed("k", "A")).await.1["id"], created["record"]);
}

#[tokio::test]
async fn a_create_whose_lookup_is_refused_is_not_sent_again() {
    let pair = Pair::marked(&[]).await;
    let lost = json!({"match": {"method": "POST"}, "kind": {"cut": "afterEffect"}});
    let refused = json!({"match": {"pathContains": "listRecords"}, "times": 2, "kind": {"status": 422}});
    pair.faults(json!([lost, refused])).await;
    for _ in 0..2 {
        assert_eq!(kind(&answer(pair.keyed("k", "A")).await), (503, "IDEMPOTENCY_OUTCOME_UNKNOWN"));
    }
    assert_eq!((pair.effects("create").await, pair.creates_sent().await), (1, 1));
}

#[tokio::test]
async fn of_a_batch_of_which_one_record_was_deleted_nobody_says_that_it_was_done() {
    let pair = Pair::marked(&[]).await;
    pair.blind_next().await;
    let batch =
        || answer(pair.audit(Method::POST, "", "k").json(&json!({"records": [event("a"), event("b")]})));
    assert_eq!(batch().await.0, 503);
    let id = pair.admin("effects").await.last().unwrap()["record"].as_str().unwrap().to_owned();
    assert_eq!(answer(pair.person(Method::DELETE, &format!("/v0/{BASE}/Audit/{id}"))).await.0, 200);
    let (status, body) = batch().await;
    assert!(status == 503 && body["error"]["message"].as_str().unwrap().contains("1 of 2"), "{body}");
    assert_eq!(pair.effects("create").await, 2);
}

#[tokio::test]
async fn who_writes_the_field_under_a_key_is_refused_and_without_a_key_is_not() {
    let pair = Pair::marked(&[]).await;
    let own = json!({"fields": {"Event": "A", FIELD: "mine"}});
    let refused = answer(pair.audit(Method::POST, "", "k").json(&own)).await;
    assert_eq!(kind(&refused), (422, "IDEMPOTENCY_KEY_FIELD_WRITTEN"));
    assert!(refused.1["error"]["message"].as_str().unwrap().contains(FIELD), "{}", refused.1);
    assert_eq!(pair.effects("create").await, 0);
    assert_eq!(answer(pair.keyed("k", "A")).await.0, 200, "the key is free again");
    let unkeyed = pair.gateway.request(Method::POST, &format!("/v0/{BASE}/Audit")).json(&own);
    assert_eq!(answer(unkeyed).await.1["fields"][FIELD], "mine");
}

#[tokio::test]
async fn where_the_table_has_no_such_text_field_it_is_searched_by_cells() {
    for field_type in [None, Some("multilineText")] {
        let pair = Pair::new(false, &[OPTION]).await;
        if let Some(field_type) = field_type {
            pair.add_field(field_type).await;
        }
        pair.cut_next("POST", "afterEffect").await;
        let (status, body) = answer(pair.keyed("k", "A")).await;
        assert_eq!((status.as_u16(), body["fields"].get(FIELD)), (200, None), "{body}");
        assert_eq!(pair.effects("create").await, 1);
        let metrics = pair.gateway.metrics();
        assert!(metrics.contains(r#"gateway_keyed_creates_total{strategy="search"} 1"#), "{metrics}");
    }
}

#[tokio::test]
async fn a_field_that_was_renamed_just_now_stops_nobody() {
    let pair = Pair::marked(&[]).await;
    assert_eq!(answer(pair.keyed("before", "before")).await.0, 200);
    let table = pair.table().await;
    let field = table["fields"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/v0/meta/bases/{BASE}/tables/{}/fields/{field}", table["id"].as_str().unwrap());
    assert_eq!(answer(pair.person(Method::PATCH, &path).json(&json!({"name": "Renamed"}))).await.0, 200);
    pair.cut_next("POST", "afterEffect").await;
    for (key, expected) in [("cut", 200), ("after", 200)] {
        let (status, body) = answer(pair.keyed(key, key)).await;
        assert_eq!((status.as_u16(), &body["fields"]["Event"]), (expected, &json!(key)), "{body}");
    }
    assert_eq!(pair.effects("create").await, 3);
}

#[tokio::test]
async fn a_client_without_rights_on_the_field_leaves_marks_and_does_not_see_them() {
    let (pair, folder) = (Pair::marked(&[]).await, tempfile::tempdir().unwrap());
    let clients = json!({"keys": [{"name": "shop", "file": "shop", "tables": [{"name": "Audit", "fields": ["Event"]}]}]});
    std::fs::write(folder.path().join("clients.json"), clients.to_string()).unwrap();
    std::fs::write(folder.path().join("shop"), "shop").unwrap();
    let file = format!("--clients-file={}", folder.path().join("clients.json").display());
    let gateway =
        Running::in_folder(&pair.simulator, folder, &[OPTION, &format!("--base={BASE}"), &file]).await;
    pair.cut_next("POST", "afterEffect").await;
    let create = Client::new().post(format!("{}/v0/{BASE}/Audit", gateway.url)).bearer_auth("shop");
    let create = create.header("Idempotency-Key", "k").json(&json!({"fields": {"Event": "A"}}));
    let (status, body) = answer(create).await;
    assert_eq!((status.as_u16(), &body["fields"]), (200, &json!({"Event": "A"})), "{body}");
    let effects = pair.admin("effects").await;
    assert_eq!((effects.len(), effects[0]["fields"][FIELD].is_string()), (1, true), "{effects:?}");
}
