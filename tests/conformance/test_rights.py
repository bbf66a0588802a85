"""pyAirtable with a key that is limited to some tables and fields."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyairtable
import pytest
import requests
from service import Service
from target import BASE, TOKEN, Target, start_simulator

CLIENT = {
    "name": "limited",
    "file": "limited",
    "tables": [
        {"name": "Everything", "fields": ["text", "number", "choice", "others"]},
        {"name": "tblCONF0000000003", "readOnly": True},
    ],
}
ALPHA, ONE = "recCONF0000000101", "recCONF0000000201"
NOT_FOUND = (403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND")
FORBIDDEN = (403, "INVALID_PERMISSIONS")


@pytest.fixture(scope="module")
def limited(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A gateway with the limited client before a simulator without limits."""
    folder = tmp_path_factory.mktemp("limited")
    for name, text in {"limited": "limited-key", "token": TOKEN, "clients.json": json.dumps({"keys": [CLIENT]})}.items():
        (folder / name).write_text(text)
    simulator = start_simulator(program, folder, "off")
    try:
        files = [f"--token-file={folder / 'token'}", f"--clients-file={folder / 'clients.json'}"]
        options = [f"--upstream={simulator.url}", f"--base={BASE}", "--requests-per-second=50"]
        gateway = Service(program, "gateway", folder, *options, *files)
        try:
            yield Target("limited", gateway.url, "limited-key", simulator.url, gateway.process.pid, gateway.log)
        finally:
            gateway.stop()
    finally:
        simulator.stop()


@pytest.fixture
def base(limited: Target) -> pyairtable.Base:
    limited.reset()
    return pyairtable.Api(limited.key, endpoint_url=limited.url, retry_strategy=None, timeout=(5, 60)).base(BASE)


@pytest.fixture
def table(base: pyairtable.Base) -> pyairtable.Table:
    return base.table("Everything")


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(requests.HTTPError) as refusal:
        call()
    return refusal.value.response.status_code, refusal.value.response.json()["error"]["type"]


def changed(limited: Target) -> list[tuple[str, str]]:
    effects = requests.get(f"{limited.simulator}/admin/effects", timeout=10).json()["effects"]
    return [(effect["table"], effect["operation"]) for effect in effects]


def test_each_write_leaves_a_line_that_names_the_client(limited: Target, table: pyairtable.Table) -> None:
    made = table.create({"text": "nobody's business"})
    with pytest.raises(requests.HTTPError):
        table.update(made["id"], {"number": "many"})
    table.all()
    lines = [line for line in limited.log.read_text().splitlines() if " a write" in line][-2:]
    assert len(lines) == 2 and all('client="limited"' in line and f"/v0/{BASE}/Everything" in line for line in lines), lines
    assert "POST" in lines[0] and "status=200" in lines[0] and "request_id" in lines[0]
    assert "PATCH" in lines[1] and made["id"] in lines[1] and 'status=422 error="INVALID_VALUE_FOR_COLUMN"' in lines[1]
    assert "nobody" not in limited.log.read_text() and limited.key not in limited.log.read_text()


def test_it_sees_its_tables_and_fields(base: pyairtable.Base) -> None:
    tables = base.schema().tables
    assert [table.name for table in tables] == ["Everything", "Ta/ble é 😀 x"]
    assert [field.name for field in tables[0].fields] == CLIENT["tables"][0]["fields"]
    assert base.table("Everything", validate=True).id == "tblCONF0000000001"


def test_it_reads_what_it_may(base: pyairtable.Base, table: pyairtable.Table) -> None:
    alpha = {"text": "alpha", "number": 1, "choice": "b", "others": [ONE]}
    assert table.get(ALPHA)["fields"] == alpha
    assert table.first(formula="{text}='alpha'")["fields"] == alpha
    assert [record["fields"] for record in table.all(fields=["text"], sort=["-number"])] == [{"text": "gamma"}, {"text": "Beta"}, {"text": "alpha"}]
    assert table.first(use_field_ids=True, sort=["number"])["fields"]["fldCONF0000000101"] == "alpha"
    assert base.table("Ta/ble é 😀 x").first()["fields"]["100 %"] == 100


def test_it_writes_what_it_may(table: pyairtable.Table) -> None:
    made = table.create({"text": "delta", "number": 4})
    assert table.update(made["id"], {"number": 5})["fields"] == {"text": "delta", "number": 5}
    merged = table.batch_upsert([{"fields": {"text": "delta", "number": 6}}, {"fields": {"text": "new"}}], key_fields=["text"])
    assert merged["updatedRecords"] == [made["id"]] and len(merged["createdRecords"]) == 1
    assert [record["fields"]["number"] for record in table.batch_update([{"id": ALPHA, "fields": {"number": 9}}])] == [9]


def test_it_is_refused_elsewhere(limited: Target, base: pyairtable.Base, table: pyairtable.Table) -> None:
    others, strange = base.table("Others"), base.table("Ta/ble é 😀 x")
    for call in [others.all, lambda: others.get(ONE), lambda: table.get(ONE), lambda: others.create({"name": "x"})]:
        assert refused(call) == NOT_FOUND
    for call in [lambda: table.create({"note": "x"}), lambda: table.all(fields=["note"]), lambda: table.all(sort=["note"])]:
        assert refused(call) == (422, "UNKNOWN_FIELD_NAME")
    assert refused(lambda: table.all(formula="{note}!=''")) == (422, "INVALID_FILTER_BY_FORMULA")
    assert refused(lambda: table.all(view="Grid view")) == (422, "VIEW_NAME_NOT_FOUND")
    assert refused(lambda: table.update(ONE, {"text": "x"})) == (404, "MODEL_ID_NOT_FOUND")
    for call in [
        lambda: table.delete(ALPHA),
        lambda: table.update(ALPHA, {"text": "x"}, replace=True),
        lambda: table.create({"others": [ONE]}),
        lambda: strange.create({"100 %": 1}),
        lambda: base.create_table("New", [{"name": "a", "type": "singleLineText"}]),
        lambda: table.create_field("new", "singleLineText"),
        base.webhooks,
        base.collaborators,
    ]:
        assert refused(call) == FORBIDDEN
    assert changed(limited) == []
