//! Which base a call is about, and what the role of the user allows there.

use airtable::{Error, id::Kind};

use crate::world::Base;

/// The base with this id. What has not the shape of an id is no route, as at Airtable.
pub fn found<'a>(bases: &'a mut [Base], id: &str) -> Result<&'a mut Base, Error> {
    let shaped = Kind::Base.names(id);
    let missing = if shaped { Error::ModelNotFound } else { Error::NotFound };
    bases.iter_mut().find(|base| base.id == id).ok_or(missing)
}

/// Refuses who has none of these levels.
pub fn permit(base: &Base, levels: &[&str]) -> Result<(), Error> {
    if levels.contains(&base.permission_level.as_str()) { Ok(()) } else { Err(Error::InvalidPermissions) }
}
