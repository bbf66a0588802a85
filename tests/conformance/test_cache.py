"""What a cache may and may not hide: others' writes for a while, the gateway's own never."""

import pytest
import requests
from pyairtable import Api, Table
from target import BASE, TOKEN, Target

ALPHA, BETA = "recCONF0000000101", "recCONF0000000102"
only_cached = pytest.mark.only("cached")


def write_elsewhere(target: Target, record: str, text: str) -> None:
    """Somebody changes a record without this gateway."""
    url, headers = f"{target.simulator}/v0/{BASE}/Everything/{record}", {"Authorization": f"Bearer {TOKEN}"}
    requests.patch(url, json={"fields": {"text": text}}, headers=headers, timeout=10).raise_for_status()


def texts(table: Table) -> list[str]:
    return [record["fields"]["text"] for record in table.all(fields=["text"])]


@only_cached
def test_what_others_wrote_is_seen_within_the_time_given_and_at_once_by_who_insists(target: Target, api: Api, table: Table) -> None:
    before = texts(table)
    write_elsewhere(target, ALPHA, "elsewhere")
    assert texts(table) == before, "an answer is kept for as long as configured"
    asked = len(target.requests())
    api.session.headers["Cache-Control"] = "no-cache"
    assert "elsewhere" in texts(table)
    del api.session.headers["Cache-Control"]
    assert "elsewhere" in texts(table), "what was asked anew is what is kept"
    assert len(target.requests()) == asked + 1


@only_cached
def test_what_the_gateway_wrote_is_seen_by_all_at_once(target: Target, table: Table) -> None:
    others = Api("client-key", endpoint_url=target.url).table(BASE, "tblCONF0000000001")
    for turn in range(3):
        texts(table), texts(others), table.get(ALPHA)
        table.update(ALPHA, {"text": f"turn {turn}"})
        assert f"turn {turn}" in texts(others)
        assert others.get(ALPHA)["fields"]["text"] == f"turn {turn}"


@only_cached
def test_a_link_written_in_one_table_is_seen_in_the_other(table: Table, api: Api) -> None:
    others = api.table(BASE, "Others")
    one = others.create({"name": "linked"})
    others.all(), table.all()
    table.update(BETA, {"others": [one["id"]]})
    (inverse,) = [value for value in others.get(one["id"])["fields"].values() if isinstance(value, list)]
    assert inverse == [BETA]
    assert [record["fields"] for record in others.all() if record["id"] == one["id"]] == [others.get(one["id"])["fields"]]


@only_cached
def test_the_same_list_is_asked_of_airtable_once(target: Target, table: Table) -> None:
    for _ in range(6):
        assert [len(page) for page in table.iterate(page_size=2)] == [2, 1]
    lists = [request for request in target.requests() if request["path"].startswith(f"/v0/{BASE}/Everything")]
    # Two pages; and once more where the gateway hears only meanwhile that the reset took back another test's tables.
    assert len(lists) in (2, 4)
