//! The two sides of a link, as they are declared.

use crate::{
    matching::{Match, same},
    scene::{Place, Scene, Spot, Target},
};

/// What the other side shall be called, as either side declares it.
pub fn inverse_name(scene: &Scene<'_>, spot: Spot<'_, '_>) -> Option<String> {
    let other = counterpart(scene, spot).map(|other| other.field.name.clone());
    other.or_else(|| spot.field.inverse_field.clone())
}

/// The declared field that is the other side of this link: one of them says so, and no other claims it.
pub fn counterpart<'s, 'a>(scene: &'s Scene<'a>, spot: Spot<'_, 'a>) -> Option<Spot<'s, 'a>> {
    let other = partner(scene, spot)?;
    partner(scene, other).filter(|back| back.is(&spot)).map(|_| other)
}

fn partner<'s, 'a>(scene: &'s Scene<'a>, spot: Spot<'_, 'a>) -> Option<Spot<'s, 'a>> {
    let says = |one: &Spot<'_, 'a>, other: &Spot<'_, 'a>| {
        one.field.inverse_field.as_deref().is_some_and(|name| same(name, &other.field.name))
    };
    let target = scene.target(spot.field.linked_table.as_deref()?)?;
    back(scene, spot, target).find(|other| !other.is(&spot) && (says(&spot, other) || says(other, &spot)))
}

/// The declared field whose name the other side shall have, though it is something else.
pub fn claimed<'s, 'a>(scene: &'s Scene<'a>, spot: Spot<'_, 'a>, name: &str) -> Option<Spot<'s, 'a>> {
    let place = scene.target(spot.field.linked_table.as_deref()?)?.place?;
    let other = place.spots().find(|other| same(&other.field.name, name))?;
    Some(other).filter(|other| counterpart(scene, spot).is_none_or(|side| !side.is(other)))
}

/// A declared link back from the linked table of which nobody says whether it is the other side of this one.
pub fn rival<'s, 'a>(
    scene: &'s Scene<'a>,
    spot: Spot<'_, 'a>,
    target: Target<'s, 'a>,
) -> Option<Spot<'s, 'a>> {
    let is_elsewhere = |other: &Spot<'_, 'a>| !std::ptr::eq(other.place, spot.place);
    let says_nothing =
        |other: &Spot<'_, 'a>| other.field.inverse_field.is_none() && counterpart(scene, *other).is_none();
    if !says_nothing(&spot) {
        return None;
    }
    back(scene, spot, target).find(|other| is_elsewhere(other) && says_nothing(other))
}

/// The declared links of the linked table that lead to the table of `spot`.
fn back<'s, 'a>(
    scene: &'s Scene<'a>,
    spot: Spot<'_, 'a>,
    target: Target<'s, 'a>,
) -> impl Iterator<Item = Spot<'s, 'a>> {
    let home = spot.place.declared;
    let leads_home = move |other: &Spot<'s, 'a>| {
        let place = other.field.linked_table.as_deref().and_then(|name| scene.target(name)?.place);
        let is_meant = matches!(other.found, Match::Found(_) | Match::Missing);
        is_meant && place.is_some_and(|place| std::ptr::eq(place.declared, home))
    };
    target.place.into_iter().flat_map(Place::spots).filter(leads_home)
}

/// Whether `one` is declared before `other`.
pub fn is_before(scene: &Scene<'_>, one: Spot<'_, '_>, other: Spot<'_, '_>) -> bool {
    let place = |spot: Spot<'_, '_>| {
        let table = scene.places.iter().position(|place| std::ptr::eq(place.declared, spot.place.declared));
        (table, spot.at)
    };
    place(one) < place(other)
}
