//! Several replicas before one real store.

mod failures;
mod model;

use std::cell::Cell;

use serde_json::json;
use valkey::{cmd, testing::Server};

use super::*;
use crate::reads::{
    marks::{Marks, Reading, Writing},
    scope::{Scope, Touch},
    tables::Tables,
};

const LONG: Duration = Duration::from_hours(1);

/// Tables `a`, `b` and `c`; `a` with a link to `b` or without.
fn tables(is_linked: bool) -> Tables {
    let link = json!([{"id": "fld1", "name": "l", "type": "multipleRecordLinks", "options": {"linkedTableId": "b"}}]);
    let table = |id: &str, fields: serde_json::Value| json!({"id": id, "name": format!("name of {id}"), "primaryFieldId": "fld1", "fields": fields});
    let fields = if is_linked { link } else { json!([]) };
    let tables = json!([table("a", fields), table("b", json!([])), table("c", json!([]))]);
    Tables::of(&serde_json::from_value::<Vec<airtable::Table>>(tables).unwrap())
}

fn scope(name: &str) -> Scope {
    Scope::Table(name.to_owned())
}

/// A replica with its own knowledge.
struct Replica {
    marks: Marks,
    replicas: Replicas,
}

impl Replica {
    fn new(server: &Server, base: &str, longest: Duration) -> Self {
        let store = Valkey::open(server.source()).unwrap();
        Self { marks: Marks::default(), replicas: Replicas::of(store, base, longest) }
    }

    async fn told(&self, scope: &Scope) -> Told {
        self.replicas.look(&self.marks.named_read(scope)).await
    }

    async fn read(&mut self, scope: &Scope) -> Reading {
        let told = self.told(scope).await;
        self.marks.read(scope, Instant::now()).told_of(told)
    }

    async fn learn(&mut self, asked: &Reading, tables: Tables) {
        if self.replicas.learn(asked.told(), tables.digest()).await {
            self.marks.learn(asked, tables);
        } else {
            self.marks.doubt_tables();
        }
    }

    async fn begin(&mut self, touch: Touch) -> (Writing, Entry) {
        let entry = self.replicas.begin(&self.marks.named_write(&touch), Instant::now()).await.unwrap();
        (self.marks.begin(touch), entry)
    }

    async fn end(&mut self, (writing, entry): (Writing, Entry), end: End) {
        self.replicas.end(entry, &self.marks.named_write(writing.touch()), end).await;
        self.marks.end(writing, end);
    }

    fn holds(&self, reading: &Reading, told: &Told) -> bool {
        self.marks.holds(reading) && told.holds(reading.told())
    }

    fn is_unsettled(&self, reading: &Reading, told: &Told) -> bool {
        self.marks.is_unsettled(reading) || told.is_unsettled()
    }
}

/// Replicas of a base of their own, whose store has been in use for longer than any write takes.
async fn replicas<const N: usize>(server: &Server, longest: Duration) -> [Replica; N] {
    thread_local!(static BASES: Cell<u32> = const { Cell::new(0) });
    let base = format!("app{}", BASES.replace(BASES.get() + 1));
    let mut all = std::array::from_fn(|_| Replica::new(server, &base, longest));
    let shared = all[0].replicas.0.clone().unwrap();
    let connection = shared.store.connected().await.unwrap();
    let mut settled = cmd("HSET");
    settled.arg(&shared.keys[0]).arg("run").arg(connection.run_id()).arg("tick").arg(1);
    connection.command::<()>(&settled).await.unwrap();
    for replica in &mut all {
        let asked = replica.read(&Scope::Schema).await;
        replica.learn(&asked, tables(true)).await;
    }
    all
}
