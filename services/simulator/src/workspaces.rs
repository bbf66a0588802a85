//! Workspaces: what the meta API tells of them and changes.

use airtable::{Error, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    sharing::Sharing,
    world::{Base, World},
};

/// A workspace; bases name theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    /// `wsp…`.
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub created_time: Timestamp,
    #[serde(default)]
    pub restrictions: Restrictions,
    /// The unit of the enterprise that owns it; the enterprise itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise_account_id: Option<String>,
    #[serde(flatten)]
    pub sharing: Sharing,
}

/// Who may invite and who may share views.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Restrictions {
    invite_creation_restriction: String,
    share_creation_restriction: String,
}

impl Default for Restrictions {
    fn default() -> Self {
        let unrestricted = || "unrestricted".to_owned();
        Self { invite_creation_restriction: unrestricted(), share_creation_restriction: unrestricted() }
    }
}

impl Workspace {
    pub fn named(id: &str, name: &str, created_time: Timestamp) -> Self {
        let (restrictions, sharing) = (Restrictions::default(), Sharing::default());
        let (id, name) = (id.to_owned(), name.to_owned());
        Self { id, name, created_time, restrictions, enterprise_account_id: None, sharing }
    }
}

/// A workspace as the meta API tells it; collaborators and invitations where they are asked for.
pub fn told(world: &World, id: &str, include: &[String]) -> Result<Value, Error> {
    let workspace = world.account.workspace(id).ok_or(Error::ModelNotFound)?;
    let (user, account) = (&world.user, &world.account);
    let bases: Vec<&Base> = bases(world, id).collect();
    let ids: Vec<_> = bases.iter().map(|base| &base.id).collect();
    let mut told = json!({
        "id": workspace.id, "name": workspace.name, "createdTime": time::write(workspace.created_time),
        "baseIds": ids, "workspaceRestrictions": workspace.restrictions,
    });
    let Value::Object(told_parts) = &mut told else { return Ok(told) };
    let wants = |name: &str| include.iter().any(|wanted| wanted == name);
    let of_bases = |tell: &dyn Fn(&Sharing) -> Vec<Value>| -> Vec<Value> {
        bases
            .iter()
            .flat_map(|base| tell(&base.sharing.sharing).into_iter().map(|one| of_base(one, base)))
            .collect()
    };
    if wants("collaborators") {
        let individual = json!({
            "baseCollaborators": of_bases(&|sharing| sharing.users(user)),
            "workspaceCollaborators": workspace.sharing.users(user),
        });
        let group = json!({
            "baseCollaborators": of_bases(&|sharing| sharing.groups(user, account)),
            "workspaceCollaborators": workspace.sharing.groups(user, account),
        });
        told_parts.insert("individualCollaborators".to_owned(), individual);
        told_parts.insert("groupCollaborators".to_owned(), group);
    }
    if wants("inviteLinks") {
        let links = |sharing: &Sharing| sharing.invite_links.iter().map(|link| json!(link)).collect();
        let invitations = json!({"baseInviteLinks": of_bases(&links), "workspaceInviteLinks": workspace.sharing.invite_links});
        told_parts.insert("inviteLinks".to_owned(), invitations);
    }
    Ok(told)
}

/// Deletes a workspace with its bases.
pub fn delete(world: &mut World, id: &str) -> Result<Value, Error> {
    world.account.workspace(id).ok_or(Error::ModelNotFound)?;
    world.account.workspaces.retain(|workspace| workspace.id != id);
    world.bases.retain(|base| base.workspace_id.as_deref() != Some(id));
    Ok(json!({"id": id, "deleted": true}))
}

/// Moves a base to another workspace.
pub fn move_base(world: &mut World, id: &str, body: &Map<String, Value>) -> Result<Value, Error> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).ok_or(Error::InvalidRequest);
    let (base, target) = (text("baseId")?, text("targetWorkspaceId")?);
    world.account.workspace(target).ok_or(Error::ModelNotFound)?;
    let base =
        world.bases.iter_mut().find(|known| known.id == base && known.workspace_id.as_deref() == Some(id));
    base.ok_or(Error::ModelNotFound)?.workspace_id = Some(target.to_owned());
    Ok(json!({}))
}

/// Changes who may invite and share.
pub fn restrict(world: &mut World, id: &str, body: &Map<String, Value>) -> Result<Value, Error> {
    let workspace = world.account.workspaces.iter_mut().find(|known| known.id == id);
    let workspace = workspace.ok_or(Error::ModelNotFound)?;
    workspace.restrictions = Restrictions::deserialize(body).map_err(|_| Error::InvalidRequest)?;
    Ok(json!({}))
}

/// The bases of a workspace.
pub fn bases<'a>(world: &'a World, id: &'a str) -> impl Iterator<Item = &'a Base> {
    world.bases.iter().filter(move |base| base.workspace_id.as_deref() == Some(id))
}

fn of_base(mut told: Value, base: &Base) -> Value {
    if let Value::Object(told) = &mut told {
        told.insert("baseId".to_owned(), json!(base.id));
    }
    told
}
