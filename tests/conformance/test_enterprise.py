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
