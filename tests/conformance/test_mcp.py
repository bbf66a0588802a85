"""airtable-mcp-server as it is published, driven by an MCP client: each tool gives the same whatever stands behind it."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import npm
import pytest
import requests
from assistant import FOLDER, Assistant, Refused
from exchanges import Names
from service import Service
from target import BASE, TOKEN, Target, start_simulator

EVERYTHING, OTHERS, PROJECTS = "tblCONF0000000001", "tblCONF0000000002", "tblCONF0000000004"
TEXT, FILES = "fldCONF0000000101", "fldCONF0000000419"
ALPHA, BETA, GAMMA = (f"recCONF000000010{number}" for number in (1, 2, 3))
ONE, TWO, PROJECT = "recCONF0000000201", "recCONF0000000202", "recCONF0000000403"
FILE = {"filename": "a.txt", "contentType": "text/plain", "file": base64.b64encode(b"hello").decode()}
NEW_FIELD = {"name": "stars", "type": "rating", "options": {"icon": "star", "max": 5, "color": "yellowBright"}}
CLIENTS = {"keys": [{"name": "reader", "file": "reader", "readOnly": True}, {"name": "seller", "file": "seller", "tables": [{"name": "Others"}]}]}

gave: dict[str, str] = {}

Start = Callable[[str, str], Assistant]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Gives who works with a URL and a key, started once."""
    npm.install(FOLDER)
    with ExitStack() as stack:
        started: dict[tuple[str, str], Assistant] = {}

        def start(url: str, key: str) -> Assistant:
            if (url, key) not in started:
                started[url, key] = Assistant(url, key)
                stack.callback(started[url, key].stop)
            return started[url, key]

        yield start


@pytest.fixture
def full(request: pytest.FixtureRequest, target: Target, start: Start) -> Iterator[Assistant]:
    """With all rights; afterwards what it heard is compared with the other targets."""
    assistant = start(target.url, target.key)
    assistant.said.clear()
    yield assistant
    plain = Names().plain(json.dumps(assistant.said))
    assert plain == gave.setdefault(request.function.__name__, plain), "the targets give different results"


@pytest.fixture(scope="module")
def limiting(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway with limited clients before a simulator that keeps Airtable's limits."""
    folder = tmp_path_factory.mktemp("assistants")
    files = {"reader": "reader-key", "seller": "seller-key", "token": TOKEN, "clients.json": json.dumps(CLIENTS)}
    for name, text in files.items():
        (folder / name).write_text(text)
    with ExitStack() as stack:
        simulator = start_simulator(program, folder, "airtable")
        stack.callback(simulator.stop)
        options = [f"--upstream={simulator.url}", f"--token-file={folder / 'token'}", f"--clients-file={folder / 'clients.json'}"]
        gateway = Service(program, "gateway", folder, f"--base={BASE}", *options)
        stack.callback(gateway.stop)
        yield gateway
        # Nothing here may have been written, nor met the limit.
        assert requests.get(f"{simulator.url}/admin/effects", timeout=10).json() == {"effects": []}
        asked = requests.get(f"{simulator.url}/admin/requests", timeout=10).json()["requests"]
        assert {request["method"] for request in asked} == {"GET"} and {request["status"] for request in asked} == {200}


@pytest.fixture
def reader(limiting: Service, start: Start) -> Assistant:
    return start(limiting.url, "reader-key")


@pytest.fixture
def seller(limiting: Service, start: Start) -> Assistant:
    return start(limiting.url, "seller-key")


def test_list_records(full: Assistant) -> None:
    listed = full.call(
        "list_records",
        tableId="Everything",
        filterByFormula="{number} > 1",
        sort=[{"field": "number", "direction": "desc"}],
        fields=["text"],
        maxRecords=2,
        view="Grid view",
    )
    assert listed["records"] == [{"id": GAMMA, "fields": {"text": "gamma"}}, {"id": BETA, "fields": {"text": "Beta"}}]


def test_search_records(full: Assistant) -> None:
    # It looks into all text fields, named by their ids in a formula.
    assert [record["id"] for record in full.call("search_records", tableId=EVERYTHING, searchTerm="Contact's")["records"]] == [GAMMA]
    assert full.call("search_records", tableId=EVERYTHING, searchTerm="Contact's", fieldIds=[TEXT])["records"] == []


def test_list_bases(full: Assistant) -> None:
    assert full.call("list_bases")["bases"] == [{"id": BASE, "name": "Conformance", "permissionLevel": "create"}]


def test_list_tables(full: Assistant) -> None:
    tables = full.call("list_tables", detailLevel="tableIdentifiersOnly")["tables"]
    assert [table["name"] for table in tables] == ["Everything", "Others", "Ta/ble é 😀 x", "Projects", "Parts"]
    assert len(full.call("list_tables")["tables"][3]["fields"]) == 28


def test_describe_table(full: Assistant) -> None:
    table = full.call("describe_table", tableId=OTHERS)["table"]
    assert [(field["name"], field["type"]) for field in table["fields"]] == [("name", "singleLineText"), ("everything", "multipleRecordLinks")]


def test_get_record(full: Assistant) -> None:
    assert full.call("get_record", tableId="Others", recordId=ONE) == {"id": ONE, "fields": {"name": "one", "everything": [ALPHA]}}


def test_create_record(full: Assistant) -> None:
    made = full.call("create_record", tableId="Everything", fields={"text": "new", "number": "3", "tags": ["d"], "others": "two"})
    # It always converts: text to a number, an unknown option to a new one, a name to the record called so.
    assert made["fields"]["number"] == 3 and (made["fields"]["tags"], made["fields"]["others"]) == (["d"], [TWO])
    assert full.call("get_record", tableId="Everything", recordId=made["id"])["fields"] == made["fields"]


def test_update_records(full: Assistant) -> None:
    changes = [{"id": ALPHA, "fields": {"number": 7}}, {"id": BETA, "fields": {"choice": None}}]
    alpha, beta = full.call("update_records", tableId="Everything", records=changes)["records"]
    assert (alpha["fields"]["number"], alpha["fields"]["doubled"]) == (7, 14) and "choice" not in beta["fields"]


def test_delete_records(full: Assistant) -> None:
    assert full.call("delete_records", tableId="Others", recordIds=[ONE, TWO])["records"] == [{"id": ONE}, {"id": TWO}]
    assert full.call("list_records", tableId="Others")["records"] == []


def test_create_table(full: Assistant) -> None:
    fields = [{"name": "Name", "type": "singleLineText"}, {"name": "When", "type": "date", "options": {"dateFormat": {"name": "iso"}}}]
    made = full.call("create_table", name="New", description="made here", fields=fields)["table"]
    assert full.call("describe_table", tableId=made["id"])["table"]["description"] == "made here"


def test_update_table(full: Assistant) -> None:
    table = full.call("update_table", tableId=OTHERS, name="Renamed", description="d")["table"]
    assert (table["name"], table["description"]) == ("Renamed", "d")
    assert full.call("list_records", tableId="Renamed", maxRecords=1)["records"][0]["id"] == ONE


def test_create_field(full: Assistant) -> None:
    field = full.call("create_field", tableId=OTHERS, nested={"field": NEW_FIELD})["field"]
    assert (field["name"], field["options"]["max"]) == ("stars", 5)
    assert full.call("update_records", tableId=OTHERS, records=[{"id": TWO, "fields": {"stars": 4}}])["records"][0]["fields"]["stars"] == 4


def test_update_field(full: Assistant) -> None:
    assert full.call("update_field", tableId=EVERYTHING, fieldId=TEXT, name="title", description="d")["field"]["name"] == "title"
    assert full.call("get_record", tableId="Everything", recordId=BETA)["fields"]["title"] == "Beta"


def test_create_comment(full: Assistant) -> None:
    question = full.call("create_comment", tableId="Others", recordId=ONE, text="why?")["comment"]
    answer = full.call("create_comment", tableId="Others", recordId=ONE, text="so", parentCommentId=question["id"])["comment"]
    assert (question["author"]["email"], answer["parentCommentId"]) == ("ops@example.com", question["id"])


def test_list_comments(full: Assistant) -> None:
    for text in ["first", "second"]:
        full.call("create_comment", tableId="Others", recordId=ONE, text=text)
    page = full.call("list_comments", tableId="Others", recordId=ONE, pageSize=1)
    rest = full.call("list_comments", tableId="Others", recordId=ONE, offset=page["offset"])
    assert [comment["text"] for comment in page["comments"] + rest["comments"]] == ["second", "first"] and rest["offset"] is None


def test_upload_attachment(full: Assistant) -> None:
    record = full.call("upload_attachment", recordId=PROJECT, attachmentFieldIdOrName="files", **FILE)
    [held] = record["fields"][FILES]
    assert (held["filename"], held["size"]) == ("a.txt", 5)
    assert requests.get(held["url"], timeout=10).text == "hello"


def test_each_tool_has_a_test(full: Assistant) -> None:
    assert {tool for tool in full.tools if f"test_{tool}" not in globals()} == set() and len(full.tools) == 16


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("create_record", {"tableId": "Others", "fields": {"name": "x"}}),
        ("update_records", {"tableId": "Others", "records": [{"id": ONE, "fields": {"name": "x"}}]}),
        ("delete_records", {"tableId": "Others", "recordIds": [ONE]}),
        ("create_table", {"name": "New", "fields": [{"name": "Name", "type": "singleLineText"}]}),
        ("update_table", {"tableId": OTHERS, "name": "x"}),
        ("create_field", {"tableId": OTHERS, "nested": {"field": NEW_FIELD}}),
        ("update_field", {"tableId": EVERYTHING, "fieldId": TEXT, "name": "x"}),
        ("create_comment", {"tableId": "Others", "recordId": ONE, "text": "x"}),
        ("upload_attachment", {"recordId": PROJECT, "attachmentFieldIdOrName": "files", **FILE}),
    ],
)
def test_who_may_only_read_is_refused_in_airtables_words(reader: Assistant, tool: str, arguments: dict) -> None:
    with pytest.raises(Refused, match="INVALID_PERMISSIONS.*You are not permitted to perform this operation"):
        reader.call(tool, **arguments)


def test_who_may_only_read_reads_all(reader: Assistant) -> None:
    assert len(reader.call("list_tables")["tables"]) == 5
    assert len(reader.call("list_records", tableId="Everything")["records"]) == 3


def test_who_has_one_table_sees_no_other(seller: Assistant) -> None:
    assert [table["name"] for table in seller.call("list_tables")["tables"]] == ["Others"]
    assert [record["id"] for record in seller.call("search_records", tableId=OTHERS, searchTerm="one")["records"]] == [ONE]
    for tool, arguments in [("list_records", {}), ("get_record", {"recordId": ALPHA}), ("list_comments", {"recordId": ALPHA})]:
        with pytest.raises(Refused, match="INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"):
            seller.call(tool, tableId="Everything", **arguments)
    with pytest.raises(Refused, match=f"Table {EVERYTHING} not found in base"):
        seller.call("describe_table", tableId=EVERYTHING)
