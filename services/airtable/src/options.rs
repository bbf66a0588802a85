//! What the options of a field say, read by name; absent or strange options read as absent.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Field, FieldType};

/// A choice of a select field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// `sel…`.
    #[serde(default)]
    pub id: String,
    /// What cells hold.
    pub name: String,
    /// For example `blueLight2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
}

impl Field {
    /// An option by its name.
    pub fn option(&self, name: &str) -> Option<&Value> {
        self.options.as_ref()?.get(name)
    }

    /// A text among the options by its name.
    pub fn text_option(&self, name: &str) -> Option<&str> {
        self.option(name)?.as_str()
    }

    /// The choices of a select field, in order.
    pub fn choices(&self) -> Vec<Choice> {
        let read = |value: &Value| Choice::deserialize(value).ok();
        self.option("choices")
            .and_then(Value::as_array)
            .map_or_else(Vec::new, |all| all.iter().filter_map(read).collect())
    }

    /// Adds a choice at the end.
    pub fn add_choice(&mut self, choice: &Choice) {
        let choices =
            self.options.get_or_insert_default().entry("choices").or_insert_with(|| Value::Array(vec![]));
        if let (Value::Array(all), Ok(choice)) = (choices, serde_json::to_value(choice)) {
            all.push(choice);
        }
    }

    /// The table that a link field links to.
    pub fn linked_table_id(&self) -> Option<&str> {
        self.text_option("linkedTableId")
    }

    /// The field at the other side of a link field.
    pub fn inverse_link_field_id(&self) -> Option<&str> {
        self.text_option("inverseLinkFieldId")
    }

    /// The link field that a count, lookup or rollup follows.
    pub fn record_link_field_id(&self) -> Option<&str> {
        self.text_option("recordLinkFieldId")
    }

    /// The field that a lookup or rollup reads in the linked records.
    pub fn field_id_in_linked_table(&self) -> Option<&str> {
        self.text_option("fieldIdInLinkedTable")
    }

    /// The time zone in which a dateTime field reads texts without one; `None` for `utc` and `client`.
    pub fn time_zone(&self) -> Option<&str> {
        self.text_option("timeZone").filter(|zone| !matches!(*zone, "utc" | "client"))
    }

    /// The type of what a computed field answers; its own where the options name none.
    pub fn result_type(&self) -> FieldType {
        let named = self.option("result").and_then(|result| result.get("type")).and_then(Value::as_str);
        named.map_or_else(|| self.field_type.clone(), |name| FieldType::from(name.to_owned()))
    }

    /// The highest rating, 5 where nothing is said.
    pub fn max_rating(&self) -> u64 {
        self.option("max").and_then(Value::as_u64).unwrap_or(5)
    }
}
