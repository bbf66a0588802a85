//! What reads must know of writes: that they begin, how they end, and which tables they may change.

use tokio::time::Instant;

use super::{
    Reads,
    calls::Outcome,
    marks::{End, Reading, Writing},
    scope::{self, Scope, Touch},
    tables::Tables,
};
use crate::{
    answer::Answer,
    delivery::{Undelivered, retry, upstream::Request},
};

/// A write under way. Dropped without its outcome, it may yet take effect.
pub struct WriteUnderWay {
    reads: Reads,
    writing: Option<Writing>,
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
            [] => marks.changed(&Touch::Everything),
            tables => tables.iter().for_each(|table| marks.changed(&Touch::Table(table.clone()))),
        }
    }

    /// The tables of the base are about to be asked for.
    pub fn ask_tables(&self) -> Reading {
        self.board().marks.read(&Scope::Schema, Instant::now())
    }

    /// What came of it.
    pub fn learn_tables(&self, reading: &Reading, answer: &Answer) {
        let tables = Tables::read(&answer.body).filter(|_| answer.status.is_success());
        let marks = &mut self.board().marks;
        match tables {
            Some(tables) => marks.learn(reading, tables),
            None => marks.doubt_tables(),
        }
    }

    fn begin_write(&self, touch: Touch) -> WriteUnderWay {
        let writing = Some(self.board().marks.begin(touch));
        WriteUnderWay { reads: self.clone(), writing }
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
