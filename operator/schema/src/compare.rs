//! How a found table or field differs from the declared one, and what mends it.

use airtable::{Field, FieldType, Table, formula::is_same};
use serde_json::json;

use crate::{
    change::{Action, Change},
    links, options,
    request::{Method, Request},
    scene::{Place, Scene, Spot},
};

/// The table's own differences: name, description, primary field.
pub fn table(place: &Place<'_>, found: &Table) -> Vec<Change> {
    let declared = place.declared;
    let path = format!("/tables/{}", found.id);
    let update = |what: &str, wanted: &str, now: Option<&str>| {
        Change::of_table(Action::UpdateTable, &declared.name, what)
            .lacking(wanted, now.map(str::to_owned))
            .by(Request::new(Method::Patch, path.clone(), json!({ what: wanted })))
    };
    let mut all = Vec::new();
    if declared.name != found.name {
        all.push(update("name", &declared.name, Some(&found.name)));
    }
    if let Some(wanted) = differing(declared.description.as_deref(), found.description.as_deref()) {
        all.push(update("description", wanted, found.description.as_deref()));
    }
    let primary = found.primary_field();
    if let Some(first) = place.spots().next()
        && first.found.found().map(|field| &field.id) != primary.map(|field| &field.id)
    {
        let why = "Airtable's API can't choose the primary field: choose it in Airtable, or declare the field that it is first";
        all.push(
            Change::of_table(Action::CannotChange, &declared.name, "primary field")
                .lacking(&first.field.name, primary.map(|field| field.name.clone()))
                .because(why),
        );
    }
    all
}

/// The differences of a field.
pub fn field(scene: &Scene<'_>, spot: Spot<'_, '_>, table: &Table, found: &Field) -> Vec<Change> {
    let declared = spot.field;
    let path = format!("/tables/{}/fields/{}", table.id, found.id);
    let update =
        |what: &str, wanted: &str, now: Option<&str>, body| {
            Change::differing(Action::UpdateField, spot, what, wanted, now.map(str::to_owned))
                .by(Request::new(Method::Patch, path.clone(), body))
        };
    let mut all = Vec::new();
    if declared.name != found.name {
        all.push(update("name", &declared.name, Some(&found.name), json!({ "name": declared.name })));
    }
    if let Some(wanted) = differing(declared.description.as_deref(), found.description.as_deref()) {
        all.push(update(
            "description",
            wanted,
            found.description.as_deref(),
            json!({ "description": wanted }),
        ));
    }
    if spot.field_type() != found.field_type {
        let why = "Airtable's API can't change the type of a field: change it in Airtable, or correct the declaration";
        let now = Some(found.field_type.as_str().to_owned());
        all.push(Change::differing(Action::CannotChange, spot, "type", &declared.r#type, now).because(why));
        return all;
    }
    if found.field_type == FieldType::MultipleRecordLinks {
        all.extend(links::differences(scene, spot, found));
    }
    let formula = declared.options.as_ref().and_then(|options| options.get("formula")?.as_str());
    let id_of =
        |name: &str| table.field_in_formula(name).and_then(|at| Some(table.fields.get(at)?.id.clone()));
    if let (FieldType::Formula, Some(wanted)) = (&found.field_type, formula) {
        let now = found.text_option("formula").unwrap_or_default();
        if !is_same(wanted, now, id_of) {
            let told = options::with_names(now, &scene.names);
            all.push(update("formula", wanted, Some(&told), json!({ "options": { "formula": wanted } })));
        }
    }
    let why = "Airtable's API can't change the options of a field: change them in Airtable, or correct the declaration";
    all.extend(options::differences(declared, found, &scene.names).into_iter().map(|it| {
        Change::differing(Action::CannotChange, spot, &format!("options.{}", it.option), &it.wanted, it.found)
            .because(why)
    }));
    all
}

/// The declared text where it is another than the one found; one that is empty may as well be absent.
fn differing<'a>(wanted: Option<&'a str>, found: Option<&str>) -> Option<&'a str> {
    wanted.filter(|wanted| *wanted != found.unwrap_or_default())
}
