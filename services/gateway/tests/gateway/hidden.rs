//! Nothing hidden is told or touched: random requests of a limited client, in two worlds that differ in what is hidden.

use std::collections::HashMap;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use simulator::{Behaviour, Fixture};
use telemetry::metrics::Metrics;

use crate::setup::Running;

const BASE: &str = "appHID00000000001";
const KEY: &str = "limited-key";
/// Of `Customers` without IBAN and Worth, `Orders`, and `Notes` to read; `Salaries` is hidden.
const TABLES: [&str; 5] = ["Customers", "orders", "Notes", "Salaries", "tbl00000000000004"];
const FIELDS: [&str; 12] = [
    "Name",
    "Email",
    "IBAN",
    "Worth",
    "Orders",
    "Salary",
    "fld00000000000011",
    "fld00000000000013",
    "Title",
    "Customer",
    "Amount",
    "Text",
];
/// Four customers, three orders, a note and two salaries.
const RECORDS: [&str; 10] = [
    "rec00000000000001",
    "rec00000000000002",
    "rec00000000000003",
    "rec00000000000004",
    "rec00000000000005",
    "rec00000000000006",
    "rec00000000000007",
    "rec00000000000008",
    "rec00000000000009",
    "rec00000000000010",
];

/// A world whose hidden texts begin with `secret`, in this order or, with a `worth` that is odd, in the other.
fn fixture(secret: &str, worth: u64) -> Fixture {
    let hidden = |at: usize| format!("{secret}-{}", if worth % 2 == 1 { 20 - at } else { 10 + at });
    let field = |number: u8, name: &str, kind: &str| json!({"id": format!("fld{number:014}"), "name": name, "type": kind});
    let link = |number: u8, name: &str, table: u8, inverse: u8| {
        let options = json!({"linkedTableId": format!("tbl{table:014}"), "inverseLinkFieldId": format!("fld{inverse:014}")});
        json!({"id": format!("fld{number:014}"), "name": name, "type": "multipleRecordLinks", "options": options})
    };
    let text = |number, name| field(number, name, "singleLineText");
    let number = |at, name| json!({"id": format!("fld{at:014}"), "name": name, "type": "number", "options": {"precision": 0}});
    let table = |number: u8, name: &str, fields: Vec<Value>| {
        json!({"id": format!("tbl{number:014}"), "name": name,
        "primaryFieldId": fields[0]["id"], "fields": fields, "views": [{"id": format!("viw{number:014}"), "name": "Grid", "type": "grid"}]})
    };
    let record = |at: usize, fields: Value| json!({"id": RECORDS[at], "createdTime": "2026-01-01T00:00:00.000Z", "fields": fields});
    let customer = |at: usize, name: &str| {
        let worth = worth * (at as u64 + 1);
        record(at, json!({"Name": name, "Email": format!("{name}@x"), "IBAN": hidden(at), "Worth": worth}))
    };
    let order = |at: usize, of: usize| {
        record(at, json!({"Title": format!("order {at}"), "Amount": at, "Customer": [RECORDS[of]]}))
    };
    let salary =
        |at: usize, of: usize| record(at, json!({"Who": hidden(at), "Amount": worth, "Of": [RECORDS[of]]}));
    let world = json!({
        "user": {"id": "usrHID00000000001", "email": "a@x", "name": "A"},
        "bases": [{"id": BASE, "name": "Hidden", "permissionLevel": "create", "tables": [
            table(1, "Customers", vec![text(11, "Name"), text(12, "Email"), text(13, "IBAN"), number(14, "Worth"), link(15, "Orders", 2, 23), link(16, "Salary", 4, 43)]),
            table(2, "Orders", vec![text(21, "Title"), number(22, "Amount"), link(23, "Customer", 1, 15)]),
            table(3, "Notes", vec![text(31, "Text")]),
            table(4, "Salaries", vec![text(41, "Who"), number(42, "Amount"), link(43, "Of", 1, 16)]),
        ], "records": {
            "tbl00000000000001": [customer(0, "Ann"), customer(1, "Bob"), customer(2, "Cy"), customer(3, "Di")],
            "tbl00000000000002": [order(4, 0), order(5, 0), order(6, 1)],
            "tbl00000000000003": [record(7, json!({"Text": "hello"}))],
            "tbl00000000000004": [salary(8, 0), salary(9, 2)],
        }}],
    });
    serde_json::from_value(world).unwrap()
}

/// A simulator, and a gateway before it for the limited client.
struct World {
    simulator: String,
    gateway: Running,
    client: Client,
}

impl World {
    async fn new(secret: &str, worth: u64) -> Self {
        let state = simulator::start(fixture(secret, worth), Behaviour::default(), &Metrics::new()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let simulator = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, simulator::router(state)).await });
        let tables = json!([{"name": "Customers", "fields": ["Name", "fld00000000000012", "Orders", "Salary"]},
            {"name": "tbl00000000000002"}, {"name": "Notes", "readOnly": true}]);
        let folder = tempfile::tempdir().unwrap();
        let clients = json!({"keys": [{"name": "limited", "file": "limited", "tables": tables}]});
        std::fs::write(folder.path().join("limited"), KEY).unwrap();
        std::fs::write(folder.path().join("clients.json"), clients.to_string()).unwrap();
        let option = format!("--clients-file={}", folder.path().join("clients.json").display());
        let gateway = Running::in_folder(&simulator, folder, &[&option, &format!("--base={BASE}")]).await;
        Self { simulator, gateway, client: Client::new() }
    }

    async fn reset(&self) {
        self.client.post(format!("{}/admin/reset", self.simulator)).send().await.unwrap();
    }

    async fn ask(&self, ask: &Ask) -> (u16, String) {
        let mut request =
            self.client.request(ask.method.clone(), format!("{}{}", self.gateway.url, ask.path));
        if !ask.body.is_null() {
            request = request.json(&ask.body);
        }
        let answer = request.bearer_auth(KEY).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn effects(&self) -> Vec<Value> {
        let answer = self.client.get(format!("{}/admin/effects", self.simulator)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["effects"].as_array().unwrap().clone()
    }
}

#[derive(Debug, Clone)]
struct Ask {
    what: &'static str,
    method: Method,
    path: String,
    body: Value,
}

/// A cell: mostly of the table at that place of [`TABLES`], and of the right kind.
fn cell(table: usize) -> impl Strategy<Value = (&'static str, Value)> {
    let own: &[&str] =
        if table == 0 { &["Name", "Email", "Orders", "Salary"] } else { &["Title", "Amount", "Customer"] };
    let field = prop_oneof![6 => prop::sample::select(own), 1 => prop::sample::select(&FIELDS[..])];
    (field, prop::sample::select(&RECORDS[..]), 0_u8..9).prop_map(|(field, record, number)| {
        let value = match field {
            _ if number == 0 => Value::Null,
            "Orders" | "Customer" | "Salary" if number == 1 => json!("Ann"),
            "Salary" => json!([RECORDS[9]]),
            "Orders" | "Customer" => json!([record]),
            "Amount" | "Worth" => json!(number),
            _ => json!(format!("text {number}")),
        };
        (field, value)
    })
}

fn cells(table: usize) -> impl Strategy<Value = Value> {
    prop::collection::vec(cell(table), 0..3).prop_map(Value::from_iter)
}

/// A record: mostly of the table at that place of [`TABLES`].
fn record(table: usize) -> impl Strategy<Value = &'static str> {
    let own = if table == 0 { &RECORDS[..4] } else { &RECORDS[4..7] };
    prop_oneof![3 => prop::sample::select(own), 1 => prop::sample::select(&RECORDS[..])]
}

/// A field to ask by: often one that is hidden, or leads to what is.
fn asked() -> impl Strategy<Value = &'static str> {
    let telling = &["Name", "IBAN", "Worth", "Orders", "Salary", "fld00000000000013"];
    prop_oneof![3 => prop::sample::select(&telling[..]), 1 => prop::sample::select(&FIELDS[..])]
}

fn formula() -> impl Strategy<Value = String> {
    (asked(), 0_u8..5).prop_map(|(field, shape)| match shape {
        0 => format!("{{{field}}}='Ann'"),
        1 => format!("LEN({{{field}}}&'')>9"),
        2 => format!("FIND('s', {{{field}}})"),
        3 => format!("{{{field}}}>5000"),
        _ => "RECORD_ID()!=''".to_owned(),
    })
}

/// What a list may be asked for by.
fn question() -> impl Strategy<Value = Value> {
    let ways = (
        prop::option::weighted(0.2, asked()),
        prop::option::weighted(0.2, asked()),
        prop::option::weighted(0.5, formula()),
    );
    (ways, 0_u8..20).prop_map(|((only, sort, formula), more)| {
        let only = only.map(|only| ("fields", json!([only])));
        let sort = sort.map(|sort| ("sort", json!([{"field": sort}])));
        let formula = formula.map(|formula| ("filterByFormula", json!(formula)));
        let more = match more {
            0 => vec![("view", json!("Grid"))],
            1 => vec![("returnFieldsByFieldId", json!(true))],
            2 => vec![("pageSize", json!(2))],
            3..6 => {
                vec![("cellFormat", json!("string")), ("timeZone", json!("utc")), ("userLocale", json!("en"))]
            }
            _ => vec![],
        };
        only.into_iter().chain(sort).chain(formula).chain(more).collect()
    })
}

fn to_query(question: &Value) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in question.as_object().unwrap() {
        match value {
            Value::Array(items) => match &items[0] {
                Value::Object(sort) => {
                    query.append_pair("sort[0][field]", sort["field"].as_str().unwrap());
                }
                item => {
                    query.append_pair(&format!("{name}[]"), item.as_str().unwrap());
                }
            },
            value => {
                query.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
        }
    }
    query.finish()
}

fn ask() -> impl Strategy<Value = Ask> {
    let table = prop_oneof![3 => 0_usize..2, 1 => 0..TABLES.len()];
    let ask = |table: usize| {
        let (records, written) = ((record(table), record(table)), (cells(table), cells(table)));
        (0_u8..28, Just(TABLES[table]), records, written, question(), prop::bool::ANY)
    };
    table.prop_flat_map(ask).prop_map(
        |(kind, table, (record, other), (cells, more), question, flag)| {
            let path = format!("/v0/{BASE}/{table}");
            let write = json!({"fields": cells, "typecast": flag});
            let batch = json!({"records": [{"id": record, "fields": cells}, {"id": other, "fields": more}], "typecast": flag});
            let upsert = json!({"records": [{"fields": cells}], "typecast": true, "performUpsert":
                {"fieldsToMergeOn": cells.as_object().unwrap().keys().take(1).collect::<Vec<_>>()}});
            let put = if flag { Method::PUT } else { Method::PATCH };
            let of = |what, method, path, body| Ask { what, method, path, body };
            match kind {
                0..5 => of("list", Method::GET, format!("{path}?{}", to_query(&question)), Value::Null),
                5..10 => of("listRecords", Method::POST, format!("{path}/listRecords"), question),
                10..13 => of("get", Method::GET, format!("{path}/{record}?{}", to_query(&question)), Value::Null),
                13..15 => of("create", Method::POST, path, write),
                15..18 => of("update", put, format!("{path}/{record}"), write),
                18..20 => of("updateMany", put, path, batch),
                20..22 => of("upsert", put, path, upsert),
                22..24 => of("delete", Method::DELETE, format!("{path}/{record}"), Value::Null),
                24 => of("deleteMany", Method::DELETE, format!("{path}?records[]={record}&records[]={other}"), Value::Null),
                25 => of("schema", Method::GET, format!("/v0/meta/bases/{BASE}/{}", if flag { "tables" } else { "views" }), Value::Null),
                26 => of("platform", Method::GET, "/api/airtable/tables".to_owned(), Value::Null),
                _ => of("base", Method::GET, format!("/v0/meta/bases/{BASE}"), Value::Null),
            }
        },
    )
}

/// An answer without what differs by chance: ids and times of what is new.
#[derive(Default)]
struct Plain(HashMap<String, usize>);

impl Plain {
    fn of(&mut self, (status, text): &(u16, String)) -> (u16, String) {
        let mut plain = String::new();
        for word in text.split_inclusive(['"', '/', ' ']) {
            let bare = word.trim_end_matches(['"', '/', ' ']);
            let is_id = bare.len() == 17
                && (bare.starts_with("rec") || bare.starts_with("itr"))
                && !RECORDS.contains(&bare);
            if is_id {
                let next = self.0.len();
                let number = self.0.entry(bare.to_owned()).or_insert(next);
                plain.extend(["new-".to_owned(), number.to_string()]);
            } else if !(bare.len() == 24 && bare.ends_with('Z')) {
                plain += word;
            }
        }
        (*status, plain)
    }
}

async fn run(
    worlds: &[World; 2],
    asks: &[Ask],
    answered: &mut HashMap<&'static str, usize>,
) -> Result<(), TestCaseError> {
    let mut plain = [Plain::default(), Plain::default()];
    futures::future::join(worlds[0].reset(), worlds[1].reset()).await;
    for ask in asks {
        let (one, other) = futures::future::join(worlds[0].ask(ask), worlds[1].ask(ask)).await;
        prop_assert!(!one.1.contains("sesame") && !one.1.contains("7654321"), "{ask:?} tells {one:?}");
        prop_assert_eq!(plain[0].of(&one), plain[1].of(&other), "{:?} tells the worlds apart", ask);
        *answered.entry(ask.what).or_default() += usize::from(one.0 == 200);
    }
    for effect in worlds[0].effects().await {
        let hidden = match effect["table"].as_str().unwrap() {
            "tbl00000000000001" => {
                ["IBAN", "Worth", "Salary"].iter().any(|name| effect["fields"].get(name).is_some())
            }
            "tbl00000000000002" => false,
            _ => true,
        };
        prop_assert!(!hidden, "touched: {effect} by {asks:?}");
    }
    Ok(())
}

#[test]
fn a_limited_client_neither_sees_nor_guesses_nor_touches_what_is_hidden() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let worlds = runtime.block_on(async {
        let (one, other) =
            futures::future::join(World::new("sesame", 7_654_321), World::new("a-longer-tulip", 12)).await;
        [one, other]
    });
    let config = Config { cases: 64, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    let answered = std::cell::RefCell::new(HashMap::new());
    TestRunner::new(config)
        .run(&prop::collection::vec(ask(), 24), |asks| {
            runtime.block_on(run(&worlds, &asks, &mut answered.borrow_mut()))
        })
        .unwrap();
    let answered = answered.into_inner();
    for what in ["list", "listRecords", "get", "create", "update", "upsert", "delete", "schema", "platform"] {
        assert!(
            answered.get(what).is_some_and(|count| *count > 0),
            "no {what} was ever allowed: {answered:?}"
        );
    }
}
