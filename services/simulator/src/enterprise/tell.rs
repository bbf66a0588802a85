//! What the meta API tells of an enterprise account, its people and its groups.

use airtable::{Error, time};
use serde_json::{Value, json};

use super::{Enterprise, Group};
use crate::{
    sharing::Sharing,
    world::{User, World},
};

/// The enterprise, or the unit of it with this id.
pub fn account(world: &World, enterprise: &Enterprise, id: &str, include: &[String]) -> Value {
    let below: Vec<&str> = if id == enterprise.id {
        enterprise.descendants.iter().map(|unit| unit.id.as_str()).collect()
    } else {
        Vec::new()
    };
    let unit = enterprise.descendants.iter().find(|unit| unit.id == id);
    let mut told = json!({
        "id": id, "createdTime": time::write(unit.map_or(enterprise.created_time, |unit| unit.created_time)),
        "emailDomains": enterprise.email_domains, "rootEnterpriseAccountId": enterprise.id,
        "descendantEnterpriseAccountIds": below,
    });
    let Value::Object(parts) = &mut told else { return told };
    let asks_for = |wanted: &str| include.iter().any(|name| name == wanted);
    if asks_for("aggregated") {
        let mut all = below.clone();
        all.push(id);
        parts.insert("aggregated".to_owned(), ids(world, enterprise, &all));
    }
    if asks_for("descendants") {
        let each = below.iter().map(|id| ((*id).to_owned(), ids(world, enterprise, &[*id])));
        parts.insert("descendants".to_owned(), Value::Object(each.collect()));
    }
    parts.extend(ids(world, enterprise, &[id]).as_object().cloned().unwrap_or_default());
    told
}

/// A person of the enterprise.
pub fn user(world: &World, enterprise: &Enterprise, person: &User, include: &[String]) -> Value {
    let groups = enterprise.groups.iter().filter(|group| group.member_ids.contains(&person.id));
    let groups: Vec<_> = groups.map(|group| json!({"id": group.id})).collect();
    let standing = enterprise.standing(&world.user, &person.id);
    let mut told = json!({
        "id": person.id, "name": person.name.as_ref().unwrap_or(&person.email), "email": person.email,
        "state": standing.state, "isServiceAccount": false, "isSsoRequired": false,
        "isTwoFactorAuthEnabled": false, "isManaged": standing.is_managed, "isAdmin": standing.is_admin,
        "createdTime": time::write(enterprise.created_time), "lastActivityTime": null, "groups": groups,
    });
    let Value::Object(parts) = &mut told else { return told };
    let asks_for = |wanted: &str| include.iter().any(|name| name == wanted);
    if asks_for("collaborations") {
        parts.insert("collaborations".to_owned(), collaborations(world, &person.id));
    }
    if asks_for("aggregated") {
        let aggregated = json!({"lastActivityTime": null, "isAdmin": standing.is_admin, "groups": groups});
        parts.insert("aggregated".to_owned(), aggregated);
    }
    if asks_for("descendants") {
        let each = enterprise.descendants.iter().map(|unit| {
            let of_unit = |group: &&Group| group.enterprise_account_id.as_ref() == Some(&unit.id);
            let own = enterprise.groups.iter().filter(of_unit);
            let own = own.filter(|group| group.member_ids.contains(&person.id));
            let own: Vec<_> = own.map(|group| json!({"id": group.id})).collect();
            (
                unit.id.clone(),
                json!({"lastActivityTime": null, "isAdmin": false, "isManaged": false, "groups": own}),
            )
        });
        parts.insert("descendants".to_owned(), Value::Object(each.collect()));
    }
    told
}

/// What a group is.
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
        "id": group.id, "name": group.name,
        "enterpriseAccountId": enterprise.unit(group.enterprise_account_id.as_ref()), "createdTime": created,
        "updatedTime": created, "members": members.map(member).collect::<Vec<_>>(),
        "collaborations": collaborations(world, &group.id),
    }))
}

/// The groups, people and workspaces of these units. People are of the enterprise itself.
fn ids(world: &World, enterprise: &Enterprise, units: &[&str]) -> Value {
    let is_of = |unit: Option<&String>| units.contains(&enterprise.unit(unit));
    let groups = enterprise.groups.iter().filter(|group| is_of(group.enterprise_account_id.as_ref()));
    let people = world.user.people().filter(|_| is_of(None));
    let workspaces = world.account.workspaces.iter();
    let workspaces = workspaces.filter(|workspace| is_of(workspace.enterprise_account_id.as_ref()));
    json!({
        "groupIds": groups.map(|group| &group.id).collect::<Vec<_>>(),
        "userIds": people.map(|person| &person.id).collect::<Vec<_>>(),
        "workspaceIds": workspaces.map(|workspace| &workspace.id).collect::<Vec<_>>(),
    })
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
