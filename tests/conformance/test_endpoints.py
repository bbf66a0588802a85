"""Every URL that pyAirtable builds is a route here. What it answers is the matter of the other tests."""

from collections.abc import Iterator

import pytest
from pyairtable import Api
from pyairtable.models import schema, webhook
from pyairtable.models import comment as comments
from pyairtable.models._base import RestfulModel
from pyairtable.utils import UrlBuilder
from target import BASE, Target

ENTERPRISE, TABLE, RECORD, USER = "entCONF0000000001", "tblCONF0000000001", "recCONF0000000101", "usrCONF0000000002"
GROUP, WORKSPACE, BOARD, PACKAGE = "ugpCONF0000000001", "wspCONF0000000001", "pbdCONF0000000001", "pkgCONF0000000001"
META, ACCOUNT, SPACE = f"meta/bases/{BASE}", f"meta/enterpriseAccounts/{ENTERPRISE}", f"meta/workspaces/{WORKSPACE}"
RECORDS, HOOK, COMMENT = f"{BASE}/{TABLE}", "achCONF0000000001", "comCONF0000000009"

# By the name of each: what pyAirtable asks of it.
BUILDERS = {
    "Api.whoami": ["GET meta/whoami"],
    "Api.bases": ["GET meta/bases", "POST meta/bases"],
    "Base.meta": [f"GET {META}"],
    "Base.interfaces": [],  # only what others begin with
    "Base.interface": [f"GET {META}/interfaces/{BOARD}"],
    "Base.shares": [f"GET {META}/shares"],
    "Base.tables": [f"GET {META}/tables", f"POST {META}/tables"],
    "Base.collaborators": [f"POST {META}/collaborators"],
    "Base.webhooks": [f"GET bases/{BASE}/webhooks", f"POST bases/{BASE}/webhooks"],
    "Table.records": [f"{verb} {RECORDS}" for verb in ("GET", "POST", "PATCH", "PUT", "DELETE")],
    "Table.records_post": [f"POST {RECORDS}/listRecords"],
    "Table.fields": [f"POST {META}/tables/{TABLE}/fields"],
    "Table.record": [f"{verb} {RECORDS}/{RECORD}" for verb in ("GET", "PATCH", "PUT", "DELETE")],
    "Table.record_comments": [f"GET {RECORDS}/recCONF0000000102/comments", f"POST {RECORDS}/recCONF0000000102/comments"],
    "Table.upload_attachment": [f"POST {BASE}/{RECORD}/files/uploadAttachment"],
    "Workspace.meta": [f"GET {SPACE}"],
    "Workspace.move_base": [f"POST {SPACE}/moveBase"],
    "Workspace.collaborators": [f"POST {SPACE}/collaborators"],
    "Enterprise.meta": [f"GET {ACCOUNT}"],
    "Enterprise.users": [f"GET {ACCOUNT}/users", f"DELETE {ACCOUNT}/users"],
    "Enterprise.user": [f"GET {ACCOUNT}/users/{USER}"],
    "Enterprise.groups": [],  # only what others begin with
    "Enterprise.group": [f"GET meta/groups/{GROUP}"],
    "Enterprise.claim_users": [f"POST {ACCOUNT}/claim/users"],
    "Enterprise.audit_log": [f"GET {ACCOUNT}/auditLogEvents"],
    "Enterprise.descendants": [f"POST {ACCOUNT}/descendants"],
    "Enterprise.move_groups": [f"POST {ACCOUNT}/moveGroups"],
    "Enterprise.move_workspaces": [f"POST {ACCOUNT}/moveWorkspaces"],
    "Enterprise.create_workspace": ["POST meta/workspaces"],
    "Enterprise.packages": [f"GET {ACCOUNT}/packages"],
    "Enterprise.package_install": [f"POST {ACCOUNT}/packages/{PACKAGE}/install"],
    "Enterprise.access_tokens": [f"GET {ACCOUNT}/personalAccessTokens"],
    "Enterprise.revoke_access_tokens": [f"POST {ACCOUNT}/personalAccessTokens/revoke"],
    "Enterprise.workspace_ai_allowlist": [f"POST {ACCOUNT}/workspaceAiAllowlist"],
    "Enterprise.admin_access": [f"POST {ACCOUNT}/users/grantAdminAccess", f"POST {ACCOUNT}/users/revokeAdminAccess"],
    "Enterprise.grant_admin": [f"POST {ACCOUNT}/users/grantAdminAccess"],
    "Enterprise.revoke_admin": [f"POST {ACCOUNT}/users/revokeAdminAccess"],
    "Enterprise.remove_user": [f"POST {ACCOUNT}/users/{USER}/remove"],
}
MODELS = {
    "BaseCollaborators": [f"PATCH {META}/collaborators/{USER}", f"DELETE {META}/collaborators/{USER}"],
    "BaseCollaborators.InterfaceCollaborators": [
        f"POST {META}/interfaces/{BOARD}/collaborators",
        f"PATCH {META}/interfaces/{BOARD}/collaborators/{USER}",
        f"DELETE {META}/interfaces/{BOARD}/collaborators/{USER}",
    ],
    "BaseCollaborators.InviteLinks": [],  # only what others begin with
    "InviteLink": [f"DELETE {META}/invites/invCONF0000000001"],
    "BaseInviteLink": [f"DELETE {META}/invites/invCONF0000000001"],
    "WorkspaceInviteLink": [f"DELETE {SPACE}/invites/invCONF0000000002"],
    "InterfaceInviteLink": [f"DELETE {META}/interfaces/{BOARD}/invites/invCONF0000000003"],
    "BaseShares.Info": [f"PATCH {META}/shares/shrCONF0000000001", f"DELETE {META}/shares/shrCONF0000000001"],
    "TableSchema": [f"PATCH {META}/tables/{TABLE}"],
    "ViewSchema": [f"DELETE {META}/views/viwCONF0000000102"],
    "FieldSchema": [f"PATCH {META}/tables/{TABLE}/fields/fldCONF0000000101"],
    "WorkspaceCollaborators": [f"PATCH {SPACE}/collaborators/{USER}", f"DELETE {SPACE}/collaborators/{USER}"],
    "WorkspaceCollaborators.Restrictions": [f"POST {SPACE}/updateRestrictions"],
    "WorkspaceCollaborators.InviteLinks": [],  # only what others begin with
    "UserInfo": [f"PATCH {ACCOUNT}/users/{USER}", f"POST {ACCOUNT}/users/{USER}/logout", f"DELETE {ACCOUNT}/users/{USER}"],
    "Webhook": [
        f"POST bases/{BASE}/webhooks/{HOOK}/enableNotifications",
        f"POST bases/{BASE}/webhooks/{HOOK}/refresh",
        f"GET bases/{BASE}/webhooks/{HOOK}/payloads",
        f"DELETE bases/{BASE}/webhooks/{HOOK}",
    ],
    "Comment": [f"PATCH {RECORDS}/{RECORD}/comments/{COMMENT}", f"DELETE {RECORDS}/{RECORD}/comments/{COMMENT}"],
}
# Whole bases and workspaces, at the end.
LAST = [f"DELETE {META}", f"DELETE {SPACE}"]


def builders() -> Iterator[str]:
    """Every URL of every class with URLs."""
    for found in UrlBuilder.__subclasses__():
        owner = found.__qualname__.partition(".")[0]
        yield from (f"{owner}.{name}" for name in vars(found) if not name.startswith("_"))


def models(of: type = RestfulModel) -> Iterator[type]:
    """Every model with a URL; of those that differ in their fields alone the one above."""
    for found in of.__subclasses__():
        if vars(found).get("_RestfulModel__url_pattern"):
            yield found
        yield from models(found)


def name(model: type) -> str:
    # A field is of one of many types, which all have the same URL.
    return "FieldSchema" if "/fields/" in vars(model)["_RestfulModel__url_pattern"] else model.__qualname__


def test_each_url_of_pyairtable_is_called_here() -> None:
    assert {module.__name__ for module in (schema, webhook, comments)} == {found.__module__ for found in models()}
    assert {found for found in builders() if not found.startswith(("SomeObject", "test"))} == set(BUILDERS)
    assert {name(found) for found in models()} == set(MODELS)


@pytest.mark.only("direct")
def test_each_url_of_pyairtable_leads_somewhere(target: Target, api: Api) -> None:
    calls = [call for kind in (BUILDERS, MODELS) for calls in kind.values() for call in calls]
    unknown = []
    for call in calls + LAST:
        verb, path = call.split()
        answer = api.session.request(verb, f"{target.url}/v0/{path}", json=None if verb in ("GET", "DELETE") else {}, headers=target.authorization)
        if answer.status_code >= 500 or answer.text == '{"error":"NOT_FOUND"}':
            unknown.append((call, answer.text))
    assert unknown == []
    nowhere = api.session.get(f"{target.url}/v0/{ACCOUNT}/nowhere", headers=target.authorization)
    assert (nowhere.status_code, nowhere.text) == (404, '{"error":"NOT_FOUND"}')
