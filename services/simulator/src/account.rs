//! What is above bases: workspaces and an enterprise account, and the calls about them.

use airtable::{Error, id::Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    enterprise::{self, Enterprise, EnterpriseCall, Group},
    records::Input,
    sharing::{Change, Sharing},
    workspaces::{self, Workspace},
    world::{Base, World, new_id},
};

/// Workspaces, and the enterprise account that owns them all where there is one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Account {
    pub workspaces: Vec<Workspace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<Enterprise>,
}

/// A call about a workspace or an enterprise account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCall {
    CreateWorkspace,
    Workspace { workspace: String, call: WorkspaceCall },
    Enterprise { enterprise: String, call: EnterpriseCall },
    GetGroup { group: String },
}

/// A call about a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceCall {
    Get,
    Delete,
    MoveBase,
    Restrict,
    Share(Change),
}

impl AccountCall {
    /// The call that a verb and the path after `/v0/meta` mean.
    pub fn read(verb: &str, rest: &[&str]) -> Option<Self> {
        let own = |text: &&str| (*text).to_owned();
        Some(match (verb, rest) {
            ("POST", ["workspaces"]) => Self::CreateWorkspace,
            (verb, ["workspaces", workspace, rest @ ..]) => {
                let call = match (verb, rest) {
                    ("GET", []) => WorkspaceCall::Get,
                    ("DELETE", []) => WorkspaceCall::Delete,
                    ("POST", ["moveBase"]) => WorkspaceCall::MoveBase,
                    ("POST", ["updateRestrictions"]) => WorkspaceCall::Restrict,
                    (verb, rest) => WorkspaceCall::Share(Change::read(verb, rest)?),
                };
                Self::Workspace { workspace: own(workspace), call }
            }
            (verb, ["enterpriseAccounts", enterprise, rest @ ..]) => {
                Self::Enterprise { enterprise: own(enterprise), call: EnterpriseCall::read(verb, rest)? }
            }
            ("GET", ["groups", group]) => Self::GetGroup { group: own(group) },
            _ => return None,
        })
    }

    /// What the audit log calls it, and what it is about; none where it only reads.
    pub fn action(&self, answer: &Value) -> Option<(&'static str, String)> {
        match self {
            Self::Workspace { workspace, call } => {
                let action = match call {
                    WorkspaceCall::Get => return None,
                    WorkspaceCall::Delete => "deleteWorkspace",
                    WorkspaceCall::MoveBase => "moveBase",
                    WorkspaceCall::Restrict => "updateWorkspaceRestrictions",
                    WorkspaceCall::Share(_) => "updateSharing",
                };
                Some((action, workspace.clone()))
            }
            Self::Enterprise { enterprise, call } => Some((call.action()?, enterprise.clone())),
            Self::GetGroup { .. } => None,
            Self::CreateWorkspace => {
                let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
                Some(("createWorkspace", id.to_owned()))
            }
        }
    }
}

impl Account {
    /// With a workspace for each base that is in one which nobody described.
    pub fn complete(&mut self, bases: &[Base]) {
        for id in bases.iter().filter_map(|base| base.workspace_id.as_ref()) {
            if self.workspace(id).is_none() {
                self.workspaces.push(Workspace::named(id, "Workspace", Timestamp::default()));
            }
        }
    }

    pub fn workspace(&self, id: &str) -> Option<&Workspace> {
        self.workspaces.iter().find(|workspace| workspace.id == id)
    }

    pub fn group(&self, id: &str) -> Option<&Group> {
        self.enterprise.as_ref()?.groups.iter().find(|group| group.id == id)
    }
}

/// Does what a call asks for.
pub fn perform(world: &mut World, call: &AccountCall, input: &Input<'_>) -> Result<Value, Error> {
    match call {
        AccountCall::CreateWorkspace => {
            let body = input.object()?;
            let text = |name: &str| body.get(name).and_then(Value::as_str).ok_or(Error::InvalidRequest);
            let (name, owner) = (text("name")?, text("enterpriseAccountId")?);
            if world.account.enterprise.as_ref().is_none_or(|enterprise| enterprise.id != owner) {
                return Err(Error::ModelNotFound);
            }
            let id = new_id(Kind::Workspace);
            world.account.workspaces.push(Workspace::named(&id, name, input.now));
            Ok(json!({"id": id}))
        }
        AccountCall::Workspace { workspace, call } => match call {
            WorkspaceCall::Get => workspaces::told(world, workspace, &input.include()),
            WorkspaceCall::Delete => workspaces::delete(world, workspace),
            WorkspaceCall::MoveBase => workspaces::move_base(world, workspace, &input.object()?),
            WorkspaceCall::Restrict => workspaces::restrict(world, workspace, &input.object()?),
            WorkspaceCall::Share(change) => {
                let (user, account) = (world.user.clone(), world.account.clone());
                let body = input.object_if_any()?;
                let mut workspaces = world.account.workspaces.iter_mut();
                let workspace =
                    workspaces.find(|known| known.id == *workspace).ok_or(Error::ModelNotFound)?;
                let sharing: &mut Sharing = &mut workspace.sharing;
                sharing.change(change, &body, &user, &account, input.now)
            }
        },
        AccountCall::Enterprise { enterprise, call } => enterprise::perform(world, enterprise, call, input),
        AccountCall::GetGroup { group } => enterprise::group(world, group),
    }
}
