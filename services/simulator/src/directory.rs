//! The people and groups that the simulator knows.

use crate::{
    account::Account,
    sharing::{Sharing, highest},
    world::{Base, User},
};

/// Whom cells, comments and collaborations can name.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    /// With the colleagues.
    pub user: &'a User,
    /// With the groups.
    pub account: &'a Account,
}

impl<'a> Directory<'a> {
    /// What somebody may do in a base: the most of what is granted there and in its workspace, alone and in groups. That of
    /// the user is what the base says.
    pub fn level(self, base: &'a Base, person: &str) -> &'a str {
        if person == self.user.id {
            return &base.permission_level;
        }
        let workspace = base.workspace_id.as_ref().and_then(|id| self.account.workspace(id));
        let above = workspace.map(|workspace| &workspace.sharing);
        let grants = std::iter::once(&base.sharing.sharing).chain(above).flat_map(Sharing::levels);
        let is_granted =
            |who: &str| who == person || self.account.group(who).is_some_and(|group| group.has(person));
        highest(grants.filter(|(who, _)| is_granted(who)).map(|(_, level)| level))
    }
}
