//! Each kind of write under a key, delivered more than once or answered by nobody.

use futures::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    setup::answer,
    simulated::{BASE, Pair, event},
};

const CREATE: &str = "create";

/// The writes of all kinds, each under a key of its own, and the effects that each has.
struct Writes {
    pair: Pair,
    record: String,
}

impl Writes {
    async fn new() -> Self {
        let pair = Pair::new(false, &["--settle-seconds=1"]).await;
        let create = pair
            .gateway
            .request(Method::POST, &format!("/v0/{BASE}/Audit"))
            .json(&json!({"fields": {"Event": "old"}}));
        let record = answer(create).await.1["id"].as_str().unwrap().to_owned();
        Self { pair, record }
    }

    /// Kind, method, and the operation of its effect; the delete comes last.
    const ALL: [(&'static str, Method, &'static str); 4] = [
        (CREATE, Method::POST, "create"),
        ("update", Method::PATCH, "update"),
        ("upsert", Method::PATCH, "create"),
        ("delete", Method::DELETE, "delete"),
    ];

    fn write(&self, kind: &str, method: &Method) -> RequestBuilder {
        let upsert = json!({"performUpsert": {"fieldsToMergeOn": ["Event"]}, "records": [event("upserted")]});
        let (rest, body) = match kind {
            CREATE => (String::new(), event("created")),
            "upsert" => (String::new(), upsert),
            "update" => (format!("/{}", self.record), json!({"fields": {"Event": "updated"}})),
            _ => (format!("/{}", self.record), Value::Null),
        };
        let request = self.pair.audit(method.clone(), &rest, kind);
        if body.is_null() { request } else { request.json(&body) }
    }
}

#[tokio::test]
async fn each_write_that_is_delivered_often_takes_effect_once() {
    let writes = Writes::new().await;
    for (kind, method, operation) in Writes::ALL {
        let before = writes.pair.effects(operation).await;
        let all = join_all((0..5).map(|_| answer(writes.write(kind, &method)))).await;
        let (status, last) = answer(writes.write(kind, &method)).await;
        assert_eq!(status, 200, "{kind}: {last}");
        let (done, busy): (Vec<_>, Vec<_>) = all.into_iter().partition(|(status, _)| *status == 200);
        assert!(!done.is_empty() && done.iter().all(|(_, body)| *body == last), "{kind}: {done:?}");
        for (status, body) in busy {
            assert_eq!((status.as_u16(), &body["error"]["type"]), (409, &json!("IDEMPOTENCY_KEY_IN_FLIGHT")));
        }
        assert_eq!(writes.pair.effects(operation).await - before, 1, "{kind}");
    }
}

#[tokio::test]
async fn each_write_whose_answer_is_lost_takes_effect_once() {
    for when in ["afterEffect", "beforeEffect"] {
        let writes = Writes::new().await;
        for (kind, method, operation) in Writes::ALL {
            let before = writes.pair.effects(operation).await;
            writes.pair.cut_next(method.as_str(), when).await;
            let first = answer(writes.write(kind, &method)).await;
            assert_eq!(first.0, 200, "{kind} {when}: {}", first.1);
            assert_eq!(answer(writes.write(kind, &method)).await, first, "{kind} {when}");
            assert_eq!(writes.pair.effects(operation).await - before, 1, "{kind} {when}");
        }
    }
}
