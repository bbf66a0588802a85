"""The limits that a client meets besides those of requests a second."""

from pathlib import Path

import pytest
import requests
from pyairtable import Api, Table
from target import BASE, TOKEN, Target, start_simulator

EXHAUSTED = {
    "errors": [
        {
            "error": "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
            "message": "API billing plan limit exceeded. You've reached the maximum number of requests allowed for this month.",
        }
    ]
}


def test_a_page_holds_a_hundred_records_at_most(table: Table) -> None:
    with pytest.raises(requests.HTTPError) as refusal:
        table.all(page_size=101)
    assert refusal.value.response.status_code == 422
    assert refusal.value.response.json()["error"]["type"] == "INVALID_PAGE_SIZE_ARGUMENT"


def test_an_iteration_that_is_over_starts_again(table: Table) -> None:
    with pytest.raises(requests.HTTPError) as refusal:
        table.all(offset="itrCONF0000000001/recCONF0000000101")
    assert refusal.value.response.status_code == 422
    assert refusal.value.response.json()["error"]["type"] == "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"


@pytest.mark.only("direct", "gateway")
@pytest.mark.refused
def test_the_quota_of_the_month_is_for_records_alone(target: Target) -> None:
    limits = {"perBase": 5, "perUser": 50, "monthlyCalls": 2}
    requests.put(f"{target.simulator}/admin/limits", json=limits, timeout=10).raise_for_status()
    base = Api(target.key, endpoint_url=target.url, retry_strategy=None).base(BASE)
    table = base.table("Everything")
    assert [len(table.all()), len(table.all())] == [3, 3]
    with pytest.raises(requests.HTTPError) as refusal:
        table.all()
    assert (refusal.value.response.status_code, refusal.value.response.json()) == (429, EXHAUSTED)
    assert base.schema().tables


def test_a_quota_can_be_there_from_the_start(program: Path, tmp_path: Path) -> None:
    simulator = start_simulator(program, tmp_path, "airtable", "--monthly-calls=0", "--limit-per-base=9")
    try:
        told = requests.get(f"{simulator.url}/admin/limits", timeout=10).json()
        assert told == {"perBase": 9, "perUser": 50, "lockoutSeconds": 30, "monthlyCalls": 0, "usedCalls": {}}
        with pytest.raises(requests.HTTPError) as refusal:
            Api(TOKEN, endpoint_url=simulator.url, retry_strategy=None).table(BASE, "Everything").all()
        assert refusal.value.response.json() == EXHAUSTED
    finally:
        simulator.stop()
