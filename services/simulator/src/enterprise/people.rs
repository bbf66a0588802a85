//! The people of an enterprise account: how they stand, and who is one of them.

use airtable::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Enterprise, account, failure, tell};
use crate::{
    sharing::Sharing,
    world::{User, World},
};

/// How somebody stands to the enterprise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Standing {
    pub state: State,
    pub is_managed: bool,
    pub is_admin: bool,
}

/// Whether somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    Provisioned,
    Deactivated,
}

/// Changes of a person; null changes nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    state: Option<State>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

/// People, each by id or address.
#[derive(Debug, Deserialize)]
pub struct Named<T> {
    users: Vec<T>,
}

/// A person by id or address.
#[derive(Debug, Deserialize)]
pub struct Who {
    id: Option<String>,
    email: Option<String>,
}

/// A person who is to be a member of the organization, or not.
#[derive(Debug, Deserialize)]
pub struct Claim {
    #[serde(flatten)]
    who: Who,
    state: Membership,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Membership {
    Managed,
    Unmanaged,
}

impl Enterprise {
    /// How a person stands: as usual, unless something else was said. The user with the token is an admin.
    pub fn standing(&self, user: &User, person: &str) -> Standing {
        let usual = || Standing { state: State::Provisioned, is_managed: true, is_admin: person == user.id };
        self.standings.get(person).cloned().unwrap_or_else(usual)
    }
}

/// Changes a person and answers who that is now.
pub fn update(world: &mut World, id: &str, update: Update) -> Result<Value, Error> {
    let person = person_mut(&mut world.user, id)?;
    if let Some(email) = update.email {
        person.email = email;
    }
    if update.first_name.is_some() || update.last_name.is_some() {
        let name = person.name.clone().unwrap_or_default();
        let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
        let first = update.first_name.as_deref().unwrap_or(first);
        let last = update.last_name.as_deref().unwrap_or(last);
        person.name = Some(format!("{first} {last}").trim().to_owned()).filter(|name| !name.is_empty());
    }
    if let Some(state) = update.state {
        stand(world, id, |standing| standing.state = state)?;
    }
    let enterprise = world.account.enterprise.as_ref().ok_or(Error::ModelNotFound)?;
    let person = world.user.people().find(|person| person.id == id).ok_or(Error::ModelNotFound)?;
    Ok(tell::user(world, enterprise, person, &[]))
}

/// Deletes a person, who loses all rights. Not the one whose token it is.
pub fn delete(world: &mut World, id: &str) -> Result<Value, Error> {
    world.user.people().find(|person| person.id == id).ok_or(Error::ModelNotFound)?;
    if id == world.user.id {
        return Err(Error::InvalidPermissions);
    }
    world.user.colleagues.retain(|person| person.id != id);
    let enterprise = account(world)?;
    enterprise.standings.remove(id);
    for group in &mut enterprise.groups {
        group.member_ids.retain(|member| member != id);
    }
    for sharing in everywhere(world) {
        sharing.collaborators.retain(|grant| grant.user_id.as_deref() != Some(id));
    }
    Ok(json!({"id": id, "deleted": true}))
}

/// Deletes people, each for itself.
pub fn delete_by_email(world: &mut World, emails: &[String]) -> Value {
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for email in emails {
        let found = world.user.people().find(|person| person.email == *email).map(|person| person.id.clone());
        match found.ok_or(Error::ModelNotFound).and_then(|id| delete(world, &id).map(|_| id)) {
            Ok(id) => deleted.push(json!({"id": id, "email": email})),
            Err(error) => errors.push(failure("email", email, &error)),
        }
    }
    json!({"deletedUsers": deleted, "errors": errors})
}

/// Ends the sessions of a person; there are none here.
pub fn log_out(world: &World, id: &str) -> Result<Value, Error> {
    world.user.people().find(|person| person.id == id).ok_or(Error::ModelNotFound)?;
    Ok(json!({}))
}

/// Makes people members of the organization, or ends that.
pub fn claim(world: &mut World, claims: Named<Claim>) -> Result<Value, Error> {
    each(world, claims.users.into_iter().map(|claim| (claim.who, claim.state)), |standing, state| {
        standing.is_managed = state == Membership::Managed;
    })
}

/// Makes people admins, or ends that.
pub fn set_admins(world: &mut World, named: Named<Who>, is_admin: bool) -> Result<Value, Error> {
    each(world, named.users.into_iter().map(|who| (who, is_admin)), |standing, is_admin| {
        standing.is_admin = is_admin;
    })
}

/// Changes how each of these stands; whoever is not known is an error among the others.
fn each<T>(
    world: &mut World,
    named: impl Iterator<Item = (Who, T)>,
    change: impl Fn(&mut Standing, T),
) -> Result<Value, Error> {
    let mut errors = Vec::new();
    for (who, wanted) in named {
        let (key, given) = match (who.id, who.email) {
            (Some(id), None) => ("id", id),
            (None, Some(email)) => ("email", email),
            _ => return Err(Error::InvalidRequest),
        };
        let fits = |person: &&User| person.id == given || person.email == given;
        let found = world.user.people().find(fits).map(|person| person.id.clone());
        match found {
            Some(id) => stand(world, &id, |standing| change(standing, wanted))?,
            None => errors.push(failure(key, &given, &Error::ModelNotFound)),
        }
    }
    Ok(json!({"errors": errors}))
}

/// Changes how a person stands.
pub fn stand(world: &mut World, id: &str, change: impl FnOnce(&mut Standing)) -> Result<(), Error> {
    let user = world.user.clone();
    let enterprise = account(world)?;
    let mut standing = enterprise.standing(&user, id);
    change(&mut standing);
    enterprise.standings.insert(id.to_owned(), standing);
    Ok(())
}

fn person_mut<'a>(user: &'a mut User, id: &str) -> Result<&'a mut User, Error> {
    if user.id == id {
        return Ok(user);
    }
    user.colleagues.iter_mut().find(|person| person.id == id).ok_or(Error::ModelNotFound)
}

/// All that is shared with somebody.
fn everywhere(world: &mut World) -> impl Iterator<Item = &mut Sharing> {
    let workspaces = world.account.workspaces.iter_mut().map(|workspace| &mut workspace.sharing);
    let bases = world.bases.iter_mut().flat_map(|base| {
        let interfaces = base.sharing.interfaces.values_mut().map(|interface| &mut interface.sharing);
        std::iter::once(&mut base.sharing.sharing).chain(interfaces)
    });
    workspaces.chain(bases)
}
