//! A gateway as its contract says, small: records of one table, a ledger by key, and faults on demand.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::table::{Answer, Table, refusal, schema};

/// What goes wrong with the next write; of several, the last one given comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Passes,
    /// It takes effect, and its answer is a 500.
    AnswerLost,
    /// It is refused before it is looked at.
    QueueFull,
    /// It takes effect, and is answered once released.
    Held,
}

/// What the ledger has for a key.
#[derive(Debug, Clone)]
enum Entry {
    Done(Answer),
    /// With what had been done, if anything, or that nobody can tell.
    Closed(Result<Option<Answer>, ()>),
}

struct Inside {
    table: Table,
    ledger: BTreeMap<String, Entry>,
    born: Timestamp,
    /// Closes are answered that it can't be told yet.
    doubts: bool,
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

impl Gateway {
    /// A gateway on loopback with one record, `rec00000000000001`, whose ledger has always been there.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = Inside {
            table: Table::new(),
            ledger: BTreeMap::new(),
            born: Timestamp::UNIX_EPOCH,
            doubts: false,
            writes: Vec::new(),
            faults: Vec::new(),
            hits: Vec::new(),
        };
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
            .route("/elsewhere/large", any(async || "x".repeat(2 << 20)))
            .route("/elsewhere/broken", any(broken))
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
            self.inside(|inside| inside.table.records.values().map(|cells| json!(cells)).collect());
        cells.sort_by_key(Value::to_string);
        cells
    }

    /// The writes that took effect, in order: method and key.
    pub fn writes(&self) -> Vec<String> {
        self.inside(|inside| inside.writes.clone())
    }

    /// The keys with which `/elsewhere` was called.
    pub fn hits(&self) -> Vec<String> {
        self.inside(|inside| inside.hits.clone())
    }

    pub fn fail_next(&self, fault: Fault) {
        self.inside(|inside| inside.faults.push(fault));
    }

    pub fn remove(&self, record: &str) {
        self.inside(|inside| inside.table.records.remove(record));
    }

    /// Puts a cell into a record, as a person does.
    pub fn put_cell(&self, record: &str, name: &str, cell: &Value) {
        self.inside(|inside| {
            inside.table.records.get_mut(record).unwrap().insert(name.to_owned(), cell.clone())
        });
    }

    /// Writes to a record that is not there are answered as ones without permission.
    pub fn hide_what_is_gone(&self) {
        self.inside(|inside| inside.table.gone = refusal(403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"));
    }

    /// The ledger is lost; a new one is born now.
    pub fn lose_ledger(&self) {
        self.inside(|inside| (inside.ledger, inside.born) = (BTreeMap::new(), Timestamp::now()));
    }

    /// From now on it can't be told, or can again, what had been done under a key that is to be closed.
    pub fn doubt(&self, doubts: bool) {
        self.inside(|inside| inside.doubts = doubts);
    }

    /// Resolves once a write is held.
    pub async fn is_holding(&self) {
        self.held.notified().await;
    }

    pub fn release(&self) {
        self.release.notify_one();
    }

    fn inside<T>(&self, see: impl FnOnce(&mut Inside) -> T) -> T {
        see(&mut self.inside.lock().unwrap())
    }
}

fn reply((status, body): Answer) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

async fn write(
    State(gateway): State<Gateway>,
    path: Option<Path<String>>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["authorization"], "Bearer gateway-token");
    assert!(headers.contains_key("traceparent"));
    let record = path.map(|Path(record)| record);
    if method == Method::GET || record.as_deref() == Some("listRecords") {
        assert_eq!(headers["cache-control"], "no-cache", "sagas decide by what is read");
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
    if let Some(key) = &key {
        let undoes = key.contains("/undo");
        assert_eq!(headers.get("priority").is_some_and(|priority| priority == "u=1"), undoes, "{key}");
    }
    if method == Method::GET {
        let by_id = query.as_deref() == Some("returnFieldsByFieldId=true");
        let parameters = json!({"returnFieldsByFieldId": by_id});
        return reply(gateway.inside(|inside| inside.table.read(record.as_deref(), &parameters)));
    }
    if record.as_deref() == Some("listRecords") {
        return reply(gateway.inside(|inside| inside.table.read(record.as_deref(), &body)));
    }
    let fault = gateway.inside(|inside| inside.faults.pop());
    if fault == Some(Fault::QueueFull) {
        return reply(refusal(503, "GATEWAY_QUEUE_FULL"));
    }
    let answer = gateway.inside(|inside| inside.once(key.as_deref(), &method, record.as_deref(), &body));
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
    reply(gateway.inside(|inside| {
        let entry =
            |state, (status, body)| json!({"state": state, "response": {"status": status, "body": body}});
        let body = match inside.ledger.get(&key).cloned() {
            None => json!({"state": "unknown"}),
            Some(Entry::Done(answer)) => entry("done", answer),
            Some(Entry::Closed(Ok(Some(answer)))) => entry("closed", answer),
            Some(Entry::Closed(Ok(None))) => json!({"state": "closed"}),
            Some(Entry::Closed(Err(()))) => json!({"state": "closed", "outcome": "unknown"}),
        };
        (200, body)
    }))
}

async fn close(
    State(gateway): State<Gateway>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let since: Timestamp = headers["idempotency-since"].to_str().unwrap().parse().unwrap();
    let write: Option<Value> = (!body.is_empty()).then(|| serde_json::from_slice(&body).unwrap());
    reply(gateway.inside(|inside| inside.close(&key, since, write.as_ref())))
}

async fn elsewhere(State(gateway): State<Gateway>, headers: HeaderMap) -> Response {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let fault = gateway.inside(|inside| {
        inside.hits.push(key);
        inside.faults.pop()
    });
    match fault {
        Some(Fault::AnswerLost) => reply((500, json!({}))),
        _ => reply((201, json!({"ticket": 7}))),
    }
}

/// A body that breaks off, once its beginning is on its way.
async fn broken() -> Body {
    let breaks = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::other("broken"))
    };
    Body::from_stream(stream::iter([Ok("half")]).chain(stream::once(breaks)))
}

impl Inside {
    /// Once for a key; without a key every time.
    fn once(&mut self, key: Option<&str>, method: &Method, record: Option<&str>, body: &Value) -> Answer {
        let name = key.unwrap_or("no key");
        match self.ledger.get(name) {
            Some(Entry::Closed(_)) => return refusal(409, "IDEMPOTENCY_KEY_CLOSED"),
            Some(Entry::Done(first)) => return first.clone(),
            None => (),
        }
        let answer = self.table.write(method, record, body);
        if answer.0 < 300 {
            self.writes.push(format!("{method} {name}"));
            if let Some(key) = key {
                self.ledger.insert(key.to_owned(), Entry::Done(answer.clone()));
            }
        }
        answer
    }

    fn close(&mut self, key: &str, since: Timestamp, write: Option<&Value>) -> Answer {
        if self.doubts {
            return refusal(503, "IDEMPOTENCY_OUTCOME_UNKNOWN");
        }
        let closed = match self.ledger.get(key).cloned() {
            Some(Entry::Done(answer)) => Ok(Some(answer)),
            Some(Entry::Closed(closed)) => closed,
            None if since >= self.born => Ok(None),
            None => write.map_or(Err(()), |write| Ok(self.find_out(key, write))),
        };
        self.ledger.insert(key.to_owned(), Entry::Closed(closed.clone()));
        match closed {
            Ok(None) => (200, json!({"state": "closed"})),
            Ok(Some((status, body))) => {
                (200, json!({"state": "closed", "response": {"status": status, "body": body}}))
            }
            Err(()) => refusal(409, "IDEMPOTENCY_OUTCOME_UNKNOWABLE"),
        }
    }

    /// A create is searched for, all else is sent.
    fn find_out(&mut self, key: &str, write: &Value) -> Option<Answer> {
        let body = write.get("body").cloned().unwrap_or_default();
        let path = write["path"].as_str().unwrap().strip_prefix("/v0/appXXXXXXXXXXXXXX/Deals").unwrap();
        let method: Method = write["method"].as_str().unwrap().parse().unwrap();
        if method == Method::POST {
            let found = match body["records"].as_array() {
                None => self.table.find(&body["fields"])?,
                Some(records) => {
                    let records: Option<Vec<Value>> =
                        records.iter().map(|record| self.table.find(&record["fields"])).collect();
                    json!({"records": records?})
                }
            };
            return Some((200, found));
        }
        let record = path.strip_prefix('/').map(str::to_owned);
        let answer = self.once(Some(key), &method, record.as_deref(), &body);
        match answer.0 {
            200 => Some(answer),
            _ if method == Method::DELETE => Some((200, json!({"id": record, "deleted": true}))),
            _ => None,
        }
    }
}
