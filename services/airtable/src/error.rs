//! What Airtable answers when it refuses: status, type, message, and the four shapes of the body.

use serde_json::{Value, json};

/// Which call got a misshapen list of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// Records to create: `fields` each.
    Create,
    /// Records to change: `id` and `fields` each.
    Update,
    /// Ids of records to delete.
    Delete,
}

impl std::fmt::Display for Batch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("You must provide an array of up to 10 record ")?;
        out.write_str(match self {
            Self::Create => "objects, each with a \"fields\" object for cell values.",
            Self::Update => "objects, each with an \"id\" ID field and a \"fields\" object for cell values.",
            Self::Delete => "IDs.",
        })
    }
}

/// A refusal. Its text is the message that Airtable sends with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such route, or an id of the wrong shape.
    #[error("NOT_FOUND")]
    NotFound,
    /// No token, or one that is not valid.
    #[error("Authentication required")]
    AuthenticationRequired,
    /// An unknown base, table or record, or one that the token may not see.
    #[error(
        "Invalid permissions, or the requested model was not found. Check that both your user and your token have the required permissions, and that the model names and/or ids are correct."
    )]
    ModelNotFound,
    /// The role of the user does not allow it.
    #[error("You are not permitted to perform this operation")]
    InvalidPermissions,
    /// A write to something that does not exist; the argument is `Record` or `Comment`.
    #[error("{0} not found")]
    ModelIdNotFound(&'static str),
    /// The body is too large.
    #[error("Request body is too large")]
    TooLarge,
    /// The URL is too long for a list; its parameters can be sent in the body of `listRecords`.
    #[error("Request URL must be shorter than 16,000 characters")]
    UrlTooLong,
    /// A parameter is misshapen.
    #[error("Invalid request: parameter validation failed. Check your request data.")]
    InvalidRequest,
    /// A parameter is misshapen, and the message says how.
    #[error("{0}")]
    InvalidRequestBecause(String),
    /// The body is not JSON.
    #[error("Could not parse request body")]
    InvalidBody,
    /// The body lacks an entry.
    #[error("Could not find field \"{0}\" in the request body")]
    MissingFields(&'static str),
    /// Not a list of one to ten records of the right shape.
    #[error("{0}")]
    InvalidRecords(Batch),
    /// An upsert found several records for one.
    #[error("Cannot update more than one record that matches the values of \"{0}\"")]
    SeveralMatches(String),
    /// A field that the table does not have.
    #[error("Unknown field name: \"{0}\"")]
    UnknownFieldName(String),
    /// A formula that cannot be read.
    #[error("The formula for filtering records is invalid: Invalid formula. Please check your formula text.")]
    InvalidFormula,
    /// Fields in a formula that the table does not have.
    #[error("The formula for filtering records is invalid: Unknown field names: {}", .0.join(", ").to_lowercase())]
    UnknownFieldsInFormula(Vec<String>),
    /// A choice that does not exist, and no typecast to make it.
    #[error("Insufficient permissions to create new select option \"{0}\"")]
    UnknownChoice(String),
    /// A value of the wrong type.
    #[error("Field \"{0}\" cannot accept the provided value")]
    CannotAccept(String),
    /// A write to a field that Airtable computes.
    #[error("Field \"{0}\" cannot accept a value because the field is computed")]
    Computed(String),
    /// A text that is no date or number.
    #[error("Cannot parse value \"{value}\" for field {field}")]
    CannotParse {
        /// What was sent.
        value: String,
        /// The name of the field.
        field: String,
    },
    /// A link field needs ids of records.
    #[error("Value is not an array of record IDs.")]
    NotRecordIds,
    /// A link to a record that does not exist.
    #[error("Record ID {0} does not exist")]
    RowDoesNotExist(String),
    /// A link to a record of another table than the field links to.
    #[error("Record ID {record} belongs to table {table}, but the field links to table {linked}")]
    RowOfOtherTable {
        /// The linked record.
        record: String,
        /// Where it is.
        table: String,
        /// Where it should be.
        linked: String,
    },
    /// A view that the table does not have, by name.
    #[error("View {0} not found")]
    ViewNameNotFound(String),
    /// A view that the base does not have, by id.
    #[error("View {0} not found")]
    ViewIdNotFound(String),
    /// A view of another table.
    #[error("FAILED_STATE_CHECK")]
    FailedStateCheck,
    /// An offset of the wrong shape.
    #[error("The value of offset {0} is invalid")]
    InvalidOffset(String),
    /// An offset of an iteration that is over or forgotten.
    #[error("The iteration is no longer available, start again without an offset")]
    IteratorNotAvailable,
    /// Not 1 to 100.
    #[error("The page size must be a number between 1 and 100")]
    InvalidPageSize,
    /// The name of a new table or field is taken or empty; type and message.
    #[error("{1}")]
    InvalidName(&'static str, String),
    /// The meta API does not create fields of this type.
    #[error("Creating {0} fields is not supported at this time")]
    UnsupportedFieldType(String),
    /// The options do not fit the type of a new field.
    #[error("Invalid options for {name}: {reason}")]
    InvalidFieldOptions {
        /// The name of the field.
        name: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// More than 5 requests a second to the base, or within 30 s after that.
    #[error("Rate limit exceeded. Please try again later")]
    RateLimitReached,
    /// The month's calls are used up.
    #[error(
        "API billing plan limit exceeded. You've reached the maximum number of requests allowed for this month."
    )]
    BillingLimitExceeded,
}

impl Error {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::AuthenticationRequired => 401,
            Self::ModelNotFound | Self::InvalidPermissions => 403,
            Self::NotFound | Self::ModelIdNotFound(_) => 404,
            Self::TooLarge => 413,
            Self::UrlTooLong => 414,
            Self::RateLimitReached | Self::BillingLimitExceeded => 429,
            _ => 422,
        }
    }

    /// The type, for example `UNKNOWN_FIELD_NAME`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::AuthenticationRequired => "AUTHENTICATION_REQUIRED",
            Self::ModelNotFound => "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
            Self::InvalidPermissions => "INVALID_PERMISSIONS",
            Self::ModelIdNotFound(_) => "MODEL_ID_NOT_FOUND",
            Self::TooLarge => "REQUEST_TOO_LARGE",
            Self::UrlTooLong => "REQUEST_URL_TOO_LONG",
            Self::InvalidRequest | Self::InvalidRequestBecause(_) => "INVALID_REQUEST_UNKNOWN",
            Self::InvalidBody => "INVALID_REQUEST_BODY",
            Self::MissingFields(_) => "INVALID_REQUEST_MISSING_FIELDS",
            Self::InvalidRecords(_) | Self::SeveralMatches(_) => "INVALID_RECORDS",
            Self::UnknownFieldName(_) => "UNKNOWN_FIELD_NAME",
            Self::InvalidFormula | Self::UnknownFieldsInFormula(_) => "INVALID_FILTER_BY_FORMULA",
            Self::UnknownChoice(_) => "INVALID_MULTIPLE_CHOICE_OPTIONS",
            Self::CannotAccept(_) | Self::Computed(_) | Self::CannotParse { .. } | Self::NotRecordIds => {
                "INVALID_VALUE_FOR_COLUMN"
            }
            Self::RowDoesNotExist(_) => "ROW_DOES_NOT_EXIST",
            Self::RowOfOtherTable { .. } => "ROW_TABLE_DOES_NOT_MATCH_LINKED_TABLE",
            Self::ViewNameNotFound(_) => "VIEW_NAME_NOT_FOUND",
            Self::ViewIdNotFound(_) => "VIEW_ID_NOT_FOUND",
            Self::FailedStateCheck => "FAILED_STATE_CHECK",
            Self::InvalidOffset(_) => "INVALID_OFFSET_VALUE",
            Self::IteratorNotAvailable => "LIST_RECORDS_ITERATOR_NOT_AVAILABLE",
            Self::InvalidPageSize => "INVALID_PAGE_SIZE_ARGUMENT",
            Self::InvalidName(kind, _) => kind,
            Self::UnsupportedFieldType(_) => "UNSUPPORTED_FIELD_TYPE_FOR_CREATE",
            Self::InvalidFieldOptions { .. } => "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE",
            Self::RateLimitReached => "RATE_LIMIT_REACHED",
            Self::BillingLimitExceeded => "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
        }
    }

    /// The body, in the shape that goes with the type.
    pub fn body(&self) -> Value {
        let kind = self.kind();
        match self {
            Self::NotFound => json!({"error": kind}),
            Self::FailedStateCheck => json!({"error": {"type": kind}}),
            Self::RateLimitReached | Self::BillingLimitExceeded => {
                json!({"errors": [{"error": kind, "message": self.to_string()}]})
            }
            _ => json!({"error": {"type": kind, "message": self.to_string()}}),
        }
    }
}

/// The type and the message of an error body in any of its four shapes; `None` where it is none of them.
pub fn read(body: &Value) -> Option<(&str, Option<&str>)> {
    fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
        value.get(name).and_then(Value::as_str)
    }
    if let Some(first) = body.get("errors").and_then(|all| all.get(0)) {
        return Some((text(first, "error")?, text(first, "message")));
    }
    match body.get("error")? {
        Value::String(kind) => Some((kind, None)),
        error => Some((text(error, "type")?, text(error, "message"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_body_is_read_back() {
        let cases = [
            (Error::NotFound, None),
            (Error::FailedStateCheck, None),
            (Error::AuthenticationRequired, Some("Authentication required")),
            (Error::RateLimitReached, Some("Rate limit exceeded. Please try again later")),
        ];
        for (error, message) in cases {
            assert_eq!(read(&error.body()), Some((error.kind(), message)), "{error:?}");
        }
        assert_eq!(read(&json!({"records": []})), None);
    }

    #[test]
    fn unknown_fields_of_a_formula_are_named_in_lower_case() {
        let error = Error::UnknownFieldsInFormula(vec!["Foo".to_owned(), "BAR".to_owned()]);
        assert!(error.to_string().ends_with("Unknown field names: foo, bar"));
    }
}
