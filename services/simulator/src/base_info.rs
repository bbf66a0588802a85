//! A base with its collaborators, interfaces and invitations, as the meta API tells it.

use airtable::{Error, time};
use serde_json::{Map, Value, json};

use crate::{
    account::Account,
    sharing::{Change, Interface, Sharing},
    world::{Base, User},
};

/// The base; more of it where `include` asks for that.
pub fn told(base: &Base, user: &User, account: &Account, include: &[String]) -> Value {
    let mut told = json!({
        "id": base.id, "name": base.name, "createdTime": time::write(base.sharing.created_time),
        "permissionLevel": base.permission_level, "workspaceId": base.workspace_id,
    });
    let Value::Object(parts) = &mut told else { return told };
    let nothing = Sharing::default();
    let workspace = base.workspace_id.as_ref().and_then(|id| account.workspace(id));
    let (own, above) = (&base.sharing.sharing, workspace.map_or(&nothing, |workspace| &workspace.sharing));
    for wanted in include {
        match wanted.as_str() {
            "collaborators" => {
                let individual = json!({"baseCollaborators": own.users(user), "workspaceCollaborators": above.users(user)});
                let group = json!({
                    "baseCollaborators": own.groups(user, account), "workspaceCollaborators": above.groups(user, account)
                });
                parts.insert("individualCollaborators".to_owned(), individual);
                parts.insert("groupCollaborators".to_owned(), group);
            }
            "inviteLinks" => {
                let links =
                    json!({"baseInviteLinks": own.invite_links, "workspaceInviteLinks": above.invite_links});
                parts.insert("inviteLinks".to_owned(), links);
            }
            "interfaces" => {
                let interfaces = base.sharing.interfaces.iter();
                let told = interfaces
                    .map(|(id, interface)| (id.clone(), interface_told(id, interface, user, account)));
                parts.insert("interfaces".to_owned(), Value::Object(told.collect()));
            }
            _ => {}
        }
    }
    told
}

/// An interface of the base.
pub fn interface(base: &Base, id: &str, user: &User, account: &Account) -> Result<Value, Error> {
    let interface = base.sharing.interfaces.get(id).ok_or(Error::ModelNotFound)?;
    Ok(interface_told(id, interface, user, account))
}

/// Changes who may use the base, or one of its interfaces.
pub fn share(
    base: &mut Base,
    interface: Option<&str>,
    change: &Change,
    body: &Map<String, Value>,
    (user, account, now): (&User, &Account, jiff::Timestamp),
) -> Result<Value, Error> {
    let sharing = match interface {
        None => &mut base.sharing.sharing,
        Some(id) => &mut base.sharing.interfaces.get_mut(id).ok_or(Error::ModelNotFound)?.sharing,
    };
    sharing.change(change, body, user, account, now)
}

fn interface_told(id: &str, interface: &Interface, user: &User, account: &Account) -> Value {
    let created = time::write(interface.created_time);
    json!({
        "id": id, "name": interface.name, "createdTime": created, "firstPublishTime": created,
        "groupCollaborators": interface.sharing.groups(user, account),
        "individualCollaborators": interface.sharing.users(user),
        "inviteLinks": interface.sharing.invite_links,
    })
}
