//! A gateway as its contract says, small: records of one table, a ledger by key, and faults on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

/// What goes wrong with the next write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It takes effect, and its answer is a 500.
    AnswerLost,
    /// It is refused before it is looked at.
    QueueFull,
    /// It takes effect, and is answered once released.
    Held,
}

#[derive(Default)]
struct Inside {
    records: BTreeMap<String, Map<String, Value>>,
    next: u32,
    ledger: BTreeMap<String, (u16, Value)>,
    closed: BTreeSet<String>,
    writes: Vec<String>,
    faults: Vec<Fault>,
    hits: Vec<String>,
}

#[derive(Clone)]
pub struct Gateway {
    address: SocketAddr,
    inside: Arc<Mutex<Inside>>,
    held: Arc<Notify>,
    release: Arc<Notify>,
}

type Answer = (u16, Value);

impl Gateway {
    /// A gateway on loopback with one record, `rec00000000000001`.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut inside = Inside { next: 2, ..Inside::default() };
        let cells = json!({"Name": "Ada", "Stage": "New", "Total": 7});
        inside.records.insert("rec00000000000001".to_owned(), cells.as_object().unwrap().clone());
        let gateway = Self {
            address: listener.local_addr().unwrap(),
            inside: Arc::new(Mutex::new(inside)),
            held: Arc::default(),
            release: Arc::default(),
        };
        let router = Router::new()
            .route("/v0/appXXXXXXXXXXXXXX/Deals", any(write))
            .route("/v0/appXXXXXXXXXXXXXX/Deals/{record}", any(write))
            .route("/api/airtable/tables", get(async || Json(schema())))
            .route("/api/airtable/ledger/{key}", get(look).delete(close))
            .route("/elsewhere", any(elsewhere))
            .with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        gateway
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The cells of all records, without regard to ids.
    pub fn cells(&self) -> Vec<Value> {
        let mut cells: Vec<Value> =
            self.inside.lock().unwrap().records.values().map(|cells| json!(cells)).collect();
        cells.sort_by_key(Value::to_string);
        cells
    }

    /// The writes that took effect, in order: method and key.
    pub fn writes(&self) -> Vec<String> {
        self.inside.lock().unwrap().writes.clone()
    }

    /// The keys with which `/elsewhere` was called.
    pub fn hits(&self) -> Vec<String> {
        self.inside.lock().unwrap().hits.clone()
    }

    pub fn fail_next(&self, fault: Fault) {
        self.inside.lock().unwrap().faults.push(fault);
    }

    pub fn remove(&self, record: &str) {
        self.inside.lock().unwrap().records.remove(record);
    }

    /// Resolves once a write is held.
    pub async fn is_holding(&self) {
        self.held.notified().await;
    }

    pub fn release(&self) {
        self.release.notify_one();
    }
}

fn schema() -> Value {
    let field = |name: &str, kind: &str| json!({"id": format!("fld{name}"), "name": name, "type": kind});
    json!({"tables": [{"id": "tblDeals", "name": "Deals", "primaryFieldId": "fldName",
        "fields": [field("Name", "singleLineText"), field("Stage", "singleLineText"), field("Total", "formula")]}]})
}

fn refusal(status: u16, kind: &str) -> Answer {
    (status, json!({"error": {"type": kind, "message": kind}}))
}

fn reply((status, body): Answer) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

async fn write(
    State(gateway): State<Gateway>,
    path: Option<Path<String>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["authorization"], "Bearer gateway-token");
    assert!(headers.contains_key("traceparent"));
    let record = path.map(|Path(record)| record);
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
    let is_read = method == Method::GET || record.as_deref() == Some("listRecords");
    let (answer, fault) = {
        let mut inside = gateway.inside.lock().unwrap();
        if is_read {
            return reply(inside.read(record.as_deref(), &body));
        }
        let fault = inside.faults.pop();
        if fault == Some(Fault::QueueFull) {
            return reply(refusal(503, "GATEWAY_QUEUE_FULL"));
        }
        (inside.once(key.as_deref(), &method, record.as_deref(), &body), fault)
    };
    match fault {
        Some(Fault::AnswerLost) => reply(refusal(500, "SERVER_ERROR")),
        Some(Fault::Held) => {
            gateway.held.notify_one();
            gateway.release.notified().await;
            reply(answer)
        }
        _ => reply(answer),
    }
}

async fn look(State(gateway): State<Gateway>, Path(key): Path<String>) -> Response {
    let inside = gateway.inside.lock().unwrap();
    let state = if inside.ledger.contains_key(&key) { "done" } else { "unknown" };
    reply((200, inside.entry(&key, state)))
}

async fn close(State(gateway): State<Gateway>, Path(key): Path<String>) -> Response {
    let mut inside = gateway.inside.lock().unwrap();
    inside.closed.insert(key.clone());
    reply((200, inside.entry(&key, "closed")))
}

async fn elsewhere(State(gateway): State<Gateway>, headers: HeaderMap) -> Response {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut inside = gateway.inside.lock().unwrap();
    inside.hits.push(key);
    match inside.faults.pop() {
        Some(Fault::AnswerLost) => reply((500, json!({}))),
        _ => reply((201, json!({"ticket": 7}))),
    }
}

impl Inside {
    fn entry(&self, key: &str, state: &str) -> Value {
        match self.ledger.get(key) {
            Some((status, body)) => json!({"state": state, "response": {"status": status, "body": body}}),
            None => json!({"state": state}),
        }
    }

    /// Once for a key; without a key every time.
    fn once(&mut self, key: Option<&str>, method: &Method, record: Option<&str>, body: &Value) -> Answer {
        let name = key.unwrap_or("no key");
        if self.closed.contains(name) {
            return refusal(409, "IDEMPOTENCY_KEY_CLOSED");
        }
        if let Some(first) = self.ledger.get(name) {
            return first.clone();
        }
        let answer = self.apply(method, record, body);
        if answer.0 < 300 {
            self.writes.push(format!("{method} {name}"));
            if let Some(key) = key {
                self.ledger.insert(key.to_owned(), answer.clone());
            }
        }
        answer
    }

    fn apply(&mut self, method: &Method, record: Option<&str>, body: &Value) -> Answer {
        let cells = |value: &Value| value["fields"].as_object().unwrap().clone();
        match (method.as_str(), record) {
            ("POST", None) => match body["records"].as_array() {
                None if body.pointer("/fields/Total").is_some() => refusal(422, "INVALID_VALUE_FOR_COLUMN"),
                None => (200, self.create(cells(body))),
                Some(records) => {
                    let created: Vec<Value> =
                        records.iter().map(|record| self.create(cells(record))).collect();
                    (200, json!({"records": created}))
                }
            },
            ("PATCH", None) => {
                let new = cells(&body["records"][0]);
                let matching = |old: &Map<String, Value>| old.get("Name") == new.get("Name");
                let found = self.records.iter().find(|(_, old)| matching(old)).map(|(id, _)| id.clone());
                let answer = if let Some(id) = found {
                    let updated = self.update(&id, new);
                    json!({"records": [updated], "createdRecords": [], "updatedRecords": [id]})
                } else {
                    let created = self.create(new);
                    json!({"records": [created], "createdRecords": [created["id"]], "updatedRecords": []})
                };
                (200, answer)
            }
            (_, Some(id)) if !self.records.contains_key(id) => refusal(404, "MODEL_ID_NOT_FOUND"),
            ("PATCH", Some(id)) => (200, self.update(id, cells(body))),
            ("DELETE", Some(id)) => {
                self.records.remove(id);
                (200, json!({"id": id, "deleted": true}))
            }
            other => panic!("unexpected write {other:?}"),
        }
    }

    fn create(&mut self, mut cells: Map<String, Value>) -> Value {
        let id = format!("rec{:014}", self.next);
        self.next += 1;
        cells.insert("Total".to_owned(), json!(7));
        self.records.insert(id.clone(), cells.clone());
        json!({"id": id, "fields": cells})
    }

    fn update(&mut self, id: &str, new: Map<String, Value>) -> Value {
        let cells = self.records.get_mut(id).unwrap();
        cells.extend(new);
        cells.retain(|_, cell| !cell.is_null());
        json!({"id": id, "fields": cells})
    }

    fn read(&self, record: Option<&str>, parameters: &Value) -> Answer {
        let show = |(id, cells): (&String, &Map<String, Value>)| json!({"id": id, "fields": cells});
        if record != Some("listRecords") {
            let found = self.records.iter().find(|(id, _)| Some(id.as_str()) == record);
            return found.map_or(refusal(404, "NOT_FOUND"), |found| (200, show(found)));
        }
        let formula = parameters["filterByFormula"].as_str().unwrap_or_default();
        let matching = |cells: &Map<String, Value>| {
            formula.is_empty() || formula.contains(&format!("{{Name}}={}", cells["Name"]))
        };
        let found: Vec<Value> = self.records.iter().filter(|(_, cells)| matching(cells)).map(show).collect();
        (200, json!({"records": found}))
    }
}
