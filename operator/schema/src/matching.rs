//! Which found table or field a declared one is: by id where it declares one, else by name, at last without regard to case.

use airtable::{Field, Table};
use crds::base_schema::{DesiredField, DesiredTable};

/// What a declared table or field is in the base.
#[derive(Debug)]
pub enum Match<'a, T> {
    /// This one.
    Found(&'a T),
    /// Nothing yet.
    Missing,
    /// Nothing, though an id was declared.
    NoSuchId,
    /// The same as one declared before it: Airtable does not tell names apart by case.
    Twice,
}

// A derived one would want `T` to be `Copy`.
impl<T> Copy for Match<'_, T> {}
impl<T> Clone for Match<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T> Match<'a, T> {
    /// The one in the base.
    pub fn found(self) -> Option<&'a T> {
        if let Self::Found(it) = self { Some(it) } else { None }
    }
}

/// What has a name, and maybe an id.
pub trait Named {
    /// Its id.
    fn id(&self) -> Option<&str>;
    /// Its name.
    fn name(&self) -> &str;
}

macro_rules! named {
    ($($kind:ty: $id:expr;)*) => {$(
        impl Named for $kind {
            fn id(&self) -> Option<&str> { let id: fn(&$kind) -> Option<&str> = $id; id(self) }
            fn name(&self) -> &str { &self.name }
        }
    )*};
}
named! {
    DesiredTable: |it| it.id.as_deref();
    DesiredField: |it| it.id.as_deref();
    Table: |it| Some(&it.id);
    Field: |it| Some(&it.id);
}

/// The match of each declared one, in their order. Nothing found is two of them.
pub fn matches<'a, D: Named, F: Named>(declared: &[D], found: &'a [F]) -> Vec<Match<'a, F>> {
    let mut all: Vec<Match<'a, F>> = declared.iter().map(|_| Match::Missing).collect();
    let mut free: Vec<&'a F> = found.iter().collect();
    let rules: [fn(&D, &F) -> bool; 3] = [
        |one, other| one.id().is_some() && one.id() == other.id(),
        |one, other| one.id().is_none() && one.name() == other.name(),
        |one, other| one.id().is_none() && same(one.name(), other.name()),
    ];
    for is_match in rules {
        for (one, slot) in declared.iter().zip(&mut all) {
            if let (Match::Missing, Some(at)) = (&slot, free.iter().position(|other| is_match(one, other))) {
                *slot = Match::Found(free.remove(at));
            }
        }
    }
    let is_found: Vec<bool> = all.iter().map(|slot| matches!(slot, Match::Found(_))).collect();
    for (at, (one, slot)) in declared.iter().zip(&mut all).enumerate() {
        let mut others = declared.iter().zip(&is_found).enumerate();
        let is_repeated = others.any(|(place, (other, is_found))| {
            let is_same = same(other.name(), one.name()) || (one.id().is_some() && other.id() == one.id());
            is_same && place != at && (place < at || *is_found)
        });
        if matches!(slot, Match::Missing) && is_repeated {
            *slot = Match::Twice;
        } else if matches!(slot, Match::Missing) && one.id().is_some() {
            *slot = Match::NoSuchId;
        }
    }
    all
}

/// Whether Airtable takes two names for one.
pub fn same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}
