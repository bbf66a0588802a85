//! The requests of the meta API that make changes.

use serde_json::{Value, json};

/// The method of a request that writes; there is none that removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Creates.
    Post,
    /// Changes.
    Patch,
}

/// A request of the meta API.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its path below that of the base, for example `/tables/tblAAAAAAAAAAAAAA/fields`.
    pub path: String,
    /// Its body.
    pub body: Value,
    /// The name for the other side of a new link, which Airtable names after the table.
    pub inverse_name: Option<String>,
}

impl Request {
    pub(crate) fn new(method: Method, path: String, body: Value) -> Self {
        Self { method, path, body, inverse_name: None }
    }

    /// The request that names the other side of the link that was just created, by the answer to this one.
    pub fn follow_up(&self, answer: &Value) -> Option<Self> {
        let name = self.inverse_name.as_ref()?;
        let option = |name: &str| answer.get("options")?.get(name)?.as_str();
        let path = format!("/tables/{}/fields/{}", option("linkedTableId")?, option("inverseLinkFieldId")?);
        Some(Self::new(Method::Patch, path, json!({ "name": name })))
    }
}
