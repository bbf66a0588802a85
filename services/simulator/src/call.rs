//! Which call a method and a path mean.

use airtable::id::Kind;
use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::account::AccountCall;
pub use crate::meta_call::MetaCall;

/// A call of the API. Tables and fields are named by id or name, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    WhoAmI,
    ListBases,
    CreateBase,
    /// What the meta API answers or changes of one base.
    Meta {
        base: String,
        call: MetaCall,
    },
    /// What is above bases.
    Account(AccountCall),
    /// Records of a table.
    Records {
        base: String,
        table: String,
        call: RecordsCall,
    },
    /// Add a file to a cell.
    UploadAttachment {
        base: String,
        record: String,
        field: String,
    },
    /// Webhooks of a base.
    Webhooks {
        base: String,
        call: WebhooksCall,
    },
    /// Comments on a record.
    Comments {
        base: String,
        table: String,
        record: String,
        call: CommentsCall,
    },
}

/// A call about the webhooks of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhooksCall {
    List,
    Create,
    Delete { webhook: String },
    ListPayloads { webhook: String },
    EnableNotifications { webhook: String },
    Refresh { webhook: String },
}

/// A call about the comments on a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommentsCall {
    List,
    Create,
    Update { comment: String },
    Delete { comment: String },
}

/// A call about the records of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordsCall {
    List,
    ListByPost,
    Get { record: String },
    Create,
    Update { record: String, replace: bool },
    UpdateMany { replace: bool },
    Delete { record: String },
    DeleteMany,
}

impl Call {
    /// The call that `method` and the raw `path` mean; `None` where there is no such route.
    ///
    /// Doubled and trailing slashes don't matter; segments are decoded after they were split, so that a name may
    /// hold `%2F`. What has not the shape of an id is no route, as at Airtable.
    pub fn read(method: &Method, path: &str) -> Option<Self> {
        let decode = |segment: &str| Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned());
        let trimmed = path.trim_start_matches('/');
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let segments = trimmed.split('/').map(decode).collect::<Option<Vec<_>>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (version, rest) = segments.split_first()?;
        if *version != "v0" {
            return None;
        }
        match (method.as_str(), rest) {
            ("GET", ["meta", "whoami"]) => Some(Self::WhoAmI),
            ("GET", ["meta", "bases"]) => Some(Self::ListBases),
            ("POST", ["meta", "bases"]) => Some(Self::CreateBase),
            (verb, ["meta", "bases", base, rest @ ..]) => {
                Some(Self::Meta { base: shaped(Kind::Base, base)?, call: MetaCall::read(verb, rest)? })
            }
            (verb, ["bases", base, "webhooks", rest @ ..]) => Some(Self::Webhooks {
                base: shaped(Kind::Base, base)?,
                call: WebhooksCall::read(verb, rest)?,
            }),
            (verb, ["meta", rest @ ..]) => AccountCall::read(verb, rest).map(Self::Account),
            (_, ["bases", ..]) => None,
            ("POST", [base, record, field, "uploadAttachment"]) => {
                let (base, record) = (shaped(Kind::Base, base)?, shaped(Kind::Record, record)?);
                Some(Self::UploadAttachment { base, record, field: (*field).to_owned() })
            }
            (verb, [base, table, record, "comments", rest @ ..]) => {
                let (base, record) = (shaped(Kind::Base, base)?, shaped(Kind::Record, record)?);
                let call = CommentsCall::read(verb, rest)?;
                Some(Self::Comments { base, table: (*table).to_owned(), record, call })
            }
            (verb, [base, table, rest @ ..]) => {
                let (base, call) = (shaped(Kind::Base, base)?, RecordsCall::read(verb, rest)?);
                Some(Self::Records { base, table: (*table).to_owned(), call })
            }
            _ => None,
        }
    }

    /// Whether the call counts towards the quota of the month: the meta API does not.
    pub fn uses_quota(&self) -> bool {
        matches!(
            self,
            Self::Records { .. }
                | Self::UploadAttachment { .. }
                | Self::Webhooks { .. }
                | Self::Comments { .. }
        )
    }

    /// The base that the call is about.
    pub fn base(&self) -> Option<&str> {
        match self {
            Self::Meta { base, .. }
            | Self::Records { base, .. }
            | Self::UploadAttachment { base, .. }
            | Self::Webhooks { base, .. }
            | Self::Comments { base, .. } => Some(base),
            _ => None,
        }
    }
}

impl WebhooksCall {
    fn read(verb: &str, rest: &[&str]) -> Option<Self> {
        let Some((webhook, rest)) = rest.split_first() else {
            return match verb {
                "GET" => Some(Self::List),
                "POST" => Some(Self::Create),
                _ => None,
            };
        };
        let webhook = shaped(Kind::Webhook, webhook)?;
        Some(match (verb, rest) {
            ("DELETE", []) => Self::Delete { webhook },
            ("GET", ["payloads"]) => Self::ListPayloads { webhook },
            ("POST", ["enableNotifications"]) => Self::EnableNotifications { webhook },
            ("POST", ["refresh"]) => Self::Refresh { webhook },
            _ => return None,
        })
    }
}

impl CommentsCall {
    fn read(verb: &str, rest: &[&str]) -> Option<Self> {
        Some(match (verb, rest) {
            ("GET", []) => Self::List,
            ("POST", []) => Self::Create,
            ("PATCH", [comment]) => Self::Update { comment: shaped(Kind::Comment, comment)? },
            ("DELETE", [comment]) => Self::Delete { comment: shaped(Kind::Comment, comment)? },
            _ => return None,
        })
    }
}

impl RecordsCall {
    fn read(verb: &str, rest: &[&str]) -> Option<Self> {
        Some(match (verb, rest) {
            ("GET", []) => Self::List,
            ("POST", []) => Self::Create,
            ("PATCH", []) => Self::UpdateMany { replace: false },
            ("PUT", []) => Self::UpdateMany { replace: true },
            ("DELETE", []) => Self::DeleteMany,
            ("POST", ["listRecords"]) => Self::ListByPost,
            (verb, [record]) => {
                let record = shaped(Kind::Record, record)?;
                match verb {
                    "GET" => Self::Get { record },
                    "PATCH" => Self::Update { record, replace: false },
                    "PUT" => Self::Update { record, replace: true },
                    "DELETE" => Self::Delete { record },
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// Whether it changes records.
    pub fn writes(&self) -> bool {
        !matches!(self, Self::List | Self::ListByPost | Self::Get { .. })
    }
}

/// The text where it has the shape of an id of this kind.
fn shaped(kind: Kind, text: &str) -> Option<String> {
    kind.names(text).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_forgiven_and_names_decoded_after_the_split() {
        let (base, table) = ("appAAAAAAAAAAAAAA".to_owned(), "Ta/ble é x".to_owned());
        let expected = Call::Records { base, table, call: RecordsCall::Create };
        for path in
            ["/v0/appAAAAAAAAAAAAAA/Ta%2Fble%20%C3%A9%20x", "//v0/appAAAAAAAAAAAAAA/Ta%2Fble%20%C3%A9%20x/"]
        {
            assert_eq!(Call::read(&Method::POST, path), Some(expected.clone()), "{path}");
        }
    }

    #[test]
    fn what_airtable_does_not_route_is_not_routed() {
        for (method, path) in [
            (Method::GET, "/v0/appAAAAAAAAAAAAAA/Table/recShort"),
            (Method::GET, "/v0/appShort/Table"),
            (Method::GET, "/v1/appAAAAAAAAAAAAAA/Table"),
            (Method::POST, "/v0/meta/whoami"),
            (Method::GET, "/v0/appAAAAAAAAAAAAAA"),
            (Method::GET, "/v0/appAAAAAAAAAAAAAA/%FF"),
            (Method::GET, "/v0/meta/elsewhere"),
        ] {
            assert_eq!(Call::read(&method, path), None, "{path}");
        }
    }
}
