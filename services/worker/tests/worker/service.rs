//! The worker as a service: its log lines, and the bounds of its requests.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::support::{STEP, World, serving::Serving};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The subscriber is that of all threads: with one of its own, a line may be lost that another test meets first.
#[tokio::test]
async fn the_line_of_a_step_carries_the_trace_of_its_call() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), 1).await;
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    assert_eq!(serving.put("6f1c/logged", &call).await.0, 200);

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let parsed = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let steps: Vec<Value> = parsed.filter(|line| line["fields"]["step"] == "6f1c/logged").collect();
    assert_eq!(steps.len(), 1, "{text}");
    assert_eq!(steps[0]["fields"]["message"], "step");
    assert_eq!(steps[0]["span"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
}

#[tokio::test]
async fn a_call_is_taken_whose_write_a_gateway_would_take() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), 1).await;
    let note = "x".repeat(7 << 20);
    let call = world
        .call("airtable.update", &json!({"table": "Deals", "recordId": "short", "fields": {"Note": note}}));
    let (status, body) = serving.put(STEP, &call).await;
    assert_eq!((status, &body["error"]["reason"]), (422, &json!("InvalidInput")));
}
