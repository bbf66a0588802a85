//! The types of fields, and what may be done with each.

use serde::{Deserialize, Serialize};

macro_rules! field_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The type of a field. Types that are not known are kept by name: Airtable adds some without notice.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum FieldType {
            $($(#[$doc])* $variant,)*
            /// A type this version does not know.
            Other(String),
        }

        impl FieldType {
            /// The name on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }
        }

        impl From<String> for FieldType {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($name => Self::$variant,)*
                    // Answers of some years ago say it so.
                    "lookup" => Self::MultipleLookupValues,
                    _ => Self::Other(name),
                }
            }
        }
    };
}

field_types! {
    /// Text that a model writes.
    AiText = "aiText",
    /// The number of the record, counted by Airtable.
    AutoNumber = "autoNumber",
    /// `{text, type?}`.
    Barcode = "barcode",
    /// `{label, url}`.
    Button = "button",
    /// `true` or nothing.
    Checkbox = "checkbox",
    /// How many records a link field holds.
    Count = "count",
    /// Who created the record.
    CreatedBy = "createdBy",
    /// When the record was created.
    CreatedTime = "createdTime",
    /// A number of money.
    Currency = "currency",
    /// `YYYY-MM-DD`.
    Date = "date",
    /// RFC 3339 in UTC with milliseconds.
    DateTime = "dateTime",
    /// Seconds.
    Duration = "duration",
    /// An e-mail address.
    Email = "email",
    /// Which source a synced record came from.
    ExternalSyncSource = "externalSyncSource",
    /// Computed from other fields of the record.
    Formula = "formula",
    /// Who last changed the record.
    LastModifiedBy = "lastModifiedBy",
    /// When the record was last changed.
    LastModifiedTime = "lastModifiedTime",
    /// Airtable's own order of a view; seen in schemas, not documented.
    ManualSort = "manualSort",
    /// Text of several lines.
    MultilineText = "multilineText",
    /// Files.
    MultipleAttachments = "multipleAttachments",
    /// Several users.
    MultipleCollaborators = "multipleCollaborators",
    /// Values of a field of the linked records.
    MultipleLookupValues = "multipleLookupValues",
    /// Links to records of a table.
    MultipleRecordLinks = "multipleRecordLinks",
    /// Several choices.
    MultipleSelects = "multipleSelects",
    /// A number.
    Number = "number",
    /// A fraction: 0.5 is 50 %.
    Percent = "percent",
    /// A telephone number, as text.
    PhoneNumber = "phoneNumber",
    /// Stars, at least 1.
    Rating = "rating",
    /// Text in Markdown.
    RichText = "richText",
    /// A formula over a field of the linked records.
    Rollup = "rollup",
    /// One user.
    SingleCollaborator = "singleCollaborator",
    /// Text of one line.
    SingleLineText = "singleLineText",
    /// One choice.
    SingleSelect = "singleSelect",
    /// An address of the web.
    Url = "url",
}

impl From<FieldType> for String {
    fn from(field_type: FieldType) -> Self {
        field_type.as_str().to_owned()
    }
}

impl FieldType {
    /// Whether Airtable makes the value, so that writing it is refused and the meta API cannot create the field.
    pub fn is_computed(&self) -> bool {
        matches!(
            self,
            Self::AiText
                | Self::AutoNumber
                | Self::Button
                | Self::Count
                | Self::CreatedBy
                | Self::CreatedTime
                | Self::ExternalSyncSource
                | Self::Formula
                | Self::LastModifiedBy
                | Self::LastModifiedTime
                | Self::ManualSort
                | Self::MultipleLookupValues
                | Self::Rollup
        )
    }

    /// Whether the meta API can create fields of this type.
    pub fn may_be_created(&self) -> bool {
        !self.is_computed() && !matches!(self, Self::Other(_))
    }

    /// Whether the value is plain text.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Email
                | Self::MultilineText
                | Self::PhoneNumber
                | Self::RichText
                | Self::SingleLineText
                | Self::Url
        )
    }

    /// Whether the value is a number.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Self::AutoNumber
                | Self::Count
                | Self::Currency
                | Self::Duration
                | Self::Number
                | Self::Percent
                | Self::Rating
        )
    }

    /// Whether the value is one moment, with or without the time of day.
    pub fn is_moment(&self) -> bool {
        matches!(self, Self::CreatedTime | Self::Date | Self::DateTime | Self::LastModifiedTime)
    }

    /// Whether the value is a list.
    pub fn holds_several(&self) -> bool {
        matches!(
            self,
            Self::MultipleAttachments
                | Self::MultipleCollaborators
                | Self::MultipleLookupValues
                | Self::MultipleRecordLinks
                | Self::MultipleSelects
        )
    }

    /// Whether a table's first field may be of this type.
    pub fn may_be_primary(&self) -> bool {
        !matches!(
            self,
            Self::Button
                | Self::Checkbox
                | Self::Count
                | Self::MultipleAttachments
                | Self::MultipleCollaborators
                | Self::MultipleLookupValues
                | Self::MultipleRecordLinks
                | Self::MultipleSelects
                | Self::Rating
                | Self::Rollup
                | Self::SingleCollaborator
                | Self::SingleSelect
        )
    }

    /// Whether an upsert may find records by a field of this type.
    pub fn may_merge(&self) -> bool {
        self.is_text()
            || matches!(
                self,
                Self::Currency
                    | Self::Date
                    | Self::MultipleSelects
                    | Self::Number
                    | Self::Percent
                    | Self::SingleSelect
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_the_future_keeps_its_name() {
        let field_type: FieldType = serde_json::from_str("\"hologram\"").unwrap();
        assert_eq!(field_type, FieldType::Other("hologram".to_owned()));
        assert_eq!(serde_json::to_string(&field_type).unwrap(), "\"hologram\"");
    }

    #[test]
    fn the_old_name_of_lookups_is_understood() {
        assert_eq!(FieldType::from("lookup".to_owned()), FieldType::MultipleLookupValues);
    }
}
