//! Which base a call is about, and what the role of the user allows there.

use airtable::Error;

use crate::world::Base;

/// The base with this id.
pub fn found<'a>(bases: &'a mut [Base], id: &str) -> Result<&'a mut Base, Error> {
    bases.iter_mut().find(|base| base.id == id).ok_or(Error::ModelNotFound)
}

/// Refuses who has none of these levels.
pub fn permit(base: &Base, levels: &[&str]) -> Result<(), Error> {
    if levels.contains(&base.permission_level.as_str()) { Ok(()) } else { Err(Error::InvalidPermissions) }
}
