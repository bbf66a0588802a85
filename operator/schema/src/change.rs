//! A change of a schema: what differs, what would mend it, and the request of the meta API that does.

use crds::base_schema::{DesiredField, Drift, SchemaPolicy};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{request::Request, scene::Spot};

/// What mends a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Action {
    /// A new table with the fields that can be created at once.
    CreateTable,
    /// A new field in a table.
    CreateField,
    /// Another name or description of a table.
    UpdateTable,
    /// Another name, description or formula of a field.
    UpdateField,
    /// Nothing that Airtable's API can do.
    CannotChange,
}

impl Action {
    /// As it is written in a status and in the answer of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateTable => "CreateTable",
            Self::CreateField => "CreateField",
            Self::UpdateTable => "UpdateTable",
            Self::UpdateField => "UpdateField",
            Self::CannotChange => "CannotChange",
        }
    }

    /// Whether the operator may do so under `policy`.
    pub fn is_allowed(self, policy: SchemaPolicy) -> bool {
        match self {
            Self::CreateTable | Self::CreateField => policy != SchemaPolicy::Observe,
            Self::UpdateTable | Self::UpdateField => policy == SchemaPolicy::Apply,
            Self::CannotChange => false,
        }
    }
}

/// A difference between what is declared and what is found, and what mends it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What mends it.
    pub action: Action,
    /// Name of the table, as declared.
    pub table: String,
    /// Name of the field, as declared; none where the table itself differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What differs: `table`, `field`, `link`, `name`, `description`, `type`, `formula`, `options.precision` …
    pub what: String,
    /// What is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// What the base has; none where it has nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Why it can't be changed, or what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The request that makes the change; none where there is no such, or an earlier change must come first.
    #[serde(skip)]
    pub request: Option<Request>,
}

impl Change {
    /// What is done to what, in short.
    pub fn told(&self) -> String {
        let what = match self.action {
            Action::CreateTable | Action::CreateField => String::new(),
            _ => format!(" ({})", self.what),
        };
        format!("{} {}{what}", self.action.as_str(), self.place())
    }

    fn place(&self) -> String {
        self.field.iter().fold(self.table.clone(), |table, field| format!("{table}.{field}"))
    }

    pub(crate) fn of_table(action: Action, table: &str, what: &str) -> Self {
        let (table, what) = (table.to_owned(), what.to_owned());
        Self { action, table, field: None, what, wanted: None, found: None, why: None, request: None }
    }

    /// A declared field that the base does not have; `what` is `field` or `link`.
    pub(crate) fn missing(action: Action, spot: Spot<'_, '_>, what: &str) -> Self {
        let to = spot
            .field
            .linked_table
            .iter()
            .fold(spot.field.r#type.clone(), |kind, table| format!("{kind} to {table}"));
        Self::differing(action, spot, what, &to, None)
    }

    /// A field that is not as declared.
    pub(crate) fn differing(
        action: Action,
        spot: Spot<'_, '_>,
        what: &str,
        wanted: &str,
        found: Option<String>,
    ) -> Self {
        let table = Self::of_table(action, &spot.place.declared.name, what);
        Self { field: Some(spot.field.name.clone()), ..table.lacking(wanted, found) }
    }

    pub(crate) fn lacking(self, wanted: &str, found: Option<String>) -> Self {
        Self { wanted: Some(wanted.to_owned()).filter(|text| !text.is_empty()), found, ..self }
    }

    pub(crate) fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    pub(crate) fn by(self, request: Request) -> Self {
        Self { request: Some(request), ..self }
    }

    /// The body that creates a field.
    pub(crate) fn body(field: &DesiredField, options: &Map<String, Value>) -> Value {
        let mut body = json!({ "name": field.name, "type": field.r#type });
        if let Some(description) = &field.description {
            body["description"] = json!(description);
        }
        if !options.is_empty() {
            body["options"] = json!(options);
        }
        body
    }
}

impl From<&Change> for Drift {
    fn from(change: &Change) -> Self {
        Self {
            action: change.action.as_str().to_owned(),
            table: change.table.clone(),
            field: change.field.clone(),
            what: change.what.clone(),
            wanted: change.wanted.clone(),
            found: change.found.clone(),
            why: change.why.clone(),
        }
    }
}

/// One line for a person.
impl std::fmt::Display for Change {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.place();
        let quoted = |text: &Option<String>| {
            text.as_ref().map_or_else(|| "nothing".to_owned(), |it| format!("\"{it}\""))
        };
        match (self.action, self.found.is_none() && matches!(self.what.as_str(), "table" | "field" | "link"))
        {
            (Action::CannotChange, true) => write!(out, "{place} is missing")?,
            (Action::CreateTable | Action::CreateField, _) => {
                write!(out, "{place} is to be created: {}", self.wanted.as_deref().unwrap_or_default())?;
            }
            _ => write!(
                out,
                "{} of {place} is {}, not {}",
                self.what,
                quoted(&self.found),
                quoted(&self.wanted)
            )?,
        }
        self.why.as_ref().map_or(Ok(()), |why| write!(out, " ({why})"))
    }
}
