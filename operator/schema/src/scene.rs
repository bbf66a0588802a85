//! What is declared beside what is found: each declared table and field with its match.

use airtable::{Field, FieldType, Table};
use crds::base_schema::{DesiredField, DesiredTable};

use crate::{
    matching::{Match, matches, same},
    options::Names,
};

/// All that a plan looks at.
pub struct Scene<'a> {
    /// The declared tables, in their order.
    pub places: Vec<Place<'a>>,
    /// The tables found.
    pub found: &'a [Table],
    /// What their ids are called.
    pub names: Names<'a>,
}

/// A declared table.
pub struct Place<'a> {
    /// As declared.
    pub declared: &'a DesiredTable,
    /// Which one it is.
    pub table: Match<'a, Table>,
    /// Which one each of its fields is.
    pub fields: Vec<Match<'a, Field>>,
}

/// The table that a link leads to: declared, found, or both.
#[derive(Clone, Copy)]
pub struct Target<'s, 'a> {
    /// As declared.
    pub place: Option<&'s Place<'a>>,
    /// As found.
    pub found: Option<&'a Table>,
}

/// A declared field in its table.
#[derive(Clone, Copy)]
pub struct Spot<'s, 'a> {
    /// The table.
    pub place: &'s Place<'a>,
    /// The field's number in it.
    pub at: usize,
    /// As declared.
    pub field: &'a DesiredField,
    /// Which one it is.
    pub found: Match<'a, Field>,
}

impl<'a> Scene<'a> {
    /// Matches what is declared with what is found.
    pub fn new(declared: &'a [DesiredTable], found: &'a [Table]) -> Self {
        let place = |(declared, table): (&'a DesiredTable, Match<'a, Table>)| {
            let fields = table.found().map_or(&[][..], |table| &table.fields);
            Place { declared, table, fields: matches(&declared.fields, fields) }
        };
        let tables = matches(declared, found);
        Self { places: declared.iter().zip(tables).map(place).collect(), found, names: Names::of(found) }
    }

    /// The table that is called `name_or_id`; what is declared goes before what is only found.
    pub fn target(&self, name_or_id: &str) -> Option<Target<'_, 'a>> {
        let has_id = |place: &&Place<'a>| {
            place.declared.id.as_deref() == Some(name_or_id)
                || place.table.found().is_some_and(|table| table.id == name_or_id)
        };
        let places = || self.places.iter().filter(|place| !matches!(place.table, Match::Twice));
        let by_name = || places().find(|place| same(&place.declared.name, name_or_id));
        let place = places().find(has_id).or_else(by_name);
        let found =
            || self.found.iter().find(|table| table.id == name_or_id || same(&table.name, name_or_id));
        match place {
            Some(place) => Some(Target { place: Some(place), found: place.table.found() }),
            None => Some(Target { place: None, found: Some(found()?) }),
        }
    }

    /// The field with this id, and its table.
    pub fn field(&self, id: &str) -> Option<(&'a Table, &'a Field)> {
        self.found.iter().find_map(|table| Some((table, table.fields.iter().find(|field| field.id == id)?)))
    }
}

impl<'a> Place<'a> {
    /// Whether it is there, or can be created: its primary field comes with it.
    pub fn may_come(&self) -> bool {
        match self.table {
            Match::Found(_) => true,
            Match::Missing => self.spots().next().is_some_and(|first| first.is_plain()),
            Match::NoSuchId | Match::Twice => false,
        }
    }

    /// Its declared fields.
    pub fn spots(&self) -> impl Iterator<Item = Spot<'_, 'a>> {
        let fields = self.declared.fields.iter().zip(&self.fields).enumerate();
        fields.map(|(at, (field, found))| Spot { place: self, at, field, found: *found })
    }
}

impl Spot<'_, '_> {
    /// Whether it is missing and can be created together with its table.
    pub fn is_plain(&self) -> bool {
        matches!(self.found, Match::Missing)
            && self.field.linked_table.is_none()
            && self.field_type().may_be_created()
    }

    /// The declared type.
    pub fn field_type(&self) -> FieldType {
        FieldType::from(self.field.r#type.clone())
    }

    /// Table and field, for a person.
    pub fn called(&self) -> String {
        format!("{}.{}", self.place.declared.name, self.field.name)
    }

    /// Whether this is the same declaration as `other`.
    pub fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.field, other.field)
    }
}
