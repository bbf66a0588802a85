//! Writes of one record that wait at the same time go out together, and each gets the answer that it would have got alone.

use std::time::Duration;

use futures::future::join_all;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    setup::{Running, answer},
    simulated::{BASE, Pair, event},
    upstream::{Reply, Upstream, rate_limited},
};

/// A gateway that is just started sends nothing for a second, so that all requests until then wait together.
const ONE_A_SECOND: &str = "--requests-per-second=1";

impl Pair {
    /// A write without a key.
    fn write(&self, method: Method, rest: &str) -> RequestBuilder {
        self.gateway.request(method, &format!("/v0/{BASE}/Audit{rest}"))
    }

    fn create(&self, text: &str) -> RequestBuilder {
        self.write(Method::POST, "").json(&event(text))
    }

    /// The requests for the table that the simulator saw, by method.
    async fn sent(&self, method: &str) -> usize {
        let requests = self.admin("requests").await;
        requests.iter().filter(|request| request["method"] == *method).count()
    }

    /// Creates records past the gateway, and answers their ids.
    async fn records(&self, texts: &[&str]) -> Vec<String> {
        let records: Vec<Value> = texts.iter().map(|text| event(text)).collect();
        let body = self.direct(Method::POST, "").json(&json!({"records": records})).send().await.unwrap();
        let body: Value = body.json().await.unwrap();
        let ids = body["records"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    }

    fn direct(&self, method: Method, rest: &str) -> RequestBuilder {
        let url = format!("{}/v0/{BASE}/Audit{rest}", self.simulator);
        Client::new().request(method, url).bearer_auth("pat-of-a-person")
    }
}

#[tokio::test]
async fn creates_that_wait_together_are_sent_by_tens_and_answered_one_by_one() {
    let pair = Pair::new(false, &[ONE_A_SECOND]).await;
    let singles = (0..12).map(|number| answer(pair.create(&format!("single {number}"))));
    let list = json!({"records": [event("list")]});
    let list = answer(pair.write(Method::POST, "/").json(&list));
    let (singles, (status, list)) = futures::join!(join_all(singles), list);
    for (number, (status, body)) in singles.iter().enumerate() {
        assert_eq!(*status, 200, "{body}");
        assert_eq!(body["fields"]["Event"], format!("single {number}"));
    }
    assert_eq!((status.as_u16(), &list["records"][0]["fields"]["Event"]), (200, &json!("list")));
    assert_eq!((pair.sent("POST").await, pair.effects("create").await), (2, 13));
    let metrics = pair.gateway.metrics();
    assert!(metrics.contains("gateway_merged_writes_total 13"), "{metrics}");
    assert!(metrics.contains("gateway_batch_size_count 2"), "{metrics}");
}

#[tokio::test]
async fn without_merging_each_write_is_a_request() {
    let pair = Pair::new(false, &["--merge=off", "--requests-per-second=20"]).await;
    let answers = join_all((0..12).map(|number| answer(pair.create(&number.to_string())))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200));
    assert_eq!(pair.sent("POST").await, 12);
}

#[tokio::test]
async fn a_batch_that_is_refused_gives_each_the_answer_of_its_own() {
    let pair = Pair::new(false, &["--requests-per-second=4"]).await;
    let bad = json!({"fields": {"No such field": 1}});
    let good = join_all((0..6).map(|number| answer(pair.create(&number.to_string()))));
    let refused = answer(pair.write(Method::POST, "").json(&bad));
    let unknown = answer(pair.write(Method::POST, "").json(&json!({"fields": {"Level": "no such choice"}})));
    let (good, refused, unknown) = futures::join!(good, refused, unknown);
    assert!(good.iter().all(|(status, _)| *status == 200), "{good:?}");
    assert_eq!(refused, answer(pair.direct(Method::POST, "").json(&bad)).await);
    assert_eq!(unknown.0, 422);
    assert_eq!(unknown.1["error"]["type"], "INVALID_MULTIPLE_CHOICE_OPTIONS");
    assert_eq!(pair.effects("create").await, 6);
    assert!(pair.gateway.metrics().contains("gateway_batch_size_sum"));
}

#[tokio::test]
async fn updates_and_deletes_go_together_and_one_record_is_written_in_order() {
    let pair = Pair::new(false, &[ONE_A_SECOND]).await;
    let ids = pair.records(&["a", "b", "c"]).await;
    let update = |id: &str, text: &str| {
        answer(pair.write(Method::PATCH, &format!("/{id}")).json(&json!({"fields": {"Details": text}})))
    };
    let first = update(&ids[0], "first");
    let later = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        update(&ids[0], "second").await
    };
    let other = update(&ids[1], "other");
    let (first, later, other) = futures::join!(first, later, other);
    let details = |answer: &(_, Value)| answer.1["fields"]["Details"].clone();
    assert_eq!([details(&first), details(&later), details(&other)], ["first", "second", "other"]);
    assert_eq!(pair.sent("PATCH").await, 2);
    let left: Value =
        pair.direct(Method::GET, &format!("/{}", ids[0])).send().await.unwrap().json().await.unwrap();
    assert_eq!(left["fields"]["Details"], "second");

    let by_path = answer(pair.write(Method::DELETE, &format!("/{}", ids[0])));
    let by_query = answer(pair.write(Method::DELETE, &format!("?records[]={}", ids[1])));
    let missing = answer(pair.write(Method::DELETE, "/recMISSING0000000"));
    let (by_path, by_query, missing) = futures::join!(by_path, by_query, missing);
    let gone = |id: &String| json!({"id": id, "deleted": true});
    assert_eq!((by_path.1, by_query.1), (gone(&ids[0]), json!({"records": [gone(&ids[1])]})));
    assert_eq!(missing, answer(pair.direct(Method::DELETE, "/recMISSING0000000")).await);
    assert_eq!(pair.effects("delete").await, 2);
}

#[tokio::test]
async fn of_a_lost_batch_each_key_finds_out_and_who_has_none_is_told() {
    for (when, created) in [("afterEffect", 4), ("beforeEffect", 3)] {
        let pair = Pair::new(false, &[ONE_A_SECOND]).await;
        pair.cut_next("POST", when).await;
        let keyed =
            join_all(["a", "b", "c"].map(|key| answer(pair.audit(Method::POST, "", key).json(&event(key)))));
        let (keyed, unkeyed) = futures::join!(keyed, answer(pair.create("d")));
        for ((status, body), key) in keyed.iter().zip(["a", "b", "c"]) {
            assert_eq!((status.as_u16(), &body["fields"]["Event"]), (200, &json!(key)), "{body}");
        }
        assert_eq!(unkeyed.1["error"]["type"], "GATEWAY_ANSWER_LOST");
        assert_eq!(pair.effects("create").await, created, "{when}");
        let ledger = answer(pair.gateway.request(Method::GET, "/api/airtable/ledger/b")).await.1;
        assert_eq!(ledger["response"]["body"], keyed[1].1);
    }
}

#[tokio::test]
async fn creates_that_can_not_be_told_apart_when_lost_do_not_travel_together() {
    let pair = Pair::new(false, &["--requests-per-second=2"]).await;
    pair.cut_next("POST", "afterEffect").await;
    let same =
        join_all(["a", "b"].map(|key| answer(pair.audit(Method::POST, "", key).json(&event("same"))))).await;
    assert!(same.iter().all(|(status, _)| *status == 200), "{same:?}");
    assert_ne!(same[0].1["id"], same[1].1["id"]);
    assert_eq!(pair.effects("create").await, 2);
}

#[tokio::test]
async fn a_batch_that_meets_the_rate_limit_waits_and_goes_again() {
    let mut count = 0;
    let upstream = Upstream::new(move |seen| {
        count += 1;
        let records = seen.body["records"].as_array().cloned().unwrap_or_default();
        let created = records
            .iter()
            .enumerate()
            .map(|(number, record)| json!({"id": format!("rec{number}"), "fields": record["fields"]}));
        if count == 1 {
            rate_limited()
        } else {
            Reply::Json(200, json!({"records": created.collect::<Vec<_>>()}))
        }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[ONE_A_SECOND]).await;
    let create =
        |name| answer(gateway.deals(Method::POST, "", None).json(&json!({"fields": {"Name": name}})));
    let answers = join_all(["a", "b", "c"].map(create)).await;
    for ((status, body), name) in answers.iter().zip(["a", "b", "c"]) {
        assert_eq!((status.as_u16(), &body["fields"]["Name"]), (200, &json!(name)));
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].body["records"].as_array().unwrap().len(), 3);
    assert_eq!(seen[1].body["records"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn who_goes_away_before_its_turn_is_not_written() {
    let pair = Pair::new(false, &[ONE_A_SECOND]).await;
    let impatient = pair.create("impatient").timeout(Duration::from_millis(300)).send();
    let stay = join_all(["a", "b"].map(|text| answer(pair.create(text))));
    let (impatient, stay) = futures::join!(impatient, stay);
    assert!(impatient.unwrap_err().is_timeout());
    assert!(stay.iter().all(|(status, _)| *status == 200));
    assert_eq!((pair.sent("POST").await, pair.effects("create").await), (1, 2));
}
