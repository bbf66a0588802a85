"""pyAirtable reads and changes who may use a base."""

import pytest
import requests
from pyairtable import Base

EVE = "usrCONF0000000002"
SALES = "ugpCONF0000000001"


def test_the_base_tells_who_may_use_it(base: Base) -> None:
    told = base.collaborators()
    assert (told.id, told.name, told.permission_level, told.workspace_id) == (base.id, "Conformance", "create", "wspCONF0000000001")
    (eve,) = told.individual_collaborators.via_base
    assert (eve.user_id, eve.email, eve.permission_level) == (EVE, "eve@example.com", "edit")
    (owner,) = told.individual_collaborators.via_workspace
    assert (owner.user_id, owner.permission_level) == ("usrCONF0000000001", "owner")
    (sales,) = told.group_collaborators.via_base
    assert (sales.group_id, sales.name, sales.permission_level) == (SALES, "Sales", "read")
    assert [link.id for link in told.invite_links.via_base] == ["invCONF0000000001"]
    assert [link.id for link in told.invite_links.via_workspace] == ["invCONF0000000002"]
    board = told.interfaces["pbdCONF0000000001"]
    assert (board.name, [user.user_id for user in board.individual_collaborators]) == ("Board", [EVE])


def test_only_what_is_included_is_told(base: Base) -> None:
    assert set(base.api.get(base.urls.meta)) == {"id", "name", "createdTime", "permissionLevel", "workspaceId"}


def test_collaborators_come_change_and_go(base: Base) -> None:
    base.collaborators().add_user("usrCONF0000000001", "comment")
    base.collaborators(force=True).update(EVE, "read")
    base.collaborators(force=True).remove(SALES)
    told = base.collaborators(force=True)
    levels = {user.user_id: user.permission_level for user in told.individual_collaborators.via_base}
    assert levels == {EVE: "read", "usrCONF0000000001": "comment"}
    assert told.group_collaborators.via_base == []


def test_the_right_to_an_interface_is_its_own(base: Base) -> None:
    base.collaborators().interfaces["pbdCONF0000000001"].add_group(SALES, "read")
    told = base.collaborators(force=True)
    (group,) = told.interfaces["pbdCONF0000000001"].group_collaborators
    assert group.name == "Sales"


def test_an_invitation_is_taken_back(base: Base) -> None:
    base.collaborators().invite_links.via_base[0].delete()
    assert base.collaborators(force=True).invite_links.via_base == []


def test_an_invitation_to_an_interface_is_taken_back(base: Base) -> None:
    board = base.collaborators().interfaces["pbdCONF0000000001"]
    board.invite_links[0].delete()
    assert base.collaborators(force=True).interfaces["pbdCONF0000000001"].invite_links == []


def test_a_shared_view_is_disabled_and_no_longer_shared(base: Base) -> None:
    (share,) = base.shares()
    assert (share.state, share.type, share.view_id) == ("enabled", "view", "viwCONF0000000101")
    share.disable()
    assert [share.state for share in base.shares(force=True)] == ["disabled"]
    share.delete()
    assert base.shares(force=True) == []


@pytest.mark.parametrize(("who", "level", "status"), [(EVE, "king", 422), ("usrNOBODY00000001", "read", 403)])
def test_strange_levels_and_unknown_people_are_refused(base: Base, who: str, level: str, status: int) -> None:
    with pytest.raises(requests.HTTPError) as refusal:
        base.collaborators().add_user(who, level)
    assert refusal.value.response.status_code == status
