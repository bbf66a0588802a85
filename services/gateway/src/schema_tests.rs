//! For how long the tables that are known count.

use clap::Parser;
use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::{
    answers::{Answers, Bounds},
    delivery::{Way, health::Health, token::Token, upstream::Upstream},
    metrics::Metrics,
    queue::{Limits, Queue},
    reads::{Options, Replicas},
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// A schema that nobody asks for.
fn schema() -> Schema {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let metrics = Metrics::register(&telemetry::metrics::Metrics::new()).unwrap();
    let limits =
        Limits { requests_per_second: 5, token_requests_per_second: 5, length: 10, lockout: Duration::ZERO };
    let delivery = Delivery::new(Way {
        upstream: Upstream::new(&"http://127.0.0.1:9".parse().unwrap()).unwrap(),
        token: Token::new("/no/token".into(), metrics.clone()),
        queue: Queue::new(limits, metrics.clone()),
        health: Health::new("appAAAAAAAAAAAAAA", metrics.clone()),
        metrics: metrics.clone(),
        answers: Answers::new(Bounds { all: 1 << 20, kept: 0 }),
        merges: false,
    });
    let options = Line::parse_from(["gateway"]).options;
    let reads = Reads::new(&options, None, delivery.clone(), metrics, Replicas::none(), Duration::ZERO);
    Schema::new("appAAAAAAAAAAAAAA", delivery, reads)
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer::json(StatusCode::from_u16(status).unwrap(), body)
}

/// Learns what comes of asking now, after so many seconds.
async fn hears(schema: &Schema, after: u64, outcome: &reads::Outcome) {
    tokio::time::advance(Duration::from_secs(after)).await;
    let _known_or_not = schema.learn(schema.0.reads.ask_tables().await, outcome).await;
}

/// Whether there are tables at most a minute old, or as good.
fn has_some(schema: &Schema) -> bool {
    schema.at_hand(|age, _| age < KEPT).is_some()
}

#[tokio::test(start_paused = true)]
async fn tables_count_for_a_minute_and_longer_only_while_airtable_can_not_be_asked() {
    let tables = Ok(answer(200, &json!({"tables": []})));
    for (outcome, is_trouble) in [
        (Err(Undelivered::NotSent(String::new())), true),
        (Err(Undelivered::Unavailable), true),
        (Ok(answer(503, &json!({}))), true),
        (Ok(answer(429, &json!({"error": {"type": "PUBLIC_API_BILLING_LIMIT_EXCEEDED"}}))), true),
        (Ok(answer(403, &json!({}))), false),
        (Ok(answer(200, &json!({"tables": "?"}))), false),
        (Err(Undelivered::QueueDeadline), false),
    ] {
        let schema = schema();
        hears(&schema, 0, &outcome).await;
        assert!(!has_some(&schema), "nothing was known: {outcome:?}");
        hears(&schema, 0, &tables).await;
        hears(&schema, 59, &outcome).await;
        assert!(has_some(&schema), "{outcome:?}");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(has_some(&schema), is_trouble, "{outcome:?}");
        tokio::time::advance(EXCUSED).await;
        assert!(!has_some(&schema), "nobody has met the trouble for a while: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_excuses_for_a_day_and_no_change_made_through_the_gateway() {
    let (tables, lost) = (Ok(answer(200, &json!({"tables": []}))), Err(Undelivered::Lost(String::new())));
    let schema = schema();
    hears(&schema, 0, &tables).await;
    hears(&schema, OLDEST.as_secs() - 1, &lost).await;
    assert!(has_some(&schema));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!has_some(&schema));
    hears(&schema, 0, &tables).await;
    schema.0.reads.invalidate(&[]).await.unwrap();
    hears(&schema, 0, &lost).await;
    assert!(!has_some(&schema), "what was known is not so any more");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_asked_for_before_another_does_not_replace_it() {
    let schema = schema();
    let early = schema.0.reads.ask_tables().await;
    let table = json!({"id": "tbl1", "name": "New", "primaryFieldId": "fld1", "fields": []});
    hears(&schema, 1, &Ok(answer(200, &json!({"tables": [table]})))).await;
    let old = schema.learn(early, &Ok(answer(200, &json!({"tables": []})))).await;
    assert_eq!(old.unwrap().len(), 0, "to who asked");
    assert_eq!(schema.at_hand(|_, _| true).unwrap()[0].name, "New");
}
