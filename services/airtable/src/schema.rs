//! Tables, fields and views as the meta API says them. What is not known is kept, so that nothing is lost on the way.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::FieldType;

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// `tbl…`.
    pub id: String,
    /// Unique in its base, without regard to case.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The field whose value stands for a record.
    pub primary_field_id: String,
    /// In the order of creation.
    pub fields: Vec<Field>,
    /// At least one in a live base.
    #[serde(default)]
    pub views: Vec<View>,
    /// Whatever else was said.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A field of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// `fld…`.
    pub id: String,
    /// Unique in its table.
    pub name: String,
    /// What its cells hold.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What its type needs to know; the accessors of [`Field`] read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Map<String, Value>>,
    /// Whatever else was said.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A view of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// `viw…`.
    pub id: String,
    /// Unique in its table.
    pub name: String,
    /// `grid`, `form`, `calendar`, `gallery`, `kanban`, `timeline`, `block`, or what comes.
    #[serde(rename = "type")]
    pub view_type: String,
    /// Whatever else was said, for example `visibleFieldIds`.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Table {
    /// The field with this id or exactly this name.
    pub fn field(&self, name_or_id: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.id == name_or_id)
            .or_else(|| self.fields.iter().find(|field| field.name == name_or_id))
    }

    /// The place of the field that a formula means: by id, by name, or by name without regard to case.
    pub fn field_in_formula(&self, name_or_id: &str) -> Option<usize> {
        let at = |matches: &dyn Fn(&Field) -> bool| self.fields.iter().position(matches);
        let lower = name_or_id.to_lowercase();
        at(&|field| field.id == name_or_id)
            .or_else(|| at(&|field| field.name == name_or_id))
            .or_else(|| at(&|field| field.name.to_lowercase() == lower))
    }

    /// The field whose value stands for a record.
    pub fn primary_field(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == self.primary_field_id)
    }

    /// The view with this id or name.
    pub fn view(&self, name_or_id: &str) -> Option<&View> {
        self.views.iter().find(|view| view.id == name_or_id || view.name == name_or_id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_of_the_meta_api_comes_back_unchanged() {
        let wire = json!({
            "id": "tblAAAAAAAAAAAAAA", "name": "Deals", "primaryFieldId": "fldAAAAAAAAAAAAAA",
            "fields": [{"id": "fldAAAAAAAAAAAAAA", "name": "Name", "type": "singleLineText"},
                       {"id": "fldBBBBBBBBBBBBBB", "name": "New", "type": "hologram", "options": {"depth": 3}}],
            "views": [{"id": "viwAAAAAAAAAAAAAA", "name": "Grid view", "type": "grid", "visibleFieldIds": []}],
            "dateDependencySettings": {"isEnabled": false}
        });
        let table: Table = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(table).unwrap(), wire);
    }

    #[test]
    fn formulas_find_fields_without_regard_to_case_and_writes_do_not() {
        let field = |id: &str, name: &str| json!({"id": id, "name": name, "type": "number"});
        let table: Table = serde_json::from_value(json!({
            "id": "t", "name": "T", "primaryFieldId": "f1", "fields": [field("f1", "Amount"), field("f2", "amount")]
        }))
        .unwrap();
        assert_eq!(table.field_in_formula("AMOUNT"), Some(0));
        assert_eq!(table.field_in_formula("amount"), Some(1));
        assert_eq!(table.field("AMOUNT"), None);
    }
}
