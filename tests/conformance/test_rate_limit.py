"""Many clients at once: none of them ever hears of Airtable's limit."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyairtable
import pytest
import requests
from target import BASE, TOKEN, Target, start_simulator

CLIENTS, REQUESTS = 8, 200


def work(target: Target, client: int) -> int:
    """One client's share of the requests, every fifth a write; any refusal raises."""
    api = pyairtable.Api(target.key, endpoint_url=target.url, retry_strategy=None)
    table = api.table(BASE, "Everything")
    for turn in range(REQUESTS // CLIENTS):
        if turn % 5 == 0:
            table.create({"text": f"{client}/{turn}"})
        else:
            # Each asks something else: reads of the same at once would travel once.
            table.all(fields=["text"], max_records=1 + client * REQUESTS + turn)
    return REQUESTS // CLIENTS


@pytest.mark.only("gateway")
@pytest.mark.timeout(300)
def test_eight_clients_with_200_requests_are_never_refused(target: Target, capsys: pytest.CaptureFixture) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        assert sum(pool.map(lambda client: work(target, client), range(CLIENTS))) == REQUESTS
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\n{REQUESTS} requests by {CLIENTS} clients took {took:.1f} s")

    asked = [request for request in target.requests() if request["path"].startswith(f"/v0/{BASE}/")]
    assert {request["status"] for request in asked} == {200}
    assert len(asked) <= REQUESTS, "writes that waited together went out together"
    assert took > (len(asked) - 5) / 5 - 1, "it was faster than the limit allows"


def test_without_a_gateway_the_limit_is_felt(program: Path, tmp_path: Path) -> None:
    simulator = start_simulator(program, tmp_path, "airtable")
    try:
        url, headers = f"{simulator.url}/v0/{BASE}/Everything", {"Authorization": f"Bearer {TOKEN}"}
        answers = [requests.get(url, headers=headers, timeout=10) for _ in range(10)]
    finally:
        simulator.stop()
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 5
    reached = {"error": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}
    assert {answer.text for answer in answers[5:]} == {json.dumps({"errors": [reached]}, separators=(",", ":"))}
