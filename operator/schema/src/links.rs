//! Links: Airtable makes both sides of one at once, and names the other side itself.

use airtable::{Field, FieldType, Table};
use serde_json::json;

use crate::{
    change::{Action, Change},
    matching::same,
    options,
    request::{Method, Request},
    scene::{Scene, Spot, Target},
    sides::{claimed, counterpart, inverse_name, is_before, rival},
};

/// The change that makes a declared link which is missing; none where it comes by mending its other side.
pub fn missing(scene: &Scene<'_>, spot: Spot<'_, '_>) -> Option<Change> {
    let linked = spot.field.linked_table.as_deref().unwrap_or_default();
    let Some(target) = scene.target(linked) else {
        let why = format!(
            "there is no table {linked}, neither declared nor found: declare it, or correct linkedTable"
        );
        return Some(cannot(spot, why));
    };
    if let Some(other) = counterpart(scene, spot) {
        match other.found.found() {
            Some(field) if field.field_type == FieldType::MultipleRecordLinks => return None,
            Some(_) => {
                return Some(cannot(
                    spot,
                    format!("its other side {} is there, but is no link", other.called()),
                ));
            }
            None if is_before(scene, other, spot) => return Some(with_other_side(scene, spot, other)),
            None => {}
        }
    }
    let obstacle = obstacle(scene, spot, target);
    Some(obstacle.map_or_else(|| create(scene, spot, target), |why| cannot(spot, why)))
}

/// Why a link can't be made as declared.
fn obstacle(scene: &Scene<'_>, spot: Spot<'_, '_>, target: Target<'_, '_>) -> Option<String> {
    let mut places = target.place.into_iter().chain([spot.place]);
    if let Some(place) = places.find(|place| !place.may_come()) {
        return Some(format!("table {} is missing, and can't be created", place.declared.name));
    }
    if let Some(other) = rival(scene, spot, target) {
        let other = other.called();
        return Some(format!(
            "{other} links back: say inverseField if both are the two sides of one link, or give each an inverseField of its own"
        ));
    }
    let name = inverse_name(scene, spot)?;
    let is_found = |table: &Table| table.fields.iter().any(|field| same(&field.name, &name));
    let is_taken = claimed(scene, spot, &name).is_some() || target.found.is_some_and(is_found);
    is_taken.then(|| format!("its other side can't be called {name}: another field has that name"))
}

fn cannot(spot: Spot<'_, '_>, why: String) -> Change {
    Change::missing(Action::CannotChange, spot, "link").because(why)
}

fn with_other_side(scene: &Scene<'_>, spot: Spot<'_, '_>, other: Spot<'_, '_>) -> Change {
    let called = other.called();
    match missing(scene, other) {
        Some(change) if change.action == Action::CannotChange => {
            cannot(spot, format!("its other side {called} can't be made"))
        }
        _ => {
            let why = format!("is made as the other side of {called}");
            Change::missing(Action::CreateField, spot, "link").because(why)
        }
    }
}

fn create(scene: &Scene<'_>, spot: Spot<'_, '_>, target: Target<'_, '_>) -> Change {
    let change = Change::missing(Action::CreateField, spot, "link");
    let (Some(table), Some(linked)) = (spot.place.table.found(), target.found) else {
        let place = target.place.filter(|_| target.found.is_none()).unwrap_or(spot.place);
        return change.because(format!("waits for table {}", place.declared.name));
    };
    let mut options = options::of_new(spot.field);
    options.insert("linkedTableId".to_owned(), json!(linked.id));
    let body = Change::body(spot.field, &options);
    let request = Request::new(Method::Post, format!("/tables/{}/fields", table.id), body);
    change.by(Request { inverse_name: inverse_name(scene, spot), ..request })
}

/// How a found link differs: where it leads, and what its other side is called.
pub fn differences(scene: &Scene<'_>, spot: Spot<'_, '_>, found: &Field) -> Vec<Change> {
    let wanted = spot.field.linked_table.as_deref().unwrap_or_default();
    let leads_to = found.linked_table_id().unwrap_or_default();
    let target = scene.target(wanted).and_then(|target| target.found);
    if wanted != leads_to && target.is_none_or(|table| table.id != leads_to) {
        let why = "Airtable's API can't let a link lead to another table: declare a link of another name";
        let now = scene.names.get(leads_to).unwrap_or(leads_to).to_owned();
        let change = Change::differing(Action::CannotChange, spot, "linkedTable", wanted, Some(now));
        return vec![change.because(why)];
    }
    inverse(scene, spot, found).into_iter().collect()
}

fn inverse(scene: &Scene<'_>, spot: Spot<'_, '_>, found: &Field) -> Option<Change> {
    let name = inverse_name(scene, spot)?;
    let cannot = |now: Option<&Field>, why: String| {
        let now = now.map(|field| field.name.clone());
        Some(Change::differing(Action::CannotChange, spot, "inverseField", &name, now).because(why))
    };
    let Some((table, inverse)) = found.inverse_link_field_id().and_then(|id| scene.field(id)) else {
        return cannot(None, "the link has no other side that the token may see".to_owned());
    };
    let other = counterpart(scene, spot).and_then(|other| other.found.found());
    // Where it is declared as well, its own name is compared.
    if inverse.name == name || other.is_some_and(|other| other.id == inverse.id) {
        return None;
    }
    let taken = table.fields.iter().find(|field| field.id != inverse.id && same(&field.name, &name));
    if taken.is_some() || claimed(scene, spot, &name).is_some() {
        return cannot(Some(inverse), format!("another field of {} has that name", table.name));
    }
    let path = format!("/tables/{}/fields/{}", table.id, inverse.id);
    let change = Change::differing(Action::UpdateField, spot, "name", &name, Some(inverse.name.clone()))
        .by(Request::new(Method::Patch, path, json!({ "name": name })));
    Some(Change { table: table.name.clone(), field: Some(name), ..change })
}
