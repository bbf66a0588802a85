//! Which call about an enterprise account a method and a path mean.

/// A call about an enterprise account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnterpriseCall {
    Get,
    ListUsers,
    GetUser { user: String },
    UpdateUser { user: String },
    DeleteUser { user: String },
    DeleteUsers,
    RemoveUser { user: String },
    LogOut { user: String },
    ClaimUsers,
    GrantAdminAccess,
    RevokeAdminAccess,
    ListAuditLogEvents,
    CreateDescendant,
    MoveGroups,
    MoveWorkspaces,
    AllowAi,
    ListPackages,
    InstallPackage { package: String },
    ListTokens,
    RevokeTokens,
}

impl EnterpriseCall {
    /// The call that a verb and the path after the account mean.
    pub fn read(verb: &str, rest: &[&str]) -> Option<Self> {
        let own = |text: &&str| (*text).to_owned();
        Some(match (verb, rest) {
            ("GET", []) => Self::Get,
            ("GET", ["users"]) => Self::ListUsers,
            ("DELETE", ["users"]) => Self::DeleteUsers,
            ("POST", ["users", "grantAdminAccess"]) => Self::GrantAdminAccess,
            ("POST", ["users", "revokeAdminAccess"]) => Self::RevokeAdminAccess,
            ("GET", ["users", user]) => Self::GetUser { user: own(user) },
            ("PATCH", ["users", user]) => Self::UpdateUser { user: own(user) },
            ("DELETE", ["users", user]) => Self::DeleteUser { user: own(user) },
            ("POST", ["users", user, "remove"]) => Self::RemoveUser { user: own(user) },
            ("POST", ["users", user, "logout"]) => Self::LogOut { user: own(user) },
            ("POST", ["claim", "users"]) => Self::ClaimUsers,
            ("GET", ["auditLogEvents"]) => Self::ListAuditLogEvents,
            ("POST", ["descendants"]) => Self::CreateDescendant,
            ("POST", ["moveGroups"]) => Self::MoveGroups,
            ("POST", ["moveWorkspaces"]) => Self::MoveWorkspaces,
            ("POST", ["workspaceAiAllowlist"]) => Self::AllowAi,
            ("GET", ["packages"]) => Self::ListPackages,
            ("POST", ["packages", package, "install"]) => Self::InstallPackage { package: own(package) },
            ("GET", ["personalAccessTokens"]) => Self::ListTokens,
            ("POST", ["personalAccessTokens", "revoke"]) => Self::RevokeTokens,
            _ => return None,
        })
    }

    /// What the audit log calls it; none where it only reads.
    pub fn action(&self) -> Option<&'static str> {
        Some(match self {
            Self::Get
            | Self::ListUsers
            | Self::GetUser { .. }
            | Self::ListAuditLogEvents
            | Self::ListPackages
            | Self::ListTokens => return None,
            Self::UpdateUser { .. } => "updateUser",
            Self::DeleteUser { .. } | Self::DeleteUsers => "deleteUser",
            Self::RemoveUser { .. } => "removeUser",
            Self::LogOut { .. } => "logoutUser",
            Self::ClaimUsers => "claimUser",
            Self::GrantAdminAccess => "grantAdminAccess",
            Self::RevokeAdminAccess => "revokeAdminAccess",
            Self::CreateDescendant => "createDescendantEnterprise",
            Self::MoveGroups => "moveUserGroups",
            Self::MoveWorkspaces => "moveWorkspaces",
            Self::AllowAi => "updateWorkspaceAiAllowlist",
            Self::InstallPackage { .. } => "installPackage",
            Self::RevokeTokens => "revokePersonalAccessToken",
        })
    }
}
