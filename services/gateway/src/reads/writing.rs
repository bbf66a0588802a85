//! What reads must know of writes: that they begin, how they end, and which tables they may change.

use std::sync::atomic::Ordering;

use airtable::Table;
use tokio::time::Instant;

use super::{
    Reads,
    calls::Outcome,
    marks::{End, Reading, Writing},
    replicas::{Entry, Named, NotTold, Told},
    scope::{self, Scope, Touch},
    tables::Tables,
};
use crate::delivery::{Undelivered, retry, upstream::Request};

/// A write under way. Dropped without its outcome, it may yet take effect.
pub struct WriteUnderWay {
    reads: Reads,
    writing: Option<Writing>,
    is_of_schema: bool,
    entry: Option<Entry>,
}

/// That the tables of the base were asked for.
pub struct AskedTables {
    reading: Reading,
    schema_changes: u64,
}

impl Reads {
    /// `request` is about to be written; where other replicas can't be told so until then, it must not be.
    pub async fn write(&self, request: &Request, until: Instant) -> Result<WriteUnderWay, NotTold> {
        self.begin_write(scope::of_write(request), until).await
    }

    /// Something is about to be written, nobody knows where.
    pub async fn write_somewhere(&self, until: Instant) -> Result<WriteUnderWay, NotTold> {
        self.begin_write(Touch::AllTables, until).await
    }

    /// Others changed records of these tables, named by id or name, or of all where none is named.
    pub async fn invalidate(&self, tables: &[String]) -> Result<(), NotTold> {
        let touches: Vec<_> = match tables {
            [] => vec![Touch::Everything],
            tables => tables.iter().cloned().map(Touch::Table).collect(),
        };
        for touch in touches {
            let named = self.board().marks.named_write(&touch);
            self.0.replicas.changed(&named).await?;
            if touch == Touch::Everything {
                self.0.schema_changes.fetch_add(1, Ordering::Release);
            }
            self.board().marks.changed(&touch);
        }
        Ok(())
    }

    /// How the marks of `scope` stand by what all replicas say; to be asked for after the client asked.
    pub(super) async fn told(&self, scope: &Scope) -> Told {
        if self.0.replicas.are_none() {
            return Told::Alone;
        }
        let named = self.board().marks.named_read(scope);
        self.0.replicas.look(&named).await
    }

    /// The tables of the base are about to be asked for.
    pub async fn ask_tables(&self) -> AskedTables {
        let schema_changes = self.0.schema_changes.load(Ordering::Acquire);
        let told = self.told(&Scope::Schema).await;
        let reading = self.board().marks.read(&Scope::Schema, Instant::now()).told_of(told);
        AskedTables { reading, schema_changes }
    }

    /// What came of it; none where the answer tells no tables.
    pub async fn learn_tables(&self, asked: &AskedTables, tables: Option<&[Table]>) {
        match tables.map(Tables::of) {
            Some(tables) if self.0.replicas.learn(asked.reading.told(), tables.digest()).await => {
                self.board().marks.learn(&asked.reading, tables);
            }
            _ => self.board().marks.doubt_tables(),
        }
    }

    /// Whether this gateway has not changed the schema since it was asked for.
    pub fn are_tables_as_asked(&self, asked: &AskedTables) -> bool {
        self.0.schema_changes.load(Ordering::Acquire) == asked.schema_changes
    }

    async fn begin_write(&self, touch: Touch, until: Instant) -> Result<WriteUnderWay, NotTold> {
        let is_of_schema = touch == Touch::Everything;
        let named = self.board().marks.named_write(&touch);
        let entry = Some(self.0.replicas.begin(&named, until).await?);
        let writing = Some(self.board().marks.begin(touch));
        Ok(WriteUnderWay { reads: self.clone(), writing, is_of_schema, entry })
    }
}

impl AskedTables {
    /// When.
    pub fn at(&self) -> Instant {
        self.reading.begun()
    }
}

impl WriteUnderWay {
    /// This is how it ended; to be called before the client hears of it.
    pub async fn ended(mut self, outcome: &Outcome) {
        let end = end(outcome, self.in_doubt());
        self.end(end).await;
    }

    /// It ended, and may have had an effect.
    pub async fn done(mut self) {
        self.end(End::Done).await;
    }

    fn in_doubt(&self) -> End {
        End::Doubtful(Instant::now() + self.reads.0.doubt)
    }

    async fn end(&mut self, end: End) {
        if let Some((entry, named)) = self.entry() {
            self.reads.0.replicas.end(entry, &named, end).await;
        }
        self.end_here(end);
    }

    fn end_here(&mut self, end: End) {
        if let Some(writing) = self.writing.take() {
            if self.is_of_schema && end != End::WithoutEffect {
                self.reads.0.schema_changes.fetch_add(1, Ordering::Release);
            }
            self.reads.board().marks.end(writing, end);
        }
    }

    /// What other replicas are to be told of.
    fn entry(&mut self) -> Option<(Entry, Named)> {
        let touch = self.writing.as_ref()?.touch();
        let named = self.reads.board().marks.named_write(touch);
        Some((self.entry.take()?, named))
    }
}

impl Drop for WriteUnderWay {
    fn drop(&mut self) {
        let end = self.in_doubt();
        if let Some((entry, named)) = self.entry().filter(|_| !self.reads.0.replicas.are_none()) {
            let replicas = self.reads.0.replicas.clone();
            host::spawn(async move { replicas.end(entry, &named, end).await });
        }
        self.end_here(end);
    }
}

fn end(outcome: &Outcome, in_doubt: End) -> End {
    use retry::Outcome as Meaning;
    match outcome.as_ref().map(Meaning::of_answer) {
        Ok(Meaning::Ok) => End::Done,
        Ok(Meaning::Refused | Meaning::RateLimited | Meaning::Quota | Meaning::Unauthorized) => {
            End::WithoutEffect
        }
        Err(Undelivered::Lost(_))
        | Ok(Meaning::Failed | Meaning::Lost | Meaning::NotSent | Meaning::Dropped) => in_doubt,
        Err(_) => End::WithoutEffect,
    }
}
