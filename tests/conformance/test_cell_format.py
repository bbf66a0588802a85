"""With cell_format="string" every cell is the text that people see."""

import pytest
import requests
from pyairtable import Base, Table

AS_TEXT = {"cell_format": "string", "time_zone": "Europe/Berlin", "user_locale": "en-gb"}
SHOWN = {
    "code": "A",
    "parts": 'bolt, "nut, big"',
    "part count": "2",
    "prices": "€0.50, €2.00",
    "total": "€2.50",
    "taxed": "€3.75",
    "label": "A: bolt, nut, big",
    "broken": "#ERROR!",
    "strange": "NaN",
    "owner": "Eve",
    "team": "Operations, Eve",
    "due": "02/11/2026",
    "start": "2/11/2026 4:04pm",
    "effort": "1:01",
    "stars": "4",
    "share": "12.5%",
    "budget": "€1,234,567.50",
    "open": "checked",
    "files": "plan.pdf (https://example.com/plan.pdf)",
    "bars": "4006381",
    "press": "press",
    "number": "1",
    "maker": "Operations",
    "changed": "2026-01-05 09:00",
    "changer": "Operations",
    "after": "B",
    "made": "2026-01-05",
}


@pytest.fixture
def projects(base: Base) -> Table:
    return base.table("Projects")


def test_every_type_is_shown_as_people_read_it(projects: Table) -> None:
    assert projects.get("recCONF0000000401", **AS_TEXT)["fields"] == SHOWN
    assert projects.first(formula="{code} = 'A'", **AS_TEXT)["fields"] == SHOWN


def test_fields_by_id_go_with_it(projects: Table) -> None:
    shown = projects.all(fields=["due"], use_field_ids=True, max_records=1, **AS_TEXT)
    assert [record["fields"] for record in shown] == [{"fldCONF0000000412": "02/11/2026"}]


@pytest.mark.parametrize(
    "options",
    [{}, {"time_zone": "utc"}, {"user_locale": "en-gb"}, {"time_zone": "Mars/Olympus", "user_locale": "en-gb"}],
    ids=["neither", "no locale", "no zone", "no such zone"],
)
def test_zone_and_locale_are_needed(projects: Table, options: dict) -> None:
    with pytest.raises(requests.HTTPError) as refusal:
        projects.all(cell_format="string", **options)
    assert refusal.value.response.status_code == 422
    assert refusal.value.response.json()["error"]["type"] == "INVALID_REQUEST_UNKNOWN"
