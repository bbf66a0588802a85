//! Which call about a base and its schema a method and a path mean.

use crate::sharing::Change;

/// A call about a base and its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetaCall {
    GetBase,
    DeleteBase,
    GetInterface {
        interface: String,
    },
    ListShares,
    UpdateShare {
        share: String,
    },
    DeleteShare {
        share: String,
    },
    /// Who may use the base, or one of its interfaces.
    Share {
        interface: Option<String>,
        change: Change,
    },
    ListViews,
    GetView {
        view: String,
    },
    DeleteView {
        view: String,
    },
    ListTables,
    CreateTable,
    UpdateTable {
        table: String,
    },
    CreateField {
        table: String,
    },
    UpdateField {
        table: String,
        field: String,
    },
}

impl MetaCall {
    /// The call that a verb and the path after the base mean.
    pub fn read(verb: &str, rest: &[&str]) -> Option<Self> {
        let own = |text: &&str| (*text).to_owned();
        Some(match (verb, rest) {
            ("GET", []) => Self::GetBase,
            ("DELETE", []) => Self::DeleteBase,
            ("GET", ["views"]) => Self::ListViews,
            ("GET", ["views", view]) => Self::GetView { view: own(view) },
            ("DELETE", ["views", view]) => Self::DeleteView { view: own(view) },
            ("GET", ["tables"]) => Self::ListTables,
            ("POST", ["tables"]) => Self::CreateTable,
            ("PATCH", ["tables", table]) => Self::UpdateTable { table: own(table) },
            ("POST", ["tables", table, "fields"]) => Self::CreateField { table: own(table) },
            ("PATCH", ["tables", table, "fields", field]) => {
                Self::UpdateField { table: own(table), field: own(field) }
            }
            ("GET", ["interfaces", interface]) => Self::GetInterface { interface: own(interface) },
            ("GET", ["shares"]) => Self::ListShares,
            ("PATCH", ["shares", share]) => Self::UpdateShare { share: own(share) },
            ("DELETE", ["shares", share]) => Self::DeleteShare { share: own(share) },
            (verb, ["interfaces", interface, rest @ ..]) => {
                Self::Share { interface: Some(own(interface)), change: Change::read(verb, rest)? }
            }
            (verb, rest) => Self::Share { interface: None, change: Change::read(verb, rest)? },
        })
    }

    /// What the audit log calls it.
    pub fn action(&self) -> &'static str {
        match self {
            Self::CreateTable => "createTable",
            Self::UpdateTable { .. } => "updateTable",
            Self::CreateField { .. } => "createField",
            Self::UpdateField { .. } => "updateField",
            Self::DeleteView { .. } => "deleteView",
            Self::DeleteBase => "deleteBase",
            Self::Share { .. } | Self::UpdateShare { .. } | Self::DeleteShare { .. } => "updateSharing",
            _ => "read",
        }
    }

    /// Whether it changes the base.
    pub fn writes(&self) -> bool {
        let reads = matches!(
            self,
            Self::GetBase
                | Self::GetInterface { .. }
                | Self::GetView { .. }
                | Self::ListShares
                | Self::ListViews
                | Self::ListTables
        );
        !reads
    }
}
