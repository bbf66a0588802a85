//! Lists go on where they were, whatever became of Airtable's iterators, of the gateway, and of the record in question.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use airtable::query;
use futures::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    setup::{BASE, Running, answer},
    upstream::{Reply, Seen, Upstream, rate_limited},
};

/// A table whose iterators remember the records that were there, until they are forgotten.
#[derive(Clone, Default)]
pub struct Table(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    records: Vec<String>,
    made: usize,
    iterators: HashMap<String, Vec<String>>,
}

impl Table {
    pub fn with(count: usize) -> Self {
        let table = Self::default();
        (0..count).for_each(|place| table.insert(place));
        table
    }

    fn insert(&self, place: usize) {
        let mut inner = self.0.lock().unwrap();
        inner.made += 1;
        let id = format!("rec{:014}", inner.made);
        inner.records.insert(place, id);
    }

    fn delete(&self, id: &str) {
        self.0.lock().unwrap().records.retain(|record| record != id);
    }

    pub fn records(&self) -> Vec<String> {
        self.0.lock().unwrap().records.clone()
    }

    fn forget_iterators(&self) {
        self.0.lock().unwrap().iterators.clear();
    }

    pub fn list(&self, seen: &Seen) -> Reply {
        let mut inner = self.0.lock().unwrap();
        let mut asked = query::object(seen.target.split_once('?').map_or("", |(_, query)| query));
        asked.extend(seen.body.as_object().cloned().unwrap_or_default());
        let text = |name: &str| {
            asked.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let offset = text("offset").filter(|offset| !offset.is_empty());
        let (iterator, left) = match offset.as_deref().map(|offset| offset.split_once('/').unwrap()) {
            None => (format!("itr{:014}", inner.iterators.len() + 1), inner.records.clone()),
            Some((iterator, next)) => {
                let Some(records) = inner.iterators.get(iterator) else {
                    let kind = "LIST_RECORDS_ITERATOR_NOT_AVAILABLE";
                    return Reply::Json(422, json!({"error": {"type": kind, "message": "begin again"}}));
                };
                let from = records.iter().position(|id| id == next).unwrap();
                (iterator.to_owned(), records[from..].to_vec())
            }
        };
        let size: usize = text("pageSize").map_or(100, |size| size.parse().unwrap());
        let there: Vec<_> = left.iter().filter(|id| inner.records.contains(id)).cloned().collect();
        let records: Vec<Value> =
            there.iter().take(size).map(|id| json!({"id": id, "createdTime": "", "fields": {}})).collect();
        let mut body = json!({"records": records});
        if let Some(next) = there.get(size) {
            body["offset"] = format!("{iterator}/{next}").into();
            inner.iterators.entry(iterator).or_insert(left);
        }
        Reply::Json(200, body)
    }
}

async fn before(table: &Table) -> (Upstream, Running) {
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| copy.list(seen)).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    (upstream, gateway)
}

fn ask(gateway: &Running, size: usize, offset: Option<&str>) -> RequestBuilder {
    let query = format!("?pageSize={size}&view=v");
    match offset {
        Some(offset) if size.is_multiple_of(2) => {
            let body = json!({"pageSize": size, "view": "v", "offset": offset});
            gateway.deals(Method::POST, "/listRecords", None).json(&body)
        }
        offset => gateway.deals(Method::GET, &query, None).query(&[("offset", offset.unwrap_or_default())]),
    }
}

pub async fn page(gateway: &Running, size: usize, offset: Option<&str>) -> (Vec<String>, Option<String>) {
    let (status, body) = answer(ask(gateway, size, offset)).await;
    assert_eq!(status, 200, "{body}");
    let ids =
        body["records"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned());
    (ids.collect(), body["offset"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn an_iterator_that_airtable_forgot_is_begun_again_and_page_sizes_stay() {
    let table = Table::with(250);
    let (_upstream, gateway) = before(&table).await;
    let (mut given, mut offset) = page(&gateway, 7, None).await;
    while let Some(at) = offset {
        table.forget_iterators();
        let (ids, next) = page(&gateway, 7, Some(&at)).await;
        assert!(ids.len() == 7 || next.is_none());
        given.extend(ids);
        offset = next;
    }
    assert_eq!(given, table.records());
}

#[tokio::test]
async fn pages_are_asked_for_one_by_one_and_never_before_they_are_wanted() {
    let table = Table::with(10);
    let (upstream, gateway) = before(&table).await;
    let (_, offset) = page(&gateway, 3, None).await;
    assert_eq!(upstream.seen().len(), 1);
    let again = page(&gateway, 3, offset.as_deref()).await;
    assert_eq!(page(&gateway, 3, offset.as_deref()).await, again, "a page may be asked for again");
    assert_eq!(upstream.seen().len(), 3);
}

/// A table of 700 records whose upstream limits the request with the number that is stored.
pub struct Limited {
    table: Table,
    pub upstream: Upstream,
    at: Arc<AtomicUsize>,
}

impl Limited {
    pub async fn new() -> Self {
        let (table, at) = (Table::with(700), Arc::new(AtomicUsize::new(0)));
        let (copy, number_limited, mut number) = (table.clone(), at.clone(), 0);
        let upstream = Upstream::new(move |seen| {
            number += 1;
            if number == number_limited.load(Ordering::SeqCst) { rate_limited() } else { copy.list(seen) }
        })
        .await;
        Self { table, upstream, at }
    }

    /// The offset behind seven pages of 90, for which `gateway` read 300 records of 630 when its time was over.
    pub async fn cut_short(&self, first: &Running, gateway: &Running) -> String {
        let mut offset = None;
        for _ in 0..7 {
            offset = page(first, 90, offset.as_deref()).await.1;
        }
        let offset = offset.unwrap();
        self.table.forget_iterators();
        // After Airtable's 422 for its own offset.
        self.at.store(7 + 1 + 3 + 1, Ordering::SeqCst);
        let late = answer(ask(gateway, 90, Some(&offset)).header("Request-Timeout", "0.5")).await;
        assert_eq!((late.0.as_u16(), &late.1["error"]["type"]), (503, &json!("GATEWAY_QUEUE_DEADLINE")));
        assert_eq!(self.upstream.seen().len(), 12);
        offset
    }

    /// The last page comes after so many more requests.
    pub async fn goes_on(&self, gateway: &Running, offset: &str, requests: usize) {
        let before = self.upstream.seen().len();
        let last = page(gateway, 90, Some(offset)).await;
        assert_eq!(last, (self.table.records().split_off(630), None));
        assert_eq!(self.upstream.seen().len() - before, requests);
    }
}

#[tokio::test]
async fn a_walk_that_was_cut_by_its_deadline_goes_on_where_it_was() {
    let limited = Limited::new().await;
    let gateway = Running::new(&limited.upstream.url, &[]).await;
    let offset = limited.cut_short(&gateway, &gateway).await;
    limited.goes_on(&gateway, &offset, 4 + 1).await;
    // From the page that ends with the last record given.
    limited.goes_on(&gateway, &offset, 1 + 1).await;
    limited.table.forget_iterators();
    limited.goes_on(&gateway, &offset, 1 + 7 + 1).await;
}

#[tokio::test]
async fn a_page_that_ends_within_one_of_airtables_is_gone_on_from_there() {
    let table = Table::with(300);
    let (upstream, gateway) = before(&table).await;
    let (mut given, mut offset) = (Vec::new(), None);
    for number in 0..6 {
        if number == 5 {
            table.forget_iterators();
            (0..20).for_each(|_| table.insert(0));
        }
        let (ids, next) = page(&gateway, 30, offset.as_deref()).await;
        given.extend(ids);
        offset = next;
    }
    let before = upstream.seen().len();
    given.extend(page(&gateway, 30, offset.as_deref()).await.0);
    assert_eq!(upstream.seen().len() - before, 1 + 1);
    assert_eq!(given, table.records()[20..230]);
}

/// What happens between two pages, after which a new gateway goes on.
#[derive(Debug, Clone, Copy)]
enum Gap {
    Nothing,
    /// The last record given is deleted.
    LastGiven,
    /// Some record is deleted, that was given or not.
    Another(usize),
    Insert(usize),
}

#[tokio::test]
async fn no_record_is_repeated_or_dropped_over_restarts_while_others_come_and_go() {
    join_all((0..24).map(list_over_restarts)).await;
}

async fn list_over_restarts(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let table = Table::with(random.usize(0..150));
    let size = table.records().len() / 8 + random.usize(1..9);
    let at_first: HashSet<String> = table.records().into_iter().collect();
    let (upstream, gateway) = before(&table).await;
    let (mut given, mut offset) = page(&gateway, size, None).await;
    let mut gaps = Vec::new();
    while let Some(at) = offset {
        let others: Vec<_> = table.records().into_iter().filter(|id| Some(id) != given.last()).collect();
        let gap = match random.u8(0..4) {
            0 => Gap::Nothing,
            1 => Gap::LastGiven,
            2 => Gap::Another(random.usize(0..others.len())),
            _ => Gap::Insert(random.usize(0..others.len())),
        };
        gaps.push(gap);
        match gap {
            Gap::Nothing => (),
            Gap::LastGiven => table.delete(given.last().unwrap()),
            Gap::Another(place) => table.delete(&others[place]),
            Gap::Insert(place) => table.insert(place),
        }
        let gateway = Running::new(&upstream.url, &[]).await;
        let (ids, next) = page(&gateway, size, Some(&at)).await;
        given.extend(ids);
        offset = next;
    }
    let unique: HashSet<String> = given.iter().cloned().collect();
    assert_eq!(unique.len(), given.len(), "repeated, seed {seed}, pages of {size}: {gaps:?}");
    let stayed: HashSet<String> = table.records().into_iter().filter(|id| at_first.contains(id)).collect();
    let dropped: Vec<_> = stayed.difference(&unique).collect();
    assert!(dropped.is_empty(), "{dropped:?}, seed {seed}, pages of {size}: {gaps:?}");
}

#[tokio::test]
async fn an_offset_belongs_to_its_list() {
    let table = Table::with(10);
    let (upstream, gateway) = before(&table).await;
    let (_, offset) = page(&gateway, 3, None).await;
    let offset = offset.unwrap();
    assert_eq!(offset.len(), 35, "{offset}");
    let gone = "LIST_RECORDS_ITERATOR_NOT_AVAILABLE";
    for (query, offset, kind) in [
        ("?view=w", offset.as_str(), gone),
        ("?view=v", "itr00000000000000/rec00000000000001", gone),
        ("", "x", "INVALID_OFFSET_VALUE"),
    ] {
        let (status, body) =
            answer(gateway.deals(Method::GET, query, None).query(&[("offset", offset)])).await;
        assert_eq!((status.as_u16(), &body["error"]["type"]), (422, &json!(kind)), "{offset}");
    }
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_url_that_is_too_long_for_airtable_is_posted() {
    let table = Table::with(3);
    let (upstream, gateway) = before(&table).await;
    let formula = "x".repeat(20_000);
    let list = |formula: &str| {
        gateway.deals(Method::GET, "?pageSize=2&timeZone=utc", None).query(&[("filterByFormula", formula)])
    };
    let (status, body) = answer(list(&formula)).await;
    assert_eq!((status.as_u16(), body["records"].as_array().map(Vec::len)), (200, Some(2)));
    let seen = &upstream.seen()[0];
    assert_eq!((seen.method.as_str(), seen.target.split_once('?').unwrap().1), ("POST", "timeZone=utc"));
    assert!(seen.target.contains("/Deals/listRecords?"), "{}", seen.target);
    assert_eq!(seen.body, json!({"filterByFormula": formula, "pageSize": 2}));
}

#[tokio::test]
async fn a_url_that_is_too_long_for_the_gateway_is_refused() {
    let (_upstream, gateway) = before(&Table::default()).await;
    let mut stream = TcpStream::connect(gateway.url.strip_prefix("http://").unwrap()).await.unwrap();
    let request = format!("GET /v0/{BASE}/Deals?x={} HTTP/1.1\r\nhost: gateway\r\n\r\n", "x".repeat(66_000));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 414");
}
