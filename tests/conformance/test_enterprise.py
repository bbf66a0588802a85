"""pyAirtable reads and changes what is above bases. A gateway serves one base, and refuses all of it."""

import pytest
import requests
from pyairtable import Api, Base, Enterprise, Workspace

FIELDS = [{"name": "Name", "type": "singleLineText"}]
OPERATIONS, EVE = "usrCONF0000000001", "usrCONF0000000002"

direct = pytest.mark.only("direct")


@pytest.fixture
def team(api: Api) -> Workspace:
    return api.workspace("wspCONF0000000001")


@pytest.fixture
def enterprise(api: Api) -> Enterprise:
    return api.enterprise("entCONF0000000001")


@direct
def test_a_workspace_tells_its_bases_and_who_may_use_them(team: Workspace) -> None:
    told = team.collaborators()
    assert (team.name, told.base_ids) == ("Team", ["appCONF0000000001"])
    assert (told.restrictions.invite_creation, told.restrictions.share_creation) == ("unrestricted", "unrestricted")
    assert [user.user_id for user in told.individual_collaborators.via_workspace] == [OPERATIONS]
    assert [(user.base_id, user.user_id) for user in told.individual_collaborators.via_base] == [("appCONF0000000001", EVE)]
    assert [(group.base_id, group.name) for group in told.group_collaborators.via_base] == [("appCONF0000000001", "Sales")]
    assert [link.base_id for link in told.invite_links.via_base] == ["appCONF0000000001"]
    assert [link.id for link in told.invite_links.via_workspace] == ["invCONF0000000002"]


@direct
def test_a_base_is_created_in_a_workspace_moved_and_deleted(api: Api, team: Workspace) -> None:
    made = team.create_base("Fresh", [{"name": "T", "fields": FIELDS}])
    assert made.table("T").create({"Name": "x"})["fields"] == {"Name": "x"}
    team.move_base(made, "wspCONF0000000002")
    assert team.collaborators(force=True).base_ids == ["appCONF0000000001"]
    assert [base.id for base in api.workspace("wspCONF0000000002").bases()] == [made.id]
    made.delete()
    assert [base.id for base in api.bases(force=True)] == ["appCONF0000000001"]


@direct
def test_a_workspace_is_shared_and_restricted(team: Workspace) -> None:
    team.collaborators().add_user(EVE, "create")
    team.collaborators(force=True).update(EVE, "read")
    told = team.collaborators(force=True)
    assert {user.user_id: user.permission_level for user in told.individual_collaborators.via_workspace} == {OPERATIONS: "owner", EVE: "read"}
    told.invite_links.via_workspace[0].delete()
    told.restrictions.invite_creation = "onlyOwners"
    told.restrictions.save()
    told = team.collaborators(force=True)
    assert (told.restrictions.invite_creation, told.invite_links.via_workspace) == ("onlyOwners", [])


@direct
def test_a_workspace_comes_and_goes_with_its_bases(api: Api, enterprise: Enterprise) -> None:
    made = enterprise.create_workspace("Made")
    assert made.name == "Made"
    base = enterprise.create_base(made, "Inside", [{"name": "T", "fields": FIELDS}])
    made.delete()
    assert base.id not in [known.id for known in api.bases(force=True)]


@direct
def test_the_account_tells_its_users_groups_and_workspaces(enterprise: Enterprise) -> None:
    info = enterprise.info(aggregated=True, descendants=True)
    assert (info.user_ids, info.group_ids) == ([OPERATIONS, EVE], ["ugpCONF0000000001"])
    assert info.workspace_ids == ["wspCONF0000000001", "wspCONF0000000002"]
    assert [(domain.email_domain, domain.is_sso_required) for domain in info.email_domains] == [("example.com", True)]
    assert (info.root_enterprise_id, info.aggregated.user_ids) == ("entCONF0000000001", [OPERATIONS, EVE])


@direct
def test_users_are_found_by_id_and_by_email(enterprise: Enterprise) -> None:
    found = enterprise.users([EVE, "ops@example.com"])
    assert [(user.id, user.is_admin) for user in found] == [(OPERATIONS, True), (EVE, False)]
    eve = enterprise.user("eve@example.com")
    assert [group.id for group in eve.groups] == ["ugpCONF0000000001"]
    assert eve.collaborations.bases["appCONF0000000001"].permission_level == "edit"
    assert eve.collaborations.interfaces["pbdCONF0000000001"].base_id == "appCONF0000000001"
    assert not enterprise.user(EVE, collaborations=False).collaborations


@direct
def test_a_group_tells_its_members_and_rights(enterprise: Enterprise) -> None:
    group = enterprise.group("ugpCONF0000000001")
    assert ([member.user_id for member in group.members], group.members[0].first_name) == ([EVE], "Eve")
    assert group.collaborations.bases["appCONF0000000001"].permission_level == "read"


@direct
def test_the_audit_log_pages_both_ways(base: Base, enterprise: Enterprise) -> None:
    for number in range(5):
        base.create_table(f"T{number}", FIELDS)
    base.collaborators().update(EVE, "read")
    newest = [event.action for page in enterprise.audit_log(page_size=2) for event in page.events]
    assert newest == ["updateSharing"] + ["createTable"] * 5
    pages = [page for page in enterprise.audit_log(page_size=4, sort_asc=True)]
    events = [event for page in pages for event in page.events]
    assert [event.action for event in events] == list(reversed(newest))
    assert {(event.object_id, event.actor.user.id) for event in events} == {(base.id, OPERATIONS)}
    found = enterprise.audit_log(event_type="updateSharing", model_id=base.id, start_time="2020-01-01", page_limit=1)
    assert [len(page.events) for page in found] == [1]


@direct
def test_people_are_changed_and_signed_out(enterprise: Enterprise) -> None:
    eve = enterprise.user(EVE)
    assert (eve.state, eve.is_managed, eve.is_admin) == ("provisioned", True, False)
    eve.state, eve.email = "deactivated", "eve@example.org"
    eve.save()
    eve.logout()
    assert enterprise.grant_admin("eve@example.org", "nobody@example.com").errors[0].email == "nobody@example.com"
    assert enterprise.claim_users({EVE: "unmanaged", "usrNOBODY00000001": "managed"}).errors[0].id == "usrNOBODY00000001"
    eve = enterprise.user("eve@example.org", descendants=True, aggregated=True)
    assert (eve.id, eve.state, eve.is_managed, eve.is_admin, eve.aggregated.is_admin) == (EVE, "deactivated", False, True, True)
    assert enterprise.revoke_admin(eve).errors == []
    assert not enterprise.user(EVE).is_admin


@direct
def test_who_is_removed_loses_all_rights_and_a_successor_owns_what_nobody_else_does(team: Workspace, enterprise: Enterprise) -> None:
    removed = enterprise.remove_user(EVE)
    assert not removed.was_user_removed_as_admin
    assert [(base.base_name, base.former_permission_level) for base in removed.unshared.bases] == [("Conformance", "edit")]
    assert [interface.interface_name for interface in removed.unshared.interfaces] == ["Board"]
    assert not enterprise.user(EVE).collaborations
    with pytest.raises(requests.HTTPError, match="replacementOwnerId"):
        enterprise.remove_user(OPERATIONS)
    removed = enterprise.remove_user(OPERATIONS, replacement=EVE)
    assert [(place.workspace_name, place.user_id) for place in removed.shared.workspaces] == [("Team", EVE)]
    assert [user.user_id for user in team.collaborators(force=True).individual_collaborators.via_workspace] == [EVE]


@direct
def test_people_are_deleted_by_id_and_by_address(enterprise: Enterprise) -> None:
    gone = enterprise.delete_users(["eve@example.com", "ops@example.com"])
    assert [user.id for user in gone.deleted_users] == [EVE]
    assert [(error.email, error.type) for error in gone.errors] == [("ops@example.com", "INVALID_PERMISSIONS")]
    assert (enterprise.info().user_ids, enterprise.group("ugpCONF0000000001").members) == ([OPERATIONS], [])
    with pytest.raises(requests.HTTPError, match="INVALID_PERMISSIONS"):
        enterprise.user(OPERATIONS).delete()


@direct
def test_a_unit_below_gets_groups_and_workspaces(api: Api, enterprise: Enterprise) -> None:
    unit = enterprise.create_descendant("Branch")
    moved = enterprise.move_groups(["ugpCONF0000000001", "ugpNOBODY00000001"], unit)
    assert ([group.id for group in moved.moved_groups], [error.id for error in moved.errors]) == (["ugpCONF0000000001"], ["ugpNOBODY00000001"])
    assert [place.id for place in enterprise.move_workspaces(["wspCONF0000000002"], unit).moved_workspaces] == ["wspCONF0000000002"]
    info = enterprise.info(aggregated=True, descendants=True)
    assert (info.group_ids, info.workspace_ids, info.descendant_enterprise_ids) == ([], ["wspCONF0000000001"], [unit.id])
    assert info.descendants[unit.id].group_ids == ["ugpCONF0000000001"]
    assert info.aggregated.workspace_ids == ["wspCONF0000000001", "wspCONF0000000002"]
    below = api.enterprise(unit.id).info()
    assert (below.root_enterprise_id, below.workspace_ids) == (enterprise.id, ["wspCONF0000000002"])
    assert enterprise.group("ugpCONF0000000001").enterprise_account_id == unit.id


@direct
def test_a_base_made_of_a_package_is_its_own(base: Base, team: Workspace, enterprise: Enterprise) -> None:
    (package,) = enterprise.packages()
    made = enterprise.create_base_from_package(team, "Copy", package)
    assert enterprise.packages(force=True)[0].install_count == 1
    old, new = base.schema(), made.schema()
    assert [(table.name, [field.name for field in table.fields]) for table in new.tables] == [
        (table.name, [field.name for field in table.fields]) for table in old.tables
    ]
    assert not {table.id for table in new.tables} & {table.id for table in old.tables}
    part = made.table("Parts").create({"part": "bolt", "price": 2})
    project = made.table("Projects").create({"code": "A", "parts": [part["id"]]})
    assert (project["fields"]["total"], project["fields"]["taxed"]) == (2, 3)
    assert base.table("Parts").all(formula="{part}='bolt'")[0]["id"] != part["id"]


@direct
def test_tokens_are_listed_without_their_text_and_revoked(enterprise: Enterprise) -> None:
    (token,) = enterprise.access_tokens(resources=True)
    assert (token.name, token.user_id, token.resource_access.resource_model_ids) == ("Report", EVE, ["appCONF0000000001"])
    assert enterprise.access_tokens()[0].resource_access.resource_model_ids is None
    revoked = enterprise.revoke_access_tokens([token.id, "patNOBODY00000001"])
    assert ([gone.user_id for gone in revoked.revoked_tokens], [error.token_id for error in revoked.errors]) == ([EVE], ["patNOBODY00000001"])
    assert enterprise.access_tokens() == []


@direct
def test_workspaces_are_allowed_ai(enterprise: Enterprise, team: Workspace) -> None:
    answered = enterprise.allow_ai({team: True, "wspNOBODY00000001": False})
    assert [error.workspace_id for error in answered.errors] == ["wspNOBODY00000001"]
    log = [event for page in enterprise.audit_log(event_type="updateWorkspaceAiAllowlist") for event in page.events]
    assert [(event.object_id, event.object_type) for event in log] == [(enterprise.id, "enterpriseAccount")]


def test_what_nobody_knows_is_forbidden(api: Api) -> None:
    for read in (api.workspace("wspNOBODY00000001").collaborators, api.enterprise("entNOBODY00000001").info):
        with pytest.raises(requests.HTTPError) as refusal:
            read()
        assert refusal.value.response.status_code == 403


@pytest.mark.only("gateway")
def test_a_gateway_refuses_what_is_above_its_base(team: Workspace, enterprise: Enterprise) -> None:
    for read in (team.collaborators, enterprise.info):
        with pytest.raises(requests.HTTPError) as refusal:
            read()
        assert refusal.value.response.status_code == 403
