//! Which tables belong together: those joined by links, of which a write to one may change them all. Pure.

use std::collections::{BTreeMap, HashMap};

use airtable::{FieldType, Table};
use serde::Deserialize;

/// The tables of a base, in groups that no link leaves. A group is named by the id of one of its tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables {
    /// By id, and by name.
    groups: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Schema {
    tables: Vec<Table>,
}

impl Tables {
    /// From the answer that lists the tables of a base; none where it does not.
    pub fn read(body: &[u8]) -> Option<Self> {
        let Schema { tables } = serde_json::from_slice(body).ok()?;
        let mut groups: BTreeMap<&str, &str> =
            tables.iter().map(|table| (table.id.as_str(), table.id.as_str())).collect();
        for table in &tables {
            for linked in links(table) {
                join(&mut groups, &table.id, linked);
            }
        }
        let named = |table: &Table| {
            let group = (*groups.get(table.id.as_str())?).to_owned();
            Some([(table.id.clone(), group.clone()), (table.name.clone(), group)])
        };
        Some(Self { groups: tables.iter().filter_map(named).flatten().collect() })
    }

    /// The group of a table by its id or name; none for one that is not known.
    pub fn group(&self, table: &str) -> Option<&str> {
        self.groups.get(table).map(String::as_str)
    }
}

fn links(table: &Table) -> impl Iterator<Item = &str> {
    let links = table.fields.iter().filter(|field| field.field_type == FieldType::MultipleRecordLinks);
    links.filter_map(|field| field.options.as_ref()?.get("linkedTableId")?.as_str())
}

/// A table linked to and not listed, since it may not be seen, joins nobody.
fn join<'a>(groups: &mut BTreeMap<&'a str, &'a str>, one: &str, other: &str) {
    let (Some(one), Some(other)) = (groups.get(one).copied(), groups.get(other).copied()) else { return };
    let (kept, gone) = (one.min(other), one.max(other));
    groups.values_mut().filter(|group| **group == gone).for_each(|group| *group = kept);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn table(id: &str, linked: &[&str]) -> Value {
        let link = |to: &&str| json!({"id": format!("fld{to}"), "name": to, "type": "multipleRecordLinks", "options": {"linkedTableId": to}});
        json!({"id": id, "name": format!("name of {id}"), "primaryFieldId": "fld1", "fields": linked.iter().map(link).collect::<Vec<_>>()})
    }

    #[test]
    fn tables_joined_by_links_also_over_others_are_one_group() {
        let tables = [table("c", &[]), table("b", &["c", "unseen"]), table("a", &["b"]), table("alone", &[])];
        let tables = Tables::read(json!({"tables": tables}).to_string().as_bytes()).unwrap();
        for name in ["a", "b", "c", "name of c"] {
            assert_eq!(tables.group(name), Some("a"), "{name}");
        }
        assert_eq!(tables.group("name of alone"), Some("alone"));
        assert_eq!(tables.group("unseen"), None);
    }

    #[test]
    fn an_error_is_no_schema() {
        assert_eq!(Tables::read(br#"{"error":"NOT_FOUND"}"#), None);
    }
}
