//! A scripted stand-in for Airtable: answers each request as a closure says, or cuts the connection.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Instant,
    pub method: String,
    pub target: String,
    pub head: String,
    pub body: Value,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

/// What to do with a request.
pub enum Reply {
    Json(u16, Value),
    /// As [`Reply::Json`], later.
    Later(Duration, u16, Value),
    /// With a header.
    With(u16, &'static str, &'static str, Value),
    /// What is not Airtable's: a page.
    Html(u16, &'static str),
    /// In pieces, without saying how long it is.
    Chunked(Value),
    /// Closes the connection without an answer.
    Cut,
}

type Script = Box<dyn FnMut(&Seen) -> Reply + Send>;

pub struct Upstream {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub async fn new(script: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let log = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), log.clone()));
            }
        });
        Self { url, seen }
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many of a method.
    pub fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|seen| seen.method == method).count()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>, log: Arc<Mutex<Vec<Seen>>>) -> Option<()> {
    let seen = read(&mut stream).await?;
    log.lock().unwrap().push(seen.clone());
    let reply = script.lock().unwrap()(&seen);
    let json = "content-type: application/json; charset=utf-8\r\n";
    let (status, header, body) = match reply {
        Reply::Cut => return None,
        Reply::Json(status, body) => (status, json.to_owned(), body.to_string()),
        Reply::With(status, name, value, body) => {
            (status, format!("{json}{name}: {value}\r\n"), body.to_string())
        }
        Reply::Html(status, page) => (status, "content-type: text/html\r\n".to_owned(), page.to_owned()),
        Reply::Chunked(body) => return chunked(&mut stream, &body.to_string()).await,
        Reply::Later(pause, status, body) => {
            tokio::time::sleep(pause).await;
            (status, json.to_owned(), body.to_string())
        }
    };
    let head =
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.ok()
}

async fn chunked(stream: &mut TcpStream, body: &str) -> Option<()> {
    let head = "HTTP/1.1 200 X\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    for piece in body.as_bytes().chunks(100_000) {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.ok()?;
        stream.write_all(piece).await.ok()?;
        stream.write_all(b"\r\n").await.ok()?;
    }
    stream.write_all(b"0\r\n\r\n").await.ok()
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut line = head.lines().next()?.split(' ');
    let (method, target) = (line.next()?.to_owned(), line.next()?.to_owned());
    let mut seen = Seen { at: Instant::now(), method, target, head, body: Value::Null };
    let length: usize = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    seen.body = serde_json::from_slice(&bytes[end..]).unwrap_or_default();
    Some(seen)
}

/// A small table: creates, lists, updates and deletes records; every list answers all of them.
#[derive(Clone, Default)]
pub struct Table {
    records: Arc<Mutex<Vec<Value>>>,
    schema: Arc<Mutex<Option<Value>>>,
}

impl Table {
    pub fn records(&self) -> Vec<Value> {
        self.records.lock().unwrap().clone()
    }

    /// Adds a record without a request.
    pub fn put(&self, record: &Value) {
        self.records.lock().unwrap().push(record.clone());
    }

    /// What the schema API answers from now on.
    pub fn schema(&self, tables: &Value) {
        *self.schema.lock().unwrap() = Some(tables.clone());
    }

    /// Takes the last record out again.
    pub fn take_last(&self) {
        self.records.lock().unwrap().pop();
    }

    /// Takes effect, and answers as Airtable would.
    pub fn apply(&self, seen: &Seen) -> Reply {
        let mut records = self.records.lock().unwrap();
        let path = seen.target.split('?').next().unwrap_or_default();
        let id = path.rsplit('/').next().unwrap_or_default().to_owned();
        let found = records.iter().position(|record| record["id"] == *id);
        match seen.method.as_str() {
            "POST" if path.ends_with("/listRecords") => Reply::Json(200, json!({"records": *records})),
            "GET" if path.ends_with("/tables") => {
                let tables = self.schema.lock().unwrap().clone();
                Reply::Json(200, tables.unwrap_or_else(|| json!({"tables": []})))
            }
            "GET" => Reply::Json(200, json!({"records": *records})),
            "POST" => {
                let record = json!({"id": format!("rec{:014}", records.len() + 1), "createdTime": now(),
                    "fields": seen.body["fields"]});
                records.push(record.clone());
                Reply::Json(200, record)
            }
            "PATCH" if let Some(found) = found => {
                let cells = seen.body["fields"].as_object().unwrap().clone();
                records[found]["fields"].as_object_mut().unwrap().extend(cells);
                Reply::Json(200, records[found].clone())
            }
            "DELETE" if let Some(found) = found => {
                records.remove(found);
                Reply::Json(200, json!({"id": id, "deleted": true}))
            }
            _ => Reply::Json(
                404,
                json!({"error": {"type": "MODEL_ID_NOT_FOUND", "message": "Record not found"}}),
            ),
        }
    }
}

/// A table whose writes are answered by `script`, with how many writes there were before; the rest as it is.
pub async fn scripted(
    mut script: impl FnMut(usize, &Seen, &Table) -> Reply + Send + 'static,
) -> (Table, Upstream) {
    let table = Table::default();
    let (copy, mut writes) = (table.clone(), 0);
    let upstream = Upstream::new(move |seen| {
        if seen.method == "GET" || seen.target.ends_with("/listRecords") {
            return copy.apply(seen);
        }
        writes += 1;
        script(writes - 1, seen, &copy)
    })
    .await;
    (table, upstream)
}

/// The time as Airtable writes it: whole seconds.
pub fn now() -> String {
    let second = jiff::Timestamp::now().as_second();
    format!("{:.3}", jiff::Timestamp::from_second(second).unwrap())
}

pub fn rate_limited() -> Reply {
    Reply::Json(
        429,
        json!({"errors": [{"error": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}]}),
    )
}
