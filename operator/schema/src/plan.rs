//! The plan: every difference, in the order in which it can be mended.

use airtable::Table;
use crds::base_schema::DesiredTable;
use serde_json::{Map, Value, json};

use crate::{
    change::{Action, Change},
    compare, links,
    matching::Match,
    options,
    request::{Method, Request},
    scene::{Place, Scene, Spot},
};

/// What differs between the declared and the found tables, ordered so that each change finds what it needs: names that
/// become free, tables, fields, links, then what only changes. A change without a request waits for an earlier one: plan
/// again once that is made. Empty when the base is as declared.
pub fn plan(declared: &[DesiredTable], found: &[Table]) -> Vec<Change> {
    let scene = Scene::new(declared, found);
    let mut changes: Vec<Change> = scene.places.iter().flat_map(|place| of_place(&scene, place)).collect();
    changes.sort_by_key(turn);
    changes
}

fn turn(change: &Change) -> u8 {
    match (change.action, change.what.as_str()) {
        (Action::UpdateTable, "name") => 0,
        (Action::CreateTable, _) => 1,
        (Action::UpdateField, "name") => 2,
        (Action::CreateField, "link") => 4,
        (Action::CreateField, _) => 3,
        (Action::UpdateTable | Action::UpdateField, _) => 5,
        (Action::CannotChange, _) => 6,
    }
}

fn of_place(scene: &Scene<'_>, place: &Place<'_>) -> Vec<Change> {
    let name = &place.declared.name;
    let cannot = |why: &str| vec![Change::of_table(Action::CannotChange, name, "table").because(why)];
    match place.table {
        Match::Found(found) => {
            let fields = place.spots().flat_map(|spot| of_spot(scene, spot, found));
            compare::table(place, found).into_iter().chain(fields).collect()
        }
        Match::NoSuchId => cannot("no table has this id: remove the id to have a table created"),
        Match::Twice => cannot("it is declared twice: Airtable does not tell names apart by case"),
        Match::Missing => new_table(scene, place),
    }
}

fn of_spot(scene: &Scene<'_>, spot: Spot<'_, '_>, table: &Table) -> Vec<Change> {
    match spot.found {
        Match::Found(found) => compare::field(scene, spot, table, found),
        _ => missing(scene, spot).into_iter().collect(),
    }
}

/// A new table, with the fields that come with it; links and what can't be created are changes of their own.
fn new_table(scene: &Scene<'_>, place: &Place<'_>) -> Vec<Change> {
    let declared = place.declared;
    if let Some(first) = place.spots().next().filter(|_| !place.may_come()) {
        let (name, kind) = (&first.field.name, &first.field.r#type);
        let why = format!(
            "Airtable's API can't create its primary field {name}, of type {kind}: create the table in Airtable"
        );
        return vec![Change::of_table(Action::CannotChange, &declared.name, "table").because(why)];
    }
    let (with_it, later): (Vec<_>, Vec<_>) = place.spots().partition(Spot::is_plain);
    let body = |spot: &Spot<'_, '_>| Change::body(spot.field, &options::of_new(spot.field));
    let fields: Vec<Value> = with_it.iter().map(body).collect();
    let mut body =
        Map::from_iter([("name".to_owned(), json!(declared.name)), ("fields".to_owned(), json!(fields))]);
    body.extend(declared.description.iter().map(|text| ("description".to_owned(), json!(text))));
    let told: Vec<String> =
        with_it.iter().map(|spot| format!("{} ({})", spot.field.name, spot.field.r#type)).collect();
    let change = Change::of_table(Action::CreateTable, &declared.name, "table")
        .lacking(&told.join(", "), None)
        .by(Request::new(Method::Post, "/tables".to_owned(), Value::Object(body)));
    std::iter::once(change).chain(later.into_iter().filter_map(|spot| missing(scene, spot))).collect()
}

fn missing(scene: &Scene<'_>, spot: Spot<'_, '_>) -> Option<Change> {
    let cannot = |why: String| Some(Change::missing(Action::CannotChange, spot, "field").because(why));
    match spot.found {
        Match::NoSuchId => cannot("no field has this id: remove the id to have a field created".to_owned()),
        Match::Twice => cannot("it is declared twice: Airtable does not tell names apart by case".to_owned()),
        _ if spot.field.linked_table.is_some() => links::missing(scene, spot),
        _ if !spot.field_type().may_be_created() => {
            let kind = &spot.field.r#type;
            cannot(format!("Airtable's API can't create fields of type {kind}: create it in Airtable"))
        }
        _ => {
            let table = spot.place.table.found()?;
            let body = Change::body(spot.field, &options::of_new(spot.field));
            let request = Request::new(Method::Post, format!("/tables/{}/fields", table.id), body);
            Some(Change::missing(Action::CreateField, spot, "field").by(request))
        }
    }
}
