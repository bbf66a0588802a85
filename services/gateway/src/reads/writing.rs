//! What reads must know of writes: that they begin, how they end, and which tables they may change.

use std::sync::atomic::Ordering;

use airtable::Table;
use tokio::time::Instant;

use super::{
    Reads,
    calls::Outcome,
    marks::{End, Reading, Writing},
    scope::{self, Scope, Touch},
    tables::Tables,
};
use crate::delivery::{Undelivered, retry, upstream::Request};

/// A write under way. Dropped without its outcome, it may yet take effect.
pub struct WriteUnderWay {
    reads: Reads,
    writing: Option<Writing>,
    is_of_schema: bool,
}

/// That the tables of the base were asked for.
pub struct AskedTables {
    reading: Reading,
    schema_changes: u64,
}

impl Reads {
    /// `request` is about to be written.
    pub fn write(&self, request: &Request) -> WriteUnderWay {
        self.begin_write(scope::of_write(request))
    }

    /// Something is about to be written, nobody knows where.
    pub fn write_somewhere(&self) -> WriteUnderWay {
        self.begin_write(Touch::AllTables)
    }

    /// Others changed records of these tables, named by id or name, or of all where none is named.
    pub fn invalidate(&self, tables: &[String]) {
        let marks = &mut self.board().marks;
        match tables {
            [] => {
                self.0.schema_changes.fetch_add(1, Ordering::Release);
                marks.changed(&Touch::Everything);
            }
            tables => tables.iter().for_each(|table| marks.changed(&Touch::Table(table.clone()))),
        }
    }

    /// The tables of the base are about to be asked for.
    pub fn ask_tables(&self) -> AskedTables {
        let schema_changes = self.0.schema_changes.load(Ordering::Acquire);
        AskedTables { reading: self.board().marks.read(&Scope::Schema, Instant::now()), schema_changes }
    }

    /// What came of it; none where the answer tells no tables.
    pub fn learn_tables(&self, asked: &AskedTables, tables: Option<&[Table]>) {
        let tables = tables.map(Tables::of);
        let marks = &mut self.board().marks;
        match tables {
            Some(tables) => marks.learn(&asked.reading, tables),
            None => marks.doubt_tables(),
        }
    }

    /// Whether this gateway has not changed the schema since it was asked for.
    pub fn are_tables_as_asked(&self, asked: &AskedTables) -> bool {
        self.0.schema_changes.load(Ordering::Acquire) == asked.schema_changes
    }

    fn begin_write(&self, touch: Touch) -> WriteUnderWay {
        let is_of_schema = touch == Touch::Everything;
        let writing = Some(self.board().marks.begin(touch));
        WriteUnderWay { reads: self.clone(), writing, is_of_schema }
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
    pub fn ended(mut self, outcome: &Outcome) {
        let end = end(outcome, self.in_doubt());
        self.end(end);
    }

    /// It ended, and may have had an effect.
    pub fn done(mut self) {
        self.end(End::Done);
    }

    fn in_doubt(&self) -> End {
        End::Doubtful(Instant::now() + self.reads.0.doubt)
    }

    fn end(&mut self, end: End) {
        if let Some(writing) = self.writing.take() {
            if self.is_of_schema && end != End::WithoutEffect {
                self.reads.0.schema_changes.fetch_add(1, Ordering::Release);
            }
            self.reads.board().marks.end(writing, end);
        }
    }
}

impl Drop for WriteUnderWay {
    fn drop(&mut self) {
        self.end(self.in_doubt());
    }
}

fn end(outcome: &Outcome, in_doubt: End) -> End {
    use retry::Outcome as Meaning;
    match outcome.as_ref().map(Meaning::of_answer) {
        Ok(Meaning::Ok) => End::Done,
        Ok(Meaning::Refused | Meaning::RateLimited | Meaning::Quota | Meaning::Unauthorized) => {
            End::WithoutEffect
        }
        Err(Undelivered::Lost(_)) | Ok(Meaning::Failed | Meaning::Lost | Meaning::NotSent) => in_doubt,
        Err(_) => End::WithoutEffect,
    }
}
