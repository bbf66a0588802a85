//! The enterprise account: its people, groups, units, packages and tokens, as the meta API tells and changes them.

mod call;
mod packages;
mod people;
mod removal;
mod tell;
mod tokens;
mod units;

use std::collections::{BTreeMap, BTreeSet};

use airtable::{Error, query};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub use self::{call::EnterpriseCall, tell::group};
use self::{packages::Package, people::Standing, tokens::Token, units::Unit};
use crate::{audit, records::Input, world::World};

/// An enterprise account. It owns every workspace that none of its units has.
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
    /// How people stand by their ids; those who are not named stand as usual.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    standings: BTreeMap<String, Standing>,
    /// Enterprise accounts below this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    descendants: Vec<Unit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    packages: Vec<Package>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    personal_access_tokens: Vec<Token>,
    /// Workspaces that may use AI.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    ai_workspace_ids: BTreeSet<String>,
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
    /// The unit that it is of; the enterprise itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enterprise_account_id: Option<String>,
}

/// Does what a call about the account, or about the unit of it with this id, asks for.
pub fn perform(
    world: &mut World,
    id: &str,
    call: &EnterpriseCall,
    input: &Input<'_>,
) -> Result<Value, Error> {
    let asked = query::object(input.query);
    let named = |name: &str| asked.get(name).and_then(query::texts).unwrap_or_default();
    let include = input.include();
    let enterprise = world.account.enterprise.as_ref().ok_or(Error::ModelNotFound)?;
    if !enterprise.has(id) {
        return Err(Error::ModelNotFound);
    }
    match call {
        EnterpriseCall::Get => Ok(tell::account(world, enterprise, id, &include)),
        EnterpriseCall::ListUsers => {
            let (ids, emails) = (named("id"), named("email"));
            let people = world.user.people();
            let wanted = people.filter(|person| ids.contains(&person.id) || emails.contains(&person.email));
            let told: Vec<_> = wanted.map(|person| tell::user(world, enterprise, person, &include)).collect();
            Ok(json!({"users": told}))
        }
        EnterpriseCall::GetUser { user } => {
            let person = world.user.people().find(|person| person.id == *user).ok_or(Error::ModelNotFound)?;
            Ok(tell::user(world, enterprise, person, &include))
        }
        EnterpriseCall::ListAuditLogEvents => audit::page(world, enterprise, &asked),
        EnterpriseCall::ListPackages => Ok(json!({"packages": enterprise.packages})),
        EnterpriseCall::ListTokens => Ok(tokens::list(enterprise, &asked)),
        EnterpriseCall::UpdateUser { user } => people::update(world, user, read(input)?),
        EnterpriseCall::DeleteUser { user } => people::delete(world, user),
        EnterpriseCall::DeleteUsers => Ok(people::delete_by_email(world, &named("email"))),
        EnterpriseCall::RemoveUser { user } => removal::perform(world, user, &read(input)?, input.now),
        EnterpriseCall::LogOut { user } => people::log_out(world, user),
        EnterpriseCall::ClaimUsers => people::claim(world, read(input)?),
        EnterpriseCall::GrantAdminAccess => people::set_admins(world, read(input)?, true),
        EnterpriseCall::RevokeAdminAccess => people::set_admins(world, read(input)?, false),
        EnterpriseCall::CreateDescendant => units::create(world, read(input)?, input.now),
        EnterpriseCall::MoveGroups => units::move_groups(world, &read(input)?),
        EnterpriseCall::MoveWorkspaces => units::move_workspaces(world, &read(input)?),
        EnterpriseCall::AllowAi => units::allow_ai(world, read(input)?),
        EnterpriseCall::InstallPackage { package } => {
            packages::install(world, package, read(input)?, input.now)
        }
        EnterpriseCall::RevokeTokens => tokens::revoke(world, &read(input)?),
    }
}

impl Group {
    /// Whether somebody is a member.
    pub fn has(&self, person: &str) -> bool {
        self.member_ids.iter().any(|member| member == person)
    }
}

impl Enterprise {
    /// Whether this is the id of the enterprise, or of a unit of it.
    fn has(&self, id: &str) -> bool {
        self.id == id || self.descendants.iter().any(|unit| unit.id == id)
    }

    /// The id of the unit that is meant by the one given, if any is.
    fn unit<'a>(&'a self, given: Option<&'a String>) -> &'a str {
        given.unwrap_or(&self.id)
    }
}

/// The body of a request as what it should be.
fn read<T: DeserializeOwned>(input: &Input<'_>) -> Result<T, Error> {
    T::deserialize(Value::Object(input.object()?)).map_err(|_| Error::InvalidRequest)
}

/// Why one of many was not done, as these calls say it: `key` tells which one.
fn failure(key: &str, id: &str, error: &Error) -> Value {
    json!({key: id, "type": error.kind(), "message": error.to_string()})
}

fn account(world: &mut World) -> Result<&mut Enterprise, Error> {
    world.account.enterprise.as_mut().ok_or(Error::ModelNotFound)
}
