//! Who may use a base, an interface or a workspace, and who is invited to it.

use std::collections::BTreeMap;

use airtable::{Error, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{account::Account, world::User};

const LEVELS: [&str; 6] = ["none", "read", "comment", "edit", "create", "owner"];

/// Those with rights, and those who will have them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sharing {
    pub collaborators: Vec<Grant>,
    /// As the meta API answers them.
    pub invite_links: Vec<Map<String, Value>>,
}

/// The right of a user or of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    pub permission_level: String,
    #[serde(default)]
    pub created_time: Timestamp,
}

/// What a base has beside its tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BaseSharing {
    pub created_time: Timestamp,
    #[serde(flatten)]
    pub sharing: Sharing,
    /// By `pbd…`.
    pub interfaces: BTreeMap<String, Interface>,
    /// Views that whoever has the link may see, as the meta API answers them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Map<String, Value>>,
}

/// An interface of a base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    pub name: String,
    #[serde(default)]
    pub created_time: Timestamp,
    #[serde(flatten)]
    pub sharing: Sharing,
}

/// A change of who has rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Add,
    Update { who: String },
    Remove { who: String },
    Uninvite { invite: String },
}

impl Change {
    /// The change that a verb and the rest of a path mean.
    pub fn read(verb: &str, rest: &[&str]) -> Option<Self> {
        let own = |text: &&str| (*text).to_owned();
        Some(match (verb, rest) {
            ("POST", ["collaborators"]) => Self::Add,
            ("PATCH", ["collaborators", who]) => Self::Update { who: own(who) },
            ("DELETE", ["collaborators", who]) => Self::Remove { who: own(who) },
            ("DELETE", ["invites", invite]) => Self::Uninvite { invite: own(invite) },
            _ => return None,
        })
    }
}

impl BaseSharing {
    /// Enables or disables a shared view.
    pub fn update_share(&mut self, id: &str, body: &Map<String, Value>) -> Result<Value, Error> {
        let state =
            body.get("state").filter(|state| ["enabled", "disabled"].iter().any(|known| *state == known));
        let state = state.ok_or(Error::InvalidRequest)?;
        let place = self.share(id)?;
        let share = self.shares.get_mut(place).ok_or(Error::ModelNotFound)?;
        share.insert("state".to_owned(), state.clone());
        Ok(json!({"shareId": id, "state": state}))
    }

    /// Ends the sharing of a view.
    pub fn delete_share(&mut self, id: &str) -> Result<Value, Error> {
        self.shares.remove(self.share(id)?);
        Ok(json!({"shareId": id, "deleted": true}))
    }

    fn share(&self, id: &str) -> Result<usize, Error> {
        let is_it = |share: &Map<String, Value>| share.get("shareId").and_then(Value::as_str) == Some(id);
        self.shares.iter().position(is_it).ok_or(Error::ModelNotFound)
    }
}

impl Sharing {
    /// Does a change; `body` is that of the request, empty where it has none.
    pub fn change(
        &mut self,
        change: &Change,
        body: &Map<String, Value>,
        user: &User,
        account: &Account,
        now: Timestamp,
    ) -> Result<Value, Error> {
        match change {
            Change::Add => {
                let given =
                    body.get("collaborators").and_then(Value::as_array).filter(|given| !given.is_empty());
                let read = |one: &Value| Grant::read(one, user, account, now);
                let grants =
                    given.ok_or(Error::InvalidRequest)?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                for grant in grants {
                    self.collaborators.retain(|known| known.who() != grant.who());
                    self.collaborators.push(grant);
                }
            }
            Change::Update { who } => {
                let grant = self.collaborators.iter_mut().find(|grant| grant.who() == Some(who));
                grant.ok_or(Error::ModelNotFound)?.permission_level = level(&Value::Object(body.clone()))?;
            }
            Change::Remove { who } => {
                let place = self.collaborators.iter().position(|grant| grant.who() == Some(who));
                self.collaborators.remove(place.ok_or(Error::ModelNotFound)?);
            }
            Change::Uninvite { invite } => {
                let is_it =
                    |link: &Map<String, Value>| link.get("id").and_then(Value::as_str) == Some(invite);
                let place = self.invite_links.iter().position(is_it).ok_or(Error::ModelNotFound)?;
                self.invite_links.remove(place);
            }
        }
        Ok(json!({}))
    }

    /// What each collaborator, a user or a group by id, is allowed.
    pub fn levels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.collaborators
            .iter()
            .filter_map(|grant| Some((grant.who()?.as_str(), grant.permission_level.as_str())))
    }

    /// The users among the collaborators, as the meta API answers them.
    pub fn users(&self, user: &User) -> Vec<Value> {
        let told = |grant: &Grant| {
            let id = grant.user_id.as_ref()?;
            let person = user.people().find(|person| person.id == *id);
            let email = person.map_or("", |person| person.email.as_str());
            Some(grant.told(user, &[("userId", id), ("email", email)]))
        };
        self.collaborators.iter().filter_map(told).collect()
    }

    /// The groups among the collaborators, as the meta API answers them.
    pub fn groups(&self, user: &User, account: &Account) -> Vec<Value> {
        let told = |grant: &Grant| {
            let id = grant.group_id.as_ref()?;
            let name = account.group(id).map_or("", |group| group.name.as_str());
            Some(grant.told(user, &[("groupId", id), ("name", name)]))
        };
        self.collaborators.iter().filter_map(told).collect()
    }
}

impl Grant {
    /// Everything, for a user.
    pub fn owner(user: &str, now: Timestamp) -> Self {
        Self {
            user_id: Some(user.to_owned()),
            group_id: None,
            permission_level: "owner".to_owned(),
            created_time: now,
        }
    }

    /// What a user or a group is told to be allowed here.
    pub fn told(&self, user: &User, who: &[(&str, &str)]) -> Value {
        let mut told = json!({
            "createdTime": time::write(self.created_time), "grantedByUserId": user.id, "permissionLevel": self.permission_level
        });
        if let Value::Object(told) = &mut told {
            told.extend(who.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        }
        told
    }

    /// The id of the user or group.
    pub fn who(&self) -> Option<&String> {
        self.user_id.as_ref().or(self.group_id.as_ref())
    }

    fn read(given: &Value, user: &User, account: &Account, now: Timestamp) -> Result<Self, Error> {
        let id = |kind: &str| given.get(kind).and_then(|who| who.get("id")?.as_str()).map(str::to_owned);
        let grant = Self {
            user_id: id("user"),
            group_id: id("group"),
            permission_level: level(given)?,
            created_time: now,
        };
        let known = match (&grant.user_id, &grant.group_id) {
            (Some(id), None) => user.people().any(|person| person.id == *id),
            (None, Some(id)) => account.group(id).is_some(),
            _ => return Err(Error::InvalidRequest),
        };
        if known { Ok(grant) } else { Err(Error::ModelNotFound) }
    }
}

/// The level that allows most; `none` of none.
pub fn highest<'a>(levels: impl Iterator<Item = &'a str>) -> &'a str {
    levels.max_by_key(|level| LEVELS.iter().position(|known| known == level)).unwrap_or("none")
}

fn level(given: &Value) -> Result<String, Error> {
    let level = given.get("permissionLevel").and_then(Value::as_str);
    level.filter(|level| LEVELS.contains(level)).map(str::to_owned).ok_or(Error::InvalidRequest)
}
