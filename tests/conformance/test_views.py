"""pyAirtable lists by views and reads what they are."""

import pytest
import requests
from pyairtable import Base, Table


@pytest.fixture
def projects(base: Base) -> Table:
    return base.table("Projects")


@pytest.mark.parametrize("view", ["Dear", "viwCONF0000000402"])
def test_a_view_restricts_orders_and_hides_nothing(projects: Table, view: str) -> None:
    listed = projects.all(view=view)
    assert [record["fields"]["code"] for record in listed] == ["B", "A"]
    assert listed[1]["fields"]["stars"] == 4
    assert [record["fields"]["code"] for record in projects.all(view=view, sort=["code"])] == ["A", "B"]
    assert [record["fields"]["code"] for record in projects.all(view=view, formula="{code} = 'A'")] == ["A"]
    assert [record["fields"]["code"] for record in projects.all(view=view, page_size=1, max_records=1)] == ["B"]


def test_the_view_of_another_table_fails_its_check(base: Base) -> None:
    with pytest.raises(requests.HTTPError) as refusal:
        base.table("Parts").all(view="viwCONF0000000402")
    assert refusal.value.response.status_code == 422
    assert refusal.value.response.json() == {"error": {"type": "FAILED_STATE_CHECK"}}


def test_only_grids_tell_their_fields(projects: Table) -> None:
    views = projects.schema().views
    assert [(view.name, view.type) for view in views] == [("Grid view", "grid"), ("Dear", "grid"), ("Month", "calendar")]
    assert views[1].visible_field_ids == ["fldCONF0000000401"]
    assert views[2].visible_field_ids is None


def test_a_view_is_read_and_deleted(base: Base, projects: Table) -> None:
    url = base.urls.meta / "views" / "viwCONF0000000402"
    assert base.api.get(url) == {"id": "viwCONF0000000402", "name": "Dear", "type": "grid"}
    projects.schema().view("Dear").delete()
    assert [view.name for view in projects.schema(force=True).views] == ["Grid view", "Month"]
