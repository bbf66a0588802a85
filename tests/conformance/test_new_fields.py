"""pyAirtable creates a field of every type that can be created; all others are refused."""

import pytest
import requests
from pyairtable import Base, Table

DATE = {"name": "iso", "format": "YYYY-MM-DD"}
CHOICES = {"choices": [{"name": "a", "color": "redBright"}, {"name": "b"}]}
CREATABLE = {
    "barcode": None,
    "checkbox": {"icon": "check", "color": "greenBright"},
    "currency": {"precision": 2, "symbol": "€"},
    "date": {"dateFormat": {"name": "friendly"}},
    "dateTime": {"dateFormat": DATE, "timeFormat": {"name": "24hour"}, "timeZone": "Europe/Berlin"},
    "duration": {"durationFormat": "h:mm:ss.SS"},
    "email": None,
    "multilineText": None,
    "multipleAttachments": None,
    "multipleCollaborators": None,
    "multipleRecordLinks": {"linkedTableId": "tblCONF0000000001"},
    "multipleSelects": CHOICES,
    "number": {"precision": 8},
    "percent": {"precision": 0},
    "phoneNumber": None,
    "rating": {"icon": "heart", "max": 10, "color": "pinkBright"},
    "richText": None,
    "singleCollaborator": None,
    "singleLineText": None,
    "singleSelect": CHOICES,
    "url": None,
}
COMPUTED = ["aiText", "autoNumber", "button", "count", "createdBy", "createdTime", "externalSyncSource", "formula"]
COMPUTED += ["lastModifiedBy", "lastModifiedTime", "multipleLookupValues", "lookup", "rollup"]
VALUES = {
    "barcode": {"text": "123"},
    "checkbox": True,
    "date": "2026-11-21",
    "dateTime": "2026-11-21T12:00:00.000Z",
    "multipleCollaborators": [{"id": "usrCONF0000000002", "email": "eve@example.com", "name": "Eve"}],
    "multipleRecordLinks": ["recCONF0000000101"],
    "multipleSelects": ["b", "a"],
    "rating": 10,
    "singleCollaborator": {"id": "usrCONF0000000002", "email": "eve@example.com", "name": "Eve"},
    "singleSelect": "b",
} | {kind: 1.5 for kind in ("currency", "duration", "number", "percent")}


@pytest.fixture
def others(base: Base) -> Table:
    return base.table("Others")


@pytest.mark.parametrize("kind", CREATABLE)
def test_a_field_is_created_and_holds_its_values(base: Base, others: Table, kind: str) -> None:
    made = others.create_field("Made", kind, description="by a test", options=CREATABLE[kind])
    assert (made.name, made.type, made.description) == ("Made", kind, "by a test")
    assert base.table("Others", validate=True, force=True).schema().field(made.id).type == kind
    if kind == "multipleAttachments":
        return
    value = VALUES.get(kind, "text")
    made_record = others.create({"name": "x", "Made": value})
    assert others.get(made_record["id"])["fields"]["Made"] == value
    by_id = others.get(made_record["id"], use_field_ids=True)["fields"]
    assert by_id[made.id] == value


@pytest.mark.parametrize("kind", COMPUTED)
def test_a_computed_field_is_refused(base: Base, others: Table, kind: str) -> None:
    body = {"name": "Made", "type": kind, "options": {}}
    with pytest.raises(requests.HTTPError) as refusal:
        base.api.post(others.urls.fields, json=body)
    assert refusal.value.response.status_code == 422
    assert refusal.value.response.json()["error"]["type"] == "UNSUPPORTED_FIELD_TYPE_FOR_CREATE"


def test_a_link_makes_its_other_side(base: Base, others: Table) -> None:
    link = others.create_field("Made", "multipleRecordLinks", options={"linkedTableId": "tblCONF0000000004"})
    inverse = base.schema(force=True).table("Projects").field(link.options.inverse_link_field_id)
    assert (inverse.name, inverse.options.inverse_link_field_id) == ("Others", link.id)


def test_settings_of_date_dependencies_are_kept(base: Base) -> None:
    schema = base.table("Projects").schema()
    schema.set_date_dependency("due", "start", "effort", "flexible", predecessor_field="before", holidays=["2026-12-25"])
    schema.save()
    kept = base.schema(force=True).table("Projects").date_dependency
    assert (kept.predecessor_field_id, kept.rescheduling_mode, kept.holidays) == ("fldCONF0000000426", "flexible", ["2026-12-25"])


def test_links_are_objects_where_date_dependencies_are_asked_for(base: Base) -> None:
    url = base.table("Projects").urls.record("recCONF0000000402")
    told = base.api.get(url, params={"includeDateDependencyMetadata": "true"})
    assert told["fields"]["before"] == [{"id": "recCONF0000000401"}]
