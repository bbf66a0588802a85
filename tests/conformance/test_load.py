"""A thousand records by batches of ten: the same through the gateway, and within the limits without a refusal.

Ten times the rate of Airtable, so that a test takes seconds; the simulator refuses what goes beyond it.
"""

from collections.abc import Iterator
from pathlib import Path

import node
import pyairtable
import pytest
import requests
from exchanges import Exchanges
from target import BASE, Target, cached, direct, gateway

RECORDS, PER_SECOND = 1000, 50
RATE = f"--requests-per-second={PER_SECOND}"
TARGETS = {"direct": direct, "gateway": gateway, "cached": cached}

said: dict[str, object] = {}


@pytest.fixture(scope="module", params=TARGETS)
def started(request: pytest.FixtureRequest, program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    options = [] if request.param == "direct" else [RATE]
    with TARGETS[request.param](program, tmp_path_factory.mktemp(request.param), *options) as target:
        yield target


@pytest.fixture
def fast(started: Target) -> Iterator[Target]:
    """A target at that rate; afterwards nothing was refused."""
    started.reset()
    if started.name != "direct":
        limits = requests.put(f"{started.simulator}/admin/limits", json={"perBase": PER_SECOND}, timeout=10)
        limits.raise_for_status()
    yield started
    assert {request["status"] for request in started.requests()} == {200}


def same(what: str, found: object) -> None:
    assert found == said.setdefault(what, found), "the targets answer differently"


def test_pyairtable_writes_and_reads_a_thousand_records(fast: Target) -> None:
    api = pyairtable.Api(fast.key, endpoint_url=fast.url, retry_strategy=None, timeout=(5, 60))
    exchanges = Exchanges(api.session)
    table = api.table(BASE, "Everything")
    before = table.all()

    made = table.batch_create([{"text": f"row {row}", "number": row, "done": row % 2 == 0} for row in range(RECORDS)])
    assert [record["fields"]["number"] for record in made] == list(range(RECORDS))
    even = table.all(fields=["number"], formula="AND({done}, FIND('row', {text}))")
    assert sorted(record["fields"]["number"] for record in even) == list(range(0, RECORDS, 2))

    changed = table.batch_update([{"id": record["id"], "fields": {"text": f"changed {place}"}} for place, record in enumerate(made)])
    assert [record["fields"]["text"] for record in changed] == [f"changed {place}" for place in range(RECORDS)]
    texts = {record["id"]: record["fields"].get("text") for record in table.all()}
    assert texts == {record["id"]: record["fields"]["text"] for record in [*before, *changed]}

    gone = table.batch_delete([record["id"] for record in made])
    assert [each["id"] for each in gone if each["deleted"]] == [record["id"] for record in made]
    assert table.all() == before
    same("pyairtable", exchanges.plain)


def test_airtable_js_writes_and_reads_a_thousand_records(fast: Target) -> None:
    node.install()
    same("airtable.js", node.run(fast, "loads/thousand"))
