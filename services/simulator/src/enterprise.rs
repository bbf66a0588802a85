//! The enterprise account: its users, groups and workspaces as the meta API tells them.

use airtable::{Error, query, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    account::EnterpriseCall,
    audit,
    records::Input,
    sharing::Sharing,
    world::{User, World},
};

/// An enterprise account, without any below it. It owns every workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Enterprise {
    /// `ent…`.
    pub id: String,
    #[serde(default)]
    created_time: Timestamp,
    #[serde(default)]
    email_domains: Vec<EmailDomain>,
    #[serde(default)]
    pub groups: Vec<Group>,
}

/// Who has an address there is of the enterprise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EmailDomain {
    email_domain: String,
    #[serde(default)]
    is_sso_required: bool,
}

/// Users who have rights together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// `ugp…`.
    pub id: String,
    pub name: String,
    #[serde(default)]
    created_time: Timestamp,
    #[serde(default)]
    member_ids: Vec<String>,
}

/// Answers a call about the account.
pub fn perform(
    world: &World,
    enterprise: &Enterprise,
    call: &EnterpriseCall,
    input: &Input<'_>,
) -> Result<Value, Error> {
    let include = input.include();
    match call {
        EnterpriseCall::Get => Ok(info(world, enterprise, &include)),
        EnterpriseCall::ListUsers => {
            let asked = query::object(input.query);
            let named = |name: &str| asked.get(name).and_then(query::texts).unwrap_or_default();
            let (ids, emails) = (named("id"), named("email"));
            let wanted = |person: &&User| ids.contains(&person.id) || emails.contains(&person.email);
            let users = world.user.people().filter(wanted);
            Ok(
                json!({"users": users.map(|person| user(world, enterprise, person, &include)).collect::<Vec<_>>()}),
            )
        }
        EnterpriseCall::GetUser { user: id } => {
            let person = world.user.people().find(|person| person.id == *id).ok_or(Error::ModelNotFound)?;
            Ok(user(world, enterprise, person, &include))
        }
        EnterpriseCall::ListAuditLogEvents => audit::page(world, enterprise, &query::object(input.query)),
    }
}

/// Answers what a group is.
pub fn group(world: &World, id: &str) -> Result<Value, Error> {
    let (enterprise, group) =
        world.account.enterprise.as_ref().zip(world.account.group(id)).ok_or(Error::ModelNotFound)?;
    let created = time::write(group.created_time);
    let member = |person: &User| {
        let name = person.name.as_deref().unwrap_or(&person.email);
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        json!({"userId": person.id, "email": person.email, "firstName": first, "lastName": last,
            "role": "member", "createdTime": created})
    };
    let members = world.user.people().filter(|person| group.member_ids.contains(&person.id));
    Ok(json!({
        "id": group.id, "name": group.name, "enterpriseAccountId": enterprise.id, "createdTime": created,
        "updatedTime": created, "members": members.map(member).collect::<Vec<_>>(),
        "collaborations": collaborations(world, &group.id),
    }))
}

fn info(world: &World, enterprise: &Enterprise, include: &[String]) -> Value {
    let ids = json!({
        "groupIds": enterprise.groups.iter().map(|group| &group.id).collect::<Vec<_>>(),
        "userIds": world.user.people().map(|person| &person.id).collect::<Vec<_>>(),
        "workspaceIds": world.account.workspaces.iter().map(|workspace| &workspace.id).collect::<Vec<_>>(),
    });
    let mut told = json!({
        "id": enterprise.id, "createdTime": time::write(enterprise.created_time),
        "emailDomains": enterprise.email_domains, "rootEnterpriseAccountId": enterprise.id,
        "descendantEnterpriseAccountIds": [],
    });
    let Value::Object(parts) = &mut told else { return told };
    if include.iter().any(|name| name == "aggregated") {
        parts.insert("aggregated".to_owned(), ids.clone());
    }
    if include.iter().any(|name| name == "descendants") {
        parts.insert("descendants".to_owned(), json!({}));
    }
    parts.extend(ids.as_object().cloned().unwrap_or_default());
    told
}

fn user(world: &World, enterprise: &Enterprise, person: &User, include: &[String]) -> Value {
    let groups = enterprise.groups.iter().filter(|group| group.member_ids.contains(&person.id));
    let mut told = json!({
        "id": person.id, "name": person.name.as_ref().unwrap_or(&person.email), "email": person.email,
        "state": "provisioned", "isServiceAccount": false, "isSsoRequired": false,
        "isTwoFactorAuthEnabled": false, "isManaged": true, "isAdmin": person.id == world.user.id,
        "createdTime": time::write(enterprise.created_time), "lastActivityTime": null,
        "groups": groups.map(|group| json!({"id": group.id})).collect::<Vec<_>>(),
    });
    if let Value::Object(told) = &mut told
        && include.iter().any(|name| name == "collaborations")
    {
        told.insert("collaborations".to_owned(), collaborations(world, &person.id));
    }
    told
}

/// Where a user or a group has rights.
fn collaborations(world: &World, who: &str) -> Value {
    let granted = |sharing: &Sharing, place: &[(&str, &str)]| {
        let grant = sharing.collaborators.iter().find(|grant| grant.who().is_some_and(|id| id == who));
        grant.map(|grant| grant.told(&world.user, place))
    };
    let bases = world.bases.iter().filter_map(|base| granted(&base.sharing.sharing, &[("baseId", &base.id)]));
    let interfaces = world.bases.iter().flat_map(|base| {
        let of_base = base.sharing.interfaces.iter();
        of_base.filter_map(|(id, interface)| {
            granted(&interface.sharing, &[("baseId", &base.id), ("interfaceId", id)])
        })
    });
    let workspaces = world.account.workspaces.iter();
    let workspaces =
        workspaces.filter_map(|workspace| granted(&workspace.sharing, &[("workspaceId", &workspace.id)]));
    json!({
        "baseCollaborations": bases.collect::<Vec<_>>(),
        "interfaceCollaborations": interfaces.collect::<Vec<_>>(),
        "workspaceCollaborations": workspaces.collect::<Vec<_>>(),
    })
}
