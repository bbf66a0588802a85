//! Tables and fields that rights name and the base does not have: most likely misspelt, and silently allowed to nobody. Pure.

use std::collections::BTreeSet;

use airtable::Table;

use super::grant::TableRights;
use crate::schema;

/// A name that means nothing in the base.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unknown {
    #[error("the rights of {client} name the table {table:?}, which the base does not have")]
    Table { client: String, table: String },
    #[error("the rights of {client} name the field {field:?}, which the table {table:?} does not have")]
    Field { client: String, table: String, field: String },
}

/// Those in the `rights` of `client`, where these are the tables of the base.
pub fn unknown(client: &str, rights: &[TableRights], tables: &[Table]) -> BTreeSet<Unknown> {
    let mut unknown = BTreeSet::new();
    for TableRights { name, fields, .. } in rights {
        let (client, table) = (client.to_owned(), name.clone());
        let Some(found) = schema::table(tables, name) else {
            unknown.insert(Unknown::Table { client, table });
            continue;
        };
        let missing = fields.iter().flatten().filter(|field| found.field(field).is_none());
        unknown.extend(missing.map(|field| Unknown::Field {
            client: client.clone(),
            table: table.clone(),
            field: field.clone(),
        }));
    }
    unknown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_and_fields_are_known_by_id_and_name_as_requests_name_them() {
        let fields = json!([{"id": "fld00000000000001", "name": "Name", "type": "singleLineText"}]);
        let tables: Vec<Table> = serde_json::from_value(json!([{"id": "tbl00000000000001", "name": "Deals",
            "primaryFieldId": "fld00000000000001", "fields": fields}]))
        .unwrap();
        let rights: Vec<TableRights> = serde_json::from_value(json!([
            {"name": "deals"}, {"name": "tbl00000000000001", "fields": ["fld00000000000001", "Name", "name", "Nmae"]},
            {"name": "Customerz", "fields": ["Name"]}]))
        .unwrap();
        let said: Vec<String> = unknown("shop", &rights, &tables).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "the rights of shop name the table \"Customerz\", which the base does not have",
                "the rights of shop name the field \"Nmae\", which the table \"tbl00000000000001\" does not have",
                "the rights of shop name the field \"name\", which the table \"tbl00000000000001\" does not have",
            ]
        );
    }
}
