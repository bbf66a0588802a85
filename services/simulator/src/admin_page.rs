//! The simulator's state as pages for people: bases and their records, what happened, faults, limits.

use axum::{
    extract::{Path, Query, State as Shared},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use crate::{
    computed::{Calculation, Scope},
    deadline::Deadline,
    display::Reader,
    held::Held,
    html::{self, Cell, Head},
    render,
    state::State,
    world::{Base, Table},
};

/// Records on a page.
const RECORDS: usize = 50;
/// Most requests and most effects on the first page.
const LATEST: usize = 50;

const STYLE: &str = include_str!("style.css");

/// Nothing but the one style sheet: no script, no frame, no form, no picture.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The style sheet.
pub async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// The first page.
pub async fn overview(Shared(state): Shared<State>) -> Response {
    let held = state.held();
    let parts = [bases(&held), limits(&held), faults(&held), requests(&held), effects(&held)];
    answer(StatusCode::OK, html::page("Simulator", &parts))
}

/// Which page of records.
#[derive(Deserialize)]
pub struct Page {
    #[serde(default)]
    page: usize,
}

/// The records of a table, in the order of creation.
pub async fn records(
    Shared(state): Shared<State>,
    Path((base, table)): Path<(String, String)>,
    Query(Page { page }): Query<Page>,
) -> Response {
    let reading = state.held().reading(&base).ok();
    let found = reading.as_ref().and_then(|reading| Some((reading, reading.base.table(&table)?)));
    let Some((reading, table)) = found else {
        let parts = [html::paragraph("No such table."), back()];
        return answer(StatusCode::NOT_FOUND, html::page("Not found", &parts));
    };
    let (scope, base) = (reading.scope(state.now(), Deadline::of_request()), &reading.base);
    let title = format!("{}: {}", base.name, table.schema.name);
    let listed = listed(scope, table, page);
    if scope.deadline.check().is_err() {
        let parts = [html::paragraph("The formulas on this page take too long."), back()];
        return answer(StatusCode::UNPROCESSABLE_ENTITY, html::page(&title, &parts));
    }
    answer(
        StatusCode::OK,
        html::page(&title, &[back(), listed, range(table, page), pages(base, table, page)]),
    )
}

fn listed(scope: Scope<'_>, table: &Table, page: usize) -> String {
    let (calculation, reader) = (Calculation::new(scope), Reader::utc());
    let fields = &table.schema.fields;
    let rows = table.rows().skip(page.saturating_mul(RECORDS)).take(RECORDS).map(|row| {
        let texts = fields.iter().map(|field| render::text(&calculation, table, row, field, &reader));
        std::iter::once(Cell::Id(row.id.clone())).chain(texts.map(Cell::Text)).collect()
    });
    let of_field = |field: &airtable::Field| Head {
        text: field.name.clone(),
        note: Some(field.field_type.as_str().to_owned()),
    };
    let mut heads = heads("Record");
    heads.extend(fields.iter().map(of_field));
    html::table("Records", &heads, rows.collect())
}

/// Which records are on the page, where not all are.
fn range(table: &Table, page: usize) -> String {
    let (all, first) = (table.rows().count(), page.saturating_mul(RECORDS));
    let last = all.min(first.saturating_add(RECORDS));
    if all <= RECORDS || first >= all {
        return String::new();
    }
    html::paragraph(&format!("Records {} to {last} of {all}", first + 1))
}

fn pages(base: &Base, table: &Table, page: usize) -> String {
    let to = |page: usize| format!("{}?page={page}", address(base, table));
    let mut links = Vec::new();
    if let Some(before) = page.checked_sub(1) {
        links.push((to(before), "Previous".to_owned()));
    }
    if let Some(after) =
        page.checked_add(1).filter(|after| after.saturating_mul(RECORDS) < table.rows().count())
    {
        links.push((to(after), "Next".to_owned()));
    }
    html::links("Pages", &links)
}

fn bases(held: &Held) -> String {
    let row = |base: &Base, table: &Table| {
        let link = Cell::Link { to: address(base, table), text: table.schema.name.clone() };
        let count = |count: usize| Cell::Number(count.try_into().unwrap_or(u64::MAX));
        vec![
            link,
            count(table.rows().count()),
            count(table.schema.fields.len()),
            Cell::Id(table.schema.id.clone()),
            Cell::Text(base.name.clone()),
            Cell::Id(base.id.clone()),
            Cell::Text(base.permission_level.clone()),
        ]
    };
    let rows = held.world.bases.iter().flat_map(|base| base.tables.iter().map(move |table| row(base, table)));
    html::table("Tables", &heads("Table|Records|Fields|Table id|Base|Base id|Level"), rows.collect())
}

fn limits(held: &Held) -> String {
    let allowed = &held.limits.allowed;
    let shown = |limit: Option<String>| limit.unwrap_or_else(|| "none".to_owned());
    let mut rows = vec![
        ("Requests a second to a base".to_owned(), shown(allowed.per_base.map(|limit| limit.to_string()))),
        ("Requests a second of the user".to_owned(), shown(allowed.per_user.map(|limit| limit.to_string()))),
        ("Seconds of lock-out".to_owned(), allowed.lockout_seconds.to_string()),
        (
            "Calls for records in a month".to_owned(),
            shown(allowed.monthly_calls.map(|limit| limit.to_string())),
        ),
    ];
    let used = held.limits.used().iter();
    rows.extend(used.map(|(workspace, used)| (format!("Used by {workspace}"), used.to_string())));
    let rows = rows.into_iter().map(|(name, value)| vec![Cell::Text(name), Cell::Text(value)]);
    html::table("Limits", &heads("Limit|Value"), rows.collect())
}

fn faults(held: &Held) -> String {
    let rows = held.faults.faults.iter().map(|fault| {
        vec![
            Cell::Text(json!(fault.matching).to_string()),
            Cell::Number(fault.after.into()),
            Cell::Number(fault.times.into()),
            Cell::Text(json!(fault.kind).to_string()),
        ]
    });
    html::table("Faults left", &heads("Meets|After|Times|Kind"), rows.collect())
}

fn requests(held: &Held) -> String {
    let rows = held.journal.latest_requests().take(LATEST).map(|request| {
        vec![
            Cell::Number(request.seq),
            Cell::Id(request.time.clone()),
            Cell::Text(request.method.clone()),
            Cell::Text(request.path.clone()),
            Cell::Number(request.status.into()),
            Cell::Text(request.kind.clone().unwrap_or_default()),
        ]
    });
    html::table("Last requests", &heads("Number|Time|Method|Path|Status|Error"), rows.collect())
}

fn effects(held: &Held) -> String {
    let rows = held.journal.effects().rev().take(LATEST).map(|effect| {
        vec![
            Cell::Number(effect.seq),
            Cell::Id(effect.time.clone()),
            Cell::Text(json!(effect.operation).as_str().unwrap_or_default().to_owned()),
            Cell::Id(effect.table.clone()),
            Cell::Id(effect.record.clone()),
            Cell::Text(json!(effect.fields).to_string()),
            Cell::Id(effect.request.clone()),
        ]
    });
    html::table("Last effects", &heads("Number|Time|Operation|Table|Record|Fields|Request"), rows.collect())
}

fn heads(names: &str) -> Vec<Head> {
    names.split('|').map(|name| Head { text: name.to_owned(), note: None }).collect()
}

fn address(base: &Base, table: &Table) -> String {
    let encoded = |part: &str| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string();
    format!("/admin/bases/{}/{}", encoded(&base.id), encoded(&table.schema.id))
}

fn back() -> String {
    html::links("Simulator", &[("/admin/".to_owned(), "All tables".to_owned())])
}

fn answer(status: StatusCode, page: String) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, page).into_response()
}
