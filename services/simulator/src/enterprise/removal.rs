//! Taking all rights from a person: what of bases, interfaces and workspaces was unshared, and what went to a successor.

use airtable::{Error, time};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::people;
use crate::{
    sharing::{Grant, Sharing},
    world::World,
};

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    #[serde(default)]
    is_dry_run: bool,
    /// Who owns then the workspaces that only the person owned.
    replacement_owner_id: Option<String>,
}

/// Takes the rights and answers which they were; with `isDryRun` it only answers.
pub fn perform(world: &mut World, id: &str, removal: &Removal, now: Timestamp) -> Result<Value, Error> {
    world.user.people().find(|person| person.id == id).ok_or(Error::ModelNotFound)?;
    let successor = removal.replacement_owner_id.as_deref();
    if successor.is_some_and(|successor| !world.user.people().any(|person| person.id == successor)) {
        return Err(Error::ModelNotFound);
    }
    let enterprise = world.account.enterprise.as_ref().ok_or(Error::ModelNotFound)?;
    let was_admin = enterprise.standing(&world.user, id).is_admin;
    // On a copy, so that a refusal and a dry run leave nothing behind.
    let mut changed = world.clone();
    let (mut shared, mut of_workspaces) = (Vec::new(), Vec::new());
    for workspace in &mut changed.account.workspaces {
        let place = [("workspaceId", workspace.id.as_str()), ("workspaceName", workspace.name.as_str())];
        let Some(level) = take(&mut workspace.sharing, id) else { continue };
        of_workspaces.push(unshared(id, &level, &place));
        let is_owned = workspace.sharing.collaborators.iter().any(|grant| grant.permission_level == "owner");
        if level == "owner" && !is_owned {
            let needed = || {
                let why =
                    format!("{id} alone owns the workspace {}: name a replacementOwnerId", workspace.id);
                Error::InvalidRequestBecause(why)
            };
            let successor = successor.ok_or_else(needed)?;
            take(&mut workspace.sharing, successor);
            workspace.sharing.collaborators.push(Grant::owner(successor, now));
            shared.push(with(&[("userId", successor), ("permissionLevel", "owner"), place[0], place[1]]));
        }
    }
    let (mut of_bases, mut of_interfaces) = (Vec::new(), Vec::new());
    for base in &mut changed.bases {
        let place = [("baseId", base.id.as_str()), ("baseName", base.name.as_str())];
        of_bases.extend(take(&mut base.sharing.sharing, id).map(|level| unshared(id, &level, &place)));
        for (interface, held) in &mut base.sharing.interfaces {
            let place =
                [place[0], ("interfaceId", interface.as_str()), ("interfaceName", held.name.as_str())];
            of_interfaces.extend(take(&mut held.sharing, id).map(|level| unshared(id, &level, &place)));
        }
    }
    people::stand(&mut changed, id, |standing| standing.is_admin = false)?;
    if !removal.is_dry_run {
        *world = changed;
    }
    Ok(json!({
        "wasUserRemovedAsAdmin": was_admin, "removedTime": time::write(now), "shared": {"workspaces": shared},
        "unshared": {"bases": of_bases, "interfaces": of_interfaces, "workspaces": of_workspaces},
    }))
}

/// Takes somebody's right, and tells which it was.
fn take(sharing: &mut Sharing, id: &str) -> Option<String> {
    let place = sharing.collaborators.iter().position(|grant| grant.user_id.as_deref() == Some(id))?;
    Some(sharing.collaborators.remove(place).permission_level)
}

fn unshared(id: &str, level: &str, place: &[(&str, &str)]) -> Value {
    let mut told = vec![("userId", id), ("formerPermissionLevel", level)];
    told.extend(place);
    with(&told)
}

fn with(parts: &[(&str, &str)]) -> Value {
    let told: Map<_, _> = parts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    Value::Object(told)
}
