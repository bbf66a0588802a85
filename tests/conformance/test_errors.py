"""Every refusal has Airtable's status and body, word by word."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from pyairtable import Api, Base, Table
from target import BASE

FORBIDDEN = "Invalid permissions, or the requested model was not found. Check that both your user and your token have the required permissions, and that the model names and/or ids are correct."
VALIDATION = "Invalid request: parameter validation failed. Check your request data."
ALPHA = "recCONF0000000101"
UNKNOWN = "recCONF0000000999"


def error(kind: str, message: str) -> dict:
    return {"error": {"type": kind, "message": message}}


def refused(call: Callable[[], object]) -> tuple[int, dict]:
    with pytest.raises(requests.HTTPError) as refusal:
        call()
    return refusal.value.response.status_code, refusal.value.response.json()


def test_a_wrong_token(api: Api, table: Table) -> None:
    api.api_key = "wrong"
    assert refused(table.all) == (401, error("AUTHENTICATION_REQUIRED", "Authentication required"))


def test_no_token(api: Api, table: Table) -> None:
    del api.session.headers["Authorization"]
    assert refused(table.all) == (401, error("AUTHENTICATION_REQUIRED", "Authentication required"))


def test_an_unknown_base(api: Api) -> None:
    forbidden = (403, error("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", FORBIDDEN))
    assert refused(api.table("appOTHER000000001", "Everything").all) == forbidden
    assert refused(lambda: api.table("appOTHER000000001", "Everything").create({"text": "x"})) == forbidden


def test_an_unknown_table(base: Base) -> None:
    assert refused(base.table("Nothing").all) == (403, error("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", FORBIDDEN))


def test_an_unknown_record(table: Table) -> None:
    missing = (404, error("MODEL_ID_NOT_FOUND", "Record not found"))
    assert refused(lambda: table.get(UNKNOWN)) == (403, error("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", FORBIDDEN))
    assert refused(lambda: table.update(UNKNOWN, {"text": "x"})) == missing
    assert refused(lambda: table.delete(UNKNOWN)) == missing


def test_an_id_that_is_none(table: Table) -> None:
    assert refused(lambda: table.get("nonsense")) == (404, {"error": "NOT_FOUND"})


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"nofield": 1}, "UNKNOWN_FIELD_NAME", 'Unknown field name: "nofield"'),
        ({"number": "many"}, "INVALID_VALUE_FOR_COLUMN", 'Field "number" cannot accept the provided value'),
        ({"doubled": 4}, "INVALID_VALUE_FOR_COLUMN", 'Field "doubled" cannot accept a value because the field is computed'),
        ({"choice": "new"}, "INVALID_MULTIPLE_CHOICE_OPTIONS", 'Insufficient permissions to create new select option "new"'),
        ({"choice": '"new"'}, "INVALID_MULTIPLE_CHOICE_OPTIONS", 'Insufficient permissions to create new select option ""new""'),
        ({"day": "soon"}, "INVALID_VALUE_FOR_COLUMN", 'Cannot parse value "soon" for field day'),
        ({"others": "x"}, "INVALID_VALUE_FOR_COLUMN", "Value is not an array of record IDs."),
        ({"others": [UNKNOWN]}, "ROW_DOES_NOT_EXIST", f"Record ID {UNKNOWN} does not exist"),
        (
            {"others": [ALPHA]},
            "ROW_TABLE_DOES_NOT_MATCH_LINKED_TABLE",
            f"Record ID {ALPHA} belongs to table tblCONF0000000001, but the field links to table tblCONF0000000002",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_a_cell_that_is_not_accepted(table: Table, fields: dict, kind: str, message: str) -> None:
    assert refused(lambda: table.create(fields)) == (422, error(kind, message))
    assert len(table.all()) == 3


def test_one_bad_record_refuses_its_whole_batch(table: Table) -> None:
    rows = [{"text": "good"}, {"nofield": "bad"}]
    assert refused(lambda: table.batch_create(rows)) == (422, error("UNKNOWN_FIELD_NAME", 'Unknown field name: "nofield"'))
    assert len(table.all()) == 3


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"fields": ["nofield"]}, "UNKNOWN_FIELD_NAME", 'Unknown field name: "nofield"'),
        ({"sort": ["nofield"]}, "UNKNOWN_FIELD_NAME", 'Unknown field name: "nofield"'),
        ({"view": "No view"}, "VIEW_NAME_NOT_FOUND", "View No view not found"),
        ({"view": "viwCONF0000000999"}, "VIEW_ID_NOT_FOUND", "View viwCONF0000000999 not found"),
        ({"cell_format": "csv"}, "INVALID_REQUEST_UNKNOWN", VALIDATION),
        ({"cell_format": "string"}, "INVALID_REQUEST_UNKNOWN", VALIDATION),
        ({"offset": "nonsense"}, "INVALID_OFFSET_VALUE", "The value of offset nonsense is invalid"),
        (
            {"formula": "{Nofield}=1"},
            "INVALID_FILTER_BY_FORMULA",
            "The formula for filtering records is invalid: Unknown field names: nofield",
        ),
        (
            {"formula": "AND(1,"},
            "INVALID_FILTER_BY_FORMULA",
            "The formula for filtering records is invalid: Invalid formula. Please check your formula text.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_list_that_is_not_accepted(table: Table, options: dict, kind: str, message: str) -> None:
    assert refused(lambda: table.all(**options)) == (422, error(kind, message))


def test_a_view_of_another_table(table: Table) -> None:
    assert refused(lambda: table.all(view="viwCONF0000000201")) == (422, {"error": {"type": "FAILED_STATE_CHECK"}})


def test_an_upsert_that_finds_several(table: Table) -> None:
    table.batch_create([{"text": "twin"}, {"text": "twin"}])
    message = 'Cannot update more than one record that matches the values of "text"'
    twin = [{"fields": {"text": "twin", "number": 1}}]
    assert refused(lambda: table.batch_upsert(twin, key_fields=["text"])) == (422, error("INVALID_RECORDS", message))


def test_records_to_change_without_ids(api: Api, table: Table) -> None:
    message = 'You must provide an array of up to 10 record objects, each with an "id" ID field and a "fields" object for cell values.'
    for records in [[{"fields": {"text": "x"}}], [], [{"id": ALPHA}]]:
        assert refused(lambda: api.patch(table.urls.records, json={"records": records})) == (422, error("INVALID_RECORDS", message))


def test_eleven_records_in_one_request(api: Api, table: Table) -> None:
    message = 'You must provide an array of up to 10 record objects, each with a "fields" object for cell values.'
    eleven = {"records": [{"fields": {"text": "x"}}] * 11}
    assert refused(lambda: api.post(table.urls.records, json=eleven)) == (422, error("INVALID_RECORDS", message))
    message = "You must provide an array of up to 10 record IDs."
    names = {"records[]": [f"recCONF0000000{number}" for number in range(101, 112)]}
    assert refused(lambda: api.delete(table.urls.records, params=names)) == (422, error("INVALID_RECORDS", message))


def test_a_body_without_fields(api: Api, table: Table) -> None:
    message = 'Could not find field "fields" in the request body'
    refusal = refused(lambda: api.post(table.urls.records, json={"typecast": False}))
    assert refusal == (422, error("INVALID_REQUEST_MISSING_FIELDS", message))


def test_a_body_that_is_not_json(api: Api, table: Table) -> None:
    answer = api.session.post(table.urls.records, data="{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json() == error("INVALID_REQUEST_BODY", "Could not parse request body")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_said_to_be_json(api: Api, table: Table, kind: str) -> None:
    answer = api.session.post(table.urls.records, data='{"fields":{"text":"x"}}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()) == (422, error("INVALID_REQUEST_BODY", "Could not parse request body"))


def test_a_path_that_leads_nowhere(api: Api) -> None:
    assert refused(lambda: api.get(api.build_url(BASE))) == (404, {"error": "NOT_FOUND"})


def test_a_body_that_is_too_large(api: Api, table: Table) -> None:
    large = {"fields": {"text": "x" * (6 << 20)}}
    assert refused(lambda: api.post(table.urls.records, json=large)) == (413, error("REQUEST_TOO_LARGE", "Request body is too large"))


# A gateway posts what is too long for a URL.
@pytest.mark.only("direct")
def test_a_url_that_is_too_long(api: Api, table: Table) -> None:
    status, body = refused(lambda: api.get(table.urls.records, params={"filterByFormula": "x" * 16_000}))
    assert (status, body["error"]["type"]) == (414, "REQUEST_URL_TOO_LONG")


@pytest.mark.parametrize(
    ("name", "kind", "options", "expected"),
    [
        ("sum", "formula", {"formula": "1"}, "UNSUPPORTED_FIELD_TYPE_FOR_CREATE"),
        ("stars", "rating", {"icon": "star", "max": 99, "color": "yellowBright"}, "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE"),
        ("TEXT", "singleLineText", None, "DUPLICATE_OR_EMPTY_FIELD_NAME"),
        ("strange", "telepathy", None, "INVALID_REQUEST_UNKNOWN"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_a_field_that_is_not_created(api: Api, base: Base, name: str, kind: str, options: dict | None, expected: str) -> None:
    field = {"name": name, "type": kind} | ({"options": options} if options else {})
    status, body = refused(lambda: api.post(f"{base.urls.tables}/tblCONF0000000001/fields", json=field))
    assert (status, body["error"]["type"]) == (422, expected)


def test_each_kind_of_refusal_that_there_is_is_met_by_a_test() -> None:
    here = Path(__file__).parent
    language = (here.parents[1] / "services" / "airtable" / "src" / "error.rs").read_text().partition("#[cfg(test)]")[0]
    kinds = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', language))
    tests = "".join(file.read_text() for file in here.glob("test_*.py"))
    assert len(kinds) > 25 and {kind for kind in kinds if kind not in tests} == set()


def test_a_table_that_is_there(base: Base) -> None:
    status, body = refused(lambda: base.create_table("EVERYTHING", [{"name": "Title", "type": "singleLineText"}]))
    assert (status, set(body["error"])) == (422, {"type", "message"})
