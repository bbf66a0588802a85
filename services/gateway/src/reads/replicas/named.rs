//! Marks by name, as the store is told them. Pure.

/// Those for who knows the same tables, and those for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Digest of the tables that the fine ones are named by; empty where they may be other ones by now.
    view: String,
    fine: Vec<String>,
    coarse: Vec<String>,
}

impl Named {
    /// `fine` by the tables with digest `view`, `coarse` without knowing any.
    pub fn new(view: &str, fine: Vec<String>, coarse: Vec<String>) -> Self {
        Self { view: view.to_owned(), fine, coarse }
    }

    /// Whether there are none.
    pub fn is_nothing(&self) -> bool {
        self.fine.is_empty() && self.coarse.is_empty()
    }

    /// The digest, and both lists as JSON.
    pub fn texts(&self) -> [String; 3] {
        let json = |names: &[String]| serde_json::Value::from(names).to_string();
        [self.view.clone(), json(&self.fine), json(&self.coarse)]
    }
}
