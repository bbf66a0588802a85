//! Units below the enterprise, and what of groups, workspaces and AI belongs to which.

use airtable::{Error, id::Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{account, failure};
use crate::world::{World, new_id};

/// Most workspaces in one change of the AI allowlist.
const MOST_WORKSPACES: usize = 10;

/// An enterprise account below another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unit {
    /// `ent…`.
    pub id: String,
    name: String,
    #[serde(default)]
    pub created_time: Timestamp,
}

#[derive(Debug, Deserialize)]
pub struct New {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupsMove {
    group_ids: Vec<String>,
    target_enterprise_account_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspacesMove {
    workspace_ids: Vec<String>,
    target_enterprise_account_id: String,
}

#[derive(Debug, Deserialize)]
pub struct Allowlist {
    workspaces: Vec<Allowed>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Allowed {
    workspace_id: String,
    is_allowed: bool,
}

/// Creates a unit and answers its id.
pub fn create(world: &mut World, new: New, now: Timestamp) -> Result<Value, Error> {
    if new.name.trim().is_empty() {
        return Err(Error::InvalidRequest);
    }
    let id = new_id(Kind::Enterprise);
    account(world)?.descendants.push(Unit { id: id.clone(), name: new.name, created_time: now });
    Ok(json!({"id": id}))
}

/// Moves groups to a unit, each for itself.
pub fn move_groups(world: &mut World, asked: &GroupsMove) -> Result<Value, Error> {
    let target = target(world, &asked.target_enterprise_account_id)?;
    let groups = &mut account(world)?.groups;
    let (moved, errors) = each(&asked.group_ids, |id| {
        let group = groups.iter_mut().find(|group| group.id == id)?;
        group.enterprise_account_id.clone_from(&target);
        Some(())
    });
    Ok(json!({"movedGroups": moved, "errors": errors}))
}

/// Moves workspaces to a unit, each for itself.
pub fn move_workspaces(world: &mut World, asked: &WorkspacesMove) -> Result<Value, Error> {
    let target = target(world, &asked.target_enterprise_account_id)?;
    let workspaces = &mut world.account.workspaces;
    let (moved, errors) = each(&asked.workspace_ids, |id| {
        let workspace = workspaces.iter_mut().find(|workspace| workspace.id == id)?;
        workspace.enterprise_account_id.clone_from(&target);
        Some(())
    });
    Ok(json!({"movedWorkspaces": moved, "errors": errors}))
}

/// Says of workspaces whether they may use AI.
pub fn allow_ai(world: &mut World, asked: Allowlist) -> Result<Value, Error> {
    if asked.workspaces.is_empty() || asked.workspaces.len() > MOST_WORKSPACES {
        return Err(Error::InvalidRequest);
    }
    let mut errors = Vec::new();
    for Allowed { workspace_id: id, is_allowed } in asked.workspaces {
        if world.account.workspace(&id).is_none() {
            errors.push(failure("workspaceId", &id, &Error::ModelNotFound));
        } else if is_allowed {
            account(world)?.ai_workspace_ids.insert(id);
        } else {
            account(world)?.ai_workspace_ids.remove(&id);
        }
    }
    Ok(json!({"errors": errors}))
}

/// The unit with this id; none for the enterprise itself.
fn target(world: &mut World, id: &str) -> Result<Option<String>, Error> {
    let enterprise = account(world)?;
    if !enterprise.has(id) {
        return Err(Error::ModelNotFound);
    }
    Ok((id != enterprise.id).then(|| id.to_owned()))
}

fn each(ids: &[String], mut change: impl FnMut(&str) -> Option<()>) -> (Vec<Value>, Vec<Value>) {
    let (mut done, mut errors) = (Vec::new(), Vec::new());
    for id in ids {
        match change(id) {
            Some(()) => done.push(json!({"id": id})),
            None => errors.push(failure("id", id, &Error::ModelNotFound)),
        }
    }
    (done, errors)
}
