//! What was written since a read began, as a state machine without clock or locks: read-your-writes hangs on it.
//!
//! Every read and every beginning and end of a write gets the next tick. An answer holds for as long as no write to what
//! it depends on ended after the tick at which it was asked for. What may still take effect although nobody waits for
//! it any more, is in doubt for a while: what is read meanwhile is not kept.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{
    replicas::{Named, Told},
    scope::{Scope, Touch},
    tables::Tables,
};

/// A read that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    tick: u64,
    begun: Instant,
    depends_on: Vec<Mark>,
    told: Told,
}

/// A write under way.
#[derive(Debug)]
pub struct Writing {
    touch: Touch,
    marks: Vec<Mark>,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Proven to have had no effect.
    WithoutEffect,
    Done,
    /// It may yet take effect, until then.
    Doubtful(Instant),
}

/// What is written to and depended on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Mark {
    /// Tables that belong together.
    Group(String),
    /// Raised by writes to all groups.
    AllGroups,
    /// Raised by writes to any group.
    AnyGroup,
    Schema,
}

impl Mark {
    /// As all replicas call it.
    fn name(&self) -> String {
        match self {
            Self::Group(group) => format!("group {group}"),
            Self::AllGroups => "all".to_owned(),
            Self::AnyGroup => "any".to_owned(),
            Self::Schema => "schema".to_owned(),
        }
    }
}

const EVERYTHING: [Mark; 3] = [Mark::AllGroups, Mark::AnyGroup, Mark::Schema];

#[derive(Debug, Default)]
struct Standing {
    /// Tick of the last end of a write that may have had an effect.
    changed: u64,
    /// Tick of the last beginning of a write.
    started: u64,
    under_way: usize,
    doubtful_until: Option<Instant>,
}

/// All marks, and the groups of tables as far as they are known.
#[derive(Debug, Default)]
pub struct Marks {
    tick: u64,
    standings: HashMap<Mark, Standing>,
    tables: Tables,
    /// False while the tables may be other ones than those known.
    are_tables_current: bool,
}

impl Marks {
    /// A read of `scope` begins.
    pub fn read(&mut self, scope: &Scope, now: Instant) -> Reading {
        let depends_on = depends_on(scope, |table| self.group(table));
        Reading { tick: self.next(), begun: now, depends_on, told: Told::Alone }
    }

    /// What a read depends on, by names.
    pub fn named_read(&self, scope: &Scope) -> Named {
        let names = |marks: Vec<Mark>| marks.iter().map(Mark::name).collect();
        let [fine, coarse] = [depends_on(scope, |table| self.group(table)), depends_on(scope, |_| None)];
        Named::new(self.view(), names(fine), names(coarse))
    }

    /// What a write raises, by names; one to everything also that the tables are not known any more.
    pub fn named_write(&self, touch: &Touch) -> Named {
        let names = |marks: Vec<Mark>| -> Vec<String> {
            let tables = (*touch == Touch::Everything).then(|| "tables".to_owned());
            marks.iter().map(Mark::name).chain(tables).collect()
        };
        let [fine, coarse] = [self.raised_by(touch), raised_by(touch, |_| None)];
        Named::new(self.view(), names(fine), names(coarse))
    }

    /// A write begins.
    pub fn begin(&mut self, touch: Touch) -> Writing {
        let tick = self.next();
        let marks = self.raised_by(&touch);
        for mark in &marks {
            let standing = self.standings.entry(mark.clone()).or_default();
            standing.started = tick;
            standing.under_way += 1;
        }
        Writing { touch, marks }
    }

    /// A write ended. What it changed may have another name by now.
    pub fn end(&mut self, writing: Writing, end: End) {
        for mark in &writing.marks {
            if let Some(standing) = self.standings.get_mut(mark) {
                standing.under_way = standing.under_way.saturating_sub(1);
            }
        }
        if end != End::WithoutEffect {
            let now_named = self.raised_by(&writing.touch);
            self.raise(writing.marks.into_iter().chain(now_named), end);
        }
        if writing.touch == Touch::Everything {
            self.doubt_tables();
        }
    }

    /// Somebody else wrote.
    pub fn changed(&mut self, touch: &Touch) {
        let marks = self.raised_by(touch);
        self.raise(marks, End::Done);
        if *touch == Touch::Everything {
            self.doubt_tables();
        }
    }

    /// The tables as an answer to `reading` says; where they are other ones than before, nothing holds any more.
    pub fn learn(&mut self, reading: &Reading, tables: Tables) {
        if !self.holds(reading) {
            return;
        }
        self.are_tables_current = true;
        if self.tables == tables {
            return;
        }
        self.tables = tables;
        let doubt = self.standings.values().filter_map(|standing| standing.doubtful_until).max();
        self.standings.retain(|mark, standing| !matches!(mark, Mark::Group(_)) || standing.under_way > 0);
        self.raise(EVERYTHING, doubt.map_or(End::Done, End::Doubtful));
    }

    /// The tables may be other ones by now: a write to one is taken for a write to all.
    pub fn doubt_tables(&mut self) {
        self.are_tables_current = false;
    }

    /// Whether nothing that the answer depends on was changed since it was asked for.
    pub fn holds(&self, reading: &Reading) -> bool {
        self.of(reading).all(|standing| reading.tick > standing.changed)
    }

    /// Whether a write to it is under way, so that some may know a newer answer already.
    pub fn is_unsettled(&self, reading: &Reading) -> bool {
        self.of(reading).any(|standing| standing.under_way > 0)
    }

    /// Whether another read may wait for its answer.
    pub fn may_be_joined(&self, reading: &Reading) -> bool {
        self.holds(reading)
            && self.of(reading).all(|standing| standing.under_way == 0 || reading.tick > standing.started)
    }

    /// Whether its answer may be kept.
    pub fn may_be_kept(&self, reading: &Reading) -> bool {
        let is_beyond =
            |standing: &Standing| standing.doubtful_until.is_none_or(|until| reading.begun >= until);
        self.holds(reading) && self.of(reading).all(is_beyond)
    }

    /// The id of a table by its name, as far as it is known.
    pub fn table_id(&self, name: &str) -> Option<String> {
        self.tables.id(name).map(str::to_owned)
    }

    fn next(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    fn of<'a>(&'a self, reading: &'a Reading) -> impl Iterator<Item = &'a Standing> {
        reading.depends_on.iter().filter_map(|mark| self.standings.get(mark))
    }

    fn raise(&mut self, marks: impl IntoIterator<Item = Mark>, end: End) {
        let tick = self.next();
        for mark in marks {
            let standing = self.standings.entry(mark).or_default();
            standing.changed = tick;
            if let End::Doubtful(until) = end {
                standing.doubtful_until = standing.doubtful_until.max(Some(until));
            }
        }
    }

    fn raised_by(&self, touch: &Touch) -> Vec<Mark> {
        raised_by(touch, |table| self.group(table))
    }

    fn group(&self, table: &str) -> Option<String> {
        self.tables.group(table).filter(|_| self.are_tables_current).map(str::to_owned)
    }

    /// Digest of the tables as they are known; empty while they may be other ones.
    fn view(&self) -> &str {
        if self.are_tables_current { self.tables.digest() } else { "" }
    }
}

fn depends_on(scope: &Scope, group: impl Fn(&str) -> Option<String>) -> Vec<Mark> {
    match scope {
        Scope::Table(table) => match group(table) {
            Some(group) => vec![Mark::Group(group), Mark::AllGroups],
            None => vec![Mark::AnyGroup],
        },
        Scope::AnyTable => vec![Mark::AnyGroup],
        Scope::Schema => vec![Mark::Schema],
        Scope::Elsewhere => vec![],
    }
}

fn raised_by(touch: &Touch, group: impl Fn(&str) -> Option<String>) -> Vec<Mark> {
    let of_table = |table: &str| vec![group(table).map_or(Mark::AllGroups, Mark::Group), Mark::AnyGroup];
    match touch {
        Touch::Nothing => vec![],
        Touch::Table(table) => of_table(table),
        Touch::TableAndSchema(table) => [of_table(table), vec![Mark::Schema]].concat(),
        Touch::AllTables => vec![Mark::AllGroups, Mark::AnyGroup],
        Touch::Everything => EVERYTHING.to_vec(),
    }
}

impl Writing {
    /// What it may change.
    pub fn touch(&self) -> &Touch {
        &self.touch
    }
}

impl Reading {
    /// When it began.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// The same, begun when the store of all replicas said this.
    pub fn told_of(self, told: Told) -> Self {
        Self { told, ..self }
    }

    /// What the store of all replicas said when it began.
    pub fn told(&self) -> &Told {
        &self.told
    }
}

#[cfg(test)]
#[path = "marks_tests.rs"]
mod tests;
