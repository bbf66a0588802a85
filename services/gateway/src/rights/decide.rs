//! Whether a client with limited rights may make a request, what is sent then, and what of the answer it gets. Pure.

use airtable::{Error, FieldType};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{
    call::{Call, TableCall},
    filter::Filter,
    grant::{Grant, Scope},
    list, write,
};
use crate::{answer::Answer, delivery::upstream::Request};

/// A request that may be made.
#[derive(Debug)]
pub struct Allowed {
    /// What is sent in its place.
    pub request: Request,
    /// What of the answer the client gets.
    pub filter: Filter,
    /// What has to be so before it is sent.
    pub proof: Option<Proof>,
}

/// That these records are all in one of these tables: a path does not hold Airtable to the table that it names.
#[derive(Debug, PartialEq, Eq)]
pub struct Proof {
    pub records: Vec<String>,
    /// By id.
    pub tables: Vec<String>,
}

/// Why a request may not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// As Airtable refuses it: what is hidden is not there.
    #[error(transparent)]
    Airtable(#[from] Error),
    /// A cell that may be read only.
    #[error("You are not permitted to write cell values in field {name} ({id})")]
    Cell { name: String, id: String },
    /// A PUT where not every cell may be written.
    #[error("PUT would clear cells that this client may not write: use PATCH")]
    ReplacesMore,
    /// A DELETE where not every cell may be written.
    #[error("DELETE would remove cells, or links to the record, that this client may not write")]
    DeletesMore,
}

impl Refusal {
    /// Whether a name in the request is not known, which it may be by a newer schema.
    pub fn is_of_a_name(&self) -> bool {
        matches!(
            self,
            Self::Airtable(
                Error::ModelNotFound | Error::UnknownFieldName(_) | Error::UnknownFieldsInFormula(_)
            )
        )
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Airtable(error) => error.into(),
            other => Self::error(StatusCode::FORBIDDEN, "INVALID_PERMISSIONS", &other.to_string()),
        }
    }
}

impl From<airtable::formula::Unreadable> for Refusal {
    fn from(unreadable: airtable::formula::Unreadable) -> Self {
        Self::Airtable(unreadable.into())
    }
}

impl Proof {
    /// That these records, if any, are in the table of `grant`.
    pub fn of(records: Vec<String>, grant: &Grant) -> Option<Self> {
        (!records.is_empty()).then(|| Self { records, tables: vec![grant.table.id.clone()] })
    }
}

/// What becomes of `request`, whose target is in the base with the id `base`.
pub fn decide(scope: Scope, base: &str, request: &Request) -> Result<Allowed, Refusal> {
    let path = request.target.split('?').next().unwrap_or_default();
    let pass = |filter| {
        let request = rewritten(request, request.method.clone(), request.target.clone(), None);
        Ok(Allowed { request, filter, proof: None })
    };
    match Call::read(&request.method, path).ok_or(Error::NotFound)? {
        Call::Tables => pass(Filter::Tables(scope.rights.to_vec())),
        Call::Views => {
            let whole = scope.grants().filter(Grant::is_whole);
            pass(Filter::Views(
                whole.flat_map(|grant| &grant.table.views).map(|view| view.id.clone()).collect(),
            ))
        }
        Call::Base => Err(Error::InvalidPermissions.into()),
        Call::Upload { record, field } => upload(scope, base, request, record, &field),
        Call::Table { table, call } => {
            let grant = scope.named(&table).ok_or(Error::ModelNotFound)?;
            if !call.reads() && !grant.writes() {
                return Err(Error::InvalidPermissions.into());
            }
            in_table(&grant, &format!("/v0/{base}/{}", grant.table.id), request, &call)
        }
    }
}

fn in_table(grant: &Grant, path: &str, request: &Request, call: &TableCall) -> Result<Allowed, Refusal> {
    match call {
        TableCall::List { by_post } => list::list(grant, path, request, *by_post),
        TableCall::Get { record } => list::get(grant, path, request, record),
        TableCall::Create => write::create(grant, path, request),
        TableCall::Update { record, replace } => write::update(grant, path, request, record, *replace),
        TableCall::UpdateMany { replace } => write::update_many(grant, path, request, *replace),
        TableCall::Delete { record } => write::delete(grant, path, request, Some(record)),
        TableCall::DeleteMany => write::delete(grant, path, request, None),
        // What is written there may be about any cell.
        TableCall::ListComments { record } | TableCall::CreateComment { record } if grant.is_whole() => {
            let query = Some(query_of(request)).filter(|query| !query.is_empty());
            let target = crate::route::with_query(&format!("{path}/{record}/comments"), query);
            let proof = Proof::of(vec![record.clone()], grant);
            Ok(Allowed { request: redirected(request, target), filter: Filter::Nothing, proof })
        }
        TableCall::ListComments { .. }
        | TableCall::CreateComment { .. }
        | TableCall::ChangeComment
        | TableCall::Sync => Err(Error::InvalidPermissions.into()),
    }
}

/// A file for a cell. Only the record tells which table that is in.
fn upload(
    scope: Scope,
    base: &str,
    request: &Request,
    record: String,
    field: &str,
) -> Result<Allowed, Refusal> {
    let mut found = Vec::new();
    for grant in scope.grants() {
        let known = grant.field(field).filter(|field| field.field_type == FieldType::MultipleAttachments);
        found.extend(known.filter(|field| grant.writes_cell(field)).map(|field| (grant.table, field)));
    }
    let name = match found.as_slice() {
        [] => return Err(Error::ModelNotFound.into()),
        [(_, only)] => only.id.clone(),
        _ => utf8_percent_encode(field, NON_ALPHANUMERIC).to_string(),
    };
    let target = format!("/v0/{base}/{record}/{name}/uploadAttachment");
    let tables = found.iter().map(|(table, _)| table.id.clone()).collect();
    let ids = found.iter().map(|(_, field)| field.id.clone()).collect();
    let proof = Some(Proof { records: vec![record], tables });
    Ok(Allowed { request: redirected(request, target), filter: Filter::Cells(ids), proof })
}

/// The same request to another target.
fn redirected(request: &Request, target: String) -> Request {
    Request { body: request.body.clone(), ..rewritten(request, request.method.clone(), target, None) }
}

/// A request in place of `request`: of its headers only what can't change what it means.
pub fn rewritten(request: &Request, method: Method, target: String, body: Option<&Value>) -> Request {
    const KEPT: [header::HeaderName; 4] = [
        header::CACHE_CONTROL,
        header::CONTENT_TYPE,
        header::USER_AGENT,
        header::HeaderName::from_static("x-request-id"),
    ];
    let mut headers: HeaderMap = KEPT
        .into_iter()
        .flat_map(|name| {
            request.headers.get_all(&name).iter().map(move |value| (name.clone(), value.clone()))
        })
        .collect();
    if body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Request { method, target, headers, body: body.map(Value::to_string).unwrap_or_default().into() }
}

/// The query of a request; empty where it has none.
pub fn query_of(request: &Request) -> &str {
    request.target.split_once('?').map_or("", |(_, query)| query)
}
