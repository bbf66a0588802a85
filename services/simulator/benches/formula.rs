//! `./tests/bench formula`: records that a list looks at in a second, beside a closure in Rust that does the same.
//!
//! Each round asks the simulator, in this process, for the first record of 100,000 that a formula keeps;
//! it has to look at all of them. The closure goes over the same cells, looked up by field id as the simulator does.

use std::{error::Error, fs, hint::black_box, time::Duration};

use airtable::Cells;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use serde_json::{Value, json};
use simulator::{Behaviour, Fixture};
use telemetry::metrics::Metrics;
use tower::ServiceExt as _;

const RECORDS: u32 = 100_000;
const ROUNDS: usize = 7;
/// Evaluations in a second; `ratio` is what the first formula has over it.
const WANTED: f64 = 1_000_000.0;

const STATUS: &str = "fldBNCH0000000001";
const AMOUNT: &str = "fldBNCH0000000002";
const NAME: &str = "fldBNCH0000000003";
const DUE: &str = "fldBNCH0000000004";
const TAGS: &str = "fldBNCH0000000005";

/// A formula and the closure that decides the same.
type Case = (&'static str, fn(&Cells) -> bool);

const CASES: [Case; 5] = [
    ("AND({Status}='Open',{Amount}>100)", |cells| {
        text(cells, STATUS) == "Open" && number(cells, AMOUNT) > 100.0
    }),
    ("{Amount}*2+1>150", |cells| number(cells, AMOUNT) * 2.0 + 1.0 > 150.0),
    ("FIND('77',LOWER({Name}))", |cells| text(cells, NAME).to_lowercase().contains("77")),
    ("IS_AFTER({Due},DATETIME_PARSE('2026-06-01'))", |cells| text(cells, DUE) >= "2026-06-02"),
    ("REGEX_MATCH(ARRAYJOIN({Tags},' '),'^a .*c$')", |cells| {
        let tags = cells.get(TAGS).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        tags.first().is_some_and(|tag| tag == "a")
            && tags.len() > 1
            && tags.last().is_some_and(|tag| tag == "c")
    }),
];

fn main() -> Result<(), Box<dyn Error>> {
    let rows: Vec<Cells> = (0..RECORDS).map(row).collect();
    let router = simulator::router(simulator::start(fixture(&rows)?, Behaviour::default(), &Metrics::new())?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The time of a thread that ended would be missing.
        .thread_keep_alive(Duration::MAX)
        .build()?;
    runtime.block_on(measure(&router, &rows))
}

#[expect(clippy::print_stdout, reason = "the table is the answer of a command")]
async fn measure(router: &Router, rows: &[Cells]) -> Result<(), Box<dyn Error>> {
    println!("| formula | kept | evaluations/s | closure/s | share |\n|---|---|---|---|---|");
    let mut first = None;
    for (formula, closure) in CASES {
        let (mut lists, mut closures) = (Vec::new(), Vec::new());
        let mut kept = 0;
        for _ in 0..ROUNDS {
            let began = busy()?;
            kept = black_box(rows).iter().filter(|cells| closure(cells)).count();
            closures.push(busy()?.saturating_sub(began));
            let began = busy()?;
            list(router, formula).await?;
            lists.push(busy()?.saturating_sub(began));
        }
        let (list, closure) = (per_second(lists), per_second(closures));
        println!("| `{formula}` | {kept} | {list:.0} | {closure:.0} | {:.3} |", list / closure);
        first.get_or_insert(list);
    }
    let reached = first.unwrap_or_default();
    println!("\nwanted of the first: {WANTED:.0} evaluations/s on one core\nratio={:.3}", reached / WANTED);
    Ok(())
}

/// Lists the first record that the formula keeps; there is one, which shows that the formula was understood.
async fn list(router: &Router, formula: &str) -> Result<(), Box<dyn Error>> {
    let body = json!({"filterByFormula": formula, "pageSize": 1, "fields": ["Name"]});
    let request = Request::post("/v0/appBNCH0000000001/Rows/listRecords")
        .header("authorization", "Bearer bench")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))?;
    let response = router.clone().oneshot(request).await?;
    let answer: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await?)?;
    let listed = answer["records"].as_array().map_or(0, Vec::len);
    if listed == 1 { Ok(()) } else { Err(format!("{formula}: {answer}").into()) }
}

/// For how long threads of this process have had a core: formulas are computed on another one than this, and what others do
/// on the machine does not count.
fn busy() -> Result<Duration, Box<dyn Error>> {
    let mut busy = Duration::ZERO;
    for thread in fs::read_dir("/proc/self/task")? {
        let times = fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanoseconds = times.split_whitespace().next().ok_or("the kernel counts no time of threads")?;
        busy += Duration::from_nanos(nanoseconds.parse()?);
    }
    Ok(busy)
}

/// By the median of the rounds.
fn per_second(mut rounds: Vec<Duration>) -> f64 {
    rounds.sort_unstable();
    rounds.get(ROUNDS / 2).map_or(0.0, |median| f64::from(RECORDS) / median.as_secs_f64())
}

fn row(number: u32) -> Cells {
    let status =
        ["Open", "Waiting", "Won", "Lost"].into_iter().cycle().nth(number as usize % 4).unwrap_or_default();
    let tags = if number.is_multiple_of(3) { json!(["a", "b", "c"]) } else { json!(["b", "c"]) };
    let cells = json!({
        STATUS: status,
        AMOUNT: number * 7 % 200,
        NAME: format!("Customer No. {number}"),
        DUE: format!("2026-{:02}-{:02}", number % 12 + 1, number % 28 + 1),
        TAGS: tags,
    });
    cells.as_object().cloned().unwrap_or_default()
}

fn fixture(rows: &[Cells]) -> Result<Fixture, serde_json::Error> {
    let records: Vec<_> = rows
        .iter()
        .zip(0_u32..)
        .map(|(cells, number)| {
            json!({"id": format!("rec{number:014}"), "createdTime": "2026-01-01T00:00:00Z", "fields": cells})
        })
        .collect();
    let field = |id: &str, name: &str, kind: &str| json!({"id": id, "name": name, "type": kind});
    serde_json::from_value(json!({
        "user": {"id": "usrBNCH0000000001", "email": "bench@example.com"},
        "bases": [{
            "id": "appBNCH0000000001", "name": "Bench", "permissionLevel": "create",
            "tables": [{
                "id": "tblBNCH0000000001", "name": "Rows", "primaryFieldId": NAME,
                "fields": [
                    field(NAME, "Name", "singleLineText"),
                    field(STATUS, "Status", "singleLineText"),
                    field(AMOUNT, "Amount", "number"),
                    field(DUE, "Due", "date"),
                    field(TAGS, "Tags", "multipleSelects"),
                ],
            }],
            "records": {"tblBNCH0000000001": records},
        }],
    }))
}

fn text<'c>(cells: &'c Cells, field: &str) -> &'c str {
    cells.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn number(cells: &Cells, field: &str) -> f64 {
    cells.get(field).and_then(Value::as_f64).unwrap_or_default()
}
