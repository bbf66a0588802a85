//! Which fields a computed field needs, and whether any needs itself.

use std::collections::HashSet;

use airtable::{
    Field, FieldType, Table as Schema,
    formula::{Formula, Syntax, Unreadable},
};

use crate::{seen::Aggregated, world::Base};

/// A formula that is read only to know its fields.
pub struct Read {
    /// Without fields that the table does not have.
    pub outcome: Result<Formula, Unreadable>,
    /// The ids of the fields in it, each once, in order of appearance.
    pub fields: Vec<String>,
}

/// Reads a formula of a table.
pub fn read(schema: &Schema, text: &str) -> Read {
    let syntax = match Syntax::read(text) {
        Ok(syntax) => syntax,
        Err(unreadable) => return Read { outcome: Err(unreadable), fields: vec![] },
    };
    let mut fields = Vec::new();
    for id in syntax.fields().into_iter().filter_map(|name| id(schema, name)) {
        if !fields.contains(&id) {
            fields.push(id);
        }
    }
    Read { outcome: syntax.formula(|name| schema.field_in_formula(name)), fields }
}

/// `text` with every field by its id, as Airtable keeps it: a new name breaks none. What nobody knows stays.
pub fn by_id(schema: &Schema, text: &str) -> String {
    Syntax::read(text).map_or_else(|_| text.to_owned(), |syntax| syntax.renamed(|name| id(schema, name)))
}

fn id(schema: &Schema, name: &str) -> Option<String> {
    schema.fields.get(schema.field_in_formula(name)?).map(|field| field.id.clone())
}

/// Reads the formula of a rollup, which sees nothing but `values`.
pub fn read_rollup(text: &str) -> Result<Formula, Unreadable> {
    Formula::read(text, Aggregated::place)
}

/// The names of fields that need each other in a circle; `None` where no field needs itself.
pub fn circle(base: &Base) -> Option<Vec<String>> {
    let mut search = Search { base, known: HashSet::new(), path: vec![] };
    let all = base
        .tables
        .iter()
        .flat_map(|table| table.schema.fields.iter().map(move |field| (&table.schema, field)));
    all.into_iter().find_map(|(schema, field)| search.visit(schema, field))
}

struct Search<'a> {
    base: &'a Base,
    /// Fields that are known to be in no circle.
    known: HashSet<&'a str>,
    path: Vec<&'a Field>,
}

impl<'a> Search<'a> {
    fn visit(&mut self, schema: &'a Schema, field: &'a Field) -> Option<Vec<String>> {
        if self.known.contains(field.id.as_str()) {
            return None;
        }
        if let Some(begin) = self.path.iter().position(|above| above.id == field.id) {
            return Some(self.path.iter().skip(begin).map(|field| field.name.clone()).collect());
        }
        self.path.push(field);
        let circle =
            self.needs(schema, field).into_iter().find_map(|(schema, field)| self.visit(schema, field));
        self.path.pop();
        self.known.insert(&field.id);
        circle
    }

    /// What must be known first. A link is read by the primary field of the other table.
    fn needs(&self, schema: &'a Schema, field: &'a Field) -> Vec<(&'a Schema, &'a Field)> {
        match field.field_type {
            FieldType::Formula => {
                let named = read(schema, field.text_option("formula").unwrap_or_default()).fields;
                named.iter().filter_map(|id| Some((schema, schema.field(id)?))).collect()
            }
            FieldType::MultipleRecordLinks => {
                let linked = field.linked_table_id().and_then(|id| self.base.table(id));
                linked
                    .and_then(|table| Some((&table.schema, table.schema.primary_field()?)))
                    .into_iter()
                    .collect()
            }
            FieldType::MultipleLookupValues | FieldType::Rollup => followed(self.base, schema, field)
                .map(|(_, schema, read)| (schema, read))
                .into_iter()
                .collect(),
            _ => vec![],
        }
    }
}

/// The link that a count, lookup or rollup follows, the table it leads to, and the field read there.
pub fn followed<'a>(
    base: &'a Base,
    schema: &'a Schema,
    field: &Field,
) -> Option<(&'a Field, &'a Schema, &'a Field)> {
    let link = schema.field(field.record_link_field_id()?)?;
    let linked = &base.table(link.linked_table_id()?)?.schema;
    Some((link, linked, linked.field(field.field_id_in_linked_table()?)?))
}
