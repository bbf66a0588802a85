//! Which tables belong together: those joined by links, of which a write to one may change them all. Pure.

use std::collections::{BTreeMap, HashMap};

use airtable::{FieldType, Table};

use super::question::digest;

/// The tables of a base, in groups that no link leaves. A group is named by the id of one of its tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables {
    /// By id, and by name.
    groups: HashMap<String, String>,
    /// By name.
    ids: HashMap<String, String>,
    digest: String,
}

impl Tables {
    /// The groups of all tables of a base.
    pub fn of(tables: &[Table]) -> Self {
        let mut groups: BTreeMap<&str, &str> =
            tables.iter().map(|table| (table.id.as_str(), table.id.as_str())).collect();
        for table in tables {
            for linked in links(table) {
                join(&mut groups, &table.id, linked);
            }
        }
        let named = |table: &Table| {
            let group = (*groups.get(table.id.as_str())?).to_owned();
            Some([(table.id.clone(), group.clone()), (table.name.clone(), group)])
        };
        let groups: BTreeMap<_, _> = tables.iter().filter_map(named).flatten().collect();
        let parts = groups.iter().flat_map(|(name, group)| [name.as_bytes(), group.as_bytes()]);
        let digest = digest(parts).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let ids = tables.iter().map(|table| (table.name.clone(), table.id.clone())).collect();
        Self { groups: groups.into_iter().collect(), ids, digest }
    }

    /// The same for all who know the same tables in the same groups.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The group of a table by its id or name; none for one that is not known.
    pub fn group(&self, table: &str) -> Option<&str> {
        self.groups.get(table).map(String::as_str)
    }

    /// The id of a table by its name; none for one that is not known.
    pub fn id(&self, name: &str) -> Option<&str> {
        self.ids.get(name).map(String::as_str)
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
    use serde_json::json;

    use super::*;

    fn table(id: &str, linked: &[&str]) -> Table {
        let link = |to: &&str| json!({"id": format!("fld{to}"), "name": to, "type": "multipleRecordLinks", "options": {"linkedTableId": to}});
        let fields: Vec<_> = linked.iter().map(link).collect();
        let table =
            json!({"id": id, "name": format!("name of {id}"), "primaryFieldId": "fld1", "fields": fields});
        serde_json::from_value(table).unwrap()
    }

    #[test]
    fn tables_joined_by_links_also_over_others_are_one_group() {
        let tables = [table("c", &[]), table("b", &["c", "unseen"]), table("a", &["b"]), table("alone", &[])];
        let tables = Tables::of(&tables);
        for name in ["a", "b", "c", "name of c"] {
            assert_eq!(tables.group(name), Some("a"), "{name}");
        }
        assert_eq!(tables.group("name of alone"), Some("alone"));
        assert_eq!((tables.group("unseen"), tables.id("name of b")), (None, Some("b")));
    }
}
