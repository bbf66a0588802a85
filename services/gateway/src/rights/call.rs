//! Which call of Airtable's API a request of a limited client is. Pure; what is not known here is not passed on.

use airtable::id::Kind;
use http::Method;
use percent_encoding::percent_decode_str;

/// A call about the gateway's base. Tables and fields are named by id or name, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// The schema of all tables.
    Tables,
    /// All views.
    Views,
    /// What concerns the base as a whole: its people, its webhooks, changes of its schema.
    Base,
    /// A table, or records in it.
    Table { table: String, call: TableCall },
    /// A file for a cell; the path names no table.
    Upload { record: String, field: String },
}

/// A call about a table or records in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableCall {
    List {
        by_post: bool,
    },
    Get {
        record: String,
    },
    Create,
    Update {
        record: String,
        replace: bool,
    },
    UpdateMany {
        replace: bool,
    },
    Delete {
        record: String,
    },
    DeleteMany,
    ListComments {
        record: String,
    },
    CreateComment {
        record: String,
    },
    /// Somebody's comment: to Airtable all clients of a gateway are one author.
    ChangeComment,
    /// Replaces the records of a table by those of a file.
    Sync,
}

impl Call {
    /// The call that `method` and `path` (percent-encoded, in the gateway's base) mean; none where Airtable has no
    /// such route.
    pub fn read(method: &Method, path: &str) -> Option<Self> {
        let decode = |segment: &str| Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned());
        let trimmed = path.strip_suffix('/').unwrap_or(path).strip_prefix("/v0/")?;
        let segments = trimmed.split('/').map(decode).collect::<Option<Vec<_>>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let verb = if method == Method::HEAD { "GET" } else { method.as_str() };
        match (verb, segments.as_slice()) {
            ("GET", ["meta", "bases", _, "tables"]) => Some(Self::Tables),
            ("GET", ["meta", "bases", _, "views"]) => Some(Self::Views),
            (_, ["meta" | "bases", ..]) => Some(Self::Base),
            ("POST", [_, record, field, "uploadAttachment"]) if Kind::Record.names(record) => {
                Some(Self::Upload { record: (*record).to_owned(), field: (*field).to_owned() })
            }
            (verb, [_, table, rest @ ..]) => {
                Some(Self::Table { table: (*table).to_owned(), call: TableCall::read(verb, rest)? })
            }
            _ => None,
        }
    }
}

impl TableCall {
    fn read(verb: &str, rest: &[&str]) -> Option<Self> {
        let of = |record: &str| Kind::Record.names(record).then(|| record.to_owned());
        Some(match (verb, rest) {
            ("GET", []) => Self::List { by_post: false },
            ("POST", ["listRecords"]) => Self::List { by_post: true },
            ("POST", []) => Self::Create,
            ("PATCH" | "PUT", []) => Self::UpdateMany { replace: verb == "PUT" },
            ("DELETE", []) => Self::DeleteMany,
            ("POST", ["sync", _]) => Self::Sync,
            ("GET", [record]) => Self::Get { record: of(record)? },
            ("PATCH" | "PUT", [record]) => Self::Update { record: of(record)?, replace: verb == "PUT" },
            ("DELETE", [record]) => Self::Delete { record: of(record)? },
            ("GET", [record, "comments"]) => Self::ListComments { record: of(record)? },
            ("POST", [record, "comments"]) => Self::CreateComment { record: of(record)? },
            ("PATCH" | "DELETE", [_, "comments", _]) => Self::ChangeComment,
            _ => return None,
        })
    }

    /// Whether it only reads.
    pub fn reads(&self) -> bool {
        matches!(self, Self::List { .. } | Self::Get { .. } | Self::ListComments { .. })
    }
}
